//! STATUS: could a pod be captured on this node?

use crate::log::Log;
use crate::metadata::Metadata;
use crate::nftables;
use crate::options::Parsed;
use crate::plan::plan;
use crate::process::namespace;
use crate::process::privileges::{self, Capability};
use crate::rtnetlink;

use super::super::Error;
use super::resolve;

/// Tries it, in a network namespace that nobody else is in and that is gone with the process.
pub(super) fn status(capture: Option<Box<Parsed>>, log: Log) -> Result<(), Error> {
    let Some(parsed) = capture else {
        return Ok(());
    };
    privileges::confine(&[Capability::NetAdmin, Capability::SysAdmin]).map_err(unavailable)?;
    namespace::enter_new().map_err(unavailable)?;
    privileges::give_up(Capability::SysAdmin).map_err(unavailable)?;
    // As in a pod.
    rtnetlink::take_loopback_up().map_err(unavailable)?;
    let capture = resolve(*parsed, log)?;
    let ruleset = plan(&capture);
    let note = Metadata::note_of(&capture, &ruleset);
    nftables::apply(&ruleset, &note).map_err(unavailable)?;
    log.debug("pods can be captured on this node", &[]);
    Ok(())
}

fn unavailable(error: impl std::error::Error + 'static) -> Error {
    Error::NotAvailable(Box::new(error))
}
