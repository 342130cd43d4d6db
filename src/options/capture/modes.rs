//! The options of tproxy mode, DNS capture and excluded ports of users.

use crate::intent::{
    Dns, Family, InboundMode, IpRanges, PortsForUids, Protocol, RangeSelection, Tproxy, UidPorts,
    VirtualNetwork, VirtualNetworks, exclusions_of,
};
use crate::options::{OptionErrorKind, Setting};
use crate::parse::{self, DnsChoice, FamilyChoice, ModeChoice, ValueError, distinct};

use super::Reader;

/// The most virtual networks: each has rules of its own.
const MOST_NETWORKS: usize = 64;
/// The most ranges of users with ranges of ports for which several exclusions hold. A single one has two sets of any size;
/// for several, the kernel takes longer for each pair.
const MOST_PAIRS: usize = 1024;

/// Whether several exclusions of the protocol have more pairs, as written or without overlaps.
fn has_too_many_pairs(exclusions: &[PortsForUids], protocol: Protocol) -> bool {
    let own: Vec<_> = exclusions_of(exclusions, protocol)
        .map(|(_, exclusion)| exclusion)
        .collect();
    let pairs = own
        .iter()
        .map(|own| own.uids.len().saturating_mul(own.ports.len()));
    let written = pairs.fold(0, usize::saturating_add);
    own.len() > 1 && (written > MOST_PAIRS || UidPorts::of(&own, MOST_PAIRS).is_none())
}

impl Reader<'_> {
    pub(super) fn inbound_mode(&mut self) -> Option<InboundMode> {
        let mode = self.one(Setting::InboundMode, parse::word);
        let mark = self.one(Setting::TproxyMark, parse::nonzero_mark);
        let outbound_mark = self.one(Setting::OutboundMark, parse::mark);
        let table = self.one(Setting::TproxyTable, parse::routing_table);
        let tproxy = Tproxy {
            mark: mark?,
            outbound_mark: outbound_mark?,
            table: table?,
        };
        Some(match mode? {
            ModeChoice::Redirect => InboundMode::Redirect,
            ModeChoice::Tproxy => InboundMode::Tproxy(tproxy),
        })
    }

    /// The virtual networks; `None` if there are none or an error was recorded.
    pub(super) fn virtual_networks(&mut self) -> Option<VirtualNetworks> {
        let networks: Option<Vec<_>> = self.list(Setting::VirtualNetworks, parse::virtual_network);
        let networks = distinct(networks?);
        if networks.len() > MOST_NETWORKS {
            let most = MOST_NETWORKS;
            let what = "networks";
            self.note(
                Setting::VirtualNetworks,
                OptionErrorKind::TooMany { most, what },
            );
            return None;
        }
        let other = |(nth, own): (usize, &VirtualNetwork)| {
            let family = Family::of(own.network.addr());
            let mut earlier = networks.iter().take(nth);
            let is_other = |earlier: &VirtualNetwork| {
                earlier.interface == own.interface && Family::of(earlier.network.addr()) == family
            };
            earlier.any(is_other).then(|| own.interface.clone())
        };
        if let Some(interface) = networks.iter().enumerate().find_map(other) {
            self.note(
                Setting::VirtualNetworks,
                ValueError::SecondNetwork(interface),
            );
            return None;
        }
        if networks.is_empty() {
            return None;
        }
        // The option's error is recorded with DNS capture.
        let dns_port = parse::port(self.given.text(Setting::DnsPort).trim()).ok()?;
        Some(VirtualNetworks { dns_port, networks })
    }

    /// DNS capture; `None` if it is off or an error was recorded.
    pub(super) fn dns(&mut self, families: Option<FamilyChoice>) -> Option<Dns> {
        let choice = self.one(Setting::Dns, parse::word);
        let port = self.one(Setting::DnsPort, parse::port);
        let tcp = self.one(Setting::DnsTcp, parse::word);
        let zones = self.one(Setting::DnsZones, parse::switch);
        let to = self.one(Setting::DnsTo, parse::dns_server);
        let everyone = self.one(Setting::DnsOf, parse::dns_of_everyone);
        let servers = match choice? {
            DnsChoice::Off => return None,
            DnsChoice::All => RangeSelection::All,
            DnsChoice::Resolvers if self.given.has(Setting::DnsServers) => {
                RangeSelection::Only(self.dns_servers()?)
            }
            DnsChoice::Resolvers => RangeSelection::Only(self.name_servers(families?)?),
        };
        Some(Dns {
            port: port?,
            to: to?,
            servers,
            everyone: everyone?,
            tcp: tcp?,
            zones: zones?,
        })
    }

    /// The listed servers.
    fn dns_servers(&mut self) -> Option<IpRanges> {
        let servers = self.list(Setting::DnsServers, parse::network);
        if servers.as_ref().is_some_and(IpRanges::is_empty) {
            let dns = self.given.name(Setting::Dns);
            self.note(Setting::DnsServers, OptionErrorKind::NoDnsServer(dns));
        }
        servers
    }

    /// The servers in the file. A line that is not understood is an error, since queries to its server would bypass the
    /// proxy.
    fn name_servers(&mut self, families: FamilyChoice) -> Option<IpRanges> {
        let setting = Setting::ResolvConf;
        let file = self.given.text(setting).to_owned();
        let text = match self.files.read(&file) {
            Ok(text) => text,
            Err(reason) => {
                self.note(setting, OptionErrorKind::File(file, reason));
                return None;
            }
        };
        let mut servers = Vec::new();
        let before = self.errors.len();
        for server in parse::name_servers(&text) {
            match server {
                Ok(address) => servers.push(address.into()),
                Err(wrong) => {
                    let file = file.clone();
                    self.note(setting, OptionErrorKind::InFile(file, wrong));
                }
            }
        }
        if self.errors.len() > before {
            return None;
        }
        let servers = IpRanges::from_iter(servers);
        let captured = |&family: &Family| match families {
            FamilyChoice::Fixed(families) => families.contains(family),
            FamilyChoice::Auto => true,
        };
        let mut captured = Family::ALL.into_iter().filter(captured);
        if captured.all(|family| servers.is_empty_for(family)) {
            let dns = self.given.name(Setting::Dns);
            self.note(setting, OptionErrorKind::NoNameServer(file, dns));
            return None;
        }
        Some(servers)
    }

    pub(super) fn exclude_ports_for_uids(&mut self) -> Option<Vec<PortsForUids>> {
        let setting = Setting::ExcludeOutboundPortsForUids;
        let text = self.given.text(setting).trim();
        if text.is_empty() {
            return Some(Vec::new());
        }
        let read: Vec<_> = text
            .split(';')
            .map(|text| parse::ports_for_uids(text.trim(), self.accounts))
            .collect();
        let exclusions = read.into_iter().map(|read| self.noting(setting, read));
        // Collected first, so that every error is recorded.
        let exclusions: Vec<_> = exclusions.collect();
        let exclusions: Vec<_> = exclusions.into_iter().collect::<Option<_>>()?;
        if Protocol::ALL
            .into_iter()
            .any(|own| has_too_many_pairs(&exclusions, own))
        {
            let most = MOST_PAIRS;
            let what = "combinations of users and ports (each range counts as one)";
            self.note(setting, OptionErrorKind::TooMany { most, what });
        }
        Some(exclusions)
    }
}
