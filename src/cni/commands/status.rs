//! STATUS: whether pods can be captured on this node.

use crate::app::Place;
use crate::log::Log;
use crate::options::Parsed;

use super::super::error::PluginError;
use super::add::install;

/// Captures an empty network namespace, which ends with the process. The loopback interface is up there, as in a pod.
pub(super) fn status(capture: Option<Box<Parsed>>, log: Log) -> Result<(), PluginError> {
    if let Some(parsed) = capture {
        install(Place::New, *parsed, log).map_err(PluginError::NotAvailable)?;
        log.debug("pods can be captured on this node", &[]);
    }
    Ok(())
}
