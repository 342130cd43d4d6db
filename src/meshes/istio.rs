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

use crate::intent::Port;
use crate::meshes::notation;
use crate::options::{
    Format, LogOptions, OptionError, OptionErrorKind, OptionSet, OptionValues, Section, Shape,
};
use crate::parse::{self, Accounts, DnsChoice, NetworkNamespace};

use super::reader::Reader;
use super::request::{FamilyRule, Notice};
use super::{Action, CompatCommand, Request, Show, Validation};

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

    fn log_options(values: &OptionValues<IstioFlag>) -> Result<LogOptions, Vec<OptionError>> {
        log::log_options(values)
    }

    fn remark_on_flags_alone(values: &OptionValues<IstioFlag>) -> Option<Notice> {
        let port = IstioFlag::InboundCapturePort;
        let silent = values.has(port) || values.text(IstioFlag::InboundPorts).is_empty();
        (!silent).then(|| {
            Notice::Warning(format!(
                "{}: inbound connections go to port {}, the proxy's port since Istio 1.3; an older proxy expects them on \
                 its outbound port",
                values.name(port),
                values.text(port)
            ))
        })
    }

    fn read(
        values: &OptionValues<IstioFlag>,
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

impl Reader<'_, IstioFlag> {
    // Every flag is read before the first `?`, to find all errors.
    fn request(&mut self) -> Option<Request> {
        let mut notices = Vec::new();
        let capture = self.capture(&mut notices);
        let dual_stack = self.switch(IstioFlag::DualStack);
        let dns = self.dns();
        let action = self.action();
        let show = self.show();
        let namespace = self.namespace();
        let validation = self.validation();
        let on_host = self.switch(IstioFlag::Host);
        self.accepted(&mut notices);
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
            validation,
            notices,
        })
    }

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

    /// What to print; `None` also after an error.
    fn show(&mut self) -> Option<Show> {
        let dry_run = self.switch(IstioFlag::DryRun);
        let format = self.one(IstioFlag::Format, Format::parse);
        let options = self.switch(IstioFlag::PrintOptions);
        if dry_run == Some(false) && format.is_some() && self.values.has(IstioFlag::Format) {
            let dry_run = self.values.name(IstioFlag::DryRun);
            self.note(IstioFlag::Format, OptionErrorKind::Requires(dry_run));
        }
        Show::of(dry_run?, format?, options?)
    }

    /// The network namespace; `None` also after an error.
    fn namespace(&mut self) -> Option<NetworkNamespace> {
        if self.text(IstioFlag::NetworkNamespace).is_empty() {
            return None;
        }
        self.one(IstioFlag::NetworkNamespace, parse::network_namespace)
    }

    /// How to test the rules; `None` also after an error.
    fn validation(&mut self) -> Option<Validation> {
        let run = self.switch(IstioFlag::RunValidation);
        let port = self.one(IstioFlag::ProbePort, parse::port);
        let validation = Validation { port: port? };
        run?.then_some(validation)
    }

    /// Flags that are accepted and ignored. Their values are checked all the same.
    fn accepted(&mut self, notices: &mut Vec<Notice>) {
        for flag in self.values.set_options() {
            let spec = flag.spec();
            if spec.section != Section::Ignored {
                continue;
            }
            match (flag, spec.shape) {
                (IstioFlag::ProbeTimeout, _) => {
                    self.one(flag, parse::go_duration);
                }
                (_, Shape::Switch) => {
                    self.switch(flag);
                }
                (_, Shape::Number) => {
                    self.one(flag, notation::whole_number);
                }
                (_, Shape::One | Shape::List | Shape::Several | Shape::Count) => {}
            }
            notices.push(Notice::no_effect(self.values, flag));
        }
    }
}
