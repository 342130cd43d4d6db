//! What each rule is for, in words.

use crate::connection::Direction;
use crate::intent::{Family, Protocol};
use crate::printable::printable;
use crate::ruleset::{OwnerKind, RuleId, SetName};

const INBOUND: &str = "the proxy's inbound port";
const OUTBOUND: &str = "the proxy's outbound port";
const DNS: &str = "the proxy's DNS port";
const TUNNEL: &str = "the tunnel port";
const PROXY_QUERY: &str = "is a DNS query of the proxy ({kind} {value})";
const PROXY_QUERY_OF_ANY: &str = "is a DNS query of the proxy (one of its {kind}s)";
const OWN_POD: &str = "is a call of the proxy ({kind} {value}) to its own pod";
const OWN_POD_OF_ANY: &str = "is a call of the proxy (one of its {kind}s) to its own pod";

/// How many values of similar rules are listed.
const VALUES: usize = 4;

/// What is true of the connections that a rule is for.
struct Purpose {
    /// A clause that follows "it", with `{kind}` and `{value}` in place of those of the id.
    clause: &'static str,
    /// The proxy's listener that the rule sends connections to.
    listener: Option<&'static str>,
    /// The port that the rule compares with, unless it is that of DNS.
    port: &'static str,
}

impl Purpose {
    const fn new(clause: &'static str) -> Self {
        Self {
            clause,
            listener: None,
            port: "named by a rule",
        }
    }

    const fn to(mut self, listener: &'static str) -> Self {
        self.listener = Some(listener);
        self
    }

    const fn on(mut self, port: &'static str) -> Self {
        self.port = port;
        self
    }
}

/// What is true of the connections that the rule is for: a clause that follows "it", such as
/// `is made by the proxy (uid 1337)`. `None` for a rule that the plan does not make.
#[must_use]
pub fn purpose(id: &RuleId) -> Option<String> {
    purpose_of_all(std::slice::from_ref(id))
}

/// What is true of the connections that similar rules are for, with the first of their values.
#[must_use]
pub fn purpose_of_all(ids: &[RuleId]) -> Option<String> {
    let first = ids.first()?;
    let clause = of(first)?
        .clause
        .replace("{kind}", first.kind().unwrap_or_default());
    let mut values: Vec<_> = ids.iter().filter_map(RuleId::value).collect();
    values.dedup();
    let others = values.len().saturating_sub(VALUES);
    values.truncate(VALUES);
    if others > 0 {
        values.push(format!("{others} others"));
    }
    Some(clause.replace("{value}", &values.join(" or ")))
}

/// Why `redirect` drops what arrives on the interface: a clause that follows that of [`purpose`].
#[must_use]
pub fn no_address(interface: &str, family: Family) -> String {
    let family = match family {
        Family::Ipv4 => "IPv4",
        Family::Ipv6 => "IPv6",
    };
    let interface = printable(interface);
    format!("but {interface} has no {family} address to redirect to")
}

/// Whether two rules have the same purpose, apart from the family and the value.
#[must_use]
pub fn are_similar(a: &RuleId, b: &RuleId) -> bool {
    let (Some(purpose), Some(other)) = (of(a), of(b)) else {
        return false;
    };
    purpose.clause == other.clause
        && a.kind() == b.kind()
        && (purpose.clause.contains("{value}") || a.value() == b.value())
}

/// The proxy's listener that the rule sends connections to.
#[must_use]
pub fn listener(id: &RuleId) -> Option<&'static str> {
    of(id)?.listener
}

/// What the port is that the rule compares with, unless it is that of DNS.
pub(super) fn port_words(id: &RuleId) -> &'static str {
    of(id).map_or("named by a rule", |purpose| purpose.port)
}

