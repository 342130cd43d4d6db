//! The stable ids of rules.

use std::fmt;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use crate::intent::{Family, InterfacePattern, OwnerId, Protocol};

use super::base_chain::BaseChain;
use super::owner_kind::OwnerKind;

/// The stable id of a rule, `CHAIN/PURPOSE` or `CHAIN/PURPOSE/VALUE`, such as `outbound/leave-proxy-uid/1337`. It is the
/// rule's comment in the kernel, at most 99 bytes, and unique within the table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleId {
    /// Bypasses a family that is not captured.
    LeaveFamily(BaseChain, Family),
    /// Bypasses everything but TCP.
    LeaveNotTcp(BaseChain),
    /// Bypasses an excluded interface.
    LeaveInterface(BaseChain, InterfacePattern),
    /// Bypasses the proxy's calls to its application, by their source address.
    LeavePassthroughSource(BaseChain, IpAddr),
    /// Bypasses excluded sources of inbound connections.
    LeaveExcludedSource(BaseChain, Family),
    /// Bypasses excluded ports of inbound connections.
    LeaveExcludedInboundPort(BaseChain),

    /// Puts the proxy's DNS queries into the upstream zone.
    ZoneProxyQuery(OwnerKind, OwnerId),
    /// Puts the proxy's DNS answers into the downstream zone.
    ZoneProxyReply(OwnerKind, OwnerId),
    /// Puts DNS queries of applications into the downstream zone.
    ZoneQuery(Option<Family>),
    /// Puts answers of DNS servers into the upstream zone.
    ZoneReply(Option<Family>),

    /// Bypasses everything but TCP and UDP.
    LeaveNeitherTcpNorUdp,
    /// Bypasses excluded destination ports.
    LeaveExcludedPort(Protocol),
    /// Bypasses the destination ports excluded for users, by the position of the exclusion, from 1.
    LeaveExcludedPortOfUid(Protocol, usize),
    /// Redirects the proxy's calls to its own pod.
    RedirectOwnPod(OwnerKind, OwnerId, Family),
    /// Bypasses calls over `lo` that are not the proxy's.
    LeaveLoopbackNot(OwnerKind, OwnerId),
    /// Bypasses the proxy.
    LeaveProxy(OwnerKind, OwnerId),
    /// Bypasses excluded owners.
    LeaveExcludedOwner(OwnerKind),
    /// Bypasses all but the included owners.
    LeaveNotIncludedOwner(OwnerKind),
    /// Redirects DNS queries.
    RedirectDns(Protocol, Option<Family>),
    /// Bypasses the loopback range.
    LeaveLoopbackRange(Family),
    /// Bypasses excluded destinations.
    LeaveExcludedRange(Family),
    /// Redirects included destination ports.
    RedirectIncludedPort,
    /// Redirects included destinations.
    RedirectIncludedRange(Family),
    /// Redirects all other outbound TCP.
    RedirectOutbound,

    /// Redirects what arrives from a virtual machine.
    Reroute(InterfacePattern),
    /// Redirects what arrives from a virtual machine for included destinations.
    RerouteIncludedRange(Family, InterfacePattern),
    /// Bypasses everything else that arrives from a virtual machine.
    LeaveRerouted(InterfacePattern),
    /// Bypasses the proxy's tunnel port.
    LeaveTunnelPort,
    /// Redirects inbound TCP.
    RedirectInbound,

    /// Drops packets that connection tracking calls invalid.
    DropInvalid,
    /// Gives the connection the tproxy mark that its packet has already.
    SaveMark,
    /// Bypasses what comes in on `lo` without the proxy's mark.
    LeaveLoopback,
    /// Bypasses ports that are not included.
    LeaveNotIncludedPort,
    /// Marks the packets of connections that the transparent listener has.
    DivertTracked,
    /// Hands new connections to the transparent listener.
    Tproxy(Family),
    /// Drops what no transparent listener took.
    DropWithoutListener(Family),

    /// Bypasses packets over `lo` that are marked for the transparent listener.
    LeaveTproxiedLoopback,
    /// Marks the proxy's calls to its own pod.
    MarkProxy(OwnerKind, OwnerId, Family),
    /// Gives the packet the tproxy mark of its connection.
    RestoreMark,

    /// A comment of a rule that another program, or another version, installed.
    Other(String),
}

