//! The command line of Linkerd's proxy-init.
//!
//! Everything is captured, less what is to be ignored. What arrives or leaves by `lo` is left alone: there is neither
//! a passthrough source nor a tunnel port.

mod flags;

use crate::intent::{
    Capture, Families, Family, Inbound, InboundPorts, InterfacePattern, Interval, IpRanges,
    Outbound, OwnerId, PassthroughSources, Port, Ports, Proxy,
};
use crate::options::{Format, Level, LogFormat, LogOptions, OptionError, OptionErrorKind};
use crate::parse::{self, Accounts, DnsChoice, NetworkNamespace, OwnerKind, ValueError};

use super::reader::{Reader, Space};
use super::request::{FamilyRule, Notice};
use super::{Action, CompatCommand, Flag, Request, Show, Texts, Topic};

pub use flags::LinkerdFlag;

/// The front end.
#[derive(Clone, Copy, Debug)]
pub struct Linkerd;

impl CompatCommand for Linkerd {
    type Flag = LinkerdFlag;
    const VERB: &'static str = "linkerd-init";
    const ABOUT: &'static str = "Do what Linkerd's proxy-init does for the same flags";

    fn log_options(texts: &Texts<LinkerdFlag>) -> Result<LogOptions, Vec<OptionError>> {
        log_options(texts)
    }

    fn read(
        texts: &Texts<LinkerdFlag>,
        accounts: &dyn Accounts,
    ) -> Result<Request, Vec<OptionError>> {
        let mut reader = Reader {
            texts,
            accounts,
            errors: Vec::new(),
        };
        match reader.request() {
            Some(request) if reader.errors.is_empty() => Ok(request),
            _ => Err(reader.errors),
        }
    }
}

/// What is said, and how.
fn log_options(texts: &Texts<LinkerdFlag>) -> Result<LogOptions, Vec<OptionError>> {
    let mut errors = Vec::new();
    let format = LogFormat::parse(texts.text(LinkerdFlag::LogFormat));
    let level = level(texts.text(LinkerdFlag::LogLevel));
    match (format, level) {
        (Ok(format), Ok(level)) => Ok(LogOptions { format, level }),
        (format, level) => {
            let wrong = [
                format.err().map(|error| (LinkerdFlag::LogFormat, error)),
                level.err().map(|error| (LinkerdFlag::LogLevel, error)),
            ];
            errors.extend(
                wrong
                    .into_iter()
                    .flatten()
                    .map(|(flag, error)| OptionError {
                        option: texts.name(flag),
                        problem: error.into(),
                    }),
            );
            Err(errors)
        }
    }
}

fn level(text: &str) -> Result<Level, ValueError> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "trace" => Level::Trace,
        "debug" => Level::Debug,
        "info" => Level::Info,
        "warn" | "warning" => Level::Warning,
        "error" | "fatal" | "panic" => Level::Error,
        _ => {
            return Err(ValueError::Word {
                text: text.to_owned(),
                accepted: "trace, debug, info, warn, error, fatal, panic",
            });
        }
    })
}

