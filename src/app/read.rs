//! Reads what is installed.

use crate::drift::Difference;
use crate::log::Log;
use crate::metadata::{Metadata, Unreadable, VERSION};
use crate::nftables::{self, Kernel};
use crate::ruleset::{Installed, MetadataBytes, RoutingObject, Ruleset};
use crate::status::{Origin, Status};

use super::AppError;

/// What is installed. Warns when a newer netweir installed it.
pub(crate) fn installed(log: Log) -> Result<Installed, AppError> {
    let (installed, metadata) = nftables::dump_with_metadata()?.ok_or(AppError::NotInstalled)?;
    warn_of_newer(&metadata, log);
    Ok(installed)
}

/// Every difference between what is installed and the ruleset, and what is installed. Warns when a newer netweir installed
/// it.
pub(crate) fn compare(
    wanted: &Ruleset,
    log: Log,
) -> Result<(Vec<Difference>, Installed), AppError> {
    let (differences, installed, metadata) = nftables::differences_from(wanted)?;
    warn_of_newer(&metadata, log);
    Ok((differences, installed))
}

/// A newer netweir may know more than this one.
fn warn_of_newer(metadata: &MetadataBytes, log: Log) {
    let newer = match Metadata::read(metadata, &[]) {
        Ok(Some(metadata)) if metadata.is_newer() => metadata.version,
        Err(Unreadable::Format(_)) => "a version that this one cannot read".to_owned(),
        Ok(_) | Err(Unreadable::Damaged) => return,
    };
    let message = format!("the rules were installed by a newer netweir than this one, {VERSION}");
    log.warning(&message, &[("by", &newer)]);
}

/// Whether capture is installed, and in which state.
pub(crate) enum InstalledStatus {
    /// It is.
    Capture(Box<Status>),
    /// It is not.
    /// In order: what is left of routing objects, whether a chain without effect keeps open connections working.
    Nothing(Vec<RoutingObject>, bool),
}

impl InstalledStatus {
    /// Reads it.
    pub(crate) fn read() -> Result<Self, AppError> {
        let found = nftables::dump_with_metadata()?;
        let keeps_connections = found
            .as_ref()
            .is_some_and(|(installed, _)| installed.only_keeps_connections());
        let Some((mut installed, metadata)) = found.filter(is_capture) else {
            return Ok(Self::Nothing(
                nftables::routing_beside(&[])?,
                keeps_connections,
            ));
        };
        let origin = Origin::read(&metadata, &installed.ruleset.sets);
        let wanted = origin.wanted().map(|wanted| wanted.routing.as_slice());
        installed.ruleset.routing = nftables::routing_beside(wanted.unwrap_or_default())?;
        let warnings =
            nftables::other_chains::warnings_of_earlier(&mut Kernel::open()?, &installed.ruleset)?;
        let status = Status::new(installed, origin).with_warnings(warnings);
        Ok(Self::Capture(Box::new(status)))
    }
}

/// Whether it is more than an empty table that another program made. A table of netweir's that was emptied has metadata.
fn is_capture((installed, metadata): &(Installed, MetadataBytes)) -> bool {
    let mut rules = installed.ruleset.rules();
    let has_rules = rules.next().is_some() && !installed.only_keeps_connections();
    has_rules || !installed.unmanaged.is_empty() || !metadata.bytes().is_empty()
}
