//! What can come of options that are valid together.

use crate::intent::{Family, Port};

/// What comes of an option.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Consequence {
    /// The two listeners are one.
    #[error(
        "is the proxy's outbound port, too: the proxy cannot tell captured inbound from captured outbound connections"
    )]
    InboundIsOutbound,
    /// The tunnel port is never redirected.
    #[error(
        "is the proxy's inbound port, too: captured connections arrive where the proxy expects its own mutual TLS"
    )]
    TunnelIsInbound,
    /// The outbound listener is open to everyone.
    #[error(
        "is the proxy's outbound port, too: other pods reach the proxy's outbound side, and through it whatever this pod reaches"
    )]
    TunnelIsOutbound,
    /// A listener of the proxy is open to peers.
    #[error(
        "has the proxy's own port {0}: other pods reach that listener directly, past the inbound side of the proxy"
    )]
    ProxyPortOpen(Port),
    /// Connections to the port go around the proxy.
    #[error(
        "has the proxy's own port {0}: connections to that port of any host go around the proxy"
    )]
    ProxyPortPassedBy(Port),
    /// Root is the proxy.
    #[error(
        "has id 0: no connection that a process of root makes is captured, the application's own included"
    )]
    RootIsProxy,
    /// Nobody is the proxy.
    #[error(
        "leaves nobody to be the proxy: its own connections are captured again, without end, unless another option leaves them alone"
    )]
    NobodyIsProxy,
    /// The list has no say.
    #[error(
        "is not consulted, since --include-inbound-ports names the ports: of these alone connections are captured"
    )]
    NotConsulted,
    /// The list is empty, or everything is excluded.
    #[error("leaves no connection of the pod to capture, neither inbound nor outbound")]
    NothingCaptured,
    /// Nobody is included, or everybody excluded.
    #[error("leaves nobody whose outbound connections are captured")]
    NobodyCaptured,
    /// Exclusion comes first.
    #[error("has ports that --exclude-outbound-ports has, too: connections to them are left alone")]
    ExcludedAnyway,
    /// Loopback is captured.
    #[error(
        "reaches loopback: connections between the pod's own processes are captured, too, save those to the loopback range; * leaves them alone"
    )]
    LoopbackCaptured,
    /// Loopback is left alone without.
    #[error(
        "reaches loopback, to no effect: connections between the pod's own processes are left alone anyway"
    )]
    LoopbackLeftAnyway,
    /// The loopback interface is excluded.
    #[error(
        "has the loopback interface: the proxy's connections to its own pod do not pass its inbound side"
    )]
    LoopbackInterface,
    /// The proxy has no address to call its application from.
    #[error(
        "has no {} address: the proxy's connections to its own application may be captured again, without end", .0.name()
    )]
    NoPassthroughSource(Family),
    /// The family is not captured.
    #[error("has {} entries, to no effect: --ip-families leaves that family alone", .0.name())]
    OtherFamily(Family),
    /// The two marks of tproxy mode are one.
    #[error(
        "is --tproxy-mark, too: the proxy's connections to its own pod do not pass its inbound side"
    )]
    EqualMarks,
    /// The mark of the proxy's packets is the mark of all.
    #[error(
        "is 0, the mark of every packet that nobody marked: connections between the pod's own processes are captured, too"
    )]
    OutboundMarkOfAll,
    /// There is nothing to hand to the transparent listener.
    #[error(
        "is tproxy to no effect: --include-inbound-ports is empty, so that no connection is handed to the proxy"
    )]
    NothingToHandOver,
    /// The chain of tproxy mode comes first.
    #[error(
        "is of use for ports that are not captured inbound: in tproxy mode connections to the others go to the inbound port, wherever they arrive, unless --exclude-interfaces has the interface, too"
    )]
    HandedOverFirst,
    /// Exclusion is decided second.
    #[error("has an interface that --exclude-interfaces has, too: what arrives there is captured")]
    ReroutedAnyway,
    /// The option is for a mode that is not in use.
    #[error("has no effect without {0}")]
    NoEffectWithout(&'static str),
    /// Servers that are listed are not read.
    #[error("is not read, since --dns-servers has the name servers")]
    NotRead,
    /// DNS over TCP and other connections meet.
    #[error(
        "is the proxy's {0}, too: the proxy cannot tell DNS over TCP from other connections there"
    )]
    DnsPortTaken(&'static str),
    /// Exclusion comes before DNS.
    #[error("has port 53: DNS is left alone, although --dns asks for it")]
    DnsExcluded,
    /// Of UDP only DNS is captured.
    #[error(
        "excludes UDP ports, to no effect: of UDP only DNS, to port 53, is captured, and only with --dns"
    )]
    NoUdpCaptured,
}
