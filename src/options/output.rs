//! The options for the network namespace, the output and the log.

use crate::named::named;
use crate::parse::{self, NetworkNamespace, ValueError};

use super::{OptionError, OptionErrorKind, OptionValues, Setting};

named! {
    /// The format of printed rules.
    pub enum Format: name {
        /// For `nft -f`.
        Nft "nft";
        /// For `nft -j -f` (libnftables-json(5)).
        Json "json";
        /// For `iptables-restore`.
        Iptables "iptables";
        /// For `ip6tables-restore`.
        Ip6tables "ip6tables";
    }
}

named! {
    /// How a command prints what it found.
    pub enum OutputFormat: name {
        /// As text.
        Text "text";
        /// As JSON.
        Json "json";
    }
}

/// What to do with the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Install them.
    Install {
        /// Verified afterwards.
        verify: bool,
        /// Also where others' traffic passes.
        host: bool,
    },
    /// Print them.
    Print(Format),
}

named! {
    /// The format of messages.
    #[derive(Default)]
    pub enum LogFormat: name {
        /// Lines of text.
        #[default]
        Plain "plain";
        /// A JSON object a line (RFC 8259).
        Json "json";
    }
}

named! {
    /// The severity of a message, or the least severe one that is logged.
    #[derive(Default)]
    pub enum Level: name {
        /// The rules themselves.
        Trace "trace";
        /// A step.
        Debug "debug";
        /// A result.
        #[default]
        Info "info";
        /// Something is probably not intended.
        Warning "warning";
        /// A failure.
        Error "error";
    }
}

/// Which messages are logged, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// The format.
    pub format: LogFormat,
    /// The least severe messages to log.
    pub level: Level,
}

/// What to do with the rules.
pub fn output(given: &OptionValues) -> Result<Output, Vec<OptionError>> {
    let mut errors = Vec::new();
    let dry_run = read(given, Setting::DryRun, parse::switch, &mut errors);
    let verify = read(given, Setting::Verify, parse::switch, &mut errors);
    let host = read(given, Setting::Host, parse::switch, &mut errors);
    let format = read(given, Setting::Format, parse::word, &mut errors);
    // A file or variable may set the format for other runs.
    let flag = given.origin(Setting::Format) == super::Origin::Flag;
    if dry_run == Some(false) && format.is_some() && flag && given.has(Setting::Format) {
        let problem = OptionErrorKind::Requires(given.name(Setting::DryRun));
        errors.push(OptionError::new(given, Setting::Format, problem));
    }
    // They may set --verify for other runs, too.
    let flag = given.origin(Setting::Verify) == super::Origin::Flag;
    if dry_run == Some(true) && verify == Some(true) && flag {
        let problem = OptionErrorKind::Conflict(given.name(Setting::DryRun));
        errors.push(OptionError::new(given, Setting::Verify, problem));
    }
    match (dry_run, verify, host, format) {
        (Some(dry_run), Some(verify), Some(host), Some(format)) if errors.is_empty() => {
            Ok(if dry_run {
                Output::Print(format)
            } else {
                Output::Install { verify, host }
            })
        }
        _ => Err(errors),
    }
}

/// The network namespace to work in; the current one when `None`.
pub fn network_namespace(
    given: &OptionValues,
) -> Result<Option<NetworkNamespace>, Vec<OptionError>> {
    if !given.has(Setting::Netns) {
        return Ok(None);
    }
    let mut errors = Vec::new();
    match read(given, Setting::Netns, parse::network_namespace, &mut errors) {
        Some(namespace) => Ok(Some(namespace)),
        None => Err(errors),
    }
}

/// Which messages are logged, and how.
pub fn log_options(given: &OptionValues) -> Result<LogOptions, Vec<OptionError>> {
    let mut errors = Vec::new();
    let format = read(given, Setting::LogFormat, parse::word, &mut errors);
    let verbose = read(given, Setting::Verbose, parse::count, &mut errors);
    let quiet = read(given, Setting::Quiet, parse::switch, &mut errors);
    let level = match (verbose, quiet) {
        (Some(0), Some(true)) => Some(Level::Error),
        (Some(0), Some(false)) => Some(Level::Info),
        (Some(1), Some(false)) => Some(Level::Debug),
        (Some(_), Some(false)) => Some(Level::Trace),
        (Some(_), Some(true)) => {
            errors.push(OptionError::new(
                given,
                Setting::Verbose,
                OptionErrorKind::Conflict(given.name(Setting::Quiet)),
            ));
            None
        }
        (None, _) | (_, None) => None,
    };
    match (format, level) {
        (Some(format), Some(level)) => Ok(LogOptions { format, level }),
        _ => Err(errors),
    }
}

fn read<T>(
    given: &OptionValues,
    setting: Setting,
    parse: fn(&str) -> Result<T, ValueError>,
    errors: &mut Vec<OptionError>,
) -> Option<T> {
    parse(given.text(setting).trim())
        .map_err(|error| errors.push(OptionError::new(given, setting, error)))
        .ok()
}