const fn of(id: &RuleId) -> Option<Purpose> {
    use OwnerKind::{Gid, Uid};
    use Protocol::{Tcp, Udp};
    use Purpose as P;
    Some(match id {
        RuleId::Other(_) => return None,
        RuleId::LeaveFamily(_, Family::Ipv4) => P::new("is IPv4, which is not captured"),
        RuleId::LeaveFamily(_, Family::Ipv6) => P::new("is IPv6, which is not captured"),
        RuleId::LeaveNotTcp(_) => P::new("is not TCP"),
        RuleId::LeaveOpen(..) => P::new("was open before it could be captured"),
        RuleId::LeaveInterface(chain, Some(_)) => P::new(match chain.direction() {
            Direction::In => "arrives on the excluded interface {value}",
            Direction::Out => "leaves on the excluded interface {value}",
        }),
        RuleId::LeaveInterface(chain, None) => P::new(match chain.direction() {
            Direction::In => "arrives on an excluded interface",
            Direction::Out => "leaves on an excluded interface",
        }),
        RuleId::LeavePassthroughSource(chain, _) => P::new(match chain.direction() {
            Direction::In => "arrives on lo from the passthrough source {value}",
            Direction::Out => "leaves on lo from the passthrough source {value}",
        }),
        RuleId::LeavePassthroughSources(chain, _) => P::new(match chain.direction() {
            Direction::In => "arrives on lo from a passthrough source",
            Direction::Out => "leaves on lo from a passthrough source",
        }),
        RuleId::LeaveExcludedSource(..) => P::new("comes from an excluded source"),
        RuleId::LeaveExcludedInboundPort(_) => P::new("goes to an excluded port"),
        RuleId::ZoneProxyQuery(_, Some(_)) => P::new(PROXY_QUERY),
        RuleId::ZoneProxyQuery(_, None) => P::new(PROXY_QUERY_OF_ANY),
        RuleId::ZoneQuery(_) => P::new("is a DNS query"),
        RuleId::LeaveNeitherTcpNorUdp => P::new("is neither TCP nor UDP"),
        RuleId::LeaveExcludedRangeFirst(_) => P::new("goes to a range that is excluded first"),
        RuleId::LeaveExcludedPort(Tcp) => P::new("goes to an excluded TCP port"),
        RuleId::LeaveExcludedPort(Udp) => P::new("goes to an excluded UDP port"),
        RuleId::LeaveExcludedPortOfUid(Tcp, _) => {
            P::new("goes to a TCP port that is excluded for its user")
        }
        RuleId::LeaveExcludedPortOfUid(Udp, _) => {
            P::new("goes to a UDP port that is excluded for its user")
        }
        RuleId::RedirectOwnPod(_, Some(_), _) => P::new(OWN_POD).to(INBOUND).on(TUNNEL),
        RuleId::RedirectOwnPod(_, None, _) => P::new(OWN_POD_OF_ANY).to(INBOUND).on(TUNNEL),
        RuleId::MarkProxy(_, Some(_), _) => P::new(OWN_POD),
        RuleId::MarkProxy(_, None, _) => P::new(OWN_POD_OF_ANY),
        RuleId::LeaveLoopbackNot(..) => {
            P::new("stays in the pod and is not made by the proxy ({kind} {value})")
        }
        RuleId::LeaveProxy(_, Some(_)) => P::new("is made by the proxy ({kind} {value})"),
        RuleId::LeaveProxy(_, None) => P::new("is made by the proxy (one of its {kind}s)"),
        RuleId::LeaveExcludedOwner(Uid) => P::new("is made by an excluded user"),
        RuleId::LeaveExcludedOwner(Gid) => P::new("is made by an excluded group"),
        RuleId::LeaveNotIncludedOwner(Uid) => P::new("is made by a user that is not included"),
        RuleId::LeaveNotIncludedOwner(Gid) => P::new("is made by a group that is not included"),
        RuleId::RedirectDns(Tcp, _) => P::new("is a DNS query over TCP").to(DNS),
        RuleId::RedirectDns(Udp, _) => P::new("is a DNS query over UDP").to(DNS),
        RuleId::ForwardDns(Tcp, _) => P::new("is a DNS query over TCP"),
        RuleId::ForwardDns(Udp, _) => P::new("is a DNS query over UDP"),
        RuleId::LeaveDnsOverTcp(_) => P::new("is DNS over TCP"),
        RuleId::LeaveLoopbackRange(_) => P::new("goes to the loopback range"),
        RuleId::LeaveExcludedRange(_) => P::new("goes to an excluded range"),
        RuleId::RedirectIncludedPort => P::new("goes to an included port").to(OUTBOUND),
        RuleId::RedirectIncludedRange(_) => P::new("goes to an included range").to(OUTBOUND),
        RuleId::RedirectOutbound => P::new("is TCP and matches no exclusion").to(OUTBOUND),
        RuleId::RedirectVirtualDns(..) => {
            P::new("is a DNS query from the virtual network on {value}").to(DNS)
        }
        RuleId::RedirectVirtual(..) => P::new("leaves the virtual network on {value}").to(OUTBOUND),
        RuleId::Reroute(Some(_)) => {
            P::new("arrives on the rerouted interface {value}").to(OUTBOUND)
        }
        RuleId::Reroute(None) => P::new("arrives on a rerouted interface").to(OUTBOUND),
        RuleId::RerouteIncludedRange(_, Some(_)) => {
            P::new("arrives on the rerouted interface {value} and goes to an included range")
                .to(OUTBOUND)
        }
        RuleId::RerouteIncludedRange(_, None) => {
            P::new("arrives on a rerouted interface and goes to an included range").to(OUTBOUND)
        }
        RuleId::LeaveRerouted(Some(_)) => {
            P::new("arrives on the rerouted interface {value} and is not captured there")
        }
        RuleId::LeaveRerouted(None) => {
            P::new("arrives on a rerouted interface and is not captured there")
        }
        RuleId::LeaveTunnelPort => P::new("goes to the proxy's tunnel port").on(TUNNEL),
        RuleId::RedirectInbound | RuleId::Tproxy(_) => {
            P::new("goes to a captured port").to(INBOUND)
        }
        RuleId::DropInvalid => P::new("is a packet that belongs to no connection"),
        RuleId::SaveMark => P::new("already has the tproxy mark"),
        RuleId::LeaveLoopback => {
            P::new("arrives on lo and is not a call of the proxy to its own pod")
        }
        RuleId::LeaveNotIncludedPort => P::new("goes to a port that is not included"),
        RuleId::DivertTracked => P::new("belongs to an established connection"),
        RuleId::DropWithoutListener(_) => P::new("finds no transparent listener"),
        RuleId::LeaveTproxiedLoopback => P::new("leaves on lo with the tproxy mark"),
        RuleId::RestoreMark => P::new("belongs to a connection that arrived with the tproxy mark"),
    })
}

