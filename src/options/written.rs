//! A [`Capture`] as the options that make it.

use std::fmt::{Display, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Subnets, Ipv6Subnets};

use crate::intent::{
    Bound, Capture, Dns, Families, InboundMode, InboundPorts, Intervals, IpRanges, OwnerSelection,
    Port, PortsForUids, RangeSelection,
};

use crate::ruleset::Elements;

use super::Setting;

/// The options of `netweir apply` that differ from their defaults, so that reading them gives the capture again.
#[must_use]
pub fn options_of(capture: &Capture) -> Vec<(Setting, String)> {
    let default = Capture::default();
    let defaults = texts(&default);
    let mut texts = texts(capture);
    texts.retain(|text| !defaults.contains(text));
    texts
}

/// The command line of a verb with the options, for a shell (POSIX, 2.2).
#[must_use]
pub fn line(verb: &str, options: &[(Setting, String)]) -> String {
    let mut line = format!("netweir {verb}");
    for (setting, text) in options {
        let name = setting.spec().name;
        // To a string, which takes everything.
        let _ = write!(line, " --{name}={}", quoted(text));
    }
    line
}

/// The elements of a set as the value of an option.
#[must_use]
pub fn elements_text(elements: &Elements) -> String {
    match elements {
        Elements::Ports(ports) => intervals(ports),
        Elements::Uids(ids) | Elements::Gids(ids) => intervals(ids),
        Elements::Ipv4(ipv4) => joined(ipv4_networks(ipv4), ","),
        Elements::Ipv6(ipv6) => joined(ipv6_networks(ipv6), ","),
    }
}

/// The text as one word of the shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:,@%+=-".contains(c);
    if text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Every option of the capture. Those of a mode that is off are left out.
fn texts(capture: &Capture) -> Vec<(Setting, String)> {
    let mut texts = proxy(capture);
    texts.extend(inbound(capture));
    texts.extend(outbound(capture));
    let sources = &capture.passthrough;
    let ipv4 = sources.ipv4.iter().copied().map(IpAddr::from);
    let sources = ipv4.chain(sources.ipv6.iter().copied().map(IpAddr::from));
    let families = match capture.families {
        Families::Both => "both",
        Families::Only(family) => family.name(),
    };
    texts.extend([
        (
            Setting::ExcludeInterfaces,
            list(&capture.exclude_interfaces),
        ),
        (Setting::LoopbackRange, capture.loopback_range.to_string()),
        (Setting::PassthroughSource, list(sources)),
        (Setting::DropInvalid, capture.drop_invalid.to_string()),
        (Setting::IpFamilies, families.to_owned()),
    ]);
    texts.extend(capture.dns.iter().flat_map(dns));
    texts
}

fn proxy(capture: &Capture) -> Vec<(Setting, String)> {
    let proxy = &capture.proxy;
    let nobody = proxy.uids.is_empty() && proxy.gids.is_empty();
    let uids = if nobody {
        "none".to_owned()
    } else {
        list(&proxy.uids)
    };
    let mut texts = vec![
        (Setting::OutboundPort, proxy.outbound_port.to_string()),
        (Setting::InboundPort, proxy.inbound_port.to_string()),
        (
            Setting::TunnelPort,
            proxy
                .tunnel_port
                .as_ref()
                .map_or_else(|| "none".to_owned(), Port::to_string),
        ),
        (Setting::ProxyUid, uids),
    ];
    if proxy.gids != proxy.uids {
        texts.push((Setting::ProxyGid, list(&proxy.gids)));
    }
    texts
}

fn inbound(capture: &Capture) -> Vec<(Setting, String)> {
    let inbound = &capture.inbound;
    let none = Intervals::default();
    let (included, excluded) = match &inbound.ports {
        InboundPorts::AllExcept(excluded) => ("*".to_owned(), excluded),
        InboundPorts::Only(included) => (intervals(included), &none),
    };
    let mut texts = vec![
        (Setting::IncludeInboundPorts, included),
        (Setting::ExcludeInboundPorts, intervals(excluded)),
        (
            Setting::ExcludeInboundIpRanges,
            ranges(&inbound.exclude_sources),
        ),
        (
            Setting::RerouteInterfaces,
            list(&inbound.reroute_interfaces),
        ),
    ];
    if let InboundMode::Tproxy(tproxy) = inbound.mode {
        texts.extend([
            (Setting::InboundMode, "tproxy".to_owned()),
            (Setting::TproxyMark, tproxy.mark.to_string()),
            (Setting::OutboundMark, tproxy.outbound_mark.to_string()),
            (Setting::TproxyTable, tproxy.table.to_string()),
        ]);
    }
    texts
}

