//! The stable ids of rules.

use std::fmt;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use crate::intent::{Family, InterfacePattern, OwnerId, Protocol};

use super::base_chain::BaseChain;
use super::owner_kind::OwnerKind;
use super::text::is_text_of;

/// Makes the ids, their texts and the parser of a table. A line has the name of an id, its values, its chain unless that
/// is a value, and its purpose.
macro_rules! rule_ids {
    ($(
        $(#[$doc:meta])*
        $id:ident $(($($value:ident: $type:ty),+))? = $($chain:ident)? $purpose:literal,
    )*) => {
        /// The stable id of a rule, `CHAIN/PURPOSE` or `CHAIN/PURPOSE/VALUE`, such as `outbound/leave-proxy-uid/1337`.
        /// It is the rule's comment in the kernel, at most 99 bytes, and unique within the table.
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum RuleId {
            $($(#[$doc])* $id $(($($type),+))?,)*
            /// A comment of a rule that another program, or another version, installed.
            Other(String),
        }

        impl RuleId {
            /// The parts of the text, or the text of another program's rule.
            fn parts(&self) -> Result<Parts<'_>, &str> {
                match self {
                    $(Self::$id $(($($value),+))? => Ok(
                        Parts::new($purpose)
                            $(.with(&BaseChain::$chain))?
                            $($(.with($value))+)?
                    ),)*
                    Self::Other(text) => Err(text),
                }
            }

            /// The id of the plan that has this text.
            fn parse(text: &str) -> Option<Self> {
                let unread = Unread::new(text)?;
                $(
                    let found = unread
                        .of($purpose)
                        $(.filter(|unread| unread.chain == BaseChain::$chain))?
                        .and_then(|unread| {
                            unread.exactly(|| Some(Self::$id $(($(<$type>::read(&unread)?),+))?))
                        });
                    if found.is_some() {
                        return found;
                    }
                )*
                None
            }
        }
    };
}

rule_ids! {
    /// Bypasses a family that is not captured.
    LeaveFamily(chain: BaseChain, family: Family) = "leave",
    /// Bypasses everything but TCP.
    LeaveNotTcp(chain: BaseChain) = "leave-not-tcp",
    /// Bypasses connections that were open before they could be captured.
    LeaveOpen(chain: BaseChain, family: Family) = "leave-open",
    /// Bypasses an excluded interface.
    LeaveInterface(chain: BaseChain, pattern: Option<InterfacePattern>) = "leave-interface",
    /// Bypasses the proxy's calls to its application, by their source address.
    LeavePassthroughSource(chain: BaseChain, source: IpAddr) = "leave-passthrough-source",
    /// Bypasses the proxy's calls to its application, by several source addresses.
    LeavePassthroughSources(chain: BaseChain, family: Family) = "leave-passthrough-source",
    /// Bypasses excluded sources of inbound connections.
    LeaveExcludedSource(chain: BaseChain, family: Family) = "leave-excluded-source",
    /// Bypasses excluded ports of inbound connections.
    LeaveExcludedInboundPort(chain: BaseChain) = "leave-excluded-port",

    /// Puts the proxy's DNS queries into the upstream zone.
    ZoneProxyQuery(kind: OwnerKind, id: Option<OwnerId>) = OutboundRaw "zone-proxy-query",
    /// Puts DNS queries of applications into the downstream zone.
    ZoneQuery(family: Option<Family>) = OutboundRaw "zone-query",

    /// Bypasses everything but TCP and UDP.
    LeaveNeitherTcpNorUdp = Outbound "leave-neither-tcp-nor-udp",
    /// Bypasses destinations that are excluded first.
    LeaveExcludedRangeFirst(family: Family) = Outbound "leave-excluded-range-first",
    /// Bypasses excluded destination ports.
    LeaveExcludedPort(protocol: Protocol) = Outbound "leave-excluded-port",
    /// Bypasses the destination ports excluded for users, by the position of the only exclusion, from 1, or by several.
    LeaveExcludedPortOfUid(protocol: Protocol, position: Option<usize>) = Outbound "leave-excluded-port-of-uid",
    /// Redirects the proxy's calls to its own pod.
    RedirectOwnPod(kind: OwnerKind, id: Option<OwnerId>, family: Family) = Outbound "redirect-own-pod",
    /// Bypasses calls over `lo` that are not the proxy's.
    LeaveLoopbackNot(kind: OwnerKind, id: OwnerId) = Outbound "leave-loopback-not",
    /// Bypasses the proxy.
    LeaveProxy(kind: OwnerKind, id: Option<OwnerId>) = Outbound "leave-proxy",
    /// Bypasses excluded owners.
    LeaveExcludedOwner(kind: OwnerKind) = Outbound "leave-excluded",
    /// Bypasses all but the included owners.
    LeaveNotIncludedOwner(kind: OwnerKind) = Outbound "leave-not-included",
    /// Redirects DNS queries.
    RedirectDns(protocol: Protocol, family: Option<Family>) = Outbound "redirect-dns",
    /// Sends DNS queries to a server in the proxy's place.
    ForwardDns(protocol: Protocol, family: Family) = Outbound "forward-dns",
    /// Bypasses DNS queries over TCP.
    LeaveDnsOverTcp(family: Option<Family>) = Outbound "leave-dns-tcp",
    /// Bypasses the loopback range.
    LeaveLoopbackRange(family: Family) = Outbound "leave-loopback-range",
    /// Bypasses excluded destinations.
    LeaveExcludedRange(family: Family) = Outbound "leave-excluded-range",
    /// Redirects included destination ports.
    RedirectIncludedPort = Outbound "redirect-included-port",
    /// Redirects included destinations.
    RedirectIncludedRange(family: Family) = Outbound "redirect-included-range",
    /// Redirects all other outbound TCP.
    RedirectOutbound = Outbound "redirect",

    /// Redirects DNS queries that arrive from a virtual network.
    RedirectVirtualDns(family: Family, pattern: InterfacePattern) = Inbound "redirect-virtual-dns",
    /// Redirects what arrives from a virtual network for other destinations.
    RedirectVirtual(family: Family, pattern: InterfacePattern) = Inbound "redirect-virtual",
    /// Redirects what arrives from a virtual machine.
    Reroute(pattern: Option<InterfacePattern>) = Inbound "reroute",
    /// Redirects what arrives from a virtual machine for included destinations.
    RerouteIncludedRange(family: Family, pattern: Option<InterfacePattern>) = Inbound "reroute-included-range",
    /// Bypasses everything else that arrives from a virtual machine.
    LeaveRerouted(pattern: Option<InterfacePattern>) = Inbound "leave-rerouted",
    /// Bypasses the proxy's tunnel port.
    LeaveTunnelPort = Inbound "leave-tunnel-port",
    /// Redirects inbound TCP.
    RedirectInbound = Inbound "redirect",

    /// Drops packets that connection tracking calls invalid.
    DropInvalid = InboundMangle "drop-invalid",
    /// Gives the connection the tproxy mark that its packet has already.
    SaveMark = InboundMangle "save-mark",
    /// Bypasses what comes in on `lo` without the proxy's mark.
    LeaveLoopback = InboundMangle "leave-loopback",
    /// Bypasses ports that are not included.
    LeaveNotIncludedPort = InboundMangle "leave-not-included-port",
    /// Marks the packets of connections that the transparent listener has.
    DivertTracked = InboundMangle "divert-tracked",
    /// Hands new connections to the transparent listener.
    Tproxy(family: Family) = InboundMangle "tproxy",
    /// Drops what no transparent listener took.
    DropWithoutListener(family: Family) = InboundMangle "drop-without-listener",

    /// Bypasses packets over `lo` that are marked for the transparent listener.
    LeaveTproxiedLoopback = OutboundMangle "leave-tproxied-loopback",
    /// Marks the proxy's calls to its own pod.
    MarkProxy(kind: OwnerKind, id: Option<OwnerId>, family: Family) = OutboundMangle "mark-proxy",
    /// Gives the packet the tproxy mark of its connection.
    RestoreMark = OutboundMangle "restore-mark",
}

impl RuleId {
    /// `uid`, `gid`, `tcp` or `udp`, if the id has one of them.
    #[must_use]
    pub fn kind(&self) -> Option<&'static str> {
        self.parts().ok()?.kind
    }

    /// The value at the end, if the id has one: an owner, an interface, an address, a position.
    #[must_use]
    pub fn value(&self) -> Option<String> {
        Some(self.parts().ok()?.value?.to_string())
    }

    /// The id with `*` in place of the family, of the value, or of both.
    #[must_use]
    pub fn masked(&self, family: bool, value: bool) -> String {
        let Ok(mut parts) = self.parts() else {
            return self.to_string();
        };
        if family {
            parts.family = parts.family.map(|_| "*");
        }
        if value {
            parts.value = parts.value.map(|_| &"*" as &dyn fmt::Display);
        }
        parts.to_string()
    }
}

impl From<&str> for RuleId {
    /// The id of this text; a text that no id of the plan has stays what it is, in [`RuleId::Other`].
    fn from(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self::Other(text.to_owned()))
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            Ok(parts) => parts.fmt(f),
            Err(text) => f.write_str(text),
        }
    }
}

