//! Connections that are made inside the pod.

use crate::intent::{Capture, Port, Protocol, RangeSelection};
use crate::ruleset::{
    Chain, ChainKind, Direction, End, Hook, OwnerKind, Priority, Rule, Statement, Test,
};

use super::builder::{
    Builder, TCP, destination_port, leave, leave_excluded_interfaces, leave_passthrough_sources,
    loopback, not_protocol, owner, proxy_owners, rule, to_loopback_range,
};
use super::leave_other_family;

/// Where DNS servers listen (RFC 1035).
pub(super) const DNS: Port = match Port::new(53) {
    Some(port) => port,
    None => panic!("port 0"),
};

/// The chain that captures outbound connections.
pub(super) fn outbound(builder: &mut Builder, capture: &Capture) {
    let mut rules = Vec::new();
    rules.extend(leave_other_family("outbound", capture));
    rules.push(leave_other_protocols(capture));
    rules.extend(leave_excluded_interfaces(
        "outbound",
        Direction::Out,
        capture,
    ));
    rules.extend(leave_excluded_ports(builder, capture));
    rules.extend(leave_passthrough_sources(
        "outbound",
        Direction::Out,
        capture,
    ));
    for (kind, word, id) in proxy_owners(capture) {
        rules.extend(redirect_own_pod_calls(capture, kind, word, id));
        if !capture.outbound.capture_over_loopback {
            rules.push(leave_loopback_of_others(capture, kind, word, id));
        }
        rules.push(leave(
            format!("outbound/leave-proxy-{word}/{id}"),
            [owner(kind, Test::Is(id))],
        ));
    }
    rules.extend(leave_owners(builder, capture));
    rules.extend(redirect_dns(builder, capture));
    for family in capture.families.iter() {
        rules.push(leave(
            format!("outbound/leave-loopback-range-{}", family.name()),
            [to_loopback_range(capture, family, Test::Is)],
        ));
    }
    let excluded = &capture.outbound.exclude_ranges;
    for (family, excluded) in
        builder.ranges(capture, End::Destination, "outbound_exclude", excluded)
    {
        let id = format!("outbound/leave-excluded-range-{}", family.name());
        rules.push(leave(id, [excluded]));
    }
    rules.extend(redirect_included(builder, capture));
    builder.chain(Chain {
        name: "outbound".into(),
        kind: ChainKind::Nat,
        hook: Hook::Output,
        priority: Priority::Dstnat,
        rules,
    });
}

/// An early way out for what can never be captured.
fn leave_other_protocols(capture: &Capture) -> Rule {
    if capture.dns.is_some() {
        leave(
            "outbound/leave-neither-tcp-nor-udp",
            [not_protocol(Protocol::Tcp), not_protocol(Protocol::Udp)],
        )
    } else {
        leave("outbound/leave-not-tcp", [not_protocol(Protocol::Tcp)])
    }
}

/// The protocols of which a connection can be captured.
fn captured_protocols(capture: &Capture) -> &'static [Protocol] {
    if capture.dns.is_some() {
        &[Protocol::Tcp, Protocol::Udp]
    } else {
        &[Protocol::Tcp]
    }
}

fn leave_excluded_ports(builder: &mut Builder, capture: &Capture) -> Vec<Rule> {
    let outbound = &capture.outbound;
    let mut rules = Vec::new();
    for &protocol in captured_protocols(capture) {
        let word = protocol.name();
        if !outbound.exclude_ports.is_empty() {
            let ports = builder.ports(protocol, "outbound_exclude_ports", &outbound.exclude_ports);
            rules.push(leave(
                format!("outbound/leave-excluded-port-{word}"),
                [ports],
            ));
        }
        for (index, exclusion) in outbound.exclude_ports_for_uids.iter().enumerate() {
            let nth = index + 1;
            if exclusion.protocol.is_some_and(|only| only != protocol) {
                continue;
            }
            let ports = format!("outbound_exclude_ports_{nth}");
            let uids = format!("outbound_exclude_ports_{nth}_uids");
            let matches = [
                builder.ports(protocol, ports, &exclusion.ports),
                builder.owners(OwnerKind::Uid, uids, &exclusion.uids, Test::In),
            ];
            let id = format!("outbound/leave-excluded-port-of-uid-{word}/{nth}");
            rules.push(leave(id, matches));
        }
    }
    rules
}