fn outbound(capture: &Capture) -> Vec<(Setting, String)> {
    let outbound = &capture.outbound;
    let mut texts = vec![
        (
            Setting::IncludeOutboundIpRanges,
            selection(&outbound.include_ranges),
        ),
        (
            Setting::ExcludeOutboundIpRanges,
            ranges(&outbound.exclude_ranges),
        ),
        (
            Setting::IncludeOutboundPorts,
            intervals(&outbound.include_ports),
        ),
        (
            Setting::ExcludeOutboundPorts,
            intervals(&outbound.exclude_ports),
        ),
        (
            Setting::ExcludeOutboundPortsForUids,
            joined(
                outbound.exclude_ports_for_uids.iter().map(ports_for_uids),
                ";",
            ),
        ),
    ];
    let auto = match &outbound.include_ranges {
        RangeSelection::All => false,
        RangeSelection::Only(ranges) => ranges.reaches_loopback(),
    };
    if outbound.capture_over_loopback != auto {
        let word = if auto { "never" } else { "always" };
        texts.push((Setting::CaptureOverLoopback, word.to_owned()));
    }
    let uids = (Setting::IncludeOutboundUids, Setting::ExcludeOutboundUids);
    texts.extend(owners(uids, &outbound.uids));
    let gids = (Setting::IncludeOutboundGids, Setting::ExcludeOutboundGids);
    texts.extend(owners(gids, &outbound.gids));
    texts
}

fn owners(
    (include, exclude): (Setting, Setting),
    selection: &OwnerSelection,
) -> [(Setting, String); 2] {
    let included = selection.include.as_ref();
    let included = included.map_or_else(|| "*".to_owned(), intervals);
    [
        (include, included),
        (exclude, intervals(&selection.exclude)),
    ]
}

fn dns(dns: &Dns) -> Vec<(Setting, String)> {
    let mut texts = vec![(Setting::DnsPort, dns.port.to_string())];
    match &dns.servers {
        RangeSelection::All => texts.push((Setting::Dns, "all".to_owned())),
        RangeSelection::Only(servers) => texts.extend([
            (Setting::Dns, "resolvers".to_owned()),
            (Setting::DnsServers, ranges(servers)),
        ]),
    }
    texts
}

fn ports_for_uids(exclusion: &PortsForUids) -> String {
    let protocol = exclusion
        .protocol
        .map(|protocol| format!("{}:", protocol.name()));
    format!(
        "{}{}:{}",
        protocol.unwrap_or_default(),
        intervals(&exclusion.ports),
        intervals(&exclusion.uids)
    )
}

fn selection(selection: &RangeSelection) -> String {
    match selection {
        RangeSelection::All => "*".to_owned(),
        RangeSelection::Only(own) => ranges(own),
    }
}

fn intervals<T: Bound + Display>(intervals: &Intervals<T>) -> String {
    let texts = intervals.iter().map(|interval| {
        let (first, last) = (interval.first(), interval.last());
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    });
    joined(texts, ",")
}

/// The fewest networks that are the ranges.
fn ranges(ranges: &IpRanges) -> String {
    joined(
        ipv4_networks(&ranges.ipv4).chain(ipv6_networks(&ranges.ipv6)),
        ",",
    )
}

fn ipv4_networks(ranges: &Intervals<Ipv4Addr>) -> impl Iterator<Item = String> + '_ {
    ranges.iter().flat_map(|interval| {
        let (first, last) = (interval.first(), interval.last());
        Ipv4Subnets::new(first, last, 0).map(|network| network.to_string())
    })
}

fn ipv6_networks(ranges: &Intervals<Ipv6Addr>) -> impl Iterator<Item = String> + '_ {
    ranges.iter().flat_map(|interval| {
        let (first, last) = (interval.first(), interval.last());
        Ipv6Subnets::new(first, last, 0).map(|network| network.to_string())
    })
}

fn list<T: Display>(values: impl IntoIterator<Item = T>) -> String {
    joined(values.into_iter().map(|value| value.to_string()), ",")
}

fn joined(texts: impl Iterator<Item = String>, separator: &str) -> String {
    texts.collect::<Vec<_>>().join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_need_no_option() {
        assert_eq!(options_of(&Capture::default()), []);
        assert_eq!(line("apply", &[]), "netweir apply");
    }

    #[test]
    fn a_line_is_for_the_shell() {
        let options = [
            (Setting::IncludeInboundPorts, "*".to_owned()),
            (Setting::ExcludeInboundPorts, "80,8000-8010".to_owned()),
            (Setting::ExcludeInterfaces, "it's".to_owned()),
            (Setting::PassthroughSource, String::new()),
        ];
        assert_eq!(
            line("apply", &options),
            "netweir apply --include-inbound-ports='*' --exclude-inbound-ports=80,8000-8010 \
             --exclude-interfaces='it'\\''s' --passthrough-source="
        );
    }
}