impl Serialize for RuleId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The parts of an id, in the order of its text.
struct Parts<'a> {
    chain: &'static str,
    purpose: &'static str,
    /// The kind of owner, or the protocol.
    kind: Option<&'static str>,
    family: Option<&'static str>,
    value: Option<&'a dyn fmt::Display>,
}

impl<'a> Parts<'a> {
    const fn new(purpose: &'static str) -> Self {
        Self {
            chain: "",
            purpose,
            kind: None,
            family: None,
            value: None,
        }
    }

    fn with(mut self, part: &'a impl Part) -> Self {
        part.write(&mut self);
        self
    }
}

impl fmt::Display for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.chain)?;
        f.write_str("/")?;
        f.write_str(self.purpose)?;
        for suffix in [self.kind, self.family].into_iter().flatten() {
            f.write_str("-")?;
            f.write_str(suffix)?;
        }
        if let Some(value) = self.value {
            f.write_str("/")?;
            value.fmt(f)?;
        }
        Ok(())
    }
}

/// The text of an id, of which the chain is known.
#[derive(Clone, Copy)]
struct Unread<'a> {
    text: &'a str,
    chain: BaseChain,
    /// The purpose with its suffixes, and then the suffixes alone.
    purpose: &'a str,
    value: &'a str,
}