/// The proxy calls its own pod, by a service's address or its own: this must pass its inbound
/// side. The loopback range is the application itself, the tunnel port the proxy's.
fn redirect_own_pod_calls(
    capture: &Capture,
    kind: OwnerKind,
    word: &'static str,
    id: u32,
) -> impl Iterator<Item = Rule> {
    let dns = capture.dns.is_some() && kind == OwnerKind::Uid;
    capture.families.iter().map(move |family| {
        let mut matches = vec![
            loopback(Direction::Out),
            to_loopback_range(capture, family, Test::IsNot),
        ];
        let exempt = capture
            .proxy
            .tunnel_port
            .into_iter()
            .chain(dns.then_some(DNS));
        matches.extend(exempt.map(|port| destination_port(Protocol::Tcp, Test::IsNot(port))));
        if matches.len() == 2 {
            matches.push(TCP);
        }
        matches.push(owner(kind, Test::Is(id)));
        rule(
            format!("outbound/redirect-own-pod-{word}-{}/{id}", family.name()),
            matches,
            [Statement::Redirect(capture.proxy.inbound_port)],
        )
    })
}

/// Calls inside the pod by others than the proxy need no proxy. With several proxy owners the first of them
/// decides for the others, too.
fn leave_loopback_of_others(capture: &Capture, kind: OwnerKind, word: &str, id: u32) -> Rule {
    let mut matches = vec![loopback(Direction::Out)];
    if capture.dns.is_some() {
        matches.push(destination_port(Protocol::Tcp, Test::IsNot(DNS)));
    }
    matches.push(owner(kind, Test::IsNot(id)));
    leave(format!("outbound/leave-loopback-not-{word}/{id}"), matches)
}

fn leave_owners(builder: &mut Builder, capture: &Capture) -> Vec<Rule> {
    let selections = [
        (OwnerKind::Uid, "uid", &capture.outbound.uids),
        (OwnerKind::Gid, "gid", &capture.outbound.gids),
    ];
    let mut rules = Vec::new();
    for (kind, word, selection) in &selections {
        if !selection.exclude.is_empty() {
            let name = format!("outbound_exclude_{word}s");
            let excluded = builder.owners(*kind, name, &selection.exclude, Test::In);
            rules.push(leave(format!("outbound/leave-excluded-{word}"), [excluded]));
        }
    }
    for (kind, word, selection) in selections {
        if let Some(include) = &selection.include {
            let id = format!("outbound/leave-not-included-{word}");
            let name = format!("outbound_include_{word}s");
            let others = builder.owners(kind, name, include, Test::NotIn);
            rules.push(leave(id, [others]));
        }
    }
    rules
}

fn redirect_dns(builder: &mut Builder, capture: &Capture) -> Vec<Rule> {
    let Some(dns) = &capture.dns else {
        return Vec::new();
    };
    let to_proxy = [Statement::Redirect(dns.port)];
    let mut rules = Vec::new();
    for &protocol in captured_protocols(capture) {
        let word = protocol.name();
        let query = destination_port(protocol, Test::Is(DNS));
        match &dns.servers {
            RangeSelection::All => {
                rules.push(rule(
                    format!("outbound/redirect-dns-{word}"),
                    [query],
                    to_proxy,
                ));
            }
            RangeSelection::Only(servers) => {
                for (family, server) in
                    builder.ranges(capture, End::Destination, "dns_servers", servers)
                {
                    let id = format!("outbound/redirect-dns-{word}-{}", family.name());
                    rules.push(rule(id, [server, query.clone()], to_proxy));
                }
            }
        }
    }
    rules
}

fn redirect_included(builder: &mut Builder, capture: &Capture) -> Vec<Rule> {
    let outbound = &capture.outbound;
    let to_proxy = [Statement::Redirect(capture.proxy.outbound_port)];
    let mut rules = Vec::new();
    if !outbound.include_ports.is_empty() {
        let ports = builder.ports(
            Protocol::Tcp,
            "outbound_include_ports",
            &outbound.include_ports,
        );
        rules.push(rule("outbound/redirect-included-port", [ports], to_proxy));
    }
    match &outbound.include_ranges {
        RangeSelection::All => rules.push(rule("outbound/redirect", [TCP], to_proxy)),
        RangeSelection::Only(ranges) => {
            for (family, range) in
                builder.ranges(capture, End::Destination, "outbound_include", ranges)
            {
                let id = format!("outbound/redirect-included-range-{}", family.name());
                rules.push(rule(id, [TCP, range], to_proxy));
            }
        }
    }
    rules
}
