//! What each rule is for, in words.

use crate::connection::Direction;
use crate::intent::{Family, OwnerId, Protocol};
use crate::ruleset::{OwnerKind, RuleId, SetName};

const INBOUND: &str = "the proxy's inbound port";
const OUTBOUND: &str = "the proxy's outbound port";
const DNS: &str = "the proxy's DNS port";

/// How many values of similar rules are listed.
const VALUES: usize = 4;

/// What is true of the connections that a rule is for.
struct Purpose {
    /// A clause that follows "it", with `{}` in place of the value.
    clause: &'static str,
    /// The value that the rule is for: an interface, an address, an owner.
    value: String,
    /// The proxy's listener that the rule sends connections to.
    listener: Option<&'static str>,
}

impl Purpose {
    fn new(clause: &'static str) -> Self {
        Self {
            clause,
            value: String::new(),
            listener: None,
        }
    }

    fn of(self, value: &impl ToString) -> Self {
        Self {
            value: value.to_string(),
            ..self
        }
    }

    fn to(self, listener: &'static str) -> Self {
        Self {
            listener: Some(listener),
            ..self
        }
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
    let purposes: Option<Vec<_>> = ids.iter().map(of).collect();
    let purposes = purposes?;
    let mut values: Vec<_> = purposes.iter().map(|one| one.value.as_str()).collect();
    values.dedup();
    let shown = values.iter().take(VALUES).copied();
    let mut value = shown.collect::<Vec<_>>().join(" or ");
    if values.len() > VALUES {
        value = format!("{value} or {} others", values.len() - VALUES);
    }
    Some(purposes.first()?.clause.replace("{}", &value))
}

/// Whether two rules have the same purpose, apart from the family and the value.
#[must_use]
pub fn are_similar(a: &RuleId, b: &RuleId) -> bool {
    match (of(a), of(b)) {
        (Some(a), Some(b)) => {
            a.clause == b.clause && (a.value == b.value || a.clause.contains("{}"))
        }
        (None, _) | (_, None) => false,
    }
}

/// The proxy's listener that the rule sends connections to.
#[must_use]
pub fn listener(id: &RuleId) -> Option<&'static str> {
    of(id)?.listener
}

