//! Warnings about options that are valid but probably not intended.

use std::fmt::Display;

use crate::intent::{
    Bound, Capture, DNS_PORT, Dns, Families, Family, InboundMode, InboundPorts, Interval,
    Intervals, IpRanges, LOOPBACK, OwnerSelection, Protocol, RangeSelection,
};
use crate::parse::LARGEST_OWNER;

use super::{OptionValues, Origin, Setting};

/// All warnings. Each begins with an option, which is named as the user wrote it.
pub(super) fn warnings(capture: &Capture, given: &OptionValues) -> Vec<String> {
    let mut warnings = Warnings {
        capture,
        given,
        found: Vec::new(),
    };
    warnings.proxy();
    warnings.inbound();
    warnings.outbound();
    warnings.nothing();
    warnings.interfaces();
    warnings.families();
    warnings.inbound_mode();
    warnings.dns();
    warnings.found
}

struct Warnings<'a> {
    capture: &'a Capture,
    given: &'a OptionValues,
    found: Vec<String>,
}

impl<'a> Warnings<'a> {
    fn add_if(&mut self, holds: bool, setting: Setting, consequence: impl Display) {
        // The defaults of a mesh are intended.
        if holds && !matches!(self.given.origin(setting), Origin::Mesh(_)) {
            let warning = format!("{}: {consequence}", self.given.name(setting));
            if !self.found.contains(&warning) {
                self.found.push(warning);
            }
        }
    }

    fn name(&self, setting: Setting) -> String {
        self.given.name(setting)
    }

    fn proxy(&mut self) {
        let proxy = &self.capture.proxy;
        self.add_if(
            proxy.inbound_port == proxy.outbound_port,
            Setting::InboundPort,
            "also the proxy's outbound port: the proxy cannot tell inbound from outbound connections",
        );
        self.add_if(
            proxy.tunnel_port == Some(proxy.inbound_port),
            Setting::TunnelPort,
            "also the proxy's inbound port: captured connections arrive where the proxy expects its own mutual TLS",
        );
        self.add_if(
            proxy.tunnel_port == Some(proxy.outbound_port),
            Setting::TunnelPort,
            "also the proxy's outbound port: other pods can connect to it, and through it to everything that this pod can \
             reach",
        );
        self.add_if(
            proxy.uids.is_empty() && proxy.gids.is_empty(),
            Setting::ProxyUid,
            "no user or group is the proxy: its own connections are captured again, in a loop, unless another option \
             excludes them",
        );
        let root = "contains id 0: no connection of a process that runs as root is captured, including the application's";
        self.add_if(proxy.uids.contains(&0), Setting::ProxyUid, root);
        let other_groups = proxy.gids != proxy.uids;
        self.add_if(
            other_groups && proxy.gids.contains(&0),
            Setting::ProxyGid,
            root,
        );
    }

    fn inbound(&mut self) {
        let setting = Setting::ExcludeInboundPorts;
        let proxy = &self.capture.proxy;
        match &self.capture.inbound.ports {
            InboundPorts::AllExcept(excluded) => {
                for port in [proxy.outbound_port, proxy.inbound_port] {
                    self.add_if(
                        excluded.contains(port.number()),
                        setting,
                        format_args!(
                            "contains the proxy's own port {port}: other pods can connect to that listener directly, past the \
                             proxy's inbound side"
                        ),
                    );
                }
            }
            InboundPorts::Only(_) => {
                let included = self.name(Setting::IncludeInboundPorts);
                self.add_if(
                    !self.given.text(setting).trim().is_empty(),
                    setting,
                    format_args!("not used: {included} lists ports, and only those are captured"),
                );
            }
        }
    }

    fn outbound(&mut self) {
        let outbound = &self.capture.outbound;
        let proxy = &self.capture.proxy;
        for port in [proxy.outbound_port, proxy.inbound_port] {
            self.add_if(
                outbound.exclude_ports.contains(port.number()),
                Setting::ExcludeOutboundPorts,
                format_args!(
                    "contains the proxy's own port {port}: connections to that port on any host bypass the proxy"
                ),
            );
        }
        let both = |ports: &Interval<u16>| outbound.exclude_ports.intersects(ports);
        let excluded = self.name(Setting::ExcludeOutboundPorts);
        self.add_if(
            outbound.include_ports.iter().any(both),
            Setting::IncludeOutboundPorts,
            format_args!(
                "contains ports that are also in {excluded}: connections to them are not captured"
            ),
        );
        self.add_if(
            outbound.capture_over_loopback && !self.given.has(Setting::CaptureOverLoopback),
            Setting::IncludeOutboundIpRanges,
            "contains loopback addresses: connections between processes of the pod are captured, except to the loopback \
             range; * does not capture them",
        );
        self.add_if(
            !outbound.capture_over_loopback && outbound.exclude_ranges.reaches_loopback(),
            Setting::ExcludeOutboundIpRanges,
            "contains loopback addresses, which has no effect: connections between processes of the pod are not captured \
             anyway",
        );
    }

