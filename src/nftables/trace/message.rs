//! Notifications about traced packets (`enum nft_trace_attributes` in `linux/netfilter/nf_tables.h`).

use nftnl::nftnl_sys::libc;
use nix::net::if_::if_indextoname;

use crate::connection::{Addresses, PortPair, Transport};
use crate::netlink::{self, Attributes, text};
use crate::nftables::message::{HEADER, message_type};
use crate::trace::{After, Headers, Message};

const TABLE: u16 = 1;
const CHAIN: u16 = 2;
const RULE_HANDLE: u16 = 3;
const TYPE: u16 = 4;
const VERDICT: u16 = 5;
const ID: u16 = 6;
const NETWORK_HEADER: u16 = 8;
const TRANSPORT_HEADER: u16 = 9;
const INCOMING_INTERFACE: u16 = 10;
const OUTGOING_INTERFACE: u16 = 12;
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

/// A notification of the kernel.
pub(super) enum Notification {
    /// A traced packet matched a rule or reached the end of a chain.
    Trace(Message),
    /// The ruleset was changed, and is of this generation now.
    Generation(u32),
}

/// The notification in a message; `None` if it is another one, or malformed.
pub(super) fn read(message: netlink::Message<'_>) -> Option<Notification> {
    let attributes = message.attributes(HEADER);
    match message.kind {
        kind if kind == message_type(TRACE) => {
            let family = *message.body().first()?;
            trace(family, &attributes).map(Notification::Trace)
        }
        kind if kind == message_type(NEW_GENERATION) => {
            attributes.be32(GENERATION).map(Notification::Generation)
        }
        _ => None,
    }
}

fn trace(family: u8, attributes: &Attributes<'_>) -> Option<Message> {
    let of_rule = attributes.be32(TYPE)? == OF_RULE;
    let dropped = if of_rule {
        verdict(attributes)? == libc::NF_DROP
    } else {
        attributes.be32(POLICY).map(u32::cast_signed) == Some(libc::NF_DROP)
    };
    let family = match i32::from(family) {
        libc::NFPROTO_INET => "inet",
        libc::NFPROTO_IPV4 => "ip",
        libc::NFPROTO_IPV6 => "ip6",
        libc::NFPROTO_ARP => "arp",
        libc::NFPROTO_BRIDGE => "bridge",
        libc::NFPROTO_NETDEV => "netdev",
        _ => "unknown",
    };
    Some(Message {
        packet: attributes.be32(ID)?,
        table: format!("{family} {}", text(attributes.string(TABLE)?)),
        chain: text(attributes.string(CHAIN)?),
        rule: attributes.be64(RULE_HANDLE).filter(|_| of_rule),
        after: if dropped {
            After::Dropped
        } else {
            After::GoesOn
        },
        headers: headers(attributes),
    })
}

/// The verdict of the rule. Jumps and returns are negative, as `NFT_CONTINUE` is; a verdict of a firewall may have a queue or
/// an error above its lowest byte (`NF_VERDICT_MASK`).
fn verdict(attributes: &Attributes<'_>) -> Option<i32> {
    let code = Attributes(attributes.find(VERDICT)?)
        .be32(CODE)?
        .cast_signed();
    Some(if code < 0 { code } else { code & 0xff })
}

/// The headers of the packet, if the message has them.
fn headers(attributes: &Attributes<'_>) -> Option<Headers> {
    let network = attributes.find(NETWORK_HEADER)?;
    let (addresses, protocol) = match i32::try_from(attributes.be32(FAMILY)?).ok()? {
        libc::NFPROTO_IPV4 => ipv4(network)?,
        libc::NFPROTO_IPV6 => ipv6(network)?,
        _ => return None,
    };
    // Fragments and truncated packets have none.
    let header = attributes.find(TRANSPORT_HEADER).unwrap_or(&[]);
    let transport = transport(protocol, header);
    let interface = |kind| {
        let name = if_indextoname(attributes.be32(kind)?).ok()?;
        Some(name.to_string_lossy().into_owned())
    };
    Some(Headers {
        came_by: interface(INCOMING_INTERFACE),
        leaves_by: interface(OUTGOING_INTERFACE),
        addresses,
        transport,
        sequence: match transport {
            // The sequence number (RFC 9293, 3.1).
            Transport::Tcp(_) => bytes(header, 4).map_or(0, u32::from_be_bytes),
            Transport::Udp(_) | Transport::Other(_) => 0,
        },
        // The kernel leaves out a mark of 0.
        mark: attributes.be32(MARK).unwrap_or(0),
    })
}

/// The bytes at the offset.
fn bytes<const N: usize>(header: &[u8], offset: usize) -> Option<[u8; N]> {
    header.get(offset..)?.first_chunk().copied()
}

/// The addresses and the protocol (RFC 791, 3.1).
fn ipv4(header: &[u8]) -> Option<(Addresses, u8)> {
    let addresses = Addresses::Ipv4 {
        source: bytes::<4>(header, 12)?.into(),
        destination: bytes::<4>(header, 16)?.into(),
    };
    Some((addresses, *header.get(9)?))
}

/// The same (RFC 8200, 3). Messages have no extension headers; after those the protocol is unknown.
fn ipv6(header: &[u8]) -> Option<(Addresses, u8)> {
    let addresses = Addresses::Ipv6 {
        source: bytes::<16>(header, 8)?.into(),
        destination: bytes::<16>(header, 24)?.into(),
    };
    Some((addresses, *header.get(6)?))
}

/// The transport header's ports.
fn transport(protocol: u8, header: &[u8]) -> Transport {
    let port = |offset| bytes(header, offset).map(u16::from_be_bytes);
    let ports = match (port(0), port(2)) {
        (Some(source), Some(destination)) => Some(PortPair {
            source,
            destination,
        }),
        _ => None,
    };
    match (i32::from(protocol), ports) {
        (libc::IPPROTO_TCP, Some(ports)) => Transport::Tcp(ports),
        (libc::IPPROTO_UDP, Some(ports)) => Transport::Udp(ports),
        _ => Transport::Other(protocol),
    }
}
