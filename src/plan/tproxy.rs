//! Inbound connections in tproxy mode, which keeps the client's address, and dropping of invalid packets. These chains
//! see every packet, not only the first of a connection.

use crate::intent::{Capture, InboundMode, InboundPorts, Ports, Protocol, Tproxy};
use crate::ruleset::{
    BaseChain, ConnectionState, MarkOf, Match, Rule, RuleId, SetName, Statement, Test,
};

use super::builder::{
    Builder, TCP, leave, leave_other_family, loopback, not_protocol, rule, to_loopback_range,
};
use super::inbound::leave_excluded_sources;

/// The chain that drops invalid packets and hands captured ones to the transparent listener.
pub(super) fn inbound_mangle(builder: &mut Builder, capture: &Capture) {
    let mut rules = Vec::new();
    if capture.drop_invalid {
        rules.push(rule(
            RuleId::DropInvalid,
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
    let other_family = leave_other_family(BaseChain::InboundMangle, capture);
    builder.chain(
        BaseChain::InboundMangle,
        other_family.into_iter().chain(rules).collect(),
    );
}

fn hand_over(builder: &mut Builder, capture: &Capture, tproxy: Tproxy) -> Vec<Rule> {
    let chain = BaseChain::InboundMangle;
    let mut rules = vec![leave(
        RuleId::LeaveNotTcp(chain),
        [not_protocol(Protocol::Tcp)],
    )];
    rules.extend(builder.leave_excluded_interfaces(chain, capture));
    // Only for packets that arrive with the mark: if all packets of a connection had it, the proxy's answers would be
    // routed back to `lo`.
    rules.push(rule(
        RuleId::SaveMark,
        [packet_mark(true, tproxy.mark)],
        [Statement::SetConnectionMark(tproxy.mark), Statement::Accept],
    ));
    if capture.inbound.ports == InboundPorts::Only(Ports::default()) {
        return rules;
    }
    rules.extend(builder.leave_passthrough_sources(chain, capture));
    rules.push(leave(
        RuleId::LeaveLoopback,
        [loopback(chain), packet_mark(false, tproxy.outbound_mark)],
    ));
    rules.extend(leave_excluded_sources(chain, builder, capture));
    rules.extend(leave_ports(builder, capture));
    rules.push(rule(
        RuleId::DivertTracked,
        [TCP, Match::State(ConnectionState::Tracked)],
        [Statement::SetPacketMark(tproxy.mark), Statement::Accept],
    ));
    for family in capture.families.iter() {
        let captured = [TCP, to_loopback_range(capture, family, Test::IsNot)];
        rules.push(rule(
            RuleId::Tproxy(family),
            captured.clone(),
            [
                Statement::Tproxy(family, capture.proxy.inbound_port),
                Statement::SetPacketMark(tproxy.mark),
                Statement::Accept,
            ],
        ));
        // Without a transparent listener `tproxy` ends its rule (nft_tproxy_eval_v4), and the connection would bypass
        // the proxy.
        rules.push(rule(
            RuleId::DropWithoutListener(family),
            captured,
            [Statement::Drop],
        ));
    }
    rules
}

fn leave_ports(builder: &mut Builder, capture: &Capture) -> Option<Rule> {
    let tcp = Protocol::Tcp;
    Some(match &capture.inbound.ports {
        InboundPorts::AllExcept(ports) if ports.is_empty() => return None,
        InboundPorts::AllExcept(ports) => leave(
            RuleId::LeaveExcludedInboundPort(BaseChain::InboundMangle),
            [builder.ports(tcp, SetName::InboundExcludePorts, ports, Test::In)],
        ),
        InboundPorts::Only(ports) => leave(
            RuleId::LeaveNotIncludedPort,
            [builder.ports(tcp, SetName::InboundIncludePorts, ports, Test::NotIn)],
        ),
    })
}

/// The chain that marks the proxy's packets, so that they return to the transparent listener.
pub(super) fn outbound_mangle(builder: &mut Builder, capture: &Capture) {
    let InboundMode::Tproxy(tproxy) = capture.inbound.mode else {
        return;
    };
    let chain = BaseChain::OutboundMangle;
    let mut rules = Vec::from_iter(leave_other_family(chain, capture));
    rules.push(leave(
        RuleId::LeaveNotTcp(chain),
        [not_protocol(Protocol::Tcp)],
    ));
    rules.extend(builder.leave_excluded_interfaces(chain, capture));
    rules.push(leave(
        RuleId::LeaveTproxiedLoopback,
        [loopback(chain), packet_mark(true, tproxy.mark)],
    ));
    for owners in builder.proxy_owners(capture) {
        for family in capture.families.iter() {
            rules.push(rule(
                RuleId::MarkProxy(owners.kind, owners.only, family),
                [
                    loopback(chain),
                    to_loopback_range(capture, family, Test::IsNot),
                    owners.any.clone(),
                ],
                [Statement::SetPacketMark(tproxy.outbound_mark)],
            ));
        }
    }
    rules.push(rule(
        RuleId::RestoreMark,
        [Match::Mark {
            of: MarkOf::Connection,
            is: true,
            value: tproxy.mark,
        }],
        [Statement::RestoreMark],
    ));
    builder.chain(chain, rules);
}

const fn packet_mark(is: bool, value: u32) -> Match {
    Match::Mark {
        of: MarkOf::Packet,
        is,
        value,
    }
}