fn of(id: &RuleId) -> Option<Purpose> {
    use OwnerKind::{Gid, Uid};
    use Protocol::{Tcp, Udp};
    use Purpose as P;
    Some(match id {
        RuleId::Other(_) => return None,
        RuleId::LeaveFamily(_, Family::Ipv4) => P::new("is IPv4, which is not captured"),
        RuleId::LeaveFamily(_, Family::Ipv6) => P::new("is IPv6, which is not captured"),
        RuleId::LeaveNotTcp(_) => P::new("is not TCP"),
        RuleId::LeaveInterface(chain, pattern) => P::new(match chain.direction() {
            Direction::In => "arrives on the excluded interface {}",
            Direction::Out => "leaves on the excluded interface {}",
        })
        .of(pattern),
        RuleId::LeavePassthroughSource(chain, source) => P::new(match chain.direction() {
            Direction::In => "arrives on lo from the passthrough source {}",
            Direction::Out => "leaves on lo from the passthrough source {}",
        })
        .of(source),
        RuleId::LeaveExcludedSource(..) => P::new("comes from an excluded source"),
        RuleId::LeaveExcludedInboundPort(_) => P::new("goes to an excluded port"),
        RuleId::ZoneProxyQuery(Uid, id) => P::new("is a DNS query of the proxy (uid {})").of(id),
        RuleId::ZoneProxyQuery(Gid, id) => P::new("is a DNS query of the proxy (gid {})").of(id),
        RuleId::ZoneProxyReply(Uid, id) => P::new("is a DNS answer of the proxy (uid {})").of(id),
        RuleId::ZoneProxyReply(Gid, id) => P::new("is a DNS answer of the proxy (gid {})").of(id),
        RuleId::ZoneQuery(_) => P::new("is a DNS query"),
        RuleId::ZoneReply(_) => P::new("is an answer of a DNS server"),
        RuleId::LeaveNeitherTcpNorUdp => P::new("is neither TCP nor UDP"),
        RuleId::LeaveExcludedPort(Tcp) => P::new("goes to an excluded TCP port"),
        RuleId::LeaveExcludedPort(Udp) => P::new("goes to an excluded UDP port"),
        RuleId::LeaveExcludedPortOfUid(Tcp, nth) => {
            P::new("goes to a TCP port that is excluded for its user").of(nth)
        }
        RuleId::LeaveExcludedPortOfUid(Udp, nth) => {
            P::new("goes to a UDP port that is excluded for its user").of(nth)
        }
        RuleId::RedirectOwnPod(kind, id, _) => of_own_pod(*kind, *id).to(INBOUND),
        RuleId::MarkProxy(kind, id, _) => of_own_pod(*kind, *id),
        RuleId::LeaveLoopbackNot(Uid, id) => {
            P::new("stays in the pod and is not made by the proxy (uid {})").of(id)
        }
        RuleId::LeaveLoopbackNot(Gid, id) => {
            P::new("stays in the pod and is not made by the proxy (gid {})").of(id)
        }
        RuleId::LeaveProxy(Uid, id) => P::new("is made by the proxy (uid {})").of(id),
        RuleId::LeaveProxy(Gid, id) => P::new("is made by the proxy (gid {})").of(id),
        RuleId::LeaveExcludedOwner(Uid) => P::new("is made by an excluded user"),
        RuleId::LeaveExcludedOwner(Gid) => P::new("is made by an excluded group"),
        RuleId::LeaveNotIncludedOwner(Uid) => P::new("is made by a user that is not included"),
        RuleId::LeaveNotIncludedOwner(Gid) => P::new("is made by a group that is not included"),
        RuleId::RedirectDns(Tcp, _) => P::new("is a DNS query over TCP").to(DNS),
        RuleId::RedirectDns(Udp, _) => P::new("is a DNS query over UDP").to(DNS),
        RuleId::LeaveDnsOverTcp(_) => P::new("is DNS over TCP"),
        RuleId::LeaveLoopbackRange(_) => P::new("goes to the loopback range"),
        RuleId::LeaveExcludedRange(_) => P::new("goes to an excluded range"),
        RuleId::RedirectIncludedPort => P::new("goes to an included port").to(OUTBOUND),
        RuleId::RedirectIncludedRange(_) => P::new("goes to an included range").to(OUTBOUND),
        RuleId::RedirectOutbound => P::new("is TCP and matches no exclusion").to(OUTBOUND),
        RuleId::Reroute(pattern) => P::new("arrives on the rerouted interface {}")
            .of(pattern)
            .to(OUTBOUND),
        RuleId::RerouteIncludedRange(_, pattern) => {
            P::new("arrives on the rerouted interface {} and goes to an included range")
                .of(pattern)
                .to(OUTBOUND)
        }
        RuleId::LeaveRerouted(pattern) => {
            P::new("arrives on the rerouted interface {} and is not captured there").of(pattern)
        }
        RuleId::LeaveTunnelPort => P::new("goes to the proxy's tunnel port"),
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

fn of_own_pod(kind: OwnerKind, id: OwnerId) -> Purpose {
    Purpose::new(match kind {
        OwnerKind::Uid => "is a call of the proxy (uid {}) to its own pod",
        OwnerKind::Gid => "is a call of the proxy (gid {}) to its own pod",
    })
    .of(&id)
}

/// What the elements of a set have in common.
pub(super) const fn set_words(name: &SetName) -> &'static str {
    match name {
        SetName::OutboundExcludePortsUids(_) => "with excluded ports",
        SetName::OutboundExcludePortsForUids(_) => "excluded for users",
        SetName::OutboundExcludePorts | SetName::InboundExcludePorts => "an excluded port",
        SetName::OutboundIncludePorts | SetName::InboundIncludePorts => "an included port",
        SetName::OutboundExclude(_) => "an excluded range",
        SetName::OutboundInclude(_) => "an included range",
        SetName::InboundExclude(_) => "from an excluded source",
        SetName::DnsServers(_) => "a DNS server",
        SetName::OutboundExcludeOwners(_) => "excluded",
        SetName::OutboundIncludeOwners(_) => "included",
        SetName::Other(_) => "of a set",
    }
}
