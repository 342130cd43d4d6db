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

use std::ffi::OsString;
use std::mem;
use std::path::PathBuf;

use crate::intent::{Capture, Families, Port};
use crate::options::{Format, LogFormat, LogOptions, OptionErrorKind, OptionValues};
use crate::parse::{self, DnsChoice};

use super::reader::Reader;
use super::request::FamilyRule;
use super::{Action, CompatCommand, Notice, Request, Show, Validation};

pub use flags::IstioFlag;

/// The port on which Istio's agent answers DNS.
const DNS_PORT: u16 = 15053;

/// Istio's `istio-iptables`.
#[derive(Clone, Copy, Debug)]
pub struct Istio;

/// Istio's `istio-clean-iptables` of 1.4 to 1.24.
#[derive(Clone, Copy, Debug)]
pub struct IstioClean;

impl CompatCommand for Istio {
    type Flag = IstioFlag;
    const COMMAND: &'static str = "istio-iptables";
    const ABOUT: &'static str =
        "Do what Istio's istio-iptables does for the same flags and variables";

    fn rewrite(arguments: &mut [OsString]) {
        rewrite(arguments);
    }

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
        let restore_format = reader.switch(IstioFlag::RestoreFormat);
        let rules_file = reader.text(IstioFlag::OutputPaths);
        let rules_file = (!rules_file.is_empty()).then(|| PathBuf::from(rules_file));
        let namespace = reader.namespace(IstioFlag::NetworkNamespace);
        let validation = reader.switch(IstioFlag::RunValidation);
        let probe_port = reader.one(IstioFlag::ProbePort, parse::port);
        let on_host = reader.switch(IstioFlag::Host);
        let within = reader.one(IstioFlag::ProbeTimeout, parse::go_duration);
        if reader.switch(IstioFlag::TraceLogging) == Some(true) {
            let text = "no message is logged for a packet; netweir trace shows which rule decides";
            reader.warn(IstioFlag::TraceLogging, text);
        }
        reader.refuse_old_variables();
        reader.ignored(IstioFlag::LogTarget, Notice::Debug);
        let show = match show {
            Some(Show::Rules(_)) if restore_format? && !reader.values.has(IstioFlag::Format) => {
                Some(Show::Rules(Format::Iptables))
            }
            show => show,
        };
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
            validation: validation?.then_some(Validation {
                port: probe_port?,
                within: within?,
            }),
            rules_file,
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

impl CompatCommand for IstioClean {
    type Flag = IstioFlag;
    const COMMAND: &'static str = "istio-clean-iptables";
    const ABOUT: &'static str =
        "Remove what is installed, like Istio's istio-clean-iptables, whatever the flags";
    const FLAGS: &'static [IstioFlag] = &[
        IstioFlag::ProxyUid,
        IstioFlag::ProxyGid,
        IstioFlag::Mode,
        IstioFlag::TproxyMark,
        IstioFlag::RedirectDns,
        IstioFlag::CaptureAllDns,
        IstioFlag::DryRun,
        IstioFlag::PrintOptions,
        IstioFlag::NetworkNamespace,
        IstioFlag::LogOutputLevel,
        IstioFlag::LogAsJson,
        IstioFlag::LogTarget,
        IstioFlag::LogCaller,
        IstioFlag::LogStacktraceLevel,
        IstioFlag::LogRotate,
        IstioFlag::LogRotateMaxAge,
        IstioFlag::LogRotateMaxBackups,
        IstioFlag::LogRotateMaxSize,
        IstioFlag::Vklog,
    ];

    fn rewrite(arguments: &mut [OsString]) {
        rewrite(arguments);
    }

    fn log_options(reader: &mut Reader<'_, IstioFlag>) -> Option<LogOptions> {
        Istio::log_options(reader)
    }

    fn request(reader: &mut Reader<'_, IstioFlag>) -> Option<Request> {
        let show = reader.show(
            IstioFlag::DryRun,
            IstioFlag::Format,
            IstioFlag::PrintOptions,
        );
        let namespace = reader.namespace(IstioFlag::NetworkNamespace);
        // What was captured does not matter: the whole table is removed.
        for flag in Self::FLAGS.iter().take(6) {
            if reader.values.has(*flag) {
                reader.remark(*flag, "ignored: everything is removed");
            }
        }
        reader.ignored(IstioFlag::LogTarget, Notice::Debug);
        Some(Request {
            capture: Capture::default(),
            families: FamilyRule::Fixed(Families::Both),
            dns: (DnsChoice::Off, Port::new(DNS_PORT)?),
            action: Action::Remove,
            show,
            namespace,
            on_host: false,
            close_wait_timeout: None,
            validation: None,
            rules_file: None,
            notices: mem::take(&mut reader.notices),
        })
    }
}

/// Rewrites what only old releases write: `-dryRun` (1.3 and 1.4) and the word `clean` (up to 1.3).
fn rewrite(arguments: &mut [OsString]) {
    let count = arguments.len();
    let mut after_flag = false;
    for (place, argument) in arguments.iter_mut().enumerate().skip(1) {
        let text = argument.to_str().unwrap_or("");
        let (flag, value) = text.split_at(text.find('=').unwrap_or(text.len()));
        let flag = match flag {
            "-dryRun" | "--dryRun" => "--dry-run",
            "--clean" => "--cleanup-only",
            "clean" if place == 1 || place + 1 == count && !after_flag => "--cleanup-only",
            flag => flag,
        };
        let rewritten = format!("{flag}{value}");
        after_flag = rewritten.starts_with('-') && value.is_empty();
        if rewritten != text {
            *argument = rewritten.into();
        }
    }
}

impl Reader<'_, IstioFlag> {
    /// Notes variables of old releases that ask for what netweir does not do.
    fn refuse_old_variables(&mut self) {
        for (flag, text) in [
            (
                IstioFlag::OldDns,
                "DNS capture as in Istio 1.6 and 1.7, whose proxy answers over UDP only; --redirect-dns is that of 1.8",
            ),
            (
                IstioFlag::NoOwnPod,
                "the proxy's connections to its own pod are always captured",
            ),
            (
                IstioFlag::ConfigScripts,
                "no shell runs the script; set the variables themselves",
            ),
        ] {
            if !self.text(flag).is_empty() {
                self.note(flag, OptionErrorKind::Unsupported(text));
            }
        }
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
}
