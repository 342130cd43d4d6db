//! Connection-tracking zones of captured DNS. A query and the proxy's own query for it can agree in
//! every part of their tuple; in zones of their own they never share a conntrack entry.

use crate::intent::{Capture, Dns, Protocol, RangeSelection};
use crate::ruleset::{Chain, ChainKind, End, Hook, Match, Priority, Rule, Statement, Test};

use super::builder::{Builder, owner, proxy_owners, rule};
use super::leave_other_family;
use super::outbound::DNS;

/// Between the proxy and the DNS servers.
const UPSTREAM: u16 = 1;
/// Between the applications and the proxy.
const DOWNSTREAM: u16 = 2;

/// The chain that puts outgoing DNS packets into their zones.
pub(super) fn outbound_raw(builder: &mut Builder, capture: &Capture) {
    let Some(dns) = &capture.dns else { return };
    let mut rules = Vec::new();
    rules.extend(leave_other_family("outbound-raw", capture));
    for (kind, word, id) in proxy_owners(capture) {
        rules.push(rule(
            format!("outbound-raw/zone-proxy-query-{word}/{id}"),
            [udp(End::Destination, DNS), owner(kind, Test::Is(id))],
            [Statement::SetZone(UPSTREAM), Statement::Accept],
        ));
    }
    for (kind, word, id) in proxy_owners(capture) {
        rules.push(rule(
            format!("outbound-raw/zone-proxy-reply-{word}/{id}"),
            [udp(End::Source, dns.port), owner(kind, Test::Is(id))],
            [Statement::SetZone(DOWNSTREAM), Statement::Accept],
        ));
    }
    let query = udp(End::Destination, DNS);
    rules.extend(with_servers(
        builder,
        capture,
        dns,
        (
            "outbound-raw/zone-query",
            End::Destination,
            &query,
            DOWNSTREAM,
        ),
    ));
    builder.chain(Chain {
        name: "outbound_raw".into(),
        kind: ChainKind::Filter,
        hook: Hook::Output,
        priority: Priority::Raw,
        rules,
    });
}

/// The chain that puts arriving DNS replies into their zone.
pub(super) fn inbound_raw(builder: &mut Builder, capture: &Capture) {
    let Some(dns) = &capture.dns else { return };
    let mut rules = Vec::new();
    rules.extend(leave_other_family("inbound-raw", capture));
    let reply = udp(End::Source, DNS);
    rules.extend(with_servers(
        builder,
        capture,
        dns,
        ("inbound-raw/zone-reply", End::Source, &reply, UPSTREAM),
    ));
    builder.chain(Chain {
        name: "inbound_raw".into(),
        kind: ChainKind::Filter,
        hook: Hook::Prerouting,
        priority: Priority::Raw,
        rules,
    });
}

/// The rule for the servers whose queries are captured: one for all, or one for each family.
fn with_servers(
    builder: &mut Builder,
    capture: &Capture,
    dns: &Dns,
    (id, end, packet, zone): (&str, End, &Match, u16),
) -> Vec<Rule> {
    let statements = [Statement::SetZone(zone), Statement::Accept];
    match &dns.servers {
        RangeSelection::All => vec![rule(id.to_owned(), [packet.clone()], statements)],
        RangeSelection::Only(servers) => builder
            .ranges(capture, end, "dns_servers", servers)
            .into_iter()
            .map(|(family, server)| {
                let id = format!("{id}-{}", family.name());
                rule(id, [server, packet.clone()], statements)
            })
            .collect(),
    }
}

const fn udp(end: End, port: crate::intent::Port) -> Match {
    Match::Port {
        protocol: Protocol::Udp,
        end,
        test: Test::Is(port),
    }
}
