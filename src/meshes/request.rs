//! Requests of a mesh's flags, and what they capture in a network namespace.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::intent::{Capture, Dns, Families, Family, IpRanges, Port, RangeSelection};
use crate::options::Format;
use crate::parse::{self, DnsChoice, NetworkNamespace};

/// The request of a mesh's flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What to capture, apart from what depends on the network namespace.
    pub(super) capture: Capture,
    /// The families to capture.
    pub(super) families: FamilyRule,
    /// The DNS queries to capture, and the proxy's port for them; off where the capture has them already.
    pub(super) dns: (DnsChoice, Port),
    /// What to do.
    pub action: Action,
    /// What to print instead of doing it.
    pub show: Option<Show>,
    /// The network namespace; the current one when `None`.
    pub namespace: Option<NetworkNamespace>,
    /// Whether to install also where others' traffic passes.
    pub on_host: bool,
    /// How long connection tracking remembers a connection that only its peer has closed, in seconds; unchanged when `None`
    /// (`nf_conntrack_tcp_timeout_close_wait`).
    pub close_wait_timeout: Option<u32>,
    /// How to test the rules; not at all when `None`.
    pub validation: Option<Validation>,
    /// Where to write the rules, apart from installing them.
    pub rules_file: Option<PathBuf>,
    /// What the user should know.
    pub notices: Vec<Notice>,
}

/// How to test the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validation {
    /// The port that the proxy's user connects to.
    pub port: Port,
    /// How long another program may take to install the rules.
    pub within: Duration,
}

/// The families to capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FamilyRule {
    /// These.
    Fixed(Families),
    /// IPv4; and IPv6 if the namespace has any address of it other than `::1`.
    Ipv6IfPresent,
    /// IPv4; and IPv6 if the first global address of the namespace is one, or in dual stack any.
    ByAddress { dual_stack: bool },
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "there is one for each run")]
pub enum Action {
    /// Install the rules.
    Install,
    /// Remove the rules.
    Remove,
    /// Do not change the rules.
    Nothing,
    /// Test that a connection is redirected, whatever the rules are; and another one, if IPv6 is captured.
    TestRedirect(RedirectTest, Option<RedirectTest>),
}

/// A connection that should be redirected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedirectTest {
    /// Where it should arrive.
    pub listen: SocketAddr,
    /// Its destination.
    pub connect: SocketAddr,
    /// Its source; the kernel's choice when `None`.
    pub from: Option<IpAddr>,
    /// How long the answer may take.
    pub within: Duration,
}

/// What to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// The rules.
    Rules(Format),
    /// The equal `netweir apply` command line.
    Options,
}

/// What the user should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Probably unintended.
    Warning(String),
    /// A setting without effect.
    Info(String),
    /// Without consequence.
    Debug(String),
}

/// What a request depends on in the network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// All addresses of the network namespace, in the kernel's order.
    pub addresses: Vec<IpAddr>,
    /// The text of resolv.conf(5).
    pub resolv_conf: String,
}

const NO_ADDRESS: &str = "the network namespace has no global address yet: only IPv4 is captured";
const NO_SERVER: &str =
    "DNS is not captured: /etc/resolv.conf names no name server, and --capture-all-dns is not set";

impl Request {
    /// Whether the capture depends on the addresses of the namespace.
    #[must_use]
    pub const fn needs_addresses(&self) -> bool {
        matches!(
            self.families,
            FamilyRule::ByAddress { .. } | FamilyRule::Ipv6IfPresent
        )
    }

    /// Whether the capture depends on the name servers.
    #[must_use]
    pub fn needs_name_servers(&self) -> bool {
        self.dns.0 == DnsChoice::Resolvers
    }

