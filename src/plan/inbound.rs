//! Connections that arrive at the pod, in redirect mode; and, in both modes, those of a virtual
//! machine inside the pod.

use crate::intent::{Capture, InboundMode, InboundPorts, Protocol, RangeSelection};
use crate::ruleset::{Chain, ChainKind, Direction, End, Hook, Priority, Rule, Statement, Test};

use super::builder::{
    Builder, TCP, destination_port, interface, leave, leave_excluded_interfaces, not_protocol, rule,
};
use super::leave_other_family;

/// The chain that redirects inbound connections.
pub(super) fn inbound(builder: &mut Builder, capture: &Capture) {
    let mut rules = reroute(builder, capture);
    if capture.inbound.mode == InboundMode::Redirect {
        rules.extend(redirect(builder, capture));
    }
    if rules.is_empty() {
        return;
    }
    let mut first = Vec::new();
    first.extend(leave_other_family("inbound", capture));
    first.push(leave(
        "inbound/leave-not-tcp",
        [not_protocol(Protocol::Tcp)],
    ));
    first.append(&mut rules);
    builder.chain(Chain {
        name: "inbound".into(),
        kind: ChainKind::Nat,
        hook: Hook::Prerouting,
        priority: Priority::Dstnat,
        rules: first,
    });
}

/// What arrives from a virtual machine is outbound traffic of this pod.
fn reroute(builder: &mut Builder, capture: &Capture) -> Vec<Rule> {
    let to_proxy = [Statement::Redirect(capture.proxy.outbound_port)];
    let mut rules = Vec::new();
    for pattern in &capture.inbound.reroute_interfaces {
        let arrives = interface(Direction::In, pattern);
        match &capture.outbound.include_ranges {
            RangeSelection::All => {
                let id = format!("inbound/reroute/{pattern}");
                rules.push(rule(id, [arrives.clone(), TCP], to_proxy));
            }
            RangeSelection::Only(ranges) => {
                for (family, range) in
                    builder.ranges(capture, End::Destination, "outbound_include", ranges)
                {
                    let id = format!("inbound/reroute-included-range-{}/{pattern}", family.name());
                    rules.push(rule(id, [arrives.clone(), TCP, range], to_proxy));
                }
            }
        }
        rules.push(leave(
            format!("inbound/leave-rerouted/{pattern}"),
            [arrives],
        ));
    }
    rules
}

fn redirect(builder: &mut Builder, capture: &Capture) -> Vec<Rule> {
    let captured = match &capture.inbound.ports {
        InboundPorts::AllExcept(_) => TCP,
        InboundPorts::Only(ports) if ports.is_empty() => return Vec::new(),
        InboundPorts::Only(ports) => builder.ports(Protocol::Tcp, "inbound_include_ports", ports),
    };
    let mut rules = Vec::new();
    rules.extend(leave_excluded_interfaces("inbound", Direction::In, capture));
    if let Some(port) = capture.proxy.tunnel_port {
        let tunnel = destination_port(Protocol::Tcp, Test::Is(port));
        rules.push(leave("inbound/leave-tunnel-port", [tunnel]));
    }
    rules.extend(leave_excluded_sources("inbound", builder, capture));
    if let InboundPorts::AllExcept(excluded) = &capture.inbound.ports
        && !excluded.is_empty()
    {
        let excluded = builder.ports(Protocol::Tcp, "inbound_exclude_ports", excluded);
        rules.push(leave("inbound/leave-excluded-port", [excluded]));
    }
    rules.push(rule(
        "inbound/redirect",
        [captured],
        [Statement::Redirect(capture.proxy.inbound_port)],
    ));
    rules
}

/// One rule for each captured family that has excluded sources.
pub(super) fn leave_excluded_sources(
    chain: &str,
    builder: &mut Builder,
    capture: &Capture,
) -> Vec<Rule> {
    let sources = &capture.inbound.exclude_sources;
    builder
        .ranges(capture, End::Source, "inbound_exclude", sources)
        .into_iter()
        .map(|(family, source)| {
            leave(
                format!("{chain}/leave-excluded-source-{}", family.name()),
                [source],
            )
        })
        .collect()
}
