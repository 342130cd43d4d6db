//! Writes the options of a [`Capture`].

use std::fmt::{Display, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

use crate::intent::{
    Bound, Capture, Dns, DnsOverTcp, Families, InboundMode, InboundPorts, Intervals, IpRanges,
    OwnerSelection, Port, PortsForUids, RangeSelection,
};

use crate::ruleset::Elements;

use super::{OptionSet, Setting};

/// The options of `netweir apply` that give the capture, without those that have their default.
#[must_use]
pub fn options_of(capture: &Capture) -> Vec<(Setting, String)> {
    options_within(capture, usize::MAX)
}

/// The same, but lists end early once they have more than `limit` bytes.
#[must_use]
pub fn options_within(capture: &Capture, limit: usize) -> Vec<(Setting, String)> {
    let writer = Writer { limit };
    let defaults = writer.texts(&Capture::default());
    let mut texts = writer.texts(capture);
    texts.retain(|text| !defaults.contains(text));
    texts
}

/// The command line of the command with the options, for a shell (POSIX, 2.2).
#[must_use]
pub fn line(command: &str, options: &[(Setting, String)]) -> String {
    let mut line = format!("netweir {command}");
    for (setting, text) in options {
        let name = setting.spec().name;
        write!(line, " --{name}={}", quoted(text)).expect("a string takes any text");
    }
    line
}

/// The elements of a set as the value of an option.
#[must_use]
pub fn elements_text(elements: &Elements) -> String {
    let writer = Writer { limit: usize::MAX };
    match elements {
        Elements::Ports(ports) => writer.intervals(ports),
        Elements::Uids(ids) | Elements::Gids(ids) => writer.intervals(ids),
        Elements::Interfaces(interfaces) => writer.list(interfaces.iter()),
        Elements::Ipv4(ipv4) => writer.joined(ipv4_networks(ipv4), ","),
        Elements::Ipv6(ipv6) => writer.joined(ipv6_networks(ipv6), ","),
        // No option has these.
        Elements::Connections(..) | Elements::UidPorts(_) => String::new(),
    }
}

/// The text as one word for a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:,@%+=-".contains(c);
    if text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Writes options.
struct Writer {
    /// The number of bytes after which a list ends.
    limit: usize,
}

impl Writer {
    /// Every option of the capture, except those of modes that are off.
    fn texts(&self, capture: &Capture) -> Vec<(Setting, String)> {
        let mut texts = self.proxy(capture);
        texts.extend(self.inbound(capture));
        texts.extend(self.outbound(capture));
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
                self.list(&capture.exclude_interfaces),
            ),
            (Setting::LoopbackRange, capture.loopback_range.to_string()),
            (Setting::PassthroughSource, self.list(sources)),
            (Setting::DropInvalid, capture.drop_invalid.to_string()),
            (Setting::IpFamilies, families.to_owned()),
        ]);
        texts.extend(capture.dns.iter().flat_map(|dns| self.dns(dns)));
        texts
    }

    fn proxy(&self, capture: &Capture) -> Vec<(Setting, String)> {
        let proxy = &capture.proxy;
        let no_owner = proxy.uids.is_empty() && proxy.gids.is_empty();
        let uids = if no_owner {
            "none".to_owned()
        } else {
            self.list(&proxy.uids)
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
            texts.push((Setting::ProxyGid, self.list(&proxy.gids)));
        }
        texts
    }

    fn inbound(&self, capture: &Capture) -> Vec<(Setting, String)> {
        let inbound = &capture.inbound;
        let none = Intervals::default();
        let (included, excluded) = match &inbound.ports {
            InboundPorts::AllExcept(excluded) => ("*".to_owned(), excluded),
            InboundPorts::Only(included) => (self.intervals(included), &none),
        };
        let mut texts = vec![
            (Setting::IncludeInboundPorts, included),
            (Setting::ExcludeInboundPorts, self.intervals(excluded)),
            (
                Setting::ExcludeInboundIpRanges,
                self.ranges(&inbound.exclude_sources),
            ),
            (
                Setting::RerouteInterfaces,
                self.list(&inbound.reroute_interfaces),
            ),
        ];
        if let Some(virtual_networks) = &inbound.virtual_networks {
            let networks = virtual_networks.networks.iter();
            let networks = networks.map(|own| format!("{}:{}", own.interface, own.network));
            texts.push((Setting::VirtualNetworks, self.list(networks)));
            if capture.dns.is_none() {
                texts.push((Setting::DnsPort, virtual_networks.dns_port.to_string()));
            }
        }
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

    fn outbound(&self, capture: &Capture) -> Vec<(Setting, String)> {
        let outbound = &capture.outbound;
        let mut texts = vec![
            (
                Setting::IncludeOutboundIpRanges,
                self.selection(&outbound.include_ranges),
            ),
            (
                Setting::ExcludeOutboundIpRanges,
                self.ranges(&outbound.exclude_ranges),
            ),
            (
                Setting::ExcludeOutboundIpRangesFirst,
                self.ranges(&outbound.exclude_ranges_first),
            ),
            (
                Setting::IncludeOutboundPorts,
                self.intervals(&outbound.include_ports),
            ),
            (
                Setting::ExcludeOutboundPorts,
                self.intervals(&outbound.exclude_ports),
            ),
            (
                Setting::ExcludeOutboundPortsForUids,
                self.joined(
                    outbound
                        .exclude_ports_for_uids
                        .iter()
                        .map(|exclusion| self.ports_for_uids(exclusion)),
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
        texts.extend(self.owners(uids, &outbound.uids));
        let gids = (Setting::IncludeOutboundGids, Setting::ExcludeOutboundGids);
        texts.extend(self.owners(gids, &outbound.gids));
        texts
    }

    fn owners(
        &self,
        (include, exclude): (Setting, Setting),
        selection: &OwnerSelection,
    ) -> [(Setting, String); 2] {
        let included = selection.include.as_ref();
        let included = included.map_or_else(|| "*".to_owned(), |ids| self.intervals(ids));
        [
            (include, included),
            (exclude, self.intervals(&selection.exclude)),
        ]
    }

    fn dns(&self, dns: &Dns) -> Vec<(Setting, String)> {
        let mut texts = vec![(Setting::DnsPort, dns.port.to_string())];
        if let Some(to) = dns.to {
            texts.push((Setting::DnsTo, to.to_string()));
        }
        if dns.everyone {
            texts.push((Setting::DnsOf, "everyone".to_owned()));
        }
        match dns.tcp {
            DnsOverTcp::Redirect => {}
            DnsOverTcp::Bypass => texts.push((Setting::DnsTcp, "bypass".to_owned())),
            DnsOverTcp::Outbound => texts.push((Setting::DnsTcp, "outbound".to_owned())),
        }
        if !dns.zones {
            texts.push((Setting::DnsZones, "false".to_owned()));
        }
        match &dns.servers {
            RangeSelection::All => texts.push((Setting::Dns, "all".to_owned())),
            RangeSelection::Only(servers) => texts.extend([
                (Setting::Dns, "resolvers".to_owned()),
                (Setting::DnsServers, self.ranges(servers)),
            ]),
        }
        texts
    }

    fn ports_for_uids(&self, exclusion: &PortsForUids) -> String {
        let protocol = exclusion
            .protocol
            .map(|protocol| format!("{}:", protocol.name()));
        format!(
            "{}{}:{}",
            protocol.unwrap_or_default(),
            self.intervals(&exclusion.ports),
            self.intervals(&exclusion.uids)
        )
    }

    fn selection(&self, selection: &RangeSelection) -> String {
        match selection {
            RangeSelection::All => "*".to_owned(),
            RangeSelection::Only(own) => self.ranges(own),
        }
    }

    fn intervals<T: Bound + Display>(&self, intervals: &Intervals<T>) -> String {
        let texts = intervals.iter().map(|interval| {
            let (first, last) = (interval.first(), interval.last());
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        });
        self.joined(texts, ",")
    }

    /// The ranges as the fewest networks.
    fn ranges(&self, ranges: &IpRanges) -> String {
        self.joined(
            ipv4_networks(&ranges.ipv4).chain(ipv6_networks(&ranges.ipv6)),
            ",",
        )
    }

    fn list<T: Display>(&self, values: impl IntoIterator<Item = T>) -> String {
        self.joined(values.into_iter(), ",")
    }

    fn joined(&self, items: impl Iterator<Item = impl Display>, separator: &str) -> String {
        let mut text = String::new();
        for (index, item) in items.enumerate() {
            if text.len() > self.limit {
                break;
            }
            if index > 0 {
                text.push_str(separator);
            }
            write!(text, "{item}").expect("a string takes any text");
        }
        text
    }
}

fn ipv4_networks(ranges: &Intervals<Ipv4Addr>) -> impl Iterator<Item = IpNet> + '_ {
    ranges.iter().flat_map(|interval| {
        let (first, last) = (interval.first(), interval.last());
        Ipv4Subnets::new(first, last, 0).map(IpNet::from)
    })
}

fn ipv6_networks(ranges: &Intervals<Ipv6Addr>) -> impl Iterator<Item = IpNet> + '_ {
    ranges.iter().flat_map(|interval| {
        let (first, last) = (interval.first(), interval.last());
        Ipv6Subnets::new(first, last, 0).map(IpNet::from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_need_no_option() {
        assert_eq!(options_of(&Capture::default()), []);
        assert_eq!(line("apply", &[]), "netweir apply");
    }

    #[test]
    fn line_is_quoted_for_a_shell() {
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
