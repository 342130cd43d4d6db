//! The command line of Linkerd's proxy-init.
//!
//! Everything is captured, apart from what the flags exclude and what arrives or leaves by `lo`. There is neither a
//! passthrough source nor a tunnel port.

pub(crate) mod annotations;
mod capture;
pub(super) mod decision;
mod flags;
mod log;

use crate::intent::{Capture, Families, Family, InterfacePattern, Outbound, PassthroughSources};
use crate::meshes::notation;
use crate::options::{
    Format, LogOptions, OptionError, OptionErrorKind, OptionSet, OptionValues, Section,
};
use crate::parse::{self, Accounts, DnsChoice, NetworkNamespace, ValueError};

use super::reader::Reader;
use super::request::{FamilyRule, Notice};
use super::{Action, CompatCommand, Request, Show};

pub use flags::LinkerdFlag;

/// Linkerd's proxy-init.
#[derive(Clone, Copy, Debug)]
pub struct Linkerd;

impl CompatCommand for Linkerd {
    type Flag = LinkerdFlag;
    const COMMAND: &'static str = "linkerd-init";
    const ABOUT: &'static str = "Do what Linkerd's proxy-init does for the same flags";

    fn log_options(values: &OptionValues<LinkerdFlag>) -> Result<LogOptions, Vec<OptionError>> {
        log::log_options(values)
    }

    fn read(
        values: &OptionValues<LinkerdFlag>,
        accounts: &dyn Accounts,
    ) -> Result<Request, Vec<OptionError>> {
        let mut reader = Reader {
            values,
            accounts,
            errors: Vec::new(),
        };
        match reader.request() {
            Some(request) if reader.errors.is_empty() => Ok(request),
            _ => Err(reader.errors),
        }
    }
}

impl Reader<'_, LinkerdFlag> {
    // Every flag is read before the first `?`, to find all errors.
    fn request(&mut self) -> Option<Request> {
        let mut notices = Vec::new();
        let proxy = self.proxy(&mut notices);
        let inbound = self.inbound();
        let exclude_ports = self.ports(LinkerdFlag::OutboundPortsToIgnore);
        let ipv6 = self.switch(LinkerdFlag::Ipv6);
        let show = self.show();
        let namespace = self.namespace();
        let on_host = self.switch(LinkerdFlag::Host);
        let close_wait = self.one(LinkerdFlag::TimeoutCloseWait, notation::whole_number);
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
            on_host: on_host?,
            close_wait_timeout: Some(close_wait?).filter(|&seconds| seconds > 0),
            validation: None,
            notices,
        })
    }

    /// What to print; `None` also after an error.
    fn show(&mut self) -> Option<Show> {
        let simulate = self.switch(LinkerdFlag::Simulate);
        let format = self.one(LinkerdFlag::Format, Format::parse);
        let options = self.switch(LinkerdFlag::PrintOptions);
        if simulate == Some(false) && format.is_some() && self.values.has(LinkerdFlag::Format) {
            let simulate = self.values.name(LinkerdFlag::Simulate);
            self.note(LinkerdFlag::Format, OptionErrorKind::Requires(simulate));
        }
        Show::of(simulate?, format?, options?)
    }

    /// The network namespace; `None` also after an error.
    fn namespace(&mut self) -> Option<NetworkNamespace> {
        if self.text(LinkerdFlag::Netns).is_empty() {
            return None;
        }
        self.one(LinkerdFlag::Netns, parse::network_namespace)
    }

    /// Flags that are accepted and ignored. Their values are checked all the same.
    fn accepted(&mut self, notices: &mut Vec<Notice>) {
        self.switch(LinkerdFlag::UseWaitFlag);
        self.one(LinkerdFlag::IptablesMode, |text| match text {
            "" | "legacy" | "nft" | "plain" => Ok(()),
            _ => Err(ValueError::Word {
                text: text.to_owned(),
                accepted: "legacy, nft, plain",
            }),
        });
        for flag in self.values.set_options() {
            if flag.spec().section == Section::Ignored {
                notices.push(Notice::no_effect(self.values, flag));
            }
        }
    }
}
