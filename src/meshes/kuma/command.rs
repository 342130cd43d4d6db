//! The command lines of `kumactl install transparent-proxy`, of its validator and of `kumactl uninstall transparent-proxy`.
//!
//! Files, variables and flags are merged to the configuration that an annotation of Kuma's has, and read by the same code.

use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde_json::Value;

use crate::intent::{Capture, Families, Family, IpRanges, Port};
use crate::meshes::document::Document;
use crate::meshes::reader::Reader;
use crate::meshes::request::{FamilyRule, RedirectTest};
use crate::meshes::{Action, CompatCommand, Notice, Request, Show};
use crate::options::{
    self, LogOptions, OptionErrorKind, OptionSet, OptionValues, Origin, Setting, Shape,
};
use crate::parse::{self, DnsChoice, OwnerKind};

use super::annotations;
use super::flags::KumaFlag;

/// Where the proxy's configuration has what a flag gives.
const FIELDS: &[(KumaFlag, &str)] = &[
    (KumaFlag::KumaDpUser, "kumaDPUser"),
    (KumaFlag::KumaDpUid, "kumaDPUser"),
    (KumaFlag::RedirectOutboundPort, "redirect.outbound.port"),
    (KumaFlag::RedirectInboundPort, "redirect.inbound.port"),
    (KumaFlag::RedirectInbound, "redirect.inbound.enabled"),
    (
        KumaFlag::IncludeInboundPorts,
        "redirect.inbound.includePorts",
    ),
    (
        KumaFlag::ExcludeInboundPorts,
        "redirect.inbound.excludePorts",
    ),
    (
        KumaFlag::ExcludeInboundIps,
        "redirect.inbound.excludePortsForIPs",
    ),
    (KumaFlag::Vnet, "redirect.vnet.networks"),
    (KumaFlag::RedirectOutbound, "redirect.outbound.enabled"),
    (
        KumaFlag::IncludeOutboundPorts,
        "redirect.outbound.includePorts",
    ),
    (
        KumaFlag::ExcludeOutboundPorts,
        "redirect.outbound.excludePorts",
    ),
    (
        KumaFlag::ExcludeOutboundIps,
        "redirect.outbound.excludePortsForIPs",
    ),
    (
        KumaFlag::ExcludeOutboundPortsForUids,
        "redirect.outbound.excludePortsForUIDs",
    ),
    (
        KumaFlag::OutboundInsert,
        "redirect.outbound.insertRedirectInsteadOfAppend",
    ),
    (KumaFlag::RedirectDns, "redirect.dns.enabled"),
    (KumaFlag::RedirectAllDnsTraffic, "redirect.dns.captureAll"),
    (KumaFlag::RedirectDnsPort, "redirect.dns.port"),
    (KumaFlag::ResolvConf, RESOLV_CONF),
    (KumaFlag::SkipZones, "redirect.dns.skipConntrackZoneSplit"),
    (KumaFlag::IpFamilyMode, "ipFamilyMode"),
    (KumaFlag::DropInvalidPackets, "dropInvalidPackets"),
    (KumaFlag::DryRun, DRY_RUN),
];
const FOR_UIDS: &str = "redirect.outbound.excludePortsForUIDs";
const RESOLV_CONF: &str = "redirect.dns.resolvConfigPath";
const DRY_RUN: &str = "dryRun";
/// The flags that name files.
const FILES: [KumaFlag; 3] = [
    KumaFlag::Config,
    KumaFlag::ConfigFile,
    KumaFlag::TransparentProxyConfig,
];
/// Of Kuma's releases that redirect with eBPF.
const EBPF: [KumaFlag; 6] = [
    KumaFlag::EbpfEnabled,
    KumaFlag::EbpfInstanceIp,
    KumaFlag::EbpfBpffsPath,
    KumaFlag::EbpfCgroupPath,
    KumaFlag::EbpfTcAttachIface,
    KumaFlag::EbpfProgramsSourcePath,
];
/// The user of the proxy's container.
const PROXY_USER: &str = "5678";
/// The user that Kuma's documentation makes for the proxy on a machine.
const PROXY_USER_NAME: &str = "kuma-dp";

/// `kumactl install transparent-proxy`.
#[derive(Clone, Copy, Debug)]
pub struct Kuma;

/// `kumactl install transparent-proxy-validator`.
#[derive(Clone, Copy, Debug)]
pub struct KumaValidator;

