//! `netweir remove`.

use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::nftables::{self, Removal};
use crate::options::{self, OptionError, Section};
use crate::parse::NetworkNamespace;
use crate::process::privileges::Capability;

use super::arguments::{OptionsOf, TakesOptions};
use super::error::Error;

/// The verb.
pub(super) struct Remove;

impl TakesOptions for Remove {
    const SECTIONS: &[Section] = &[Section::Target, Section::Logging];
}

impl Remove {
    /// Takes the rules away.
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

/// Takes the rules away, and says so.
pub(super) fn remove(namespace: Option<&NetworkNamespace>, log: Log) -> Result<(), Error> {
    super::enter(namespace, &[Capability::NetAdmin], log)?;
    log.info(
        match nftables::remove()? {
            Removal::Removed => "removed: traffic is no longer captured",
            Removal::NothingThere => "nothing to remove",
        },
        &[],
    );
    Ok(())
}