    /// Options that exclude everything.
    fn nothing(&mut self) {
        let outbound = &self.capture.outbound;
        let inbound = &self.capture.inbound;
        let (no_user, no_group) = (is_empty(&outbound.uids), is_empty(&outbound.gids));
        let no_owner = "no outbound connection is captured: all users or groups are excluded";
        self.add_if(no_user, Setting::IncludeOutboundUids, no_owner);
        self.add_if(no_group, Setting::IncludeOutboundGids, no_owner);
        let dns = self.capture.dns.as_ref();
        let no_address = covers_every_address(&outbound.exclude_ranges)
            || outbound.include_ports.is_empty()
                && matches!(&outbound.include_ranges, RangeSelection::Only(ranges) if ranges.is_empty());
        let no_outbound = no_user
            || no_group
            || !dns.is_some_and(Dns::is_udp_only) && covers(&outbound.exclude_ports, &every_port())
            || dns.is_none() && no_address
            || covers_every_address(&outbound.exclude_ranges_first);
        let no_inbound = match &inbound.ports {
            InboundPorts::AllExcept(excluded) => covers(excluded, &every_port()),
            InboundPorts::Only(included) => included.is_empty(),
        } || covers_every_address(&inbound.exclude_sources);
        self.add_if(
            no_inbound
                && no_outbound
                && inbound.reroute_interfaces.is_empty()
                && inbound.virtual_networks.is_none(),
            Setting::IncludeInboundPorts,
            "no connection of the pod is captured, neither inbound nor outbound",
        );
    }

    fn interfaces(&mut self) {
        let mut excluded = self.capture.exclude_interfaces.iter();
        self.add_if(
            excluded.any(|pattern| pattern.matches(LOOPBACK)),
            Setting::ExcludeInterfaces,
            "contains the loopback interface: the proxy's connections to its own pod do not pass its inbound side",
        );
    }

    /// Captured families without a passthrough source, and ranges of families that are not captured.
    fn families(&mut self) {
        let captured = self.capture.families;
        for family in captured.iter() {
            let none = match family {
                Family::Ipv4 => self.capture.passthrough.ipv4.is_empty(),
                Family::Ipv6 => self.capture.passthrough.ipv6.is_empty(),
            };
            self.add_if(
                none,
                Setting::PassthroughSource,
                format_args!(
                    "has no {family} address: the proxy's connections to its own application may be captured again, in a loop"
                ),
            );
        }
        let other = match captured {
            Families::Both => return,
            Families::Only(Family::Ipv4) => Family::Ipv6,
            Families::Only(Family::Ipv6) => Family::Ipv4,
        };
        let families = self.name(Setting::IpFamilies);
        for (setting, ranges) in self.range_options() {
            self.add_if(
                !ranges.is_empty_for(other),
                setting,
                format_args!(
                    "contains {other} entries, which have no effect: {families} does not capture that family"
                ),
            );
        }
    }

    /// The options that list ranges, with their ranges. `*` is not a list.
    fn range_options(&self) -> Vec<(Setting, &'a IpRanges)> {
        let outbound = &self.capture.outbound;
        let inbound = &self.capture.inbound;
        let mut options = vec![
            (Setting::ExcludeInboundIpRanges, &inbound.exclude_sources),
            (Setting::ExcludeOutboundIpRanges, &outbound.exclude_ranges),
            (
                Setting::ExcludeOutboundIpRangesFirst,
                &outbound.exclude_ranges_first,
            ),
        ];
        if let RangeSelection::Only(ranges) = &outbound.include_ranges {
            options.push((Setting::IncludeOutboundIpRanges, ranges));
        }
        if self.given.has(Setting::DnsServers)
            && let Some(dns) = &self.capture.dns
            && let RangeSelection::Only(servers) = &dns.servers
        {
            options.push((Setting::DnsServers, servers));
        }
        options
    }

