//! Matches on headers: family, protocol, addresses and ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::reader::{Reader, is};
use super::writer::Writer;
use crate::intent::{Family, Port, Protocol};
use crate::netlink::{address_family, family_of, octets};
use crate::nftables::expression::{Expression, Header, Meta};
use crate::ruleset::{End, Match, SetName, Test};

const ENDS: [End; 2] = [End::Source, End::Destination];

/// The offset of the address in the header (RFC 791 section 3.1, RFC 8200 section 3), in bytes.
const fn address_offset(family: Family, end: End) -> u32 {
    match (family, end) {
        (Family::Ipv4, End::Source) => 12,
        (Family::Ipv4, End::Destination) => 16,
        (Family::Ipv6, End::Source) => 8,
        (Family::Ipv6, End::Destination) => 24,
    }
}

/// The length of an address in bytes.
const fn address_length(family: Family) -> u32 {
    match family {
        Family::Ipv4 => 4,
        Family::Ipv6 => 16,
    }
}

/// The offset of the port in the header (RFC 9293 section 3.1, RFC 768), in bytes.
const fn port_offset(end: End) -> u32 {
    match end {
        End::Source => 0,
        End::Destination => 2,
    }
}

impl Writer {
    pub(super) fn family(&mut self, family: Family) {
        self.compare_meta(Meta::NfProto, true, [address_family(family)]);
        self.family = true;
    }
}

impl Reader<'_> {
    pub(super) fn read_family(&mut self) -> Option<Match> {
        match self.next_comparison()? {
            (true, &[number]) => family_of(number).map(Match::Family),
            _ => None,
        }
    }
}

impl Writer {
    pub(super) fn protocol(&mut self, is: bool, protocol: Protocol) {
        self.compare_meta(Meta::L4Proto, is, [protocol.number()]);
        self.protocol |= is;
    }
}

impl Reader<'_> {
    pub(super) fn read_protocol(&mut self) -> Option<Match> {
        let (is, &[number]) = self.next_comparison()? else {
            return None;
        };
        let mut protocols = [Protocol::Tcp, Protocol::Udp].into_iter();
        let protocol = protocols.find(|protocol| protocol.number() == number)?;
        Some(Match::Protocol { is, protocol })
    }
}

impl Writer {
    pub(super) fn port(&mut self, protocol: Protocol, end: End, test: &Test<Port>) {
        if !self.protocol {
            self.protocol(true, protocol);
        }
        self.code.push(Expression::LoadPayload {
            base: Header::Transport,
            offset: port_offset(end),
            length: 2,
        });
        self.test(test, |port| port.number().to_be_bytes().to_vec());
    }
}

impl Reader<'_> {
    pub(super) fn read_port(&mut self, offset: u32) -> Option<Match> {
        Some(Match::Port {
            protocol: self.established_protocol()?,
            end: ENDS.into_iter().find(|&end| port_offset(end) == offset)?,
            test: self.next_test(read_port)?,
        })
    }

    /// The protocol that earlier matches test; a test right before belongs to this match.
    pub(super) fn established_protocol(&mut self) -> Option<Protocol> {
        let implied = |last: &mut Match| matches!(last, Match::Protocol { is: true, .. });
        if let Some(Match::Protocol { protocol, .. }) = self.matches.pop_if(implied) {
            return Some(protocol);
        }
        self.matches.iter().rev().find_map(|earlier| match earlier {
            Match::Protocol { is: true, protocol }
            | Match::Port { protocol, .. }
            | Match::UidAndPort { protocol, .. } => Some(*protocol),
            Match::Protocol { is: false, .. }
            | Match::Family(_)
            | Match::Address { .. }
            | Match::Interface { .. }
            | Match::InterfaceIn { .. }
            | Match::Owner { .. }
            | Match::Mark { .. }
            | Match::State(_)
            | Match::OpenConnection { .. } => None,
        })
    }
}

/// A port in network order.
pub(super) fn read_port(value: &[u8]) -> Option<Port> {
    Port::new(u16::from_be_bytes(value.try_into().ok()?))
}

impl Writer {
    pub(super) fn address(&mut self, family: Family, end: End, test: &Test<IpNet>) {
        if !self.family {
            self.family(family);
        }
        let (Test::Is(net) | Test::IsNot(net)) = test else {
            self.load_address(family, end, address_length(family));
            return self.test(test, |net| octets(net.network()));
        };
        let prefix = u32::from(net.prefix_len());
        let network = octets(net.network());
        // A network of whole bytes is a comparison of only these, as nft does; the kernel refuses to load
        // none, so everything is compared with a mask of zeros.
        let length = if prefix != 0 && prefix.is_multiple_of(8) {
            prefix / 8
        } else {
            address_length(family)
        };
        self.load_address(family, end, length);
        if length * 8 != prefix {
            self.code.push(Expression::Mask(octets(net.netmask())));
        }
        let compared = network.into_iter().take(length as usize);
        self.compare(matches!(test, Test::Is(_)), compared.collect::<Vec<_>>());
    }

