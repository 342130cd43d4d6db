//! What the kernel tells of a packet (`enum nft_trace_attributes` in `linux/netfilter/nf_tables.h`).

use std::net::{Ipv4Addr, Ipv6Addr};

use mnl::mnl_sys::libc;
use nix::net::if_::if_indextoname;

use crate::connection::{Addresses, PortPair, Transport};
use crate::netlink::{self, text};
use crate::nftables::batch::message_type;
use crate::sys::INET;
use crate::trace::{After, Headers, Message};

const TABLE: u16 = 1;
const CHAIN: u16 = 2;
const RULE_HANDLE: u16 = 3;
const TYPE: u16 = 4;
const VERDICT: u16 = 5;
const ID: u16 = 6;
const NETWORK_HEADER: u16 = 8;
const TRANSPORT_HEADER: u16 = 9;
const CAME_BY: u16 = 10;
const LEAVES_BY: u16 = 12;
const MARK: u16 = 14;
const FAMILY: u16 = 15;
const POLICY: u16 = 16;

/// `NFT_TRACETYPE_RULE`; the others are a chain's policy and the return to one.
const OF_RULE: u32 = 3;
/// `NFTA_VERDICT_CODE`.
const CODE: u16 = 1;
/// `NFT_MSG_TRACE`.
const TRACE: i32 = 17;

/// `NFT_MSG_NEWGEN`: the end of a transaction.
const NEW_GENERATION: i32 = 15;
/// `NFTA_GEN_ID`.
const GENERATION: u16 = 1;

/// What the kernel tells.
pub(crate) enum Told {
    /// That a packet met something.
    Packet(Message),
    /// That the ruleset was changed, and is of this generation now.
    Generation(u32),
}

/// What a message tells; `None` if that is of no interest, or malformed.
pub(crate) fn read(message: netlink::Message<'_>) -> Option<Told> {
    match message.kind {
        kind if kind == message_type(TRACE) => packet(message).map(Told::Packet),
        kind if kind == message_type(NEW_GENERATION) => {
            Attributes(message).number(GENERATION).map(Told::Generation)
        }
        _ => None,
    }
}

fn packet(message: netlink::Message<'_>) -> Option<Message> {
    let attributes = Attributes(message);
    let of_rule = attributes.number(TYPE)? == OF_RULE;
    let dropped = if of_rule {
        attributes.verdict()? == libc::NF_DROP
    } else {
        attributes.number(POLICY).map(u32::cast_signed) == Some(libc::NF_DROP)
    };
    let family = match *message.body().first()? {
        INET => "inet",
        family if i32::from(family) == libc::NFPROTO_IPV4 => "ip",
        family if i32::from(family) == libc::NFPROTO_IPV6 => "ip6",
        family if i32::from(family) == libc::NFPROTO_ARP => "arp",
        family if i32::from(family) == libc::NFPROTO_BRIDGE => "bridge",
        family if i32::from(family) == libc::NFPROTO_NETDEV => "netdev",
        _ => "unknown",
    };
    Some(Message {
        packet: attributes.number(ID)?,
        table: format!("{family} {}", attributes.text(TABLE)),
        chain: attributes.text(CHAIN),
        rule: of_rule.then(|| attributes.handle()).flatten(),
        after: if dropped {
            After::Dropped
        } else {
            After::GoesOn
        },
        headers: attributes.headers(),
    })
}

struct Attributes<'a>(netlink::Message<'a>);

impl<'a> Attributes<'a> {
    fn find(&self, wanted: u16) -> Option<&'a [u8]> {
        let mut attributes = self.0.attributes(4);
        attributes
            .find(|&(kind, _)| kind == wanted)
            .map(|(_, payload)| payload)
    }

    fn number(&self, wanted: u16) -> Option<u32> {
        Some(u32::from_be_bytes(*self.find(wanted)?.first_chunk()?))
    }

    fn handle(&self) -> Option<u64> {
        Some(u64::from_be_bytes(*self.find(RULE_HANDLE)?.first_chunk()?))
    }

    fn text(&self, wanted: u16) -> String {
        text(self.find(wanted).and_then(|text| text.strip_suffix(&[0])))
    }

    /// What the rule said. Jumps and returns are negative, as `NFT_CONTINUE` is; a verdict of the firewall may bear a queue or an
    /// error above its lowest byte (`NF_VERDICT_MASK`).
    fn verdict(&self) -> Option<i32> {
        let mut attributes = netlink::Attributes(self.find(VERDICT)?);
        let (_, code) = attributes.find(|&(kind, _)| kind == CODE)?;
        let code = u32::from_be_bytes(*code.first_chunk()?).cast_signed();
        Some(if code < 0 { code } else { code & 0xff })
    }

    fn headers(&self) -> Option<Headers> {
        let network = self.find(NETWORK_HEADER)?;
        let (addresses, protocol) = match i32::try_from(self.number(FAMILY)?).ok()? {
            libc::NFPROTO_IPV4 => ipv4(network)?,
            libc::NFPROTO_IPV6 => ipv6(network)?,
            _ => return None,
        };
        let header = self.find(TRANSPORT_HEADER).unwrap_or_default();
        let transport = transport(protocol, header);
        Some(Headers {
            came_by: self.interface(CAME_BY),
            leaves_by: self.interface(LEAVES_BY),
            addresses,
            transport,
            sequence: match transport {
                Transport::Tcp(_) => sequence(header).unwrap_or_default(),
                Transport::Udp(_) | Transport::Other(_) => 0,
            },
            mark: self.number(MARK).unwrap_or_default(),
        })
    }

    fn interface(&self, wanted: u16) -> Option<String> {
        let name = if_indextoname(self.number(wanted)?).ok()?;
        Some(name.to_string_lossy().into_owned())
    }
}

/// The addresses and the protocol (RFC 791, 3.1).
fn ipv4(header: &[u8]) -> Option<(Addresses, u8)> {
    let address = |offset| {
        let octets: &[u8; 4] = header.get(offset..)?.first_chunk()?;
        Some(Ipv4Addr::from(*octets))
    };
    let addresses = Addresses::Ipv4 {
        source: address(12)?,
        destination: address(16)?,
    };
    Some((addresses, *header.get(9)?))
}

/// The same (RFC 8200, 3). Extension headers are not told; behind them the protocol is not known.
fn ipv6(header: &[u8]) -> Option<(Addresses, u8)> {
    let address = |offset| {
        let octets: &[u8; 16] = header.get(offset..)?.first_chunk()?;
        Some(Ipv6Addr::from(*octets))
    };
    let addresses = Addresses::Ipv6 {
        source: address(8)?,
        destination: address(24)?,
    };
    Some((addresses, *header.get(6)?))
}

/// The sequence number of a TCP segment (RFC 9293, 3.1).
fn sequence(header: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(*header.get(4..)?.first_chunk()?))
}

fn transport(protocol: u8, header: &[u8]) -> Transport {
    let port = |offset| {
        let octets: &[u8; 2] = header.get(offset..)?.first_chunk()?;
        Some(u16::from_be_bytes(*octets))
    };
    let ports = || {
        Some(PortPair {
            source: port(0)?,
            destination: port(2)?,
        })
    };
    match (i32::from(protocol), ports()) {
        (libc::IPPROTO_TCP, Some(ports)) => Transport::Tcp(ports),
        (libc::IPPROTO_UDP, Some(ports)) => Transport::Udp(ports),
        _ => Transport::Other(protocol),
    }
}
