//! The ids of rules in words.

use crate::ruleset::RuleId;

/// What is true of the connections that the rule of this id is for: a clause that goes on after "it", such as
/// `is made by the proxy (uid 1337)`. `None` for an id that no rule of ours has.
#[must_use]
pub fn purpose(id: &RuleId) -> Option<String> {
    let (_, _, value) = parts(id)?;
    Some(template(id)?.replace("{}", value))
}

/// What is true of the connections that alike rules are for.
#[must_use]
pub fn purpose_of_all(ids: &[RuleId]) -> Option<String> {
    let mut values: Vec<_> = ids
        .iter()
        .filter_map(parts)
        .map(|(_, _, value)| value)
        .collect();
    values.dedup();
    let some: Vec<_> = values.iter().take(VALUES).copied().collect();
    let some = some.join(" or ");
    let value = match values.len() {
        all if all > VALUES => format!("{some} or {} others", all - VALUES),
        _ => some,
    };
    Some(template(ids.first()?)?.replace("{}", &value))
}

/// Whether rules are for the same, apart from the family and the value that each is for.
#[must_use]
pub fn are_alike(a: &RuleId, b: &RuleId) -> bool {
    match (parts(a), parts(b), template(a)) {
        (Some((chain, purpose, value)), Some((other_chain, other, other_value)), Some(words)) => {
            chain == other_chain
                && purpose == other
                && (value == other_value || words.contains("{}"))
        }
        (None, _, _) | (_, None, _) | (_, _, None) => false,
    }
}

/// So many values are told of alike rules.
const VALUES: usize = 4;

/// The clause, with `{}` in place of the value.
fn template(id: &RuleId) -> Option<&'static str> {
    let (chain, purpose, _) = parts(id)?;
    match chain {
        "outbound" => outbound(purpose),
        "inbound" => inbound(purpose),
        "outbound-packet" => outbound_packet(purpose),
        "inbound-packet" => inbound_packet(purpose),
        "outbound-raw" | "inbound-raw" => raw(purpose),
        _ => None,
    }
}

/// Which of the proxy's listeners the rule of this id sends connections to.
#[must_use]
pub fn listener(id: &RuleId) -> Option<&'static str> {
    let (chain, purpose, _) = parts(id)?;
    match (chain, purpose) {
        ("outbound", "redirect-dns-tcp" | "redirect-dns-udp") => Some("the proxy's DNS port"),
        ("outbound", "redirect-own-pod-uid" | "redirect-own-pod-gid")
        | ("inbound", "redirect")
        | ("inbound-packet", "tproxy") => Some("the proxy's inbound port"),
        ("outbound", "redirect" | "redirect-included-port" | "redirect-included-range")
        | ("inbound", "reroute" | "reroute-included-range") => Some("the proxy's outbound port"),
        _ => None,
    }
}

pub(super) const DNS_SERVER: &str = "a DNS server";

/// What the elements of the set of this name have in common.
pub(super) fn set_words(name: &str) -> &'static str {
    let of_users = name.starts_with("outbound_exclude_ports_");
    let name = name.trim_end_matches("_ipv4").trim_end_matches("_ipv6");
    match name {
        _ if of_users && name.ends_with("_uids") => "with excluded ports",
        _ if of_users => "excluded for users",
        "outbound_exclude_ports" | "inbound_exclude_ports" => "an excluded port",
        "outbound_include_ports" | "inbound_include_ports" => "an included port",
        "outbound_exclude" => "an excluded range",
        "outbound_include" => "an included range",
        "inbound_exclude" => "from an excluded source",
        "dns_servers" => DNS_SERVER,
        "outbound_exclude_uids" | "outbound_exclude_gids" => "excluded",
        "outbound_include_uids" | "outbound_include_gids" => "included",
        _ => "of a set",
    }
}

/// The chain, the purpose without the family that it may end with, and the value that it is for.
fn parts(id: &RuleId) -> Option<(&str, &str, &str)> {
    let (chain, rest) = id.as_str().split_once('/')?;
    let (purpose, value) = rest.split_once('/').unwrap_or((rest, ""));
    let without_family = purpose
        .strip_suffix("-ipv4")
        .or_else(|| purpose.strip_suffix("-ipv6"));
    // `leave-ipv6` is a purpose of its own.
    let purpose = without_family
        .filter(|&purpose| purpose != "leave")
        .unwrap_or(purpose);
    Some((chain, purpose, value))
}

