//! From instructions back to a rule: the inverse of [`assemble`](super::assemble).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::assemble::{
    INTERFACE_NAME_SIZE, STATE_INVALID, STATE_TRACKED, address_length, address_offset, port_offset,
};
use super::instruction::{Ct, Header, Instruction, Meta, protocol_family};
use crate::intent::{Family, InterfacePattern, Port, Protocol};
use crate::printable::printable;
use crate::ruleset::{
    ConnectionState, Direction, End, MarkOf, Match, OwnerKind, Rule, RuleId, Statement, Test,
};

/// Why instructions are no rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unknown {
    /// The one that no rule of ours has there.
    pub(crate) instruction: Instruction,
    /// The matches before it.
    pub(crate) known: Vec<Match>,
}

/// The rule that the instructions are.
pub(crate) fn disassemble(id: RuleId, code: &[Instruction]) -> Result<Rule, Unknown> {
    let mut reader = Reader {
        code,
        matches: Vec::new(),
        statements: Vec::new(),
    };
    while let Some(first) = reader.code.first() {
        let before = reader.code;
        if reader.step().is_none() {
            // The last one that was looked at is the one that does not belong there.
            let read = before.len().saturating_sub(reader.code.len());
            let last = read.checked_sub(1).and_then(|last| before.get(last));
            return Err(Unknown {
                instruction: last.unwrap_or(first).clone(),
                known: reader.matches,
            });
        }
    }
    Ok(Rule {
        id,
        matches: reader.matches,
        statements: reader.statements,
    })
}

