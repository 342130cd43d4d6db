//! Inbound connections in redirect mode; in both modes, connections of a virtual machine inside the pod.

use crate::intent::{
    Capture, DNS_PORT, Family, InboundMode, InboundPorts, Protocol, RangeSelection, VirtualNetwork,
};
use crate::ruleset::{BaseChain, End, Match, Rule, RuleId, SetName, Statement, Test};

use super::builder::{
    Builder, TCP, destination_port, interface, leave, leave_other_family, not_protocol, rule,
};

/// The chain that redirects inbound connections.
pub(super) fn inbound(builder: &mut Builder, capture: &Capture) {
    let [queries, mut rules] = virtual_networks(capture);
    rules.extend(reroute(builder, capture));
    if capture.inbound.mode == InboundMode::Redirect {
        rules.extend(redirect(builder, capture));
    }
    if queries.is_empty() && rules.is_empty() {
        return;
    }
    let mut first = Vec::from_iter(leave_other_family(BaseChain::Inbound, capture));
    first.extend(queries);
    first.push(leave(
        RuleId::LeaveNotTcp(BaseChain::Inbound),
        [not_protocol(Protocol::Tcp)],
    ));
    first.append(&mut rules);
    builder.chain(BaseChain::Inbound, first);
}

/// The rules for DNS queries from virtual networks, and those for TCP. TCP to a network itself is inbound.
fn virtual_networks(capture: &Capture) -> [Vec<Rule>; 2] {
    let [mut queries, mut connections] = [Vec::new(), Vec::new()];
    let Some(virtual_networks) = &capture.inbound.virtual_networks else {
        return [queries, connections];
    };
    for VirtualNetwork {
        interface: pattern,
        network,
    } in &virtual_networks.networks
    {
        let family = Family::of(network.addr());
        if !capture.families.contains(family) {
            continue;
        }
        let arrives = interface(BaseChain::Inbound, pattern);
        let query = destination_port(Protocol::Udp, Test::Is(DNS_PORT));
        queries.push(rule(
            RuleId::RedirectVirtualDns(family, pattern.clone()),
            [arrives.clone(), Match::Family(family), query],
            [Statement::Redirect(virtual_networks.dns_port)],
        ));
        if network.prefix_len() == 0 {
            // No address is outside, and iptables takes no such comparison.
            continue;
        }
        let elsewhere = Match::Address {
            family,
            end: End::Destination,
            test: Test::IsNot(*network),
        };
        connections.push(rule(
            RuleId::RedirectVirtual(family, pattern.clone()),
            [arrives, elsewhere, TCP],
            [Statement::Redirect(capture.proxy.outbound_port)],
        ));
    }
    [queries, connections]
}

/// Connections from a virtual machine are outbound connections of the pod.
fn reroute(builder: &mut Builder, capture: &Capture) -> Vec<Rule> {
    let to_proxy = [Statement::Redirect(capture.proxy.outbound_port)];
    let patterns = &capture.inbound.reroute_interfaces;
    let interfaces = builder.interfaces(BaseChain::Inbound, SetName::RerouteInterfaces, patterns);
    let Some((only, arrives)) = interfaces else {
        return Vec::new();
    };
    let mut rules = Vec::new();
    match &capture.outbound.include_ranges {
        RangeSelection::All => {
            let id = RuleId::Reroute(only.clone());
            rules.push(rule(id, [arrives.clone(), TCP], to_proxy));
        }
        RangeSelection::Only(ranges) => {
            for (family, range) in
                builder.ranges(capture, End::Destination, SetName::OutboundInclude, ranges)
            {
                let id = RuleId::RerouteIncludedRange(family, only.clone());
                rules.push(rule(id, [arrives.clone(), TCP, range], to_proxy));
            }
        }
    }
    rules.push(leave(RuleId::LeaveRerouted(only), [arrives]));
    rules
}

fn redirect(builder: &mut Builder, capture: &Capture) -> Vec<Rule> {
    let captured = match &capture.inbound.ports {
        InboundPorts::AllExcept(_) => TCP,
        InboundPorts::Only(ports) if ports.is_empty() => return Vec::new(),
        InboundPorts::Only(ports) => {
            builder.ports(Protocol::Tcp, SetName::InboundIncludePorts, ports, Test::In)
        }
    };
    let excluded = builder.leave_excluded_interfaces(BaseChain::Inbound, capture);
    let mut rules = Vec::from_iter(excluded);
    if let Some(port) = capture.proxy.tunnel_port {
        let tunnel = destination_port(Protocol::Tcp, Test::Is(port));
        rules.push(leave(RuleId::LeaveTunnelPort, [tunnel]));
    }
    rules.extend(leave_excluded_sources(BaseChain::Inbound, builder, capture));
    if let InboundPorts::AllExcept(excluded) = &capture.inbound.ports
        && !excluded.is_empty()
    {
        let id = RuleId::LeaveExcludedInboundPort(BaseChain::Inbound);
        let name = SetName::InboundExcludePorts;
        rules.push(leave(
            id,
            [builder.ports(Protocol::Tcp, name, excluded, Test::In)],
        ));
    }
    rules.push(rule(
        RuleId::RedirectInbound,
        [captured],
        [Statement::Redirect(capture.proxy.inbound_port)],
    ));
    rules
}

/// One rule for each captured family with excluded sources.
pub(super) fn leave_excluded_sources(
    chain: BaseChain,
    builder: &mut Builder,
    capture: &Capture,
) -> Vec<Rule> {
    let sources = &capture.inbound.exclude_sources;
    builder
        .ranges(capture, End::Source, SetName::InboundExclude, sources)
        .into_iter()
        .map(|(family, source)| leave(RuleId::LeaveExcludedSource(chain, family), [source]))
        .collect()
}
