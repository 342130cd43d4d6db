//! Outbound connections.

use crate::intent::{
    Capture, DNS_PORT, Dns, DnsOverTcp, Family, IpRanges, OwnerId, Protocol, RangeSelection,
    UidPorts, exclusions_of,
};
use crate::ruleset::{
    BaseChain, Elements, End, Match, OwnerKind, Rule, RuleId, SetName, Statement, Test,
};

use super::builder::{
    Builder, ProxyOwners, TCP, destination_port, leave, leave_other_family, loopback, not_protocol,
    owner, rule, to_loopback_range,
};

/// The chain that redirects outbound connections.
pub(super) fn outbound(builder: &mut Builder, capture: &Capture) {
    let chain = BaseChain::Outbound;
    let mut rules = Vec::from_iter(leave_other_family(chain, capture));
    let everyone = |dns: &&Dns| dns.everyone;
    if let Some(dns) = capture.dns.as_ref().filter(everyone) {
        rules.extend(redirect_dns(builder, capture, dns));
    }
    rules.push(leave_other_protocols(capture));
    rules.extend(leave_ranges(
        builder,
        capture,
        &capture.outbound.exclude_ranges_first,
        SetName::OutboundExcludeFirst,
        RuleId::LeaveExcludedRangeFirst,
    ));
    rules.extend(builder.leave_excluded_interfaces(chain, capture));
    rules.extend(leave_excluded_ports(builder, capture));
    let passthrough = builder.leave_passthrough_sources(chain, capture);
    rules.extend(passthrough.into_iter().map(|rule| {
        Rule {
            matches: of_tcp_only(capture)
                .into_iter()
                .chain(rule.matches)
                .collect(),
            ..rule
        }
    }));
    for owners in builder.proxy_owners(capture) {
        rules.extend(proxy(capture, &owners));
    }
    rules.extend(leave_owners(builder, capture));
    if let Some(dns) = dns_after_exclusions(capture) {
        rules.extend(redirect_dns(builder, capture, dns));
    }
    for family in capture.families.iter() {
        rules.push(leave(
            RuleId::LeaveLoopbackRange(family),
            [to_loopback_range(capture, family, Test::Is)],
        ));
    }
    rules.extend(leave_ranges(
        builder,
        capture,
        &capture.outbound.exclude_ranges,
        SetName::OutboundExclude,
        RuleId::LeaveExcludedRange,
    ));
    rules.extend(redirect_included(builder, capture));
    builder.chain(chain, rules);
}

/// DNS capture that exclusions come before. Where they do not, they are those of TCP alone.
fn dns_after_exclusions(capture: &Capture) -> Option<&Dns> {
    capture.dns.as_ref().filter(|dns| !dns.everyone)
}

/// One rule for each captured family with excluded destinations.
fn leave_ranges(
    builder: &mut Builder,
    capture: &Capture,
    excluded: &IpRanges,
    name: fn(Family) -> SetName,
    id: fn(Family) -> RuleId,
) -> impl Iterator<Item = Rule> + use<> {
    let ranges = builder.ranges(capture, End::Destination, name, excluded);
    let ranges = ranges.into_iter();
    ranges.map(move |(family, excluded)| leave(id(family), [excluded]))
}

/// An early exit for protocols that are never captured.
fn leave_other_protocols(capture: &Capture) -> Rule {
    if dns_after_exclusions(capture).is_some() {
        leave(
            RuleId::LeaveNeitherTcpNorUdp,
            [not_protocol(Protocol::Tcp), not_protocol(Protocol::Udp)],
        )
    } else {
        leave(
            RuleId::LeaveNotTcp(BaseChain::Outbound),
            [not_protocol(Protocol::Tcp)],
        )
    }
}

/// The protocols that can be captured.
fn captured_protocols(capture: &Capture) -> &'static [Protocol] {
    if dns_after_exclusions(capture).is_some() {
        &[Protocol::Tcp, Protocol::Udp]
    } else {
        &[Protocol::Tcp]
    }
}

/// Limits a rule to TCP where UDP is captured in spite of it.
fn of_tcp_only(capture: &Capture) -> Option<Match> {
    dns_after_exclusions(capture)
        .is_some_and(Dns::is_udp_only)
        .then_some(TCP)
}

/// Whether DNS over TCP goes to the DNS port.
fn redirects_dns_over_tcp(capture: &Capture) -> bool {
    dns_after_exclusions(capture).is_some_and(|dns| !dns.is_udp_only())
}

