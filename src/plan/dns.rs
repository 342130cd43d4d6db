//! Conntrack zones of captured DNS. A query and the proxy's own query for it can have the same tuple; in separate zones
//! they never share a conntrack entry.

use crate::intent::{Capture, DNS_PORT, Dns, Family, Port, Protocol, RangeSelection};
use crate::ruleset::{BaseChain, End, Match, Rule, RuleId, SetName, Statement, Test};

use super::builder::{Builder, leave, leave_other_family, rule};

/// The zone between the proxy and the DNS servers.
const UPSTREAM: u16 = 1;
/// The zone between the applications and the proxy.
const DOWNSTREAM: u16 = 2;

/// The chain that puts outgoing DNS packets into their zones.
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
    rules.extend(owners.iter().map(|owners| {
        rule(
            RuleId::ZoneProxyQuery(owners.kind, owners.only),
            [udp(End::Destination, DNS_PORT), owners.any.clone()],
            in_zone(UPSTREAM),
        )
    }));
    rules.extend(owners.iter().map(|owners| {
        rule(
            RuleId::ZoneProxyReply(owners.kind, owners.only),
            [udp(End::Source, dns.port), owners.any.clone()],
            in_zone(DOWNSTREAM),
        )
    }));
    let end = End::Destination;
    rules.extend(with_servers(
        builder,
        capture,
        dns,
        (RuleId::ZoneQuery, end, DOWNSTREAM),
    ));
    builder.chain(BaseChain::OutboundRaw, rules);
}

/// The chain that puts incoming DNS answers into their zone.
pub(super) fn inbound_raw(builder: &mut Builder, capture: &Capture) {
    let Some(dns) = in_zones(capture) else { return };
    let mut rules = Vec::from_iter(leave_other_family(BaseChain::InboundRaw, capture));
    let end = End::Source;
    rules.extend(with_servers(
        builder,
        capture,
        dns,
        (RuleId::ZoneReply, end, UPSTREAM),
    ));
    builder.chain(BaseChain::InboundRaw, rules);
}

/// DNS capture, if its packets have zones.
fn in_zones(capture: &Capture) -> Option<&Dns> {
    capture.dns.as_ref().filter(|dns| dns.has_zones())
}

/// The rule for packets to or from the servers whose queries are captured: one for all, or one for each family.
fn with_servers(
    builder: &mut Builder,
    capture: &Capture,
    dns: &Dns,
    (id, end, zone): (fn(Option<Family>) -> RuleId, End, u16),
) -> Vec<Rule> {
    let packet = udp(end, DNS_PORT);
    match &dns.servers {
        RangeSelection::All => vec![rule(id(None), [packet], in_zone(zone))],
        RangeSelection::Only(servers) => builder
            .ranges(capture, end, SetName::DnsServers, servers)
            .into_iter()
            .map(|(family, server)| rule(id(Some(family)), [server, packet.clone()], in_zone(zone)))
            .collect(),
    }
}

const fn in_zone(zone: u16) -> [Statement; 2] {
    [Statement::SetZone(zone), Statement::Accept]
}

const fn udp(end: End, port: Port) -> Match {
    Match::Port {
        protocol: Protocol::Udp,
        end,
        test: Test::Is(port),
    }
}