    /// What to capture, and what the user should know about it.
    #[must_use]
    pub fn capture(&self, environment: &Environment) -> (Capture, Vec<Notice>) {
        let mut notices = Vec::new();
        let families = match self.families {
            FamilyRule::Fixed(families) => families,
            FamilyRule::Ipv6IfPresent => {
                let mut addresses = environment.addresses.iter();
                if addresses.any(|address| address.is_ipv6() && !address.is_loopback()) {
                    Families::Both
                } else {
                    Families::Only(Family::Ipv4)
                }
            }
            FamilyRule::ByAddress { dual_stack } => by_address(&environment.addresses, dual_stack)
                .unwrap_or_else(|| {
                    notices.push(Notice::Warning(NO_ADDRESS.to_owned()));
                    Families::Only(Family::Ipv4)
                }),
        };
        let servers = match self.dns.0 {
            DnsChoice::Off => None,
            DnsChoice::All => Some(RangeSelection::All),
            DnsChoice::Resolvers => name_servers(&environment.resolv_conf, &mut notices),
        };
        let port = self.dns.1;
        let capture = Capture {
            families,
            dns: servers
                .map(|servers| Dns::new(port, servers))
                .or_else(|| self.capture.dns.clone()),
            ..self.capture.clone()
        };
        (capture, notices)
    }
}

/// The families of the addresses; `None` without a global address.
fn by_address(addresses: &[IpAddr], dual_stack: bool) -> Option<Families> {
    let mut global = addresses.iter().map(IpAddr::to_canonical).filter(is_global);
    let first = global.next()?;
    let any_ipv6 = first.is_ipv6() || dual_stack && global.any(|address| address.is_ipv6());
    Some(if any_ipv6 {
        Families::Both
    } else {
        Families::Only(Family::Ipv4)
    })
}

fn is_global(address: &IpAddr) -> bool {
    let is_link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !(is_link_local || address.is_loopback() || address.is_unspecified())
}

/// The name servers of the file; `None` without any. Lines without an address are ignored with a warning.
fn name_servers(resolv_conf: &str, notices: &mut Vec<Notice>) -> Option<RangeSelection> {
    let mut servers = Vec::new();
    for server in parse::name_servers(resolv_conf) {
        match server {
            Ok(address) => servers.push(address.into()),
            Err(error) => notices.push(Notice::Warning(format!("/etc/resolv.conf: {error}"))),
        }
    }
    if servers.is_empty() {
        notices.push(Notice::Warning(NO_SERVER.to_owned()));
        return None;
    }
    Some(RangeSelection::Only(IpRanges::from_iter(servers)))
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Warning(text) | Self::Info(text) | Self::Debug(text)) = self;
        f.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn families(addresses: &[&str], dual_stack: bool) -> Option<Families> {
        let addresses: Vec<_> = addresses.iter().map(|text| text.parse().unwrap()).collect();
        by_address(&addresses, dual_stack)
    }

    #[test]
    fn first_global_address_decides_unless_dual_stack() {
        let ipv4 = Some(Families::Only(Family::Ipv4));
        let both = Some(Families::Both);
        for (addresses, single, dual) in [
            (&["127.0.0.1", "10.0.0.2", "::1", "fe80::1"][..], ipv4, ipv4),
            (&["127.0.0.1", "10.0.0.2", "::1", "fd00::2"], ipv4, both),
            (&["127.0.0.1", "::1", "fd00::2"], both, both),
            (&["fd00::2", "10.0.0.2"], both, both),
            (&["169.254.0.1", "::1", "2001:db8::1"], both, both),
            (&["10.0.0.2", "::6"], ipv4, both),
            (&["127.0.0.1", "::1", "fe80::1"], None, None),
            (&[], None, None),
        ] {
            assert_eq!(families(addresses, false), single, "{addresses:?}");
            assert_eq!(families(addresses, true), dual, "{addresses:?}");
        }
    }

    #[test]
    fn reads_name_servers_with_addresses() {
        let servers = |text: &str| {
            let mut notices = Vec::new();
            (name_servers(text, &mut notices), notices.len())
        };
        let one = ["10.96.0.10/32".parse().unwrap()].into_iter().collect();
        assert_eq!(
            servers("nameserver 10.96.0.10\nnameserver dns.example\n"),
            (Some(RangeSelection::Only(one)), 1)
        );
        assert_eq!(servers("search example.com\n"), (None, 1));
        assert_eq!(servers("nameserver x\n"), (None, 2));
    }
}
