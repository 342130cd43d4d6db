//! Consul, on Kubernetes and on Nomad, and the command line of its `consul connect redirect-traffic`.

pub(crate) mod annotations;
mod config;
pub(super) mod decision;
mod flags;

use std::ffi::OsString;
use std::mem;

use serde_json::{Map, Value};

use crate::intent::{Families, Family};
use crate::options::{self, LogOptions, OptionErrorKind, OptionSet, Shape};
use crate::parse::{DnsChoice, ValueError};

use super::document::{Document, Source};
use super::reader::Reader;
use super::request::FamilyRule;
use super::{Action, CompatCommand, Notice, Request};
use config::{Fields, Read};

pub use flags::ConsulFlag;

/// Consul's `consul connect redirect-traffic`.
#[derive(Clone, Copy, Debug)]
pub struct Consul;

const FIELDS: Fields = Fields {
    dns_address: "consul-dns-ip",
    dns_port: "consul-dns-port",
    uid: "proxy-uid",
    inbound_port: "proxy-inbound-port",
    outbound_port: "proxy-outbound-port",
    exclude_inbound_ports: "exclude-inbound-port",
    exclude_outbound_ports: "exclude-outbound-port",
    exclude_outbound_cidrs: "exclude-outbound-cidr",
    exclude_uids: "exclude-uid",
};

impl CompatCommand for Consul {
    type Flag = ConsulFlag;
    const COMMAND: &'static str = "consul connect redirect-traffic";
    const ABOUT: &'static str =
        "Do what consul connect redirect-traffic does for the same flags, given the proxy's ports";

    /// Go's flags have one dash or two.
    fn rewrite(arguments: &mut [OsString]) {
        for argument in arguments.iter_mut().skip(1) {
            let text = argument.to_str().unwrap_or("");
            let name = text.strip_prefix('-').unwrap_or("");
            if name.len() > 1 && name.starts_with(|first: char| first.is_ascii_alphabetic()) {
                *argument = format!("-{text}").into();
            }
        }
    }

    fn log_options(_: &mut Reader<'_, ConsulFlag>) -> Option<LogOptions> {
        Some(LogOptions::default())
    }

    // Every flag is read before the first `?`, to find all errors.
    fn request(reader: &mut Reader<'_, ConsulFlag>) -> Option<Request> {
        let dual_stack = reader.one(ConsulFlag::DualStack, |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            // To Consul any other text is false.
            _ => Err(ValueError::word(text, "true, false")),
        });
        let show = reader.show(
            ConsulFlag::DryRun,
            ConsulFlag::Format,
            ConsulFlag::PrintOptions,
        );
        let namespace = reader.namespace(ConsulFlag::Netns);
        let on_host = reader.switch(ConsulFlag::Host);
        let families = match dual_stack {
            Some(true) => Families::Both,
            Some(false) | None => Families::Only(Family::Ipv4),
        };
        let by_id = !reader.text(ConsulFlag::ProxyId).is_empty();
        let Read {
            options: mut read,
            mut unreadable,
        } = Read::of(
            reader.document(),
            &FIELDS,
            families == Families::Both,
            reader.accounts,
        );
        if by_id {
            let missing = reader.values.name(ConsulFlag::ProxyInboundPort);
            unreadable.retain(|error| error.option != missing);
            let text = "Consul's agent is not asked for the proxy's ports; give them with --proxy-inbound-port and, unless it \
                        is 15001, --proxy-outbound-port, and ports of metrics and health checks with --exclude-inbound-port";
            reader.note(ConsulFlag::ProxyId, OptionErrorKind::Unsupported(text));
        }
        let mut errors = unreadable;
        errors.append(&mut read.errors);
        let parsed = options::capture(&read.mesh, reader.accounts, reader.files);
        let parsed = parsed.map_err(|wrong| {
            // What is missing has been said.
            let is_new = |option: &str| errors.iter().all(|known| known.option != option);
            let wrong = wrong.into_iter().filter(|error| is_new(&error.option));
            wrong.collect::<Vec<_>>()
        });
        reader.errors.append(&mut errors);
        let parsed = match parsed {
            Ok(parsed) => Some(parsed),
            Err(wrong) => {
                reader.errors.extend(wrong);
                None
            }
        };
        reader.ignored(ConsulFlag::ProxyId, Notice::Info);
        let capture = parsed?.capture_of(families);
        Some(Request {
            families: FamilyRule::Fixed(families),
            dns: (DnsChoice::Off, capture.proxy.outbound_port),
            capture,
            action: Action::Install,
            show,
            namespace,
            on_host: on_host?,
            close_wait_timeout: None,
            validation: None,
            rules_file: None,
            notices: mem::take(&mut reader.notices),
        })
    }
}

impl Reader<'_, ConsulFlag> {
    /// The flags that are set, as the configuration that they stand for.
    fn document(&self) -> Document {
        let mut fields = Map::new();
        for flag in self.values.set_options() {
            let text = self.text(flag);
            let value = match flag.spec().shape {
                Shape::Several => {
                    let entries = text.split(';').filter(|entry| !entry.is_empty());
                    entries.map(Value::from).collect()
                }
                Shape::One | Shape::Number | Shape::List | Shape::Switch | Shape::Count => {
                    Value::from(text)
                }
            };
            fields.insert(flag.spec().name.to_owned(), value);
        }
        Document::of(Source::Flags, fields)
    }
}