impl RuleId {
    /// The id with `*` in place of the family, of the value, or of both.
    #[must_use]
    pub fn masked(&self, family: bool, value: bool) -> String {
        Masked {
            id: self,
            family,
            value,
        }
        .to_string()
    }

    /// The id whose text this most likely is.
    fn parse(text: &str) -> Option<Self> {
        let (prefix, rest) = text.split_once('/')?;
        let chain = BaseChain::ALL
            .into_iter()
            .find(|chain| chain.id_prefix() == prefix)?;
        let (purpose, value) = rest.split_once('/').unwrap_or((rest, ""));
        match purpose {
            "leave-not-tcp" => return Some(Self::LeaveNotTcp(chain)),
            "leave-neither-tcp-nor-udp" => return Some(Self::LeaveNeitherTcpNorUdp),
            _ => {}
        }
        let (stem, family) = without_suffix(purpose, Family::ALL, Family::name);
        let (stem, kind) = without_suffix(stem, OwnerKind::ALL, OwnerKind::name);
        let (stem, protocol) = without_suffix(stem, Protocol::ALL, Protocol::name);
        let number = || value.parse().ok();
        let pattern = || value.parse().ok();
        Some(match (chain, stem) {
            (_, "leave") => Self::LeaveFamily(chain, family?),
            (_, "leave-interface") => Self::LeaveInterface(chain, pattern()?),
            (_, "leave-passthrough-source") => {
                Self::LeavePassthroughSource(chain, value.parse().ok()?)
            }
            (_, "leave-excluded-source") => Self::LeaveExcludedSource(chain, family?),
            (BaseChain::OutboundRaw, "zone-proxy-query") => Self::ZoneProxyQuery(kind?, number()?),
            (BaseChain::OutboundRaw, "zone-proxy-reply") => Self::ZoneProxyReply(kind?, number()?),
            (BaseChain::OutboundRaw, "zone-query") => Self::ZoneQuery(family),
            (BaseChain::InboundRaw, "zone-reply") => Self::ZoneReply(family),
            (BaseChain::Outbound, "leave-excluded-port") => Self::LeaveExcludedPort(protocol?),
            (_, "leave-excluded-port") => Self::LeaveExcludedInboundPort(chain),
            (BaseChain::Outbound, "leave-excluded-port-of-uid") => {
                Self::LeaveExcludedPortOfUid(protocol?, value.parse().ok()?)
            }
            (BaseChain::Outbound, "redirect-own-pod") => {
                Self::RedirectOwnPod(kind?, number()?, family?)
            }
            (BaseChain::Outbound, "leave-loopback-not") => Self::LeaveLoopbackNot(kind?, number()?),
            (BaseChain::Outbound, "leave-proxy") => Self::LeaveProxy(kind?, number()?),
            (BaseChain::Outbound, "leave-excluded") => Self::LeaveExcludedOwner(kind?),
            (BaseChain::Outbound, "leave-not-included") => Self::LeaveNotIncludedOwner(kind?),
            (BaseChain::Outbound, "redirect-dns") => Self::RedirectDns(protocol?, family),
            (BaseChain::Outbound, "leave-loopback-range") => Self::LeaveLoopbackRange(family?),
            (BaseChain::Outbound, "leave-excluded-range") => Self::LeaveExcludedRange(family?),
            (BaseChain::Outbound, "redirect-included-port") => Self::RedirectIncludedPort,
            (BaseChain::Outbound, "redirect-included-range") => {
                Self::RedirectIncludedRange(family?)
            }
            (BaseChain::Outbound, "redirect") => Self::RedirectOutbound,
            (BaseChain::Inbound, "reroute") => Self::Reroute(pattern()?),
            (BaseChain::Inbound, "reroute-included-range") => {
                Self::RerouteIncludedRange(family?, pattern()?)
            }
            (BaseChain::Inbound, "leave-rerouted") => Self::LeaveRerouted(pattern()?),
            (BaseChain::Inbound, "leave-tunnel-port") => Self::LeaveTunnelPort,
            (BaseChain::Inbound, "redirect") => Self::RedirectInbound,
            (BaseChain::InboundMangle, "drop-invalid") => Self::DropInvalid,
            (BaseChain::InboundMangle, "save-mark") => Self::SaveMark,
            (BaseChain::InboundMangle, "leave-loopback") => Self::LeaveLoopback,
            (BaseChain::InboundMangle, "leave-not-included-port") => Self::LeaveNotIncludedPort,
            (BaseChain::InboundMangle, "divert-tracked") => Self::DivertTracked,
            (BaseChain::InboundMangle, "tproxy") => Self::Tproxy(family?),
            (BaseChain::InboundMangle, "drop-without-listener") => {
                Self::DropWithoutListener(family?)
            }
            (BaseChain::OutboundMangle, "leave-tproxied-loopback") => Self::LeaveTproxiedLoopback,
            (BaseChain::OutboundMangle, "mark-proxy") => Self::MarkProxy(kind?, number()?, family?),
            (BaseChain::OutboundMangle, "restore-mark") => Self::RestoreMark,
            _ => return None,
        })
    }
}

