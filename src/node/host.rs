//! One pass over the node: what is there, and the changes that it needs.

use std::collections::BTreeMap;
use std::mem;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::log::Log;

use super::binary::Binary;
use super::conf_dir::{ConfDir, Performed};
use super::entry::Entry;
use super::error::InstallError;
use super::health::Repair;
use super::reconcile::{Blocked, Change, Selection};
use super::temporary;

/// How long a file may be invalid before it counts as such: its writer may not have finished.
const GRACE: Duration = Duration::from_millis(250);
/// How often an uninstallation starts again after other programs changed a file.
const ATTEMPTS: usize = 100;

/// The two directories of a node that the installer writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directories {
    /// Plugins, as the container runtime looks for them.
    pub bin: PathBuf,
    /// Network configurations.
    pub conf: PathBuf,
}

/// The node's two directories, and the entry that they should have.
pub(super) struct Host {
    binary: Binary,
    conf_dir: ConfDir,
    entry: Entry,
    /// The invalid files before the primary network: since when, and whether that is logged.
    invalid: BTreeMap<String, (Instant, bool)>,
    log: Log,
}

/// What a pass found, or achieved.
#[derive(Debug)]
pub(super) enum Status {
    /// The plugin is installed, after these repairs.
    Installed(Repair),
    /// Other programs have to do something first.
    Waiting(InstallError),
    /// Another program changed a file at the same time.
    Overtaken,
    /// A file may be half-written; at this time it counts as invalid.
    Unsettled(Instant),
}

impl Host {
    pub(super) fn new(directories: &Directories, entry: Entry, log: Log) -> Self {
        Self {
            binary: Binary::new(&directories.bin),
            conf_dir: ConfDir::new(&directories.conf),
            entry,
            invalid: BTreeMap::new(),
            log,
        }
    }

    /// Deletes what killed installers left behind.
    pub(super) fn clean(&self) -> Result<(), InstallError> {
        temporary::clean(self.binary.directory())?;
        temporary::clean(self.conf_dir.path())
    }

    /// Checks the node and repairs what differs. The binary comes before the entry that refers to it.
    pub(super) fn reconcile(&mut self, now: Instant) -> Result<Status, InstallError> {
        let binary = self.binary.install()?;
        if binary {
            self.log.info("the plugin's binary was installed", &[]);
        }
        let files = self.conf_dir.read()?;
        let Selection { primary, invalid } = files.select();
        let decided = if self.entry.is_standalone() {
            Some(files.install_standalone(&self.entry))
        } else if let Some(until) = self.note_invalid(&invalid, now) {
            return Ok(Status::Unsettled(until));
        } else {
            primary.map(|primary| Ok(files.install(&primary?, &self.entry)))
        };
        let (changes, problem) = match decided {
            Some(Ok(changes)) => (changes, None),
            Some(Err(Blocked { name, reason })) => {
                let path = self.conf_dir.path().join(name);
                let error = InstallError::Unsupported(path, reason);
                (files.follow_removals(), Some(error))
            }
            None => (files.follow_removals(), Some(self.no_network(&invalid))),
        };
        let configuration = !changes.is_empty();
        if perform(&self.conf_dir, &changes, self.log)? == Performed::Overtaken {
            return Ok(Status::Overtaken);
        }
        match problem {
            // No event reports another directory, or that a file can be read again.
            Some(InstallError::Unsupported(path, reason)) if !reason.is_settled() => {
                Err(InstallError::Unsupported(path, reason))
            }
            Some(error) => Ok(Status::Waiting(error)),
            None => Ok(Status::Installed(Repair {
                binary,
                configuration,
            })),
        }
    }

    /// Notes which files are invalid and logs those that stay so. Returns the end of the last one's grace period.
    fn note_invalid(&mut self, invalid: &[(&str, &str)], now: Instant) -> Option<Instant> {
        let is_invalid = |name: &String| invalid.iter().any(|(invalid, _)| invalid == name);
        self.invalid.retain(|name, _| is_invalid(name));
        let mut unsettled = None;
        for (name, reason) in invalid {
            let known = self.invalid.entry((*name).to_owned());
            let (since, is_logged) = known.or_insert((now, false));
            let until = *since + GRACE;
            if until > now {
                unsettled = unsettled.max(Some(until));
            } else if !mem::replace(is_logged, true) {
                let path = self.conf_dir.path().join(name);
                self.log.warning(
                    "skipping an invalid network configuration until it changes",
                    &[("path", &path.display()), ("reason", reason)],
                );
            }
        }
        unsettled
    }

    fn no_network(&self, invalid: &[(&str, &str)]) -> InstallError {
        let path = self.conf_dir.path().to_owned();
        if invalid.is_empty() {
            return InstallError::NoNetwork(path);
        }
        // Without the reasons, which were logged: they may be others in each pass, and would be logged as another error.
        let names: Vec<_> = invalid.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        InstallError::Invalid(path, names)
    }
}

/// Uninstalls the plugin: the entry first, so that no network refers to a deleted binary. Succeeds if it is not installed.
///
/// # Errors
/// The plugin is still installed, or it cannot be determined whether a network still refers to it.
pub fn uninstall(directories: &Directories, log: Log) -> Result<(), InstallError> {
    let conf_dir = ConfDir::new(&directories.conf);
    temporary::clean(conf_dir.path())?;
    let mut attempts = 0..ATTEMPTS;
    loop {
        let files = conf_dir.read()?;
        if perform(&conf_dir, &files.uninstall(), log)? == Performed::Done {
            if let Some((name, reason)) = files.undetermined().next() {
                let path = conf_dir.path().join(name);
                return Err(InstallError::Undetermined(path, reason));
            }
            break;
        }
        if attempts.next().is_none() {
            return Err(InstallError::Overtaken(conf_dir.path().to_owned()));
        }
    }
    temporary::clean(&directories.bin)?;
    if Binary::new(&directories.bin).remove()? {
        log.info("the plugin is uninstalled", &[]);
    }
    Ok(())
}

fn perform(
    conf_dir: &ConfDir,
    changes: &[Change<'_>],
    log: Log,
) -> Result<Performed, InstallError> {
    for change in changes {
        if conf_dir.perform(change)? == Performed::Overtaken {
            return Ok(Performed::Overtaken);
        }
        let message = match change {
            Change::Create { .. } | Change::Rewrite { .. } => "wrote a network configuration",
            Change::Remove { .. } => "removed a network configuration",
        };
        let path = conf_dir.path().join(change.name());
        log.info(message, &[("path", &path.display())]);
    }
    Ok(Performed::Done)
}