/// What the elements of a set have in common.
pub(super) const fn set_words(name: &SetName) -> &'static str {
    match name {
        SetName::OutboundExcludePortsUids(_) => "with excluded ports",
        SetName::OutboundExcludePortsForUids(_) | SetName::OutboundExcludeUidPorts(_) => {
            "excluded for users"
        }
        SetName::OutboundExcludePorts | SetName::InboundExcludePorts => "an excluded port",
        SetName::OutboundIncludePorts | SetName::InboundIncludePorts => "an included port",
        SetName::OutboundExclude(_) => "an excluded range",
        SetName::OutboundExcludeFirst(_) => "a range excluded first",
        SetName::OutboundInclude(_) => "an included range",
        SetName::InboundExclude(_) => "from an excluded source",
        SetName::ProxyOwners(_) => "proxy",
        SetName::ExcludeInterfaces => "an excluded interface",
        SetName::RerouteInterfaces => "a rerouted interface",
        SetName::PassthroughSources(_) => "a passthrough source",
        SetName::DnsServers(_) => "a DNS server",
        SetName::OpenConnections(_) => "open before capture",
        SetName::OutboundExcludeOwners(_) => "excluded",
        SetName::OutboundIncludeOwners(_) => "included",
        SetName::Other(_) => "of a set",
    }
}
