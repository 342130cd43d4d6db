//! From a rule to instructions, with the same implied instructions and in the same order as `nft` makes them.

use std::borrow::Cow;

use ipnet::IpNet;

use super::instruction::{Ct, Header, Instruction, Meta, protocol_family};
use crate::intent::{Family, InterfacePattern, Port};
use crate::ruleset::{
    ConnectionState, Direction, End, MarkOf, Match, OwnerKind, Rule, Statement, Test,
};

/// `IFNAMSIZ` (`linux/if.h`): interface names are compared as the kernel pads them.
pub(crate) const INTERFACE_NAME_SIZE: usize = 16;
/// `NF_CT_STATE_INVALID_BIT` (`linux/netfilter/nf_conntrack_common.h`).
pub(crate) const STATE_INVALID: u32 = 1;
/// `NF_CT_STATE_BIT` of `IP_CT_ESTABLISHED` and of `IP_CT_RELATED`.
pub(crate) const STATE_TRACKED: u32 = (1 << 1) | (1 << 2);

/// The instructions of the rule: its matches, a counter, its statements.
pub(crate) fn assemble(rule: &Rule) -> Vec<Instruction> {
    let mut code = assemble_matches(&rule.matches);
    code.push(Instruction::Count);
    for statement in &rule.statements {
        assemble_statement(&mut code, *statement);
    }
    code
}

/// The instructions of matches.
pub(crate) fn assemble_matches(matches: &[Match]) -> Vec<Instruction> {
    let mut code = Vec::with_capacity(12);
    let mut implied = Implied::default();
    for condition in matches {
        assemble_match(&mut code, &mut implied, condition);
    }
    code
}

/// What the instructions so far have established, so that it is not asked for again.
#[derive(Default)]
struct Implied {
    family: bool,
    protocol: bool,
}

fn assemble_match(code: &mut Vec<Instruction>, implied: &mut Implied, condition: &Match) {
    match condition {
        Match::Family(family) => {
            compare_meta(code, Meta::NfProto, true, [protocol_family(*family)]);
            implied.family = true;
        }
        Match::Protocol { is, protocol } => {
            compare_meta(code, Meta::L4Proto, *is, [protocol.number()]);
            implied.protocol |= *is;
        }
        Match::Port {
            protocol,
            end,
            test,
        } => {
            if !std::mem::replace(&mut implied.protocol, true) {
                compare_meta(code, Meta::L4Proto, true, [protocol.number()]);
            }
            code.push(Instruction::LoadPayload {
                base: Header::Transport,
                offset: port_offset(*end),
                length: 2,
            });
            let bytes = |port: &Port| port.number().to_be_bytes().to_vec();
            code.push(assemble_test(test, bytes));
        }
        Match::Address { family, end, test } => {
            if !std::mem::replace(&mut implied.family, true) {
                compare_meta(code, Meta::NfProto, true, [protocol_family(*family)]);
            }
            assemble_address(code, *family, *end, test);
        }
        Match::Interface { direction, pattern } => {
            let meta = match direction {
                Direction::In => Meta::InterfaceNameIn,
                Direction::Out => Meta::InterfaceNameOut,
            };
            compare_meta(code, meta, true, interface_name(pattern));
        }
        Match::Owner { kind, test } => {
            code.push(Instruction::LoadMeta(match kind {
                OwnerKind::Uid => Meta::SocketUid,
                OwnerKind::Gid => Meta::SocketGid,
            }));
            // An interval set compares bytes from the left, so ids are looked up in network order.
            if test.set_name().is_some() {
                code.push(Instruction::ToNetworkOrder);
            }
            code.push(assemble_test(test, |id| id.to_ne_bytes().to_vec()));
        }
        Match::Mark { of, is, value } => {
            code.push(match of {
                MarkOf::Packet => Instruction::LoadMeta(Meta::Mark),
                MarkOf::Connection => Instruction::LoadCt(Ct::Mark),
            });
            code.push(compare(*is, value.to_ne_bytes()));
        }
        Match::State(state) => {
            let bits = match state {
                ConnectionState::Invalid => STATE_INVALID,
                ConnectionState::Tracked => STATE_TRACKED,
            };
            code.push(Instruction::LoadCt(Ct::State));
            code.push(Instruction::Mask(bits.to_ne_bytes().to_vec()));
            code.push(compare(false, [0; 4]));
        }
    }
}