/// `kumactl uninstall transparent-proxy`.
#[derive(Clone, Copy, Debug)]
pub struct KumaUninstall;

impl CompatCommand for Kuma {
    type Flag = KumaFlag;
    const COMMAND: &'static str = "kumactl install transparent-proxy";
    const ABOUT: &'static str =
        "Do what kumactl install transparent-proxy does for the same flags, variables and files";

    fn log_options(_: &mut Reader<'_, KumaFlag>) -> Option<LogOptions> {
        Some(LogOptions::default())
    }

    // Every flag is read before the first `?`, to find all errors.
    fn request(reader: &mut Reader<'_, KumaFlag>) -> Option<Request> {
        let mut document = reader.document();
        let show = reader.show(KumaFlag::DryRun, KumaFlag::Format, KumaFlag::PrintOptions);
        let format = reader.one(KumaFlag::Format, parse::word);
        let on_host = reader.switch(KumaFlag::Host);
        let is_dry = document.boolean(DRY_RUN) == Some(true);
        document.set(DRY_RUN, Value::Null);
        let both = [KumaFlag::RedirectDns, KumaFlag::RedirectAllDnsTraffic];
        if both.iter().all(|flag| reader.is_on(*flag)) {
            let other = reader.values.name(KumaFlag::RedirectAllDnsTraffic);
            reader.note(KumaFlag::RedirectDns, OptionErrorKind::Conflict(other));
        }
        let all = document.boolean("redirect.dns.captureAll") == Some(true);
        if all {
            document.set("redirect.dns.enabled", true.into());
        }
        for flag in EBPF {
            if reader.values.has(flag) && reader.text(flag) != "false" {
                let why = "netweir redirects with nf_tables only";
                reader.note(flag, OptionErrorKind::Unsupported(why));
            }
        }
        // Also where it is not used.
        reader.one(KumaFlag::RedirectDnsPort, parse::port);
        reader.ignored(KumaFlag::LogLevel, Notice::Info);
        let capture = reader.capture(document, all);
        let (capture, families) = capture?;
        Some(Request {
            families: match families {
                Families::Both => FamilyRule::Ipv6IfPresent,
                Families::Only(_) => FamilyRule::Fixed(families),
            },
            dns: (DnsChoice::Off, capture.proxy.outbound_port),
            capture,
            action: Action::Install,
            show: match (show, format) {
                (None, Some(format)) if is_dry => Some(Show::Rules(format)),
                (show, _) => show,
            },
            namespace: None,
            on_host: on_host?,
            close_wait_timeout: None,
            validation: None,
            rules_file: None,
            notices: mem::take(&mut reader.notices),
        })
    }
}

impl CompatCommand for KumaValidator {
    type Flag = KumaFlag;
    const COMMAND: &'static str = "kumactl install transparent-proxy-validator";
    const ABOUT: &'static str =
        "Test that connections are redirected, like kumactl install transparent-proxy-validator";
    const FLAGS: &'static [KumaFlag] = &[
        KumaFlag::TransparentProxyConfig,
        KumaFlag::IpFamilyMode,
        KumaFlag::ValidationServerPort,
        KumaFlag::NoConfig,
        KumaFlag::ApiTimeout,
        KumaFlag::LogLevel,
    ];

    fn log_options(_: &mut Reader<'_, KumaFlag>) -> Option<LogOptions> {
        Some(LogOptions::default())
    }

    fn request(reader: &mut Reader<'_, KumaFlag>) -> Option<Request> {
        /// A port on which nothing needs to listen.
        const DESTINATION: u16 = 20_001;
        const PATIENCE: Duration = Duration::from_secs(10);
        let mut document = reader.document();
        let has_file = reader.values.has(KumaFlag::TransparentProxyConfig);
        let port = document.text("redirect.inbound.port");
        let port = port.filter(|_| has_file);
        let port = port.unwrap_or_else(|| reader.text(KumaFlag::ValidationServerPort).to_owned());
        let port = match parse::port(&port) {
            Ok(port) => Some(port),
            Err(error) => {
                reader.note(KumaFlag::ValidationServerPort, error);
                None
            }
        };
        let mode = document.text("ipFamilyMode").unwrap_or_default();
        let families = annotations::families(&mode);
        if families.is_none() {
            document.note("ipFamilyMode", annotations::unknown_families(&mode));
        }
        reader.errors.append(&mut document.errors);
        reader.ignored(KumaFlag::LogLevel, Notice::Info);
        let port = port?.number();
        let test = |listen: IpAddr, connect: IpAddr| RedirectTest {
            listen: SocketAddr::new(listen, port),
            connect: SocketAddr::new(connect, DESTINATION),
            // The kernel would choose ::6 itself, which the rules take for the proxy's call of its application.
            from: Some(listen),
            within: PATIENCE,
        };
        Some(Request {
            action: Action::TestRedirect(
                test(
                    Ipv4Addr::LOCALHOST.into(),
                    Ipv4Addr::new(127, 0, 0, 6).into(),
                ),
                Some(test(
                    Ipv6Addr::LOCALHOST.into(),
                    Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 6).into(),
                )),
            ),
            families: match families? {
                "ipv4" => FamilyRule::Fixed(Families::Only(Family::Ipv4)),
                _ => FamilyRule::Ipv6IfPresent,
            },
            ..nothing(reader)?
        })
    }
}

