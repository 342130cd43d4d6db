//! `netweir remove`.

use crate::app::{self, Place};
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::nftables::Removal;
use crate::options::{self, Section};
use crate::parse::NetworkNamespace;

use super::command::CommandSpec;
use super::error::CliError;
use super::invocation::Invocation;

/// The command.
pub(super) const COMMAND: CommandSpec = CommandSpec {
    name: "remove",
    about: "Remove what apply installed (succeeds if nothing is installed)",
    details: "",
    sections: &[Section::Target, Section::Logging],
    options: &[],
    words: None,
    examples: &[("netweir remove", "stop capturing traffic")],
    run,
};

fn run(mut invocation: Invocation) -> ExitCode {
    let namespace = options::network_namespace(&invocation.given);
    let namespace = invocation.noting(namespace);
    match namespace {
        Some(namespace) if invocation.errors.is_empty() => {
            let log = invocation.log;
            match remove(namespace.as_ref(), log) {
                Ok(()) => ExitCode::Done,
                Err(error) => error.report(log),
            }
        }
        _ => invocation.report(),
    }
}

/// Removes the rules and logs whether there were any.
pub(super) fn remove(namespace: Option<&NetworkNamespace>, log: Log) -> Result<(), CliError> {
    log.info(
        match app::remove(Place::of(namespace), log)? {
            Removal::Removed => "removed: traffic is no longer captured",
            Removal::NothingThere => "nothing to remove",
        },
        &[],
    );
    Ok(())
}