    fn inbound_mode(&mut self) {
        let inbound = &self.capture.inbound;
        let rerouted = &inbound.reroute_interfaces;
        let is_excluded = |pattern| self.capture.exclude_interfaces.contains(pattern);
        let excluded = self.name(Setting::ExcludeInterfaces);
        let InboundMode::Tproxy(tproxy) = inbound.mode else {
            let without = format!(
                "no effect without {} tproxy",
                self.name(Setting::InboundMode)
            );
            for setting in [
                Setting::TproxyMark,
                Setting::OutboundMark,
                Setting::TproxyTable,
            ] {
                self.add_if(self.given.has(setting), setting, &without);
            }
            self.add_if(
                rerouted.iter().any(is_excluded),
                Setting::RerouteInterfaces,
                format_args!("contains an interface that is also in {excluded}: traffic that arrives there is captured"),
            );
            return;
        };
        let other = self.name(Setting::TproxyMark);
        self.add_if(
            tproxy.mark == tproxy.outbound_mark,
            Setting::OutboundMark,
            format_args!(
                "also the mark of {other}: the proxy's connections to its own pod do not pass its inbound side"
            ),
        );
        self.add_if(
            tproxy.outbound_mark == 0,
            Setting::OutboundMark,
            "0 is the mark of every packet without a mark: connections between processes of the pod are captured, too",
        );
        let no_port = matches!(&inbound.ports, InboundPorts::Only(ports) if ports.is_empty());
        let included = self.name(Setting::IncludeInboundPorts);
        self.add_if(
            no_port,
            Setting::InboundMode,
            format_args!(
                "tproxy has no effect: {included} is empty, so that no connection reaches the proxy"
            ),
        );
        self.add_if(
            !no_port && !rerouted.iter().all(is_excluded),
            Setting::RerouteInterfaces,
            format_args!(
                "only used for ports that are not captured inbound: in tproxy mode connections to the others go to the inbound \
                 port on every interface, unless {excluded} contains the interface, too"
            ),
        );
    }

    fn dns(&mut self) {
        let proxy = &self.capture.proxy;
        let outbound = &self.capture.outbound;
        let asks = self.name(Setting::Dns);
        if let Some(dns) = &self.capture.dns {
            for (port, words) in [
                (Some(proxy.outbound_port), "outbound port"),
                (Some(proxy.inbound_port), "inbound port"),
                (proxy.tunnel_port, "tunnel port"),
            ] {
                self.add_if(
                    port == Some(dns.port),
                    Setting::DnsPort,
                    format_args!(
                        "also the proxy's {words}: the proxy cannot tell DNS over TCP from other connections there"
                    ),
                );
            }
            let over_tcp = !dns.everyone && !dns.is_udp_only();
            self.add_if(
                over_tcp && outbound.exclude_ports.contains(DNS_PORT.number()),
                Setting::ExcludeOutboundPorts,
                format_args!("contains port 53: DNS is not captured, although {asks} asks for it"),
            );
            let listed = self.given.has(Setting::DnsServers);
            self.add_if(
                listed && dns.servers == RangeSelection::All,
                Setting::DnsServers,
                format_args!("no effect without {asks} resolvers"),
            );
            let servers = self.name(Setting::DnsServers);
            self.add_if(
                listed && self.given.has(Setting::ResolvConf),
                Setting::ResolvConf,
                format_args!("not read: {servers} has the name servers"),
            );
        } else {
            let has_no_network = self.capture.inbound.virtual_networks.is_none();
            let port = has_no_network.then_some(Setting::DnsPort);
            let others = [
                Setting::DnsTcp,
                Setting::DnsZones,
                Setting::DnsTo,
                Setting::DnsOf,
                Setting::ResolvConf,
                Setting::DnsServers,
            ];
            for setting in others.into_iter().chain(port) {
                let is_set = self.given.has(setting);
                self.add_if(is_set, setting, format_args!("no effect without {asks}"));
            }
        }
        let captures_dns = self.capture.dns.is_some();
        let mut for_uids = outbound.exclude_ports_for_uids.iter();
        self.add_if(
            for_uids.any(|own| {
                own.protocol == Some(Protocol::Udp)
                    && !(captures_dns && own.ports.contains(DNS_PORT.number()))
            }),
            Setting::ExcludeOutboundPortsForUids,
            format_args!(
                "excludes UDP ports, which has no effect: UDP is captured only to port 53, and only with {asks}"
            ),
        );
    }
}

fn every_port() -> Interval<u16> {
    Interval::between(1, u16::MAX)
}

/// Whether all included owners are excluded.
fn is_empty(selection: &OwnerSelection) -> bool {
    match &selection.include {
        Some(included) => included.iter().all(|ids| covers(&selection.exclude, ids)),
        None => covers(&selection.exclude, &Interval::between(0, LARGEST_OWNER)),
    }
}

fn covers<T: Bound>(set: &Intervals<T>, interval: &Interval<T>) -> bool {
    set.iter()
        .any(|own| own.contains(interval.first()) && own.contains(interval.last()))
}

fn covers_every_address(ranges: &IpRanges) -> bool {
    covers(&ranges.ipv4, &Interval::between(Bound::MIN, Bound::MAX))
        && covers(&ranges.ipv6, &Interval::between(Bound::MIN, Bound::MAX))
}