impl CompatCommand for KumaUninstall {
    type Flag = KumaFlag;
    const COMMAND: &'static str = "kumactl uninstall transparent-proxy";
    const ABOUT: &'static str =
        "Remove what is installed, like kumactl uninstall transparent-proxy";
    const FLAGS: &'static [KumaFlag] = &[
        KumaFlag::DryRun,
        KumaFlag::Verbose,
        KumaFlag::NoConfig,
        KumaFlag::ApiTimeout,
        KumaFlag::LogLevel,
    ];

    fn log_options(_: &mut Reader<'_, KumaFlag>) -> Option<LogOptions> {
        Some(LogOptions::default())
    }

    fn request(reader: &mut Reader<'_, KumaFlag>) -> Option<Request> {
        let show = reader.show(KumaFlag::DryRun, KumaFlag::Format, KumaFlag::PrintOptions);
        reader.ignored(KumaFlag::LogLevel, Notice::Info);
        Some(Request {
            action: Action::Remove,
            show,
            ..nothing(reader)?
        })
    }
}

/// A request that captures nothing.
fn nothing(reader: &mut Reader<'_, KumaFlag>) -> Option<Request> {
    Some(Request {
        capture: Capture::default(),
        families: FamilyRule::Fixed(Families::Both),
        dns: (DnsChoice::Off, Port::new(53)?),
        action: Action::Nothing,
        show: None,
        namespace: None,
        on_host: false,
        close_wait_timeout: None,
        validation: None,
        rules_file: None,
        notices: mem::take(&mut reader.notices),
    })
}

