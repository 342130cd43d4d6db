//! Conntrack zones of captured DNS. A query and the proxy's own query for it can have the same tuple; in separate zones
//! they never share a conntrack entry.
//!
//! The zones are those of queries alone. An answer has addresses and ports of its own, which conntrack finds outside of zones,
//! even if another program translated them, as Docker does for its server on loopback.

use crate::intent::{Capture, DNS_PORT, Dns, Family, Protocol, RangeSelection};
use crate::ruleset::{BaseChain, End, Match, Rule, RuleId, SetName, Statement, Test};

use super::builder::{Builder, destination_port, leave, leave_other_family, rule};

/// The zone between the proxy and the DNS servers.
const UPSTREAM: u16 = 1;
/// The zone between the applications and the proxy.
const DOWNSTREAM: u16 = 2;

/// The chain that puts DNS queries into their zones.
pub(super) fn outbound_raw(builder: &mut Builder, capture: &Capture) {
    let Some(dns) = in_zones(capture) else { return };
    let mut rules = Vec::from_iter(leave_other_family(BaseChain::OutboundRaw, capture));
    if dns.is_udp_only() {
        let families = capture.families.iter();
        let without_servers = families.filter(|&family| !dns.has_servers_of(family));
        rules.extend(without_servers.map(|family| {
            let id = RuleId::LeaveFamily(BaseChain::OutboundRaw, family);
            leave(id, [Match::Family(family)])
        }));
    }
    let owners = builder.proxy_owners(capture);
    rules.extend(owners.into_iter().map(|owners| {
        rule(
            RuleId::ZoneProxyQuery(owners.kind, owners.only),
            [QUERY, owners.any],
            in_zone(UPSTREAM),
        )
    }));
    match &dns.servers {
        RangeSelection::All => rules.push(zone_query(None, None)),
        RangeSelection::Only(servers) => {
            let end = End::Destination;
            let servers = builder.ranges(capture, end, SetName::DnsServers, servers);
            let queries = servers.into_iter();
            rules.extend(queries.map(|(family, server)| zone_query(Some(family), Some(server))));
        }
    }
    builder.chain(BaseChain::OutboundRaw, rules);
}

fn zone_query(family: Option<Family>, server: Option<Match>) -> Rule {
    let matches = server.into_iter().chain([QUERY]);
    rule(RuleId::ZoneQuery(family), matches, in_zone(DOWNSTREAM))
}

/// DNS capture, if its packets have zones.
fn in_zones(capture: &Capture) -> Option<&Dns> {
    capture.dns.as_ref().filter(|dns| dns.has_zones())
}

const fn in_zone(zone: u16) -> [Statement; 2] {
    [Statement::SetZone(zone), Statement::Accept]
}

/// `udp dport 53`.
const QUERY: Match = destination_port(Protocol::Udp, Test::Is(DNS_PORT));