impl Reader<'_, LinkerdFlag> {
    // Every flag is read before the first `?`, so that all mistakes are noted.
    fn request(&mut self) -> Option<Request> {
        let mut notices = Vec::new();
        let proxy = self.proxy(&mut notices);
        let inbound = self.inbound();
        let exclude_ports = self.ports(LinkerdFlag::OutboundPortsToIgnore);
        let ipv6 = self.switch(LinkerdFlag::Ipv6);
        let show = self.show();
        let namespace = self.namespace();
        let close_wait = self.one(LinkerdFlag::TimeoutCloseWait, parse::whole_number);
        self.accepted(&mut notices);
        let families = if ipv6? {
            Families::Both
        } else {
            Families::Only(Family::Ipv4)
        };
        let (dns, dns_port) = (DnsChoice::Off, proxy.as_ref()?.outbound_port);
        Some(Request {
            capture: Capture {
                families,
                proxy: proxy?,
                inbound: inbound?,
                outbound: Outbound {
                    exclude_ports: exclude_ports?,
                    ..Capture::default().outbound
                },
                exclude_interfaces: vec![InterfacePattern::loopback()],
                passthrough: PassthroughSources::default(),
                ..Capture::default()
            },
            families: FamilyRule::Fixed(families),
            dns: (dns, dns_port),
            action: Action::Install,
            show,
            namespace,
            close_wait_timeout: Some(close_wait?).filter(|&seconds| seconds > 0),
            validation: None,
            notices,
        })
    }

    fn proxy(&mut self, notices: &mut Vec<Notice>) -> Option<Proxy> {
        let inbound_port = self.required_port(LinkerdFlag::IncomingProxyPort);
        let outbound_port = self.required_port(LinkerdFlag::OutgoingProxyPort);
        let uids = self.owner(LinkerdFlag::ProxyUid, OwnerKind::User);
        let gids = self.owner(LinkerdFlag::ProxyGid, OwnerKind::Group);
        if uids.is_empty() && gids.is_empty() {
            let text = "leaves nobody to be the proxy: its own connections are captured again, without end";
            notices.push(self.warning(LinkerdFlag::ProxyUid, text));
        }
        Some(Proxy {
            outbound_port: outbound_port?,
            inbound_port: inbound_port?,
            tunnel_port: None,
            uids,
            gids,
        })
    }

    fn required_port(&mut self, flag: LinkerdFlag) -> Option<Port> {
        if self.texts.has(flag) {
            return self.one(flag, parse::port);
        }
        let spec = flag.spec();
        let (value, example) = (spec.value, spec.example);
        self.note(flag, OptionErrorKind::Required { value, example });
        None
    }

    /// An id above 0; -1 and 0 are nobody, as is what is a mistake.
    fn owner(&mut self, flag: LinkerdFlag, kind: OwnerKind) -> Vec<OwnerId> {
        match self.text(flag) {
            "-1" | "0" => Vec::new(),
            _ => {
                let id = self.one(flag, |text| parse::owner_id(text, kind));
                id.into_iter().collect()
            }
        }
    }

    /// Ports to ignore are so also among the ones that are listed.
    fn inbound(&mut self) -> Option<Inbound> {
        let listed = self.ports(LinkerdFlag::PortsToRedirect);
        let ignored = self.ports(LinkerdFlag::InboundPortsToIgnore);
        let subnets: Option<IpRanges> =
            self.list(LinkerdFlag::SubnetsToIgnore, Space::Free, |text| {
                parse::cidr(text)
            });
        let (listed, ignored) = (listed?, ignored?);
        Some(Inbound {
            ports: if listed.is_empty() {
                InboundPorts::AllExcept(ignored)
            } else {
                InboundPorts::Only(listed.without(&ignored))
            },
            exclude_sources: subnets?,
            ..Capture::default().inbound
        })
    }

    fn ports(&mut self, flag: LinkerdFlag) -> Option<Ports> {
        self.list(flag, Space::Counts, |text| -> Result<Interval<u16>, _> {
            parse::ports(text, '-')
        })
    }

    /// What to print; `None` also where there is a mistake.
    fn show(&mut self) -> Option<Show> {
        let simulate = self.switch(LinkerdFlag::Simulate);
        let format = self.one(LinkerdFlag::Format, Format::parse);
        let options = self.switch(LinkerdFlag::PrintOptions);
        if simulate == Some(false) && format.is_some() && self.texts.has(LinkerdFlag::Format) {
            let text = self.text(LinkerdFlag::Format).to_owned();
            self.note(
                LinkerdFlag::Format,
                OptionErrorKind::FormatWithoutDryRun(text),
            );
        }
        Show::of(simulate?, format?, options?)
    }

    /// Where to work; `None` also where there is a mistake.
    fn namespace(&mut self) -> Option<NetworkNamespace> {
        if self.text(LinkerdFlag::Netns).is_empty() {
            return None;
        }
        self.one(LinkerdFlag::Netns, parse::network_namespace)
    }

    /// What was given and has no meaning here. Even so it is what it should be.
    fn accepted(&mut self, notices: &mut Vec<Notice>) {
        self.switch(LinkerdFlag::UseWaitFlag);
        self.one(LinkerdFlag::IptablesMode, |text| match text {
            "" | "legacy" | "nft" | "plain" => Ok(()),
            _ => Err(ValueError::Word {
                text: text.to_owned(),
                accepted: "legacy, nft, plain",
            }),
        });
        for flag in self.texts.given() {
            if flag.spec().topic == Topic::Accepted {
                notices.push(Notice::no_effect(self.texts, flag));
            }
        }
    }
}
