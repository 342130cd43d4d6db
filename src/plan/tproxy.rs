//! Inbound capture that keeps the client's source address, and what is dropped on arrival. These chains see
//! every packet, not only the first of a connection.

use crate::intent::{Capture, InboundMode, InboundPorts, Protocol, Tproxy};
use crate::ruleset::{
    Chain, ChainKind, ConnectionState, Direction, End, Hook, MarkOf, Match, Priority, Rule,
    Statement, Test,
};

use super::builder::{
    Builder, TCP, leave, leave_excluded_interfaces, leave_passthrough_sources, loopback,
    not_protocol, owner, proxy_owners, rule, to_loopback_range,
};
use super::inbound::leave_excluded_sources;
use super::leave_other_family;

/// The chain that drops invalid packets and hands captured ones to the transparent listener.
pub(super) fn inbound_mangle(builder: &mut Builder, capture: &Capture) {
    let mut rules = Vec::new();
    if capture.drop_invalid {
        rules.push(rule(
            "inbound-packet/drop-invalid",
            [Match::State(ConnectionState::Invalid)],
            [Statement::Drop],
        ));
    }
    if let InboundMode::Tproxy(tproxy) = capture.inbound.mode {
        rules.extend(hand_over(builder, capture, tproxy));
    }
    if rules.is_empty() {
        return;
    }
    let other_family = leave_other_family("inbound-packet", capture);
    builder.chain(Chain {
        name: "inbound_mangle".into(),
        kind: ChainKind::Filter,
        hook: Hook::Prerouting,
        priority: Priority::Mangle,
        rules: other_family.into_iter().chain(rules).collect(),
    });
}

fn hand_over(builder: &mut Builder, capture: &Capture, tproxy: Tproxy) -> Vec<Rule> {
    let mut rules = Vec::new();
    rules.push(leave(
        "inbound-packet/leave-not-tcp",
        [not_protocol(Protocol::Tcp)],
    ));
    rules.extend(leave_excluded_interfaces(
        "inbound-packet",
        Direction::In,
        capture,
    ));
    // Not on what this chain marks itself: a connection whose packets all bore the mark would have
    // the proxy's answers routed back to `lo`.
    rules.push(rule(
        "inbound-packet/save-mark",
        [packet_mark(true, tproxy.mark)],
        [Statement::SetConnectionMark(tproxy.mark), Statement::Accept],
    ));
    if capture.inbound.ports == InboundPorts::Only(crate::intent::Ports::default()) {
        return rules;
    }
    rules.extend(leave_passthrough_sources(
        "inbound-packet",
        Direction::In,
        capture,
    ));
    rules.push(leave(
        "inbound-packet/leave-loopback",
        [
            loopback(Direction::In),
            packet_mark(false, tproxy.outbound_mark),
        ],
    ));
    rules.extend(leave_excluded_sources("inbound-packet", builder, capture));
    rules.extend(leave_ports(builder, capture));
    rules.push(rule(
        "inbound-packet/divert-tracked",
        [TCP, Match::State(ConnectionState::Tracked)],
        [Statement::SetPacketMark(tproxy.mark), Statement::Accept],
    ));
    for family in capture.families.iter() {
        let captured = [TCP, to_loopback_range(capture, family, Test::IsNot)];
        rules.push(rule(
            format!("inbound-packet/tproxy-{}", family.name()),
            captured.clone(),
            [
                Statement::Tproxy(family, capture.proxy.inbound_port),
                Statement::SetPacketMark(tproxy.mark),
                Statement::Accept,
            ],
        ));
        // Without a transparent listener `tproxy` breaks off its rule (nft_tproxy_eval_v4); going on
        // would let the connection pass by the proxy.
        rules.push(rule(
            format!("inbound-packet/drop-without-listener-{}", family.name()),
            captured,
            [Statement::Drop],
        ));
    }
    rules
}

fn leave_ports(builder: &mut Builder, capture: &Capture) -> Option<Rule> {
    let (id, set, ports) = match &capture.inbound.ports {
        InboundPorts::AllExcept(ports) if ports.is_empty() => return None,
        InboundPorts::AllExcept(ports) => ("leave-excluded-port", "inbound_exclude_ports", ports),
        InboundPorts::Only(ports) => ("leave-not-included-port", "inbound_include_ports", ports),
    };
    let name = builder.set(set, crate::ruleset::Elements::Ports(ports.clone()));
    let test = match &capture.inbound.ports {
        InboundPorts::AllExcept(_) => Test::In(name),
        InboundPorts::Only(_) => Test::NotIn(name),
    };
    let port = Match::Port {
        protocol: Protocol::Tcp,
        end: End::Destination,
        test,
    };
    Some(leave(format!("inbound-packet/{id}"), [port]))
}

/// The chain that marks the proxy's own packets, for both ways of tproxy mode to meet.
pub(super) fn outbound_mangle(builder: &mut Builder, capture: &Capture) {
    let InboundMode::Tproxy(tproxy) = capture.inbound.mode else {
        return;
    };
    let mut rules = Vec::new();
    rules.extend(leave_other_family("outbound-packet", capture));
    rules.push(leave(
        "outbound-packet/leave-not-tcp",
        [not_protocol(Protocol::Tcp)],
    ));
    rules.extend(leave_excluded_interfaces(
        "outbound-packet",
        Direction::Out,
        capture,
    ));
    rules.push(leave(
        "outbound-packet/leave-tproxied-loopback",
        [loopback(Direction::Out), packet_mark(true, tproxy.mark)],
    ));
    for (kind, word, id) in proxy_owners(capture) {
        for family in capture.families.iter() {
            rules.push(rule(
                format!("outbound-packet/mark-proxy-{word}-{}/{id}", family.name()),
                [
                    loopback(Direction::Out),
                    to_loopback_range(capture, family, Test::IsNot),
                    owner(kind, Test::Is(id)),
                ],
                [Statement::SetPacketMark(tproxy.outbound_mark)],
            ));
        }
    }
    rules.push(rule(
        "outbound-packet/restore-mark",
        [Match::Mark {
            of: MarkOf::Connection,
            is: true,
            value: tproxy.mark,
        }],
        [Statement::RestoreMark],
    ));
    builder.chain(Chain {
        name: "outbound_mangle".into(),
        kind: ChainKind::Route,
        hook: Hook::Output,
        priority: Priority::Mangle,
        rules,
    });
}

const fn packet_mark(is: bool, value: u32) -> Match {
    Match::Mark {
        of: MarkOf::Packet,
        is,
        value,
    }
}