fn leave_excluded_ports(builder: &mut Builder, capture: &Capture) -> Vec<Rule> {
    let outbound = &capture.outbound;
    let mut rules = Vec::new();
    for &protocol in captured_protocols(capture) {
        let is_for_protocol = protocol == Protocol::Tcp || redirects_dns_over_tcp(capture);
        if is_for_protocol && !outbound.exclude_ports.is_empty() {
            let name = SetName::OutboundExcludePorts;
            let ports = builder.ports(protocol, name, &outbound.exclude_ports, Test::In);
            rules.push(leave(RuleId::LeaveExcludedPort(protocol), [ports]));
        }
        rules.extend(leave_excluded_ports_for_uids(builder, capture, protocol));
    }
    rules
}

/// A set of the ports and one of the users, or with several exclusions one of pairs.
fn leave_excluded_ports_for_uids(
    builder: &mut Builder,
    capture: &Capture,
    protocol: Protocol,
) -> Option<Rule> {
    let all = &capture.outbound.exclude_ports_for_uids;
    let exclusions: Vec<_> = exclusions_of(all, protocol).collect();
    if let &[(nth, exclusion)] = exclusions.as_slice() {
        let ports = SetName::OutboundExcludePortsForUids(nth);
        let uids = SetName::OutboundExcludePortsUids(nth);
        let matches = [
            builder.ports(protocol, ports, &exclusion.ports, Test::In),
            builder.owners(OwnerKind::Uid, uids, &exclusion.uids, Test::In),
        ];
        let id = RuleId::LeaveExcludedPortOfUid(protocol, Some(nth));
        return Some(leave(id, matches));
    }
    let exclusions: Vec<_> = exclusions.into_iter().map(|(_, own)| own).collect();
    let pairs = UidPorts::of(&exclusions, usize::MAX).expect("any number of ranges");
    if pairs.is_empty() {
        return None;
    }
    let name = SetName::OutboundExcludeUidPorts(protocol);
    let set = builder.set(name, Elements::UidPorts(pairs));
    let excluded = Match::UidAndPort { protocol, set };
    let id = RuleId::LeaveExcludedPortOfUid(protocol, None);
    Some(leave(id, [excluded]))
}

/// What the proxy's users, or its groups, connect to. The first rule for calls over `lo` that are not those of the first
/// id bypasses also those of the others, so that a set cannot take the place of the first id.
fn proxy(capture: &Capture, owners: &ProxyOwners) -> Vec<Rule> {
    let ProxyOwners {
        kind,
        first,
        only,
        ref any,
    } = *owners;
    let own_pod_calls = |id, owned| redirect_own_pod_calls(capture, kind, id, owned);
    let mut rules = Vec::new();
    if capture.outbound.capture_over_loopback {
        rules.extend(own_pod_calls(only, any));
    } else {
        let by_first = owner(kind, Test::Is(first));
        rules.extend(own_pod_calls(Some(first), &by_first));
        rules.push(leave_loopback_of_others(capture, kind, first));
        // Of the others' calls only DNS queries over TCP are left, which are redirected for groups.
        if only.is_none() && kind == OwnerKind::Gid && redirects_dns_over_tcp(capture) {
            rules.extend(own_pod_calls(None, any));
        }
    }
    rules.push(leave(RuleId::LeaveProxy(kind, only), [any.clone()]));
    rules
}

/// Calls of the proxy to its own pod, at the pod's or a service's address, go to its inbound port. Exempt are the
/// loopback range, where the application listens, and the proxy's tunnel port.
fn redirect_own_pod_calls(
    capture: &Capture,
    kind: OwnerKind,
    id: Option<OwnerId>,
    owned: &Match,
) -> impl Iterator<Item = Rule> {
    let dns = redirects_dns_over_tcp(capture) && kind == OwnerKind::Uid;
    capture.families.iter().map(move |family| {
        let mut matches = vec![
            loopback(BaseChain::Outbound),
            to_loopback_range(capture, family, Test::IsNot),
        ];
        let exempt = capture
            .proxy
            .tunnel_port
            .into_iter()
            .chain(dns.then_some(DNS_PORT));
        matches.extend(exempt.map(|port| destination_port(Protocol::Tcp, Test::IsNot(port))));
        if matches.len() == 2 {
            matches.push(TCP);
        }
        matches.push(owned.clone());
        rule(
            RuleId::RedirectOwnPod(kind, id, family),
            matches,
            [Statement::Redirect(capture.proxy.inbound_port)],
        )
    })
}

/// Calls inside the pod that are not the proxy's bypass it.
fn leave_loopback_of_others(capture: &Capture, kind: OwnerKind, id: OwnerId) -> Rule {
    let mut matches = vec![loopback(BaseChain::Outbound)];
    if redirects_dns_over_tcp(capture) {
        matches.push(destination_port(Protocol::Tcp, Test::IsNot(DNS_PORT)));
    }
    matches.extend(of_tcp_only(capture));
    matches.push(owner(kind, Test::IsNot(id)));
    leave(RuleId::LeaveLoopbackNot(kind, id), matches)
}

