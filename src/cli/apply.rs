//! `netweir apply`.

use crate::app::{self, Access, AppError, Place, Planned, resolve_options};
use crate::exit_code::ExitCode;
use crate::intent::Family;
use crate::log::Log;
use crate::nftables::{Kernel, Outcome};
use crate::options::{self, Format, Output, Parsed, Section};
use crate::parse::{FamilyChoice, NetworkNamespace};
use crate::render;
use crate::ruleset::Ruleset;

use super::command::CommandSpec;
use super::error::CliError;
use super::invocation::Invocation;
use super::output::print;
use super::rules::NO_ADDRESS;

/// The command.
pub(super) const COMMAND: CommandSpec = CommandSpec {
    name: "apply",
    about: "Install capture rules, replacing those of an earlier run",
    details: "Rules that are installed already stay as they are, with their counters. Nothing is changed if an option is wrong.",
    sections: &[
        Section::Proxy,
        Section::Inbound,
        Section::Outbound,
        Section::Both,
        Section::Dns,
        Section::Target,
        Section::Installation,
        Section::DryRun,
        Section::Logging,
    ],
    options: &[],
    words: None,
    examples: &[
        ("netweir apply", "capture all TCP of this network namespace"),
        (
            "netweir apply --exclude-outbound-ports=3306,6379 --verify",
            "do not capture connections to two ports, and test the rules",
        ),
        (
            "netweir apply --netns /proc/4711/ns/net --config /etc/netweir.toml",
            "capture the traffic of another network namespace, with options from a file",
        ),
        (
            "netweir apply --dry-run",
            "print the rules instead of installing them",
        ),
    ],
    run,
};

fn run(invocation: Invocation) -> ExitCode {
    invocation.run(ApplyRequest::read, ApplyRequest::run)
}

/// The options, all valid.
struct ApplyRequest {
    parsed: Parsed,
    namespace: Option<NetworkNamespace>,
    output: Output,
}

impl ApplyRequest {
    fn read(invocation: &mut Invocation) -> Option<Self> {
        let parsed = invocation.capture();
        let namespace = invocation.namespace();
        let output = options::output(&invocation.given);
        let output = invocation.noting(output);
        Some(Self {
            parsed: parsed?,
            namespace: namespace.ok()?,
            output: output?,
        })
    }

    fn run(self, log: Log) -> Result<ExitCode, CliError> {
        for warning in &self.parsed.warnings {
            log.warning(warning, &[]);
        }
        let place = Place::of(self.namespace.as_ref());
        match self.output {
            Output::Print(format) => {
                // Only families that depend on the namespace's addresses need the namespace.
                let place = match self.parsed.families {
                    FamilyChoice::Auto => place,
                    FamilyChoice::Fixed(_) => Place::Current,
                };
                app::enter(place, Access::Unprivileged, log)?;
                let planned = Planned::new(resolve_options(self.parsed, log, NO_ADDRESS)?);
                print(&text_of(format, &planned.ruleset))?;
            }
            Output::Install { verify, host } => {
                app::enter(place, Access::Rules, log)?;
                let planned = Planned::new(resolve_options(self.parsed, log, NO_ADDRESS)?);
                install(&planned, host, log)?;
                if verify {
                    planned.verify(log)?;
                }
            }
        }
        Ok(ExitCode::Done)
    }
}

/// Installs the rules and logs what changed. Refuses a namespace that others' traffic passes, unless that is allowed.
pub(super) fn install(planned: &Planned, on_host: bool, log: Log) -> Result<(), CliError> {
    let mut kernel = Kernel::open().map_err(AppError::from)?;
    if !on_host {
        planned.refuse_host(&mut kernel, log)?;
    }
    let message = match planned.install(&mut kernel, log)? {
        Outcome::Installed => "installed: traffic is captured from now on",
        Outcome::Replaced => "replaced the rules of an earlier run",
        Outcome::Unchanged => "nothing to change: these rules are installed already",
    };
    log.info(message, &[("rules", &planned.ruleset.rules().count())]);
    Ok(())
}

pub(super) fn text_of(format: Format, ruleset: &Ruleset) -> String {
    match format {
        Format::Nft => render::nft(ruleset),
        Format::Json => render::json(ruleset),
        Format::Iptables => render::iptables(ruleset, Family::Ipv4),
        Format::Ip6tables => render::iptables(ruleset, Family::Ipv6),
    }
}
