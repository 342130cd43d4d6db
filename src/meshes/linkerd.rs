//! The command line of Linkerd's proxy-init.
//!
//! Everything is captured, apart from what the flags exclude and what arrives or leaves by `lo`. There is neither a
//! passthrough source nor a tunnel port.

pub(crate) mod annotations;
mod capture;
pub(super) mod decision;
mod flags;
mod log;
mod validator;

use std::mem;

use crate::intent::{Capture, Families, Family, InterfacePattern, Outbound, PassthroughSources};
use crate::options::LogOptions;
use crate::parse::{self, DnsChoice, ValueError};

use super::reader::Reader;
use super::request::FamilyRule;
use super::{Action, CompatCommand, Notice, Request, notation};

pub use flags::LinkerdFlag;
pub use validator::{LinkerdValidator, LinkerdValidatorFlag};

/// Linkerd's proxy-init.
#[derive(Clone, Copy, Debug)]
pub struct Linkerd;

impl CompatCommand for Linkerd {
    type Flag = LinkerdFlag;
    const COMMAND: &'static str = "linkerd-init";
    const ABOUT: &'static str = "Do what Linkerd's proxy-init does for the same flags";

    fn log_options(reader: &mut Reader<'_, LinkerdFlag>) -> Option<LogOptions> {
        let format = reader.one(LinkerdFlag::LogFormat, parse::word);
        let level = reader.one(LinkerdFlag::LogLevel, log::level);
        Some(LogOptions {
            format: format?,
            level: level?,
        })
    }

    // Every flag is read before the first `?`, to find all errors.
    fn request(reader: &mut Reader<'_, LinkerdFlag>) -> Option<Request> {
        let proxy = reader.proxy();
        let inbound = reader.inbound();
        let exclude_ports = reader.ports(LinkerdFlag::OutboundPortsToIgnore);
        let ipv6 = reader.switch(LinkerdFlag::Ipv6);
        let show = reader.show(
            LinkerdFlag::Simulate,
            LinkerdFlag::Format,
            LinkerdFlag::PrintOptions,
        );
        let namespace = reader.namespace(LinkerdFlag::Netns);
        let on_host = reader.switch(LinkerdFlag::Host);
        let close_wait = reader.one(LinkerdFlag::TimeoutCloseWait, notation::whole_number);
        reader.one(LinkerdFlag::IptablesMode, |text| match text {
            "" | "legacy" | "nft" | "plain" => Ok(()),
            _ => Err(ValueError::word(text, "legacy, nft, plain")),
        });
        reader.ignored(LinkerdFlag::IptablesMode, Notice::Debug);
        let families = if ipv6? {
            Families::Both
        } else {
            Families::Only(Family::Ipv4)
        };
        let proxy = proxy?;
        Some(Request {
            families: FamilyRule::Fixed(families),
            dns: (DnsChoice::Off, proxy.outbound_port),
            capture: Capture {
                families,
                proxy,
                inbound: inbound?,
                outbound: Outbound {
                    exclude_ports: exclude_ports?,
                    ..Capture::default().outbound
                },
                exclude_interfaces: vec![InterfacePattern::loopback()],
                passthrough: PassthroughSources::default(),
                ..Capture::default()
            },
            action: Action::Install,
            show,
            namespace,
            on_host: on_host?,
            close_wait_timeout: Some(close_wait?).filter(|&seconds| seconds > 0),
            validation: None,
            rules_file: None,
            notices: mem::take(&mut reader.notices),
        })
    }
}
