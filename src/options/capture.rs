//! Turns the values of options into a [`Capture`].

mod modes;

use std::net::IpAddr;

use crate::intent::{
    Bound, Capture, Families, Inbound, InboundPorts, InterfacePattern, Interval, Intervals,
    IpRanges, Outbound, OwnerSelection, Owners, PassthroughSources, Ports, Proxy, RangeSelection,
};
use crate::parse::{
    self, Accounts, FamilyChoice, LARGEST_OWNER, OwnerKind, Selection, ValueError, distinct,
};

use super::warning::warnings;
use super::{OptionError, OptionErrorKind, OptionValues, Setting};

/// The most IPv6 passthrough sources: each becomes an address of `lo`, which takes the kernel longer the more there are.
const MOST_IPV6_SOURCES: usize = 16;
/// The most interfaces of a list: the kernel takes longer to list names than shorter keys.
const MOST_INTERFACES: usize = 4096;

/// What the options ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The traffic to capture, of both families.
    capture: Capture,
    /// Which families to capture of it.
    pub families: FamilyChoice,
    /// Warnings about options that are probably not intended.
    pub warnings: Vec<String>,
}

impl Parsed {
    /// The addresses from which the proxy calls its own application.
    #[must_use]
    pub const fn passthrough(&self) -> &PassthroughSources {
        &self.capture.passthrough
    }

    /// The traffic to capture, of these families.
    #[must_use]
    pub fn capture_of(self, families: Families) -> Capture {
        Capture {
            families,
            ..self.capture
        }
    }
}

/// The files that options name. The caller reads them, since this module does not use the operating system.
pub trait Files {
    /// The text of the file, or why it cannot be read.
    fn read(&self, name: &str) -> Result<String, String>;
}

/// What the options ask for, or every error in them.
pub fn capture(
    given: &OptionValues,
    accounts: &dyn Accounts,
    files: &dyn Files,
) -> Result<Parsed, Vec<OptionError>> {
    let mut reader = Reader {
        given,
        accounts,
        files,
        errors: Vec::new(),
    };
    match reader.parsed() {
        Some(parsed) if reader.errors.is_empty() => Ok(parsed),
        _ => Err(reader.errors),
    }
}

/// Reads options and records errors. Each function returns `None` after recording one.
struct Reader<'a> {
    given: &'a OptionValues,
    accounts: &'a dyn Accounts,
    files: &'a dyn Files,
    errors: Vec<OptionError>,
}