/// The text without the suffix that names one of these, and which one.
fn without_suffix<T: Copy, const N: usize>(
    text: &str,
    all: [T; N],
    name: fn(T) -> &'static str,
) -> (&str, Option<T>) {
    all.into_iter()
        .find_map(|one| {
            let stem = text.strip_suffix(name(one))?.strip_suffix('-')?;
            Some((stem, Some(one)))
        })
        .unwrap_or((text, None))
}

impl From<&str> for RuleId {
    /// The id of this text; a text that no id of the plan has stays what it is, in [`RuleId::Other`].
    fn from(text: &str) -> Self {
        Self::parse(text)
            .filter(|id| id.to_string() == text)
            .unwrap_or_else(|| Self::Other(text.to_owned()))
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Masked {
            id: self,
            family: false,
            value: false,
        }
        .fmt(f)
    }
}

impl Serialize for RuleId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An id, some parts of which are written as `*`.
struct Masked<'a> {
    id: &'a RuleId,
    family: bool,
    value: bool,
}

impl fmt::Display for Masked<'_> {
    #[expect(clippy::too_many_lines, reason = "an arm for each id")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = |family: Family| if self.family { "*" } else { family.name() };
        let suffix = |of: Option<Family>| match of {
            Some(of) => format!("-{}", family(of)),
            None => String::new(),
        };
        let value = |value: &dyn fmt::Display| {
            if self.value {
                "*".to_owned()
            } else {
                value.to_string()
            }
        };
        match self.id {
            RuleId::LeaveFamily(chain, of) => {
                write!(f, "{}/leave-{}", chain.id_prefix(), family(*of))
            }
            RuleId::LeaveNotTcp(chain) => write!(f, "{}/leave-not-tcp", chain.id_prefix()),
            RuleId::LeaveInterface(chain, pattern) => {
                let chain = chain.id_prefix();
                write!(f, "{chain}/leave-interface/{}", value(pattern))
            }
            RuleId::LeavePassthroughSource(chain, source) => {
                let chain = chain.id_prefix();
                write!(f, "{chain}/leave-passthrough-source/{}", value(source))
            }
            RuleId::LeaveExcludedSource(chain, of) => {
                let chain = chain.id_prefix();
                write!(f, "{chain}/leave-excluded-source-{}", family(*of))
            }
            RuleId::LeaveExcludedInboundPort(chain) => {
                write!(f, "{}/leave-excluded-port", chain.id_prefix())
            }
            RuleId::ZoneProxyQuery(kind, id) => {
                let kind = kind.name();
                write!(f, "outbound-raw/zone-proxy-query-{kind}/{}", value(id))
            }
            RuleId::ZoneProxyReply(kind, id) => {
                let kind = kind.name();
                write!(f, "outbound-raw/zone-proxy-reply-{kind}/{}", value(id))
            }
            RuleId::ZoneQuery(of) => write!(f, "outbound-raw/zone-query{}", suffix(*of)),
            RuleId::ZoneReply(of) => write!(f, "inbound-raw/zone-reply{}", suffix(*of)),
            RuleId::LeaveNeitherTcpNorUdp => f.write_str("outbound/leave-neither-tcp-nor-udp"),
            RuleId::LeaveExcludedPort(protocol) => {
                write!(f, "outbound/leave-excluded-port-{}", protocol.name())
            }
            RuleId::LeaveExcludedPortOfUid(protocol, nth) => {
                let protocol = protocol.name();
                let nth = value(nth);
                write!(f, "outbound/leave-excluded-port-of-uid-{protocol}/{nth}")
            }
            RuleId::RedirectOwnPod(kind, id, of) => {
                let (kind, family) = (kind.name(), family(*of));
                write!(f, "outbound/redirect-own-pod-{kind}-{family}/{}", value(id))
            }
            RuleId::LeaveLoopbackNot(kind, id) => {
                let kind = kind.name();
                write!(f, "outbound/leave-loopback-not-{kind}/{}", value(id))
            }
            RuleId::LeaveProxy(kind, id) => {
                write!(f, "outbound/leave-proxy-{}/{}", kind.name(), value(id))
            }
            RuleId::LeaveExcludedOwner(kind) => {
                write!(f, "outbound/leave-excluded-{}", kind.name())
            }
            RuleId::LeaveNotIncludedOwner(kind) => {
                write!(f, "outbound/leave-not-included-{}", kind.name())
            }
            RuleId::RedirectDns(protocol, of) => {
                let protocol = protocol.name();
                write!(f, "outbound/redirect-dns-{protocol}{}", suffix(*of))
            }
            RuleId::LeaveLoopbackRange(of) => {
                write!(f, "outbound/leave-loopback-range-{}", family(*of))
            }
            RuleId::LeaveExcludedRange(of) => {
                write!(f, "outbound/leave-excluded-range-{}", family(*of))
            }
            RuleId::RedirectIncludedPort => f.write_str("outbound/redirect-included-port"),
            RuleId::RedirectIncludedRange(of) => {
                write!(f, "outbound/redirect-included-range-{}", family(*of))
            }
            RuleId::RedirectOutbound => f.write_str("outbound/redirect"),
            RuleId::Reroute(pattern) => write!(f, "inbound/reroute/{}", value(pattern)),
            RuleId::RerouteIncludedRange(of, pattern) => {
                let (family, pattern) = (family(*of), value(pattern));
                write!(f, "inbound/reroute-included-range-{family}/{pattern}")
            }
            RuleId::LeaveRerouted(pattern) => {
                write!(f, "inbound/leave-rerouted/{}", value(pattern))
            }
            RuleId::LeaveTunnelPort => f.write_str("inbound/leave-tunnel-port"),
            RuleId::RedirectInbound => f.write_str("inbound/redirect"),
            RuleId::DropInvalid => f.write_str("inbound-packet/drop-invalid"),
            RuleId::SaveMark => f.write_str("inbound-packet/save-mark"),
            RuleId::LeaveLoopback => f.write_str("inbound-packet/leave-loopback"),
            RuleId::LeaveNotIncludedPort => f.write_str("inbound-packet/leave-not-included-port"),
            RuleId::DivertTracked => f.write_str("inbound-packet/divert-tracked"),
            RuleId::Tproxy(of) => write!(f, "inbound-packet/tproxy-{}", family(*of)),
            RuleId::DropWithoutListener(of) => {
                write!(f, "inbound-packet/drop-without-listener-{}", family(*of))
            }
            RuleId::LeaveTproxiedLoopback => f.write_str("outbound-packet/leave-tproxied-loopback"),
            RuleId::MarkProxy(kind, id, of) => {
                let (kind, family) = (kind.name(), family(*of));
                write!(
                    f,
                    "outbound-packet/mark-proxy-{kind}-{family}/{}",
                    value(id)
                )
            }
            RuleId::RestoreMark => f.write_str("outbound-packet/restore-mark"),
            RuleId::Other(text) => f.write_str(text),
        }
    }
}