impl<'a> Unread<'a> {
    fn new(text: &'a str) -> Option<Self> {
        let (prefix, rest) = text.split_once('/')?;
        let mut chains = BaseChain::ALL.into_iter();
        let (purpose, value) = rest.split_once('/').unwrap_or((rest, ""));
        Some(Self {
            text,
            chain: chains.find(|chain| chain.id_prefix() == prefix)?,
            purpose,
            value,
        })
    }

    fn of(self, purpose: &str) -> Option<Self> {
        let suffixes = self.purpose.strip_prefix(purpose)?;
        Some(Self {
            purpose: suffixes,
            ..self
        })
    }

    /// The id, if it has the whole text.
    fn exactly(&self, id: impl FnOnce() -> Option<RuleId>) -> Option<RuleId> {
        id().filter(|id| is_text_of(self.text, id))
    }
}

/// A value in an id. Reading is lenient; [`Unread::exactly`] compares the result with the text.
trait Part: Sized {
    fn write<'a>(&'a self, parts: &mut Parts<'a>);
    fn read(text: &Unread<'_>) -> Option<Self>;
}

impl Part for BaseChain {
    fn write<'a>(&'a self, parts: &mut Parts<'a>) {
        parts.chain = self.id_prefix();
    }

    fn read(text: &Unread<'_>) -> Option<Self> {
        Some(text.chain)
    }
}

impl Part for Family {
    fn write<'a>(&'a self, parts: &mut Parts<'a>) {
        parts.family = Some(self.name());
    }

    fn read(text: &Unread<'_>) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|family| text.purpose.ends_with(family.name()))
    }
}

impl Part for Option<Family> {
    fn write<'a>(&'a self, parts: &mut Parts<'a>) {
        parts.family = self.map(Family::name);
    }

    fn read(text: &Unread<'_>) -> Option<Self> {
        Some(Family::read(text))
    }
}

/// Suffixes before the family.
macro_rules! kinds {
    ($($type:ty),+) => {$(
        impl Part for $type {
            fn write<'a>(&'a self, parts: &mut Parts<'a>) {
                parts.kind = Some(self.name());
            }

            fn read(text: &Unread<'_>) -> Option<Self> {
                let suffix = text.purpose.strip_prefix('-')?;
                let mut all = Self::ALL.into_iter();
                all.find(|kind| suffix.starts_with(kind.name()))
            }
        }
    )+};
}

kinds!(OwnerKind, Protocol);

/// Values at the end, which a rule for several of them does without.
macro_rules! values {
    ($($type:ty),+) => {$(
        impl Part for Option<$type> {
            fn write<'a>(&'a self, parts: &mut Parts<'a>) {
                parts.value = self.as_ref().map(|value| value as &dyn fmt::Display);
            }

            fn read(text: &Unread<'_>) -> Option<Self> {
                Some(<$type>::read(text))
            }
        }

        impl Part for $type {
            fn write<'a>(&'a self, parts: &mut Parts<'a>) {
                parts.value = Some(self);
            }

            fn read(text: &Unread<'_>) -> Option<Self> {
                text.value.parse().ok()
            }
        }
    )+};
}

values!(OwnerId, usize, IpAddr, InterfacePattern);
