//! `netweir remove`.

use crate::app::{self, Place};
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::nftables::Removal;
use crate::options::{self, OptionError, Section};
use crate::parse::NetworkNamespace;

use super::arguments::{OptionsOf, TakesOptions};
use super::error::CliError;

/// The command.
pub(super) struct Remove;

impl TakesOptions for Remove {
    const SECTIONS: &[Section] = &[Section::Target, Section::Logging];
}

impl Remove {
    /// Removes the rules.
    pub(super) fn run(mut options: OptionsOf<Self>, errors: Vec<OptionError>) -> ExitCode {
        let mut invocation = options.invocation(errors);
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