impl Reader<'_> {
    // Every option is read before the first `?`, so that all errors are reported.
    fn parsed(&mut self) -> Option<Parsed> {
        let families = self.one(Setting::IpFamilies, parse::families);
        let proxy = self.proxy();
        let inbound = self.inbound();
        let outbound = self.outbound();
        let exclude_interfaces = self.interfaces(Setting::ExcludeInterfaces);
        let loopback_range = self.one(Setting::LoopbackRange, parse::loopback_range);
        let passthrough = self.passthrough();
        let drop_invalid = self.one(Setting::DropInvalid, parse::switch);
        let dns = self.dns(families);
        let families = families?;
        let capture = Capture {
            families: match families {
                FamilyChoice::Fixed(families) => families,
                FamilyChoice::Auto => Families::Both,
            },
            proxy: proxy?,
            inbound: inbound?,
            outbound: outbound?,
            exclude_interfaces: exclude_interfaces?,
            loopback_range: loopback_range?,
            passthrough: passthrough?,
            drop_invalid: drop_invalid?,
            dns,
        };
        let warnings = warnings(&capture, self.given);
        Some(Parsed {
            capture,
            families,
            warnings,
        })
    }

    fn proxy(&mut self) -> Option<Proxy> {
        let outbound_port = self.one(Setting::OutboundPort, parse::port);
        let inbound_port = self.one(Setting::InboundPort, parse::port);
        let tunnel_port = self.one(Setting::TunnelPort, parse::optional_port);
        let accounts = self.accounts;
        let owner = |kind| move |text: &str| parse::owner(text, kind, accounts);
        let no_user = self.given.text(Setting::ProxyUid).trim() == "none";
        let uids: Option<Vec<_>> = if no_user {
            Some(Vec::new())
        } else {
            self.list(Setting::ProxyUid, owner(OwnerKind::User))
        };
        let gids: Option<Vec<_>> = self.list(Setting::ProxyGid, owner(OwnerKind::Group));
        let uids = distinct(uids?);
        let gids = if self.given.has(Setting::ProxyGid) {
            distinct(gids?)
        } else {
            uids.clone()
        };
        if uids.is_empty() && gids.is_empty() && !no_user {
            let groups = self.given.name(Setting::ProxyGid);
            self.note(Setting::ProxyUid, OptionErrorKind::NoProxyOwner(groups));
        }
        Some(Proxy {
            outbound_port: outbound_port?,
            inbound_port: inbound_port?,
            tunnel_port: tunnel_port?,
            uids,
            gids,
        })
    }

    fn inbound(&mut self) -> Option<Inbound> {
        let include = self.selection(Setting::IncludeInboundPorts, ports);
        let exclude = self.selection(Setting::ExcludeInboundPorts, ports);
        let sources = self.list(Setting::ExcludeInboundIpRanges, parse::network);
        let mode = self.inbound_mode();
        let reroute = self.interfaces(Setting::RerouteInterfaces);
        let virtual_networks = self.virtual_networks();
        let exclude = match exclude? {
            Selection::All => Ports::from_iter([Interval::between(1, u16::MAX)]),
            Selection::Only(ports) => ports,
        };
        Some(Inbound {
            mode: mode?,
            ports: match include? {
                Selection::All => InboundPorts::AllExcept(exclude),
                Selection::Only(ports) => InboundPorts::Only(ports),
            },
            exclude_sources: sources?,
            reroute_interfaces: reroute?,
            virtual_networks,
        })
    }

    fn outbound(&mut self) -> Option<Outbound> {
        let include_ranges = self.selection(Setting::IncludeOutboundIpRanges, parse::network);
        let exclude_ranges = self.selection(Setting::ExcludeOutboundIpRanges, parse::network);
        let exclude_ranges_first = self.list(Setting::ExcludeOutboundIpRangesFirst, parse::network);
        let include_ports = self.list(Setting::IncludeOutboundPorts, ports);
        let exclude_ports = self.list(Setting::ExcludeOutboundPorts, ports);
        let exclude_ports_for_uids = self.exclude_ports_for_uids();
        let uids = self.owners(
            OwnerKind::User,
            Setting::IncludeOutboundUids,
            Setting::ExcludeOutboundUids,
        );
        let gids = self.owners(
            OwnerKind::Group,
            Setting::IncludeOutboundGids,
            Setting::ExcludeOutboundGids,
        );
        let over_loopback = self.one(Setting::CaptureOverLoopback, parse::over_loopback);
        let include_ranges = match include_ranges? {
            Selection::All => RangeSelection::All,
            Selection::Only(ranges) => RangeSelection::Only(ranges),
        };
        Some(Outbound {
            exclude_ranges_first: exclude_ranges_first?,
            exclude_ports: exclude_ports?,
            exclude_ports_for_uids: distinct(exclude_ports_for_uids?),
            include_ports: include_ports?,
            exclude_ranges: match exclude_ranges? {
                Selection::All => every_address(),
                Selection::Only(ranges) => ranges,
            },
            capture_over_loopback: match (over_loopback?, &include_ranges) {
                (Some(captured), _) => captured,
                (None, RangeSelection::All) => false,
                (None, RangeSelection::Only(ranges)) => IpRanges::reaches_loopback(ranges),
            },
            include_ranges,
            uids: uids?,
            gids: gids?,
        })
    }

    fn owners(
        &mut self,
        kind: OwnerKind,
        include: Setting,
        exclude: Setting,
    ) -> Option<OwnerSelection> {
        let accounts = self.accounts;
        let owners = move |text: &str| parse::owners(text, kind, accounts);
        let include = self.selection(include, owners);
        let exclude = self.selection(exclude, owners);
        Some(OwnerSelection {
            include: match include? {
                Selection::All => None,
                Selection::Only(owners) => Some(owners),
            },
            exclude: match exclude? {
                Selection::All => Owners::from_iter([Interval::between(0, LARGEST_OWNER)]),
                Selection::Only(owners) => owners,
            },
        })
    }

    fn passthrough(&mut self) -> Option<PassthroughSources> {
        let addresses: Vec<_> = self.list(Setting::PassthroughSource, parse::passthrough_source)?;
        let mut sources = PassthroughSources::default();
        for address in distinct(addresses) {
            match address {
                IpAddr::V4(address) => sources.ipv4.push(address),
                IpAddr::V6(address) => sources.ipv6.push(address),
            }
        }
        if sources.ipv6.len() > MOST_IPV6_SOURCES {
            let most = MOST_IPV6_SOURCES;
            let what = "IPv6 addresses";
            self.note(
                Setting::PassthroughSource,
                OptionErrorKind::TooMany { most, what },
            );
        }
        Some(sources)
    }

    /// Patterns of interface names, each once.
    fn interfaces(&mut self, setting: Setting) -> Option<Vec<InterfacePattern>> {
        let interfaces = distinct(self.list(setting, parse::interface)?);
        if interfaces.len() > MOST_INTERFACES {
            let most = MOST_INTERFACES;
            let what = "interfaces";
            self.note(setting, OptionErrorKind::TooMany { most, what });
        }
        Some(interfaces)
    }

    fn one<T>(
        &mut self,
        setting: Setting,
        parse: impl FnOnce(&str) -> Result<T, ValueError>,
    ) -> Option<T> {
        let text = self.given.text(setting);
        let value = parse(text.trim());
        self.noting(setting, value.map_err(|error| vec![error]))
    }

    fn list<T, L: FromIterator<T>>(
        &mut self,
        setting: Setting,
        entry: impl Fn(&str) -> Result<T, ValueError>,
    ) -> Option<L> {
        let text = self.given.text(setting);
        self.noting(setting, parse::list(text, entry))
    }

    fn selection<T, L: FromIterator<T>>(
        &mut self,
        setting: Setting,
        entry: impl Fn(&str) -> Result<T, ValueError>,
    ) -> Option<Selection<L>> {
        let text = self.given.text(setting);
        self.noting(setting, parse::selection(text, entry))
    }

    fn noting<T>(&mut self, setting: Setting, read: Result<T, Vec<ValueError>>) -> Option<T> {
        read.map_err(|errors| {
            for error in errors {
                self.note(setting, error);
            }
        })
        .ok()
    }

    fn note(&mut self, setting: Setting, problem: impl Into<OptionErrorKind>) {
        self.errors
            .push(OptionError::new(self.given, setting, problem));
    }
}

fn ports(text: &str) -> Result<Interval<u16>, ValueError> {
    parse::ports(text, '-')
}

fn every_address() -> IpRanges {
    IpRanges {
        ipv4: Intervals::from_iter([Interval::between(Bound::MIN, Bound::MAX)]),
        ipv6: Intervals::from_iter([Interval::between(Bound::MIN, Bound::MAX)]),
    }
}