    fn load_address(&mut self, family: Family, end: End, length: u32) {
        self.code.push(Expression::LoadPayload {
            base: Header::Network,
            offset: address_offset(family, end),
            length,
        });
    }
}

impl Reader<'_> {
    pub(super) fn read_address(&mut self, offset: u32, length: u32) -> Option<Match> {
        let family = self.established_family()?;
        let mut ends = ENDS.into_iter();
        let end = ends.find(|&end| address_offset(family, end) == offset)?;
        let is_whole = length == address_length(family);
        let test = match self.code.first()? {
            Expression::Mask(mask) if is_whole => {
                self.next()?;
                let (equal, value) = self.next_comparison()?;
                let net = IpNet::with_netmask(address(family, value)?, address(family, mask)?);
                is(equal, net.ok()?)
            }
            Expression::Lookup { .. } if !is_whole => {
                self.next()?;
                return None;
            }
            _ => self.next_test(|value| {
                let complete = value.len() == usize::try_from(length).ok()?;
                let prefix = u8::try_from(length * 8).ok().filter(|_| complete)?;
                IpNet::new(address(family, value)?, prefix).ok()
            })?,
        };
        Some(Match::Address { family, end, test })
    }

    /// The family that earlier matches test, as [`Reader::established_protocol`].
    fn established_family(&mut self) -> Option<Family> {
        let implied = |last: &mut Match| matches!(last, Match::Family(_));
        if let Some(Match::Family(family)) = self.matches.pop_if(implied) {
            return Some(family);
        }
        self.matches.iter().rev().find_map(|earlier| match earlier {
            Match::Family(family) | Match::Address { family, .. } => Some(*family),
            Match::Protocol { .. }
            | Match::Port { .. }
            | Match::Interface { .. }
            | Match::InterfaceIn { .. }
            | Match::UidAndPort { .. }
            | Match::Owner { .. }
            | Match::Mark { .. }
            | Match::State(_)
            | Match::OpenConnection { .. } => None,
        })
    }
}

/// The offset of the flags (RFC 9293 section 3.1), in bytes.
const TCP_FLAGS: u32 = 13;
/// SYN, and the flags of which a packet that opens a connection has only that one: FIN, SYN, RST and ACK.
const SYN: u8 = 0x02;
const OPENING: u8 = 0x17;

impl Writer {
    pub(super) fn open_connection(&mut self, family: Family, local: End, set: &SetName) {
        if !self.protocol {
            self.protocol(true, Protocol::Tcp);
        }
        self.code.push(Expression::LoadPayload {
            base: Header::Transport,
            offset: TCP_FLAGS,
            length: 1,
        });
        self.code.push(Expression::Mask(vec![OPENING]));
        self.compare(false, [SYN]);
        if !self.family {
            self.family(family);
        }
        let [near, far] = local.and_other();
        let length = address_length(family);
        self.load_address(family, near, length);
        let mut words = length / 4;
        for (base, offset, length) in [
            (Header::Transport, port_offset(near), 2),
            (Header::Network, address_offset(family, far), length),
            (Header::Transport, port_offset(far), 2),
        ] {
            self.code.push(Expression::AddPayload {
                base,
                offset,
                length,
                words,
            });
            words += length.div_ceil(4);
        }
        let (set, inverted) = (set.to_string(), false);
        self.code.push(Expression::Lookup { set, inverted });
    }
}

impl Reader<'_> {
    /// The match whose test of the flags begins, if the expressions are exactly those that it is written as.
    pub(super) fn read_open_connection(&mut self, offset: u32) -> Option<Match> {
        if offset != TCP_FLAGS || self.established_protocol()? != Protocol::Tcp {
            return None;
        }
        let mut sets = self.code.iter().filter_map(|expression| match expression {
            Expression::Lookup { set, .. } => Some(SetName::from(set.as_str())),
            _ => None,
        });
        let set = sets.next()?;
        let candidates = Family::ALL
            .into_iter()
            .flat_map(|family| ENDS.map(|local| (family, local)));
        for (family, local) in candidates {
            let mut writer = Writer::new();
            writer.protocol = true;
            writer.open_connection(family, local, &set);
            let rest = writer.code.get(1..)?;
            if let Some(after) = self.code.strip_prefix(rest) {
                self.code = after;
                return Some(Match::OpenConnection { family, local, set });
            }
        }
        None
    }
}

/// An address whose last bytes may be missing: they are zeros.
pub(super) fn address(family: Family, bytes: &[u8]) -> Option<IpAddr> {
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