struct Reader<'a> {
    code: &'a [Instruction],
    matches: Vec<Match>,
    statements: Vec<Statement>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<&'a Instruction> {
        let (first, rest) = self.code.split_first()?;
        self.code = rest;
        Some(first)
    }

    fn next_comparison(&mut self) -> Option<(bool, &'a [u8])> {
        match self.next()? {
            Instruction::Compare { equal, value } => Some((*equal, value)),
            _ => None,
        }
    }

    fn step(&mut self) -> Option<()> {
        match self.next()? {
            Instruction::Count => {}
            Instruction::LoadMeta(Meta::Mark) => {
                let (is, value) = self.next_comparison()?;
                self.push_mark(MarkOf::Packet, is, value)?;
            }
            Instruction::LoadMeta(meta) => self.meta(*meta)?,
            Instruction::LoadCt(Ct::State) => self.state()?,
            Instruction::LoadCt(Ct::Mark) => match self.next()? {
                Instruction::Compare { equal, value } => {
                    self.push_mark(MarkOf::Connection, *equal, value)?;
                }
                Instruction::SetPacketMark => self.statements.push(Statement::RestoreMark),
                _ => return None,
            },
            Instruction::LoadPayload {
                base: Header::Network,
                offset,
                length,
            } => self.address(*offset, *length)?,
            Instruction::LoadPayload {
                base: Header::Transport,
                offset,
                length: 2,
            } => self.port(*offset)?,
            Instruction::Immediate(value) => self.immediate(value)?,
            Instruction::Verdict { accept: true } => self.statements.push(Statement::Accept),
            Instruction::Verdict { accept: false } => self.statements.push(Statement::Drop),
            Instruction::LoadPayload { .. }
            | Instruction::LoadCt(Ct::Zone)
            | Instruction::SetPacketMark
            | Instruction::SetCt(_)
            | Instruction::Mask(_)
            | Instruction::ToNetworkOrder
            | Instruction::Compare { .. }
            | Instruction::Lookup { .. }
            | Instruction::Redirect
            | Instruction::Tproxy(_)
            | Instruction::Unmanaged(_) => return None,
        }
        Some(())
    }

    fn meta(&mut self, meta: Meta) -> Option<()> {
        let condition = match meta {
            Meta::NfProto => {
                let (true, &[number]) = self.next_comparison()? else {
                    return None;
                };
                let mut families = Family::ALL.into_iter();
                Match::Family(families.find(|&family| protocol_family(family) == number)?)
            }
            Meta::L4Proto => {
                let (is, &[number]) = self.next_comparison()? else {
                    return None;
                };
                let mut protocols = [Protocol::Tcp, Protocol::Udp].into_iter();
                let protocol = protocols.find(|protocol| protocol.number() == number)?;
                Match::Protocol { is, protocol }
            }
            Meta::InterfaceNameIn => self.interface(Direction::In)?,
            Meta::InterfaceNameOut => self.interface(Direction::Out)?,
            Meta::SocketUid => self.owner(OwnerKind::Uid)?,
            Meta::SocketGid => self.owner(OwnerKind::Gid)?,
            Meta::Mark => return None,
        };
        self.matches.push(condition);
        Some(())
    }

    fn interface(&mut self, direction: Direction) -> Option<Match> {
        let (true, bytes) = self.next_comparison()? else {
            return None;
        };
        // Others cannot be written to a listing.
        let text = |bytes| {
            let name = String::from_utf8(<[u8]>::to_vec(bytes)).ok();
            name.filter(|name| printable(name) == *name)
        };
        let pattern = if bytes.len() == INTERFACE_NAME_SIZE {
            let end = bytes.iter().position(|&byte| byte == 0)?;
            InterfacePattern::Name(text(bytes.get(..end)?)?)
        } else {
            InterfacePattern::Prefix(text(bytes)?)
        };
        Some(Match::Interface { direction, pattern })
    }

    fn owner(&mut self, kind: OwnerKind) -> Option<Match> {
        let test = match self.next()? {
            Instruction::Compare { equal, value } => is_or_is_not(
                *equal,
                u32::from_ne_bytes(value.as_slice().try_into().ok()?),
            ),
            Instruction::ToNetworkOrder => in_or_not_in(self.next()?)?,
            _ => return None,
        };
        Some(Match::Owner { kind, test })
    }

    fn push_mark(&mut self, of: MarkOf, is: bool, value: &[u8]) -> Option<()> {
        let value = u32::from_ne_bytes(value.try_into().ok()?);
        self.matches.push(Match::Mark { of, is, value });
        Some(())
    }

    fn state(&mut self) -> Option<()> {
        let Instruction::Mask(mask) = self.next()? else {
            return None;
        };
        let (false, [0, 0, 0, 0]) = self.next_comparison()? else {
            return None;
        };
        let state = match u32::from_ne_bytes(mask.as_slice().try_into().ok()?) {
            STATE_INVALID => ConnectionState::Invalid,
            STATE_TRACKED => ConnectionState::Tracked,
            _ => return None,
        };
        self.matches.push(Match::State(state));
        Some(())
    }

    fn address(&mut self, offset: u32, length: u32) -> Option<()> {
        let family = self.family()?;
        let mut ends = [End::Source, End::Destination].into_iter();
        let end = ends.find(|&end| address_offset(family, end) == offset)?;
        let whole = address_length(family);
        let test = match self.next()? {
            lookup @ Instruction::Lookup { .. } if length == whole => in_or_not_in(lookup)?,
            Instruction::Mask(mask) if length == whole => {
                let (equal, value) = self.next_comparison()?;
                let net = IpNet::with_netmask(address(family, value)?, address(family, mask)?);
                is_or_is_not(equal, net.ok()?)
            }
            Instruction::Compare { equal, value } => {
                let prefix = u8::try_from(length * 8).ok()?;
                (value.len() == usize::try_from(length).ok()?).then_some(())?;
                is_or_is_not(*equal, IpNet::new(address(family, value)?, prefix).ok()?)
            }
            _ => return None,
        };
        self.matches.push(Match::Address { family, end, test });
        Some(())
    }

    /// The family that was asked for before; the question is part of the address match, if it stands right
    /// before it.
    fn family(&mut self) -> Option<Family> {
        if let Some(Match::Family(family)) = self.matches.last() {
            let family = *family;
            self.matches.pop();
            return Some(family);
        }
        self.matches.iter().rev().find_map(|earlier| match earlier {
            Match::Family(family) | Match::Address { family, .. } => Some(*family),
            Match::Protocol { .. }
            | Match::Port { .. }
            | Match::Interface { .. }
            | Match::Owner { .. }
            | Match::Mark { .. }
            | Match::State(_) => None,
        })
    }

    fn port(&mut self, offset: u32) -> Option<()> {
        let protocol = self.protocol()?;
        let mut ends = [End::Source, End::Destination].into_iter();
        let end = ends.find(|&end| port_offset(end) == offset)?;
        let test = match self.next()? {
            Instruction::Compare { equal, value } => is_or_is_not(*equal, port(value)?),
            lookup => in_or_not_in(lookup)?,
        };
        self.matches.push(Match::Port {
            protocol,
            end,
            test,
        });
        Some(())
    }

    /// The protocol that was asked for before, as [`Reader::family`].
    fn protocol(&mut self) -> Option<Protocol> {
        if let Some(Match::Protocol { is: true, protocol }) = self.matches.last() {
            let protocol = *protocol;
            self.matches.pop();
            return Some(protocol);
        }
        self.matches.iter().rev().find_map(|earlier| match earlier {
            Match::Protocol { is: true, protocol } | Match::Port { protocol, .. } => {
                Some(*protocol)
            }
            Match::Protocol { is: false, .. }
            | Match::Family(_)
            | Match::Address { .. }
            | Match::Interface { .. }
            | Match::Owner { .. }
            | Match::Mark { .. }
            | Match::State(_) => None,
        })
    }

    fn immediate(&mut self, value: &[u8]) -> Option<()> {
        let mark = || Some(u32::from_ne_bytes(value.try_into().ok()?));
        let statement = match self.next()? {
            Instruction::SetPacketMark => Statement::SetPacketMark(mark()?),
            Instruction::SetCt(Ct::Mark) => Statement::SetConnectionMark(mark()?),
            Instruction::SetCt(Ct::Zone) => {
                Statement::SetZone(u16::from_ne_bytes(value.try_into().ok()?))
            }
            Instruction::Redirect => Statement::Redirect(port(value)?),
            Instruction::Tproxy(family) => Statement::Tproxy(*family, port(value)?),
            _ => return None,
        };
        self.statements.push(statement);
        Some(())
    }
}

fn is_or_is_not<T>(equal: bool, value: T) -> Test<T> {
    if equal {
        Test::Is(value)
    } else {
        Test::IsNot(value)
    }
}

fn in_or_not_in<T>(lookup: &Instruction) -> Option<Test<T>> {
    match lookup {
        Instruction::Lookup { set, inverted } => {
            let set = set.clone().into();
            Some(if *inverted {
                Test::NotIn(set)
            } else {
                Test::In(set)
            })
        }
        _ => None,
    }
}

fn port(value: &[u8]) -> Option<Port> {
    Port::new(u16::from_be_bytes(value.try_into().ok()?))
}

/// An address of which the last bytes may be missing, as zeros.
fn address(family: Family, bytes: &[u8]) -> Option<IpAddr> {
    fn padded<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
        let mut whole = [0; N];
        whole.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(whole)
    }
    Some(match family {
        Family::Ipv4 => Ipv4Addr::from(padded(bytes)?).into(),
        Family::Ipv6 => Ipv6Addr::from(padded(bytes)?).into(),
    })
}