impl Reader<'_, KumaFlag> {
    /// The configuration of files, variables and flags.
    fn document(&mut self) -> Document {
        let mut document = Document::empty();
        for flag in FILES {
            let values = self.text(flag).to_owned();
            for value in values.split(';').filter(|value| !value.trim().is_empty()) {
                if is_text(value) {
                    self.merge(&mut document, flag, value, None);
                    continue;
                }
                for name in parse::entries(value).filter(|name| !name.is_empty()) {
                    let file = if name == "-" { "/dev/stdin" } else { name };
                    match self.files.read(file) {
                        Ok(text) => self.merge(&mut document, flag, &text, Some(name)),
                        Err(reason) => {
                            let file = name.to_owned();
                            self.note(flag, OptionErrorKind::File(file, reason));
                        }
                    }
                }
            }
        }
        for (flag, path) in FIELDS {
            if self.values.has(*flag)
                && let Some(value) = self.value(*flag)
            {
                document.set_by(path, value, self.values.name(*flag));
            }
        }
        self.older_exclusions(&mut document);
        document
    }

    fn merge(&mut self, document: &mut Document, flag: KumaFlag, text: &str, file: Option<&str>) {
        let name = match file {
            Some(file) => format!("{} {file}", self.values.name(flag)),
            None => self.values.name(flag),
        };
        if let Err(reason) = document.merge(text, &name) {
            self.note(flag, OptionErrorKind::Unreadable(reason));
        }
    }

    /// The value of a flag in the configuration; `None` after an error.
    fn value(&mut self, flag: KumaFlag) -> Option<Value> {
        let text = self.text(flag);
        Some(match flag.spec().shape {
            Shape::Switch => self.switch(flag)?.into(),
            Shape::Several => entries(text, &self.values.origin(flag)),
            Shape::List => entries(text, &Origin::Variable("")),
            Shape::One | Shape::Number | Shape::Count => text.into(),
        })
    }

    /// Adds what the flags of older releases exclude, one for each protocol.
    fn older_exclusions(&mut self, document: &mut Document) {
        for (flag, protocol) in [
            (KumaFlag::ExcludeOutboundTcpPortsForUids, "tcp"),
            (KumaFlag::ExcludeOutboundUdpPortsForUids, "udp"),
        ] {
            if !self.values.has(flag) {
                continue;
            }
            let text = self.text(flag);
            let own = text.split(';').filter(|entry| !entry.trim().is_empty());
            let own = own.map(|entry| format!("{protocol}:{entry}"));
            let all: Vec<_> = document.list(FOR_UIDS).into_iter().chain(own).collect();
            document.set_by(FOR_UIDS, all.into(), self.values.name(flag));
        }
    }

    fn is_on(&mut self, flag: KumaFlag) -> bool {
        self.values.origin(flag) == Origin::Flag
            && self.values.has(flag)
            && self.text(flag) == "true"
    }

    /// What the configuration captures, and of which families; `None` after an error.
    fn capture(&mut self, mut document: Document, all_dns: bool) -> Option<(Capture, Families)> {
        if document
            .text("kumaDPUser")
            .is_none_or(|user| user.is_empty())
        {
            let id = self.accounts.id_of(OwnerKind::User, PROXY_USER_NAME);
            let user = id.map_or_else(|_| PROXY_USER.to_owned(), |id| id.to_string());
            document.set("kumaDPUser", user.into());
        }
        let options = annotations::by_document(&mut document);
        let mut given = options.over(&OptionValues::default());
        self.errors.append(&mut document.errors);
        if given.text(Setting::Dns) == "resolvers" && !all_dns {
            self.name_servers(&mut document, &mut given);
        }
        let parsed = options::capture(&given, self.accounts, self.files);
        match parsed {
            Ok(parsed) => {
                let families = match parsed.families {
                    parse::FamilyChoice::Fixed(families) => families,
                    parse::FamilyChoice::Auto => Families::Both,
                };
                Some((parsed.capture_of(families), families))
            }
            Err(errors) => {
                let known = self.errors.clone();
                let new = errors.into_iter().filter(|error| !known.contains(error));
                self.errors.extend(new);
                None
            }
        }
    }

    /// Gives the name servers of resolv.conf. Without any, DNS is not captured.
    fn name_servers(&mut self, document: &mut Document, given: &mut OptionValues) {
        let file = document.text(RESOLV_CONF);
        let file = file.unwrap_or_else(|| "/etc/resolv.conf".to_owned());
        let text = match self.files.read(&file) {
            Ok(text) => text,
            Err(reason) => {
                self.note(KumaFlag::RedirectDns, OptionErrorKind::File(file, reason));
                return;
            }
        };
        let mut servers = Vec::new();
        for server in parse::name_servers(&text) {
            match server {
                Ok(address) => servers.push(address),
                Err(error) => self
                    .notices
                    .push(Notice::Warning(format!("{file}: {error}"))),
            }
        }
        let listed: IpRanges = servers.iter().map(|server| (*server).into()).collect();
        let origin = || given_by(&file);
        for family in Family::ALL {
            if listed.is_empty_for(family) {
                self.notices.push(Notice::Warning(format!(
                    "DNS over {} is not captured: {file} names no name server of that family",
                    family.name()
                )));
            }
        }
        if servers.is_empty() {
            given.set(Setting::Dns, origin(), "off".to_owned());
        } else {
            let texts: Vec<_> = servers.iter().map(ToString::to_string).collect();
            given.set(Setting::DnsServers, origin(), texts.join(","));
        }
    }
}

fn given_by(file: &str) -> Origin {
    Origin::Runtime(file.into())
}

/// Whether the value is a configuration and not the name of a file.
fn is_text(value: &str) -> bool {
    value.contains('\n') || value.contains(": ") || value.trim_start().starts_with('{')
}

/// The entries of a list. In a variable they are separated by commas, repeated flags are joined by semicolons.
fn entries(text: &str, origin: &Origin) -> Value {
    let separator = match origin {
        Origin::Variable(_) => ',',
        _ => ';',
    };
    let entries = text.split(separator).map(str::trim);
    entries.filter(|entry| !entry.is_empty()).collect()
}