fn leave_owners(builder: &mut Builder, capture: &Capture) -> Vec<Rule> {
    let selections = [
        (OwnerKind::Uid, &capture.outbound.uids),
        (OwnerKind::Gid, &capture.outbound.gids),
    ];
    let mut rules = Vec::new();
    for (kind, selection) in selections {
        if !selection.exclude.is_empty() {
            let name = SetName::OutboundExcludeOwners(kind);
            let excluded = builder.owners(kind, name, &selection.exclude, Test::In);
            rules.push(leave(RuleId::LeaveExcludedOwner(kind), [excluded]));
        }
    }
    for (kind, selection) in selections {
        if let Some(include) = &selection.include {
            let name = SetName::OutboundIncludeOwners(kind);
            let others = builder.owners(kind, name, include, Test::NotIn);
            rules.push(leave(RuleId::LeaveNotIncludedOwner(kind), [others]));
        }
    }
    rules
}

fn redirect_dns(builder: &mut Builder, capture: &Capture, dns: &Dns) -> Vec<Rule> {
    let mut rules = Vec::new();
    let protocols: &[_] = match dns.tcp {
        DnsOverTcp::Redirect => &Protocol::ALL,
        DnsOverTcp::Bypass | DnsOverTcp::Outbound => &[Protocol::Udp],
    };
    for &protocol in protocols {
        let query = destination_port(protocol, Test::Is(DNS_PORT));
        if let Some(to) = dns.to {
            let family = Family::of(to);
            let id = RuleId::ForwardDns(protocol, family);
            let server = to_server_of(builder, capture, dns, family);
            let statement = [Statement::Dnat(to, dns.port)];
            rules.extend(server.map(|server| rule(id, [server, query], statement)));
            continue;
        }
        let to_proxy = [Statement::Redirect(dns.port)];
        match &dns.servers {
            RangeSelection::All => {
                rules.push(rule(RuleId::RedirectDns(protocol, None), [query], to_proxy));
            }
            RangeSelection::Only(servers) => {
                for (family, server) in
                    builder.ranges(capture, End::Destination, SetName::DnsServers, servers)
                {
                    let id = RuleId::RedirectDns(protocol, Some(family));
                    rules.push(rule(id, [server, query.clone()], to_proxy));
                }
            }
        }
    }
    if dns.tcp == DnsOverTcp::Bypass {
        rules.extend(leave_dns_over_tcp(capture, dns));
    }
    rules
}

/// The match with the family's servers whose queries are captured, if there are any.
fn to_server_of(
    builder: &mut Builder,
    capture: &Capture,
    dns: &Dns,
    family: Family,
) -> Option<Match> {
    match &dns.servers {
        RangeSelection::All => {
            let is_captured = capture.families.contains(family);
            is_captured.then_some(Match::Family(family))
        }
        RangeSelection::Only(servers) => {
            let servers = servers.of_family(family);
            let end = End::Destination;
            let matches = builder.ranges(capture, end, SetName::DnsServers, &servers);
            matches.into_iter().map(|(_, server)| server).next()
        }
    }
}

/// One rule for any server, or one for each family that has servers.
fn leave_dns_over_tcp(capture: &Capture, dns: &Dns) -> Vec<Rule> {
    let query = destination_port(Protocol::Tcp, Test::Is(DNS_PORT));
    if dns.servers == RangeSelection::All && dns.to.is_none() {
        return vec![leave(RuleId::LeaveDnsOverTcp(None), [query])];
    }
    let families = capture.families.iter();
    families
        .filter(|&family| dns.has_servers_of(family))
        .map(|family| {
            let id = RuleId::LeaveDnsOverTcp(Some(family));
            leave(id, [Match::Family(family), query.clone()])
        })
        .collect()
}

fn redirect_included(builder: &mut Builder, capture: &Capture) -> Vec<Rule> {
    let outbound = &capture.outbound;
    let to_proxy = [Statement::Redirect(capture.proxy.outbound_port)];
    let mut rules = Vec::new();
    if !outbound.include_ports.is_empty() {
        let name = SetName::OutboundIncludePorts;
        let ports = builder.ports(Protocol::Tcp, name, &outbound.include_ports, Test::In);
        rules.push(rule(RuleId::RedirectIncludedPort, [ports], to_proxy));
    }
    match &outbound.include_ranges {
        RangeSelection::All => rules.push(rule(RuleId::RedirectOutbound, [TCP], to_proxy)),
        RangeSelection::Only(ranges) => {
            for (family, range) in
                builder.ranges(capture, End::Destination, SetName::OutboundInclude, ranges)
            {
                let id = RuleId::RedirectIncludedRange(family);
                rules.push(rule(id, [TCP, range], to_proxy));
            }
        }
    }
    rules
}
