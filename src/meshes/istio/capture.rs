//! What Istio's flags capture.

use ipnet::{IpNet, Ipv4Net};

use crate::intent::{
    Capture, Families, Inbound, InboundMode, InboundPorts, InterfacePattern, IpRanges, Outbound,
    OwnerId, OwnerSelection, Ports, Proxy, RangeSelection, Tproxy,
};
use crate::meshes::notation;
use crate::meshes::reader::{Reader, Space};
use crate::options::OptionErrorKind;
use crate::parse::{self, ModeChoice, OwnerKind, ValueError, distinct};

use super::IstioFlag;

/// The proxy's user id where no user has its name.
const PROXY_UID: OwnerId = 1337;
/// The mark of the proxy's own packets to its own pod.
const OUTBOUND_MARK: u32 = 1338;

impl Reader<'_, IstioFlag> {
    /// Everything but families and DNS.
    pub(super) fn capture(&mut self) -> Option<Capture> {
        let proxy = self.proxy();
        let inbound = self.inbound();
        let outbound = self.outbound();
        let exclude_interfaces = self.interfaces(IstioFlag::ExcludeInterfaces);
        let loopback_range = self.one(IstioFlag::LoopbackCidr, loopback_cidr);
        let drop_invalid = self.switch(IstioFlag::DropInvalid);
        Some(Capture {
            families: Families::Both,
            proxy: proxy?,
            inbound: inbound?,
            outbound: outbound?,
            exclude_interfaces: exclude_interfaces?,
            loopback_range: loopback_range?,
            passthrough: Capture::default().passthrough,
            drop_invalid: drop_invalid?,
            dns: None,
        })
    }

    fn proxy(&mut self) -> Option<Proxy> {
        let outbound_port = self.one(IstioFlag::EnvoyPort, parse::port);
        let inbound_port = self.one(IstioFlag::InboundCapturePort, parse::port);
        let tunnel_port = self.one(IstioFlag::InboundTunnelPort, parse::port);
        let (uids, gids) = self.proxy_owners()?;
        if uids.is_empty() && gids.is_empty() {
            let groups = self.values.name(IstioFlag::ProxyGid);
            self.note(IstioFlag::ProxyUid, OptionErrorKind::NoProxyOwner(groups));
        }
        Some(Proxy {
            outbound_port: outbound_port?,
            inbound_port: inbound_port?,
            tunnel_port: Some(tunnel_port?),
            uids,
            gids,
        })
    }

    /// The users and groups of the proxy. By default the groups are those with the names or ids of the users.
    fn proxy_owners(&mut self) -> Option<(Vec<OwnerId>, Vec<OwnerId>)> {
        let accounts = self.accounts;
        let owner = |kind| move |text: &str| parse::owner(text, kind, accounts);
        let users = match self.text(IstioFlag::ProxyUid) {
            "" => {
                let id = accounts.id_of(OwnerKind::User, self.text(IstioFlag::EnvoyUser));
                id.unwrap_or(PROXY_UID).to_string()
            }
            text => text.to_owned(),
        };
        let uids: Option<Vec<_>> = self.list_of(
            IstioFlag::ProxyUid,
            &users,
            Space::Free,
            owner(OwnerKind::User),
        );
        let group = owner(OwnerKind::Group);
        let gids: Option<Vec<_>> = if !self.text(IstioFlag::ProxyGid).is_empty() {
            self.list(IstioFlag::ProxyGid, Space::Free, group)
        } else if uids.is_some() {
            self.list_of(IstioFlag::ProxyUid, &users, Space::Free, group)
        } else {
            // The same errors again.
            None
        };
        Some((distinct(uids?), distinct(gids?)))
    }

    fn inbound(&mut self) -> Option<Inbound> {
        let mode = self.mode();
        let exclude = self.ports(IstioFlag::InboundPortsExclude);
        let ports = if self.text(IstioFlag::InboundPorts) == "*" {
            exclude.map(InboundPorts::AllExcept)
        } else {
            if exclude.as_ref().is_some_and(|ports| !ports.is_empty()) {
                let text = "not used, because not all ports are captured";
                self.remark(IstioFlag::InboundPortsExclude, text);
            }
            let only = self.list(IstioFlag::InboundPorts, Space::Free, |text| {
                unless_star(text, notation::iptables_ports)
            });
            exclude.and(only).map(InboundPorts::Only)
        };
        let reroute_interfaces = self.interfaces(IstioFlag::RerouteInterfaces);
        Some(Inbound {
            mode: mode?,
            ports: ports?,
            exclude_sources: IpRanges::default(),
            reroute_interfaces: reroute_interfaces?,
            virtual_networks: None,
        })
    }

    fn mode(&mut self) -> Option<InboundMode> {
        let mode = self.one(IstioFlag::Mode, |text| match text {
            "" | "REDIRECT" => Ok(ModeChoice::Redirect),
            "TPROXY" => Ok(ModeChoice::Tproxy),
            _ => Err(ValueError::word(text, "REDIRECT, TPROXY")),
        });
        let mark = self.one(IstioFlag::TproxyMark, |text| {
            notation::no_leading_zero(text, parse::nonzero_mark)
        });
        let table = self.one(IstioFlag::TproxyTable, |text| {
            notation::no_leading_zero(text, parse::routing_table)
        });
        let tproxy = Tproxy {
            mark: mark?,
            outbound_mark: OUTBOUND_MARK,
            table: table?,
        };
        Some(match mode? {
            ModeChoice::Redirect => InboundMode::Redirect,
            ModeChoice::Tproxy => InboundMode::Tproxy(tproxy),
        })
    }

    fn outbound(&mut self) -> Option<Outbound> {
        let exclude_ports = self.ports(IstioFlag::PortsExclude);
        let include_ports = self.ports(IstioFlag::PortsInclude);
        let include_ranges = self.ranges_include();
        let exclude_ranges: Option<Vec<_>> =
            self.list(IstioFlag::RangesExclude, Space::Counts, notation::cidr);
        let gids = self.groups();
        let (include_ranges, capture_over_loopback) = include_ranges?;
        Some(Outbound {
            exclude_ranges_first: IpRanges::default(),
            exclude_ports: exclude_ports?,
            exclude_ports_for_uids: Vec::new(),
            include_ports: include_ports?,
            include_ranges,
            exclude_ranges: exclude_ranges?.into_iter().collect(),
            capture_over_loopback,
            uids: OwnerSelection::default(),
            gids: gids?,
        })
    }

    /// The destinations, and whether one of them is a loopback address as written, unlike `0.0.0.0/0`.
    fn ranges_include(&mut self) -> Option<(RangeSelection, bool)> {
        if self.text(IstioFlag::RangesInclude) == "*" {
            return Some((RangeSelection::All, false));
        }
        let networks: Vec<IpNet> = self.list(IstioFlag::RangesInclude, Space::Counts, |text| {
            unless_star(text, notation::cidr)
        })?;
        let loopback = networks.iter().any(|network| network.addr().is_loopback());
        Some((
            RangeSelection::Only(networks.into_iter().collect()),
            loopback,
        ))
    }

    fn groups(&mut self) -> Option<OwnerSelection> {
        let accounts = self.accounts;
        let group = move |text: &str| parse::owners(text, OwnerKind::Group, accounts);
        let exclude = self.list(IstioFlag::GroupsExclude, Space::Free, group);
        if self.text(IstioFlag::GroupsInclude) == "*" {
            return Some(OwnerSelection {
                include: None,
                exclude: exclude?,
            });
        }
        if self.values.has(IstioFlag::GroupsExclude) {
            let text = "not used, because ISTIO_OUTBOUND_OWNER_GROUPS names the groups";
            self.remark(IstioFlag::GroupsExclude, text);
        }
        let include = self.list(IstioFlag::GroupsInclude, Space::Free, group);
        exclude.and(include).map(|include| OwnerSelection {
            include: Some(include),
            ..OwnerSelection::default()
        })
    }

    fn ports(&mut self, flag: IstioFlag) -> Option<Ports> {
        self.list(flag, Space::Free, notation::iptables_ports)
    }

    fn interfaces(&mut self, flag: IstioFlag) -> Option<Vec<InterfacePattern>> {
        self.list(flag, Space::Free, notation::iptables_interface)
            .map(distinct)
    }
}

/// An entry of a list; `*` is an error that says so.
fn unless_star<T>(
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, ValueError>,
) -> Result<T, ValueError> {
    match text {
        "*" => Err(ValueError::StarNotAlone),
        text => parse(text),
    }
}

/// A CIDR inside 127.0.0.0/8, without its host bits.
fn loopback_cidr(text: &str) -> Result<Ipv4Net, ValueError> {
    parse::loopback_range(&notation::cidr(text)?.trunc().to_string())
        .map_err(|_| ValueError::LoopbackRange(text.to_owned()))
}
