//! Consequences of options that are valid but probably not intended.

use crate::intent::{Family, Port};

/// The consequence of an option. Other options are named as the user wrote or would write them.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Consequence {
    /// The inbound and outbound ports are the same.
    #[error(
        "also the proxy's outbound port: the proxy cannot tell inbound from outbound connections"
    )]
    InboundIsOutbound,
    /// The tunnel port, which is never redirected, is the inbound port.
    #[error(
        "also the proxy's inbound port: captured connections arrive where the proxy expects its own mutual TLS"
    )]
    TunnelIsInbound,
    /// The tunnel port, which is never redirected, is the outbound port.
    #[error(
        "also the proxy's outbound port: other pods can connect to it, and through it to everything that this pod can reach"
    )]
    TunnelIsOutbound,
    /// Other pods can connect to a listener of the proxy.
    #[error(
        "contains the proxy's own port {0}: other pods can connect to that listener directly, past the proxy's inbound side"
    )]
    ProxyPortOpen(Port),
    /// Connections to the port are not captured.
    #[error(
        "contains the proxy's own port {0}: connections to that port on any host bypass the proxy"
    )]
    ProxyPortBypassed(Port),
    /// Connections of root are not captured.
    #[error(
        "contains id 0: no connection of a process that runs as root is captured, including the application's"
    )]
    RootIsProxy,
    /// The proxy has no owner.
    #[error(
        "no user or group is the proxy: its own connections are captured again, in a loop, unless another option excludes them"
    )]
    NoProxyOwner,
    /// The excluded ports are not used.
    #[error("not used: {included} lists ports, and only those are captured")]
    ExclusionsNotUsed {
        /// The option for included ports.
        included: String,
    },
    /// Everything is excluded.
    #[error("no connection of the pod is captured, neither inbound nor outbound")]
    NothingCaptured,
    /// All users or groups are excluded.
    #[error("no outbound connection is captured: all users or groups are excluded")]
    NoOwnerCaptured,
    /// Exclusions come first.
    #[error("contains ports that are also in {excluded}: connections to them are not captured")]
    AlsoExcluded {
        /// The option for excluded ports.
        excluded: String,
    },
    /// Loopback is captured.
    #[error(
        "contains loopback addresses: connections between processes of the pod are captured, except to the loopback range; \
         * does not capture them"
    )]
    LoopbackCaptured,
    /// Loopback is not captured anyway.
    #[error(
        "contains loopback addresses, which has no effect: connections between processes of the pod are not captured anyway"
    )]
    LoopbackNotCaptured,
    /// The loopback interface is excluded.
    #[error(
        "contains the loopback interface: the proxy's connections to its own pod do not pass its inbound side"
    )]
    LoopbackInterface,
    /// The proxy has no address to call its application from.
    #[error(
        "has no {} address: the proxy's connections to its own application may be captured again, in a loop", .0.name()
    )]
    NoPassthroughSource(Family),
    /// The family is not captured.
    #[error("contains {} entries, which have no effect: {families} does not capture that family", .family.name())]
    OtherFamily {
        /// The family of the entries.
        family: Family,
        /// The option for families.
        families: String,
    },
    /// The two marks of tproxy mode are the same.
    #[error(
        "also the mark of {other}: the proxy's connections to its own pod do not pass its inbound side"
    )]
    EqualMarks {
        /// The option for the other mark.
        other: String,
    },
    /// The mark of packets without a mark.
    #[error(
        "0 is the mark of every packet without a mark: connections between processes of the pod are captured, too"
    )]
    OutboundMarkOfAll,
    /// No port is captured.
    #[error("tproxy has no effect: {included} is empty, so that no connection reaches the proxy")]
    NoPortCaptured {
        /// The option for included ports.
        included: String,
    },
    /// The chain of tproxy mode comes first.
    #[error(
        "only used for ports that are not captured inbound: in tproxy mode connections to the others go to the inbound port \
         on every interface, unless {excluded} contains the interface, too"
    )]
    TproxyFirst {
        /// The option for excluded interfaces.
        excluded: String,
    },
    /// Reroute interfaces come before excluded ones.
    #[error(
        "contains an interface that is also in {excluded}: traffic that arrives there is captured"
    )]
    ReroutedAnyway {
        /// The option for excluded interfaces.
        excluded: String,
    },
    /// The option is for a mode that is not in use.
    #[error("no effect without {option}{}", with_space(value))]
    NoEffectWithout {
        /// The option for the mode.
        option: String,
        /// The mode, if there are several.
        value: &'static str,
    },
    /// The listed servers are used instead.
    #[error("not read: {servers} has the name servers")]
    NotRead {
        /// The option for name servers.
        servers: String,
    },
    /// The proxy's DNS port is also another one.
    #[error(
        "also the proxy's {0}: the proxy cannot tell DNS over TCP from other connections there"
    )]
    DnsPortTaken(&'static str),
    /// Exclusions come before DNS.
    #[error("contains port 53: DNS is not captured, although {dns} asks for it")]
    DnsExcluded {
        /// The option for DNS.
        dns: String,
    },
    /// UDP other than DNS is never captured.
    #[error(
        "excludes UDP ports, which has no effect: UDP is captured only to port 53, and only with {dns}"
    )]
    NoUdpCaptured {
        /// The option for DNS.
        dns: String,
    },
}

fn with_space(value: &str) -> String {
    if value.is_empty() {
        String::new()
    } else {
        format!(" {value}")
    }
}
