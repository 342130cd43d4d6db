//! The command line of Istio's `istio-iptables`.
//!
//! Without `-b` and `-i` nothing is captured. Lists may have empty entries, which templates produce, and white space around
//! entries where iptables ignores it.

pub(crate) mod annotations;
mod capture;
pub(super) mod decision;
mod flags;
mod log;
mod proxy_config;

use std::mem;

use crate::intent::Port;
use crate::options::{LogFormat, LogOptions, OptionValues};
use crate::parse::{self, DnsChoice};

use super::reader::Reader;
use super::request::FamilyRule;
use super::{Action, CompatCommand, Notice, Request};

pub use flags::IstioFlag;

/// The port on which Istio's agent answers DNS.
const DNS_PORT: u16 = 15053;

/// Istio's `istio-iptables`.
#[derive(Clone, Copy, Debug)]
pub struct Istio;

impl CompatCommand for Istio {
    type Flag = IstioFlag;
    const COMMAND: &'static str = "istio-iptables";
    const ABOUT: &'static str =
        "Do what Istio's istio-iptables does for the same flags and variables";

    fn log_options(reader: &mut Reader<'_, IstioFlag>) -> Option<LogOptions> {
        let level = reader.one(IstioFlag::LogOutputLevel, log::level);
        let is_json = reader.switch(IstioFlag::LogAsJson);
        let format = if is_json? {
            LogFormat::Json
        } else {
            LogFormat::Plain
        };
        level.map(|level| LogOptions { format, level })
    }

    // Every flag is read before the first `?`, to find all errors.
    fn request(reader: &mut Reader<'_, IstioFlag>) -> Option<Request> {
        let capture = reader.capture();
        let dual_stack = reader.switch(IstioFlag::DualStack);
        let dns = reader.dns();
        let action = reader.action();
        let show = reader.show(
            IstioFlag::DryRun,
            IstioFlag::Format,
            IstioFlag::PrintOptions,
        );
        let namespace = reader.namespace(IstioFlag::NetworkNamespace);
        let validation = reader.switch(IstioFlag::RunValidation);
        let probe_port = reader.one(IstioFlag::ProbePort, parse::port);
        let on_host = reader.switch(IstioFlag::Host);
        reader.one(IstioFlag::ProbeTimeout, parse::go_duration);
        reader.ignored(IstioFlag::ProbeTimeout);
        Some(Request {
            capture: capture?,
            families: FamilyRule::ByAddress {
                dual_stack: dual_stack?,
            },
            dns: (dns?, Port::new(DNS_PORT)?),
            action: action?,
            show,
            namespace,
            on_host: on_host?,
            close_wait_timeout: None,
            validation: validation?.then_some(probe_port?),
            notices: mem::take(&mut reader.notices),
        })
    }

    fn warning_for_flags_alone(values: &OptionValues<IstioFlag>) -> Option<Notice> {
        let port = IstioFlag::InboundCapturePort;
        if values.has(port) || values.text(IstioFlag::InboundPorts).is_empty() {
            return None;
        }
        Some(Notice::Warning(format!(
            "{}: inbound connections go to port {}, the proxy's port since Istio 1.3; an older proxy expects them on \
             its outbound port",
            values.name(port),
            values.text(port)
        )))
    }
}

impl Reader<'_, IstioFlag> {
    fn dns(&mut self) -> Option<DnsChoice> {
        let redirect = self.switch(IstioFlag::RedirectDns);
        let all = self.switch(IstioFlag::CaptureAllDns);
        Some(match (redirect?, all?) {
            (false, _) => DnsChoice::Off,
            (true, false) => DnsChoice::Resolvers,
            (true, true) => DnsChoice::All,
        })
    }

    fn action(&mut self) -> Option<Action> {
        let skip = self.switch(IstioFlag::SkipRuleApply);
        let cleanup = self.switch(IstioFlag::CleanupOnly);
        Some(match (skip?, cleanup?) {
            (true, _) => Action::Nothing,
            (false, true) => Action::Remove,
            (false, false) => Action::Install,
        })
    }
}
