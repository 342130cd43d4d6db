//! `netweir apply`.

use crate::exit_code::ExitCode;
use crate::intent::{Capture, Family};
use crate::log::Log;
use crate::metadata::Metadata;
use crate::nftables::{self, Outcome};
use crate::options::{self, Format, Level, OptionError, Output, Parsed, Section};
use crate::parse::{FamilyChoice, NetworkNamespace};
use crate::plan::plan;
use crate::process::privileges::Capability;
use crate::render;
use crate::ruleset::Ruleset;
use crate::verify::{Finding, Skip, Verification, verify};

use super::accounts::AccountFiles;
use super::arguments::{OptionsOf, TakesOptions};
use super::error::Error;
use super::families::resolve;
use super::files::System;
use super::invocation::Invocation;

/// The verb.
pub(super) struct Apply;

impl TakesOptions for Apply {
    const SECTIONS: &[Section] = &[
        Section::Proxy,
        Section::Inbound,
        Section::Outbound,
        Section::Both,
        Section::Dns,
        Section::Target,
        Section::Verification,
        Section::DryRun,
        Section::Logging,
    ];
}

impl Apply {
    /// Installs the rules, or prints them.
    pub(super) fn run(mut options: OptionsOf<Self>, errors: Vec<OptionError>) -> ExitCode {
        let mut invocation = options.invocation(errors);
        let Some(task) = Task::read(&mut invocation) else {
            return invocation.report();
        };
        let log = invocation.log;
        for warning in &task.parsed.warnings {
            log.warning(warning, &[]);
        }
        match task.run(log) {
            Ok(()) => ExitCode::Done,
            Err(error) => error.report(log),
        }
    }
}

/// What is to be done, with no mistake in it.
struct Task {
    parsed: Parsed,
    namespace: Option<NetworkNamespace>,
    output: Output,
}

impl Task {
    fn read(invocation: &mut Invocation) -> Option<Self> {
        let parsed = options::capture(&invocation.given, &AccountFiles::default(), &System);
        let namespace = options::network_namespace(&invocation.given);
        let output = options::output(&invocation.given);
        let parsed = invocation.noting(parsed);
        let namespace = invocation.noting(namespace);
        let output = invocation.noting(output);
        if !invocation.errors.is_empty() {
            return None;
        }
        Some(Self {
            parsed: parsed?,
            namespace: namespace?,
            output: output?,
        })
    }

    fn run(self, log: Log) -> Result<(), Error> {
        match self.output {
            Output::Print(format) => {
                // Only the choice of families by the namespace's addresses needs the namespace.
                let namespace = self
                    .namespace
                    .filter(|_| self.parsed.families == FamilyChoice::Auto);
                super::enter(namespace.as_ref(), &[], log)?;
                let ruleset = plan(&resolve(self.parsed, log)?);
                super::print(&text_of(format, &ruleset))
            }
            Output::Install | Output::InstallAndVerify => {
                super::enter(self.namespace.as_ref(), &[Capability::NetAdmin], log)?;
                let capture = resolve(self.parsed, log)?;
                let ruleset = plan(&capture);
                install(&capture, &ruleset, log)?;
                match self.output {
                    Output::InstallAndVerify => report(&verify(&capture, &ruleset)?, log),
                    Output::Install | Output::Print(_) => Ok(()),
                }
            }
        }
    }
}

/// Makes the kernel's rules be these, and says what that took.
pub(super) fn install(capture: &Capture, ruleset: &Ruleset, log: Log) -> Result<(), Error> {
    let (rules, sets) = (ruleset.rules().count(), ruleset.sets.len());
    log.debug(
        "the rules are planned",
        &[("rules", &rules), ("sets", &sets)],
    );
    if log.writes(Level::Trace) {
        log.trace(render::nft(ruleset), &[]);
    }
    let note = Metadata::note_of(capture, ruleset);
    let message = match nftables::apply(ruleset, &note)? {
        Outcome::Installed => "installed: traffic is captured from now on",
        Outcome::Replaced => "replaced the rules of an earlier run",
        Outcome::Unchanged => "nothing to change: these rules are installed already",
    };
    log.info(message, &[("rules", &rules)]);
    Ok(())
}

/// Says what was verified and what was not.
pub(super) fn report(verification: &Verification, log: Log) -> Result<(), Error> {
    for check in &verification.checks {
        match &check.finding {
            Finding::Proven(_) | Finding::Skipped(Skip::NoAddress) => log.info(check, &[]),
            Finding::Skipped(Skip::Taken(_) | Skip::Bypassed { .. }) => log.warning(check, &[]),
            Finding::Failed(_) => log.error(check, &[]),
        }
    }
    for cause in &verification.causes {
        log.error(cause, &[]);
    }
    if verification.passed() {
        Ok(())
    } else {
        Err(Error::NotCaptured)
    }
}

pub(super) fn text_of(format: Format, ruleset: &Ruleset) -> String {
    match format {
        Format::Nft => render::nft(ruleset),
        Format::Json => render::json(ruleset),
        Format::Iptables => render::iptables(ruleset, Family::Ipv4),
        Format::Ip6tables => render::iptables(ruleset, Family::Ipv6),
    }
}