fn outbound(purpose: &str) -> Option<&'static str> {
    Some(match purpose {
        "leave-interface" => "leaves by the excluded interface {}",
        "leave-excluded-port-tcp" | "leave-excluded-port-udp" => "goes to an excluded port",
        "leave-excluded-port-of-uid-tcp" | "leave-excluded-port-of-uid-udp" => {
            "goes to a port that is excluded for its user"
        }
        "leave-passthrough-source" => "leaves by lo from the passthrough source {}",
        "redirect-own-pod-uid" => "is a call of the proxy (uid {}) to its own pod",
        "redirect-own-pod-gid" => "is a call of the proxy (gid {}) to its own pod",
        "leave-loopback-not-uid" => "stays in the pod and is not made by the proxy (uid {})",
        "leave-loopback-not-gid" => "stays in the pod and is not made by the proxy (gid {})",
        "leave-proxy-uid" => "is made by the proxy (uid {})",
        "leave-proxy-gid" => "is made by the proxy (gid {})",
        "leave-excluded-uid" => "is made by an excluded user",
        "leave-excluded-gid" => "is made by an excluded group",
        "leave-not-included-uid" => "is made by a user that is not included",
        "leave-not-included-gid" => "is made by a group that is not included",
        "redirect-dns-tcp" => "is a DNS query over TCP",
        "redirect-dns-udp" => "is a DNS query over UDP",
        "leave-loopback-range" => "goes to the loopback range",
        "leave-excluded-range" => "goes to an excluded range",
        "redirect-included-port" => "goes to an included port",
        "redirect-included-range" => "goes to an included range",
        "redirect" => "is TCP that no exclusion fits",
        other => return of_any_chain(other),
    })
}

fn inbound(purpose: &str) -> Option<&'static str> {
    Some(match purpose {
        "reroute" => "arrives by the rerouted interface {}",
        "reroute-included-range" => {
            "arrives by the rerouted interface {} and goes to an included range"
        }
        "leave-rerouted" => "arrives by the rerouted interface {} and is not captured there",
        "leave-interface" => "arrives by the excluded interface {}",
        "leave-tunnel-port" => "goes to the proxy's tunnel port",
        "leave-excluded-source" => "comes from an excluded source",
        "leave-excluded-port" => "goes to an excluded port",
        "redirect" => "goes to a captured port",
        other => return of_any_chain(other),
    })
}

fn outbound_packet(purpose: &str) -> Option<&'static str> {
    Some(match purpose {
        "leave-interface" => "leaves by the excluded interface {}",
        "leave-tproxied-loopback" => "leaves by lo with the tproxy mark",
        "mark-proxy-uid" => "is a call of the proxy (uid {}) to its own pod",
        "mark-proxy-gid" => "is a call of the proxy (gid {}) to its own pod",
        "restore-mark" => "belongs to a connection that arrived with the tproxy mark",
        other => return of_any_chain(other),
    })
}

fn inbound_packet(purpose: &str) -> Option<&'static str> {
    Some(match purpose {
        "drop-invalid" => "is a packet that fits no connection",
        "leave-interface" => "arrives by the excluded interface {}",
        "save-mark" => "bears the tproxy mark already",
        "leave-passthrough-source" => "comes by lo from the passthrough source {}",
        "leave-loopback" => "comes by lo and is not a call of the proxy to its own pod",
        "leave-excluded-source" => "comes from an excluded source",
        "leave-excluded-port" => "goes to an excluded port",
        "leave-not-included-port" => "goes to a port that is not included",
        "divert-tracked" => "belongs to a connection that is known already",
        "tproxy" => "goes to a captured port",
        "drop-without-listener" => "finds no transparent listener",
        other => return of_any_chain(other),
    })
}

fn raw(purpose: &str) -> Option<&'static str> {
    Some(match purpose {
        "zone-proxy-query-uid" => "is a DNS query of the proxy (uid {})",
        "zone-proxy-query-gid" => "is a DNS query of the proxy (gid {})",
        "zone-proxy-reply-uid" => "is an answer of the proxy (uid {}) to a DNS query",
        "zone-proxy-reply-gid" => "is an answer of the proxy (gid {}) to a DNS query",
        "zone-query" => "is a DNS query",
        "zone-reply" => "is a DNS server's answer",
        other => return of_any_chain(other),
    })
}

fn of_any_chain(purpose: &str) -> Option<&'static str> {
    Some(match purpose {
        "leave-not-tcp" => "is not TCP",
        "leave-neither-tcp-nor-udp" => "is neither TCP nor UDP",
        "leave-ipv4" => "is IPv4, which is not captured",
        "leave-ipv6" => "is IPv6, which is not captured",
        _ => return None,
    })
}