fn assemble_address(code: &mut Vec<Instruction>, family: Family, end: End, test: &Test<IpNet>) {
    let base = Header::Network;
    let offset = address_offset(family, end);
    let (Test::Is(net) | Test::IsNot(net)) = test else {
        let length = address_length(family);
        code.push(Instruction::LoadPayload {
            base,
            offset,
            length,
        });
        code.push(assemble_test(test, |_| Vec::new()));
        return;
    };
    let equal = matches!(test, Test::Is(_));
    let (mut network, mut mask) = match net {
        IpNet::V4(net) => (
            net.network().octets().to_vec(),
            net.netmask().octets().to_vec(),
        ),
        IpNet::V6(net) => (
            net.network().octets().to_vec(),
            net.netmask().octets().to_vec(),
        ),
    };
    // A network of whole bytes is a comparison of only these, as nft does; the kernel refuses to load
    // none, so everything is compared with a mask of zeros.
    let prefix = usize::from(net.prefix_len());
    let whole_bytes = prefix.is_multiple_of(8) && prefix != 0;
    if whole_bytes {
        network.truncate(prefix / 8);
        mask.clear();
    }
    code.push(Instruction::LoadPayload {
        base,
        offset,
        length: u32::try_from(network.len()).unwrap_or_default(),
    });
    if !whole_bytes {
        code.push(Instruction::Mask(mask));
    }
    code.push(compare(equal, network));
}

fn assemble_statement(code: &mut Vec<Instruction>, statement: Statement) {
    match statement {
        Statement::SetPacketMark(mark) => {
            code.push(Instruction::Immediate(mark.to_ne_bytes().to_vec()));
            code.push(Instruction::SetPacketMark);
        }
        Statement::SetConnectionMark(mark) => {
            code.push(Instruction::Immediate(mark.to_ne_bytes().to_vec()));
            code.push(Instruction::SetCt(Ct::Mark));
        }
        Statement::RestoreMark => {
            code.push(Instruction::LoadCt(Ct::Mark));
            code.push(Instruction::SetPacketMark);
        }
        Statement::SetZone(zone) => {
            code.push(Instruction::Immediate(zone.to_ne_bytes().to_vec()));
            code.push(Instruction::SetCt(Ct::Zone));
        }
        Statement::Tproxy(family, port) => {
            code.push(immediate_port(port));
            code.push(Instruction::Tproxy(family));
        }
        Statement::Redirect(port) => {
            code.push(immediate_port(port));
            code.push(Instruction::Redirect);
        }
        Statement::Accept => code.push(Instruction::Verdict { accept: true }),
        Statement::Drop => code.push(Instruction::Verdict { accept: false }),
    }
}

fn immediate_port(port: Port) -> Instruction {
    Instruction::Immediate(port.number().to_be_bytes().to_vec())
}

fn assemble_test<T>(test: &Test<T>, bytes: impl Fn(&T) -> Vec<u8>) -> Instruction {
    let lookup = |set: &Cow<'static, str>, inverted| Instruction::Lookup {
        set: set.clone().into_owned(),
        inverted,
    };
    match test {
        Test::Is(value) => compare(true, bytes(value)),
        Test::IsNot(value) => compare(false, bytes(value)),
        Test::In(set) => lookup(set, false),
        Test::NotIn(set) => lookup(set, true),
    }
}

fn compare_meta(code: &mut Vec<Instruction>, meta: Meta, equal: bool, value: impl Into<Vec<u8>>) {
    code.push(Instruction::LoadMeta(meta));
    code.push(compare(equal, value));
}

fn compare(equal: bool, value: impl Into<Vec<u8>>) -> Instruction {
    let value = value.into();
    Instruction::Compare { equal, value }
}

/// A whole name is compared with its padding, a prefix without its end.
pub(crate) fn interface_name(pattern: &InterfacePattern) -> Vec<u8> {
    match pattern {
        InterfacePattern::Name(name) => {
            let mut padded = name.as_bytes().to_vec();
            padded.resize(INTERFACE_NAME_SIZE, 0);
            padded
        }
        InterfacePattern::Prefix(prefix) => prefix.as_bytes().to_vec(),
    }
}

/// Where the address is in the header (RFC 791 section 3.1, RFC 8200 section 3).
pub(crate) const fn address_offset(family: Family, end: End) -> u32 {
    match (family, end) {
        (Family::Ipv4, End::Source) => 12,
        (Family::Ipv4, End::Destination) => 16,
        (Family::Ipv6, End::Source) => 8,
        (Family::Ipv6, End::Destination) => 24,
    }
}

/// The length of an address in bytes.
pub(crate) const fn address_length(family: Family) -> u32 {
    match family {
        Family::Ipv4 => 4,
        Family::Ipv6 => 16,
    }
}

/// Where the port is in the header (RFC 9293 section 3.1, RFC 768).
pub(crate) const fn port_offset(end: End) -> u32 {
    match end {
        End::Source => 0,
        End::Destination => 2,
    }
}
