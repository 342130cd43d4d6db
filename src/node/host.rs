//! One pass over the node: what is there, and the changes that it needs.

use std::time::{Duration, Instant};

use crate::log::Log;

use super::Directories;
use super::binary::Binary;
use super::conf_dir::{ConfDir, Performed};
use super::entry::Entry;
use super::error::InstallError;
use super::health::Repair;
use super::reconcile::{Change, Files, Selection};
use super::temporary;

/// How long a file may be invalid before it counts as such: its writer may not have finished.
const GRACE: Duration = Duration::from_millis(250);
/// How often an uninstallation starts again after other programs changed a file.
const ATTEMPTS: usize = 100;

/// The node's two directories, and the entry that they should have.
pub(super) struct Host {
    binary: Binary,
    conf_dir: ConfDir,
    entry: Entry,
    /// Files before the primary network.
    invalid: Vec<InvalidFile>,
    log: Log,
}

struct InvalidFile {
    name: String,
    since: Instant,
    is_logged: bool,
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
            invalid: Vec::new(),
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
        if self.entry.is_standalone() {
            return self.reconcile_standalone(&files, binary);
        }
        let Selection { primary, invalid } = files.select();
        if let Some(until) = self.note_invalid(&invalid, now) {
            return Ok(Status::Unsettled(until));
        }
        let path = self.conf_dir.path();
        let (changes, problem) = match &primary {
            Some(Ok(primary)) => (files.install(primary, &self.entry), None),
            Some(Err(blocked)) => {
                let error = InstallError::unsupported(path.join(blocked.name), &blocked.reason);
                // No event reports another directory, or that a file can be read again.
                if !blocked.reason.is_settled() {
                    perform(&self.conf_dir, &files.follow_removals(), self.log)?;
                    return Err(error);
                }
                (files.follow_removals(), Some(error))
            }
            None => (files.follow_removals(), Some(self.no_network(&invalid))),
        };
        let configuration = !changes.is_empty();
        if perform(&self.conf_dir, &changes, self.log)? == Performed::Overtaken {
            return Ok(Status::Overtaken);
        }
        Ok(problem.map_or(
            Status::Installed(Repair {
                binary,
                configuration,
            }),
            Status::Waiting,
        ))
    }

    fn reconcile_standalone(&self, files: &Files, binary: bool) -> Result<Status, InstallError> {
        let changes = files.install_standalone(&self.entry).map_err(|blocked| {
            let path = self.conf_dir.path().join(blocked.name);
            InstallError::unsupported(path, &blocked.reason)
        })?;
        Ok(match perform(&self.conf_dir, &changes, self.log)? {
            Performed::Overtaken => Status::Overtaken,
            Performed::Done => Status::Installed(Repair {
                binary,
                configuration: !changes.is_empty(),
            }),
        })
    }

    /// Notes which files are invalid and logs those that stay so. Returns the end of the last one's grace period.
    fn note_invalid(&mut self, invalid: &[(&str, &str)], now: Instant) -> Option<Instant> {
        let is_invalid = |known: &InvalidFile| invalid.iter().any(|(name, _)| *name == known.name);
        self.invalid.retain(is_invalid);
        let mut unsettled = None;
        for (name, reason) in invalid {
            let place = self.invalid.iter().position(|known| known.name == *name);
            let place = place.unwrap_or_else(|| {
                self.invalid.push(InvalidFile {
                    name: (*name).to_owned(),
                    since: now,
                    is_logged: false,
                });
                self.invalid.len() - 1
            });
            let known = self.invalid.get_mut(place).expect("it was just found");
            let until = known.since + GRACE;
            if until > now {
                unsettled = unsettled.max(Some(until));
            } else if !known.is_logged {
                known.is_logged = true;
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
        InstallError::Invalid { path, names }
    }
}

/// Uninstalls the plugin: the entry first, so that no network refers to a deleted binary.
pub(super) fn uninstall(directories: &Directories, log: Log) -> Result<(), InstallError> {
    let conf_dir = ConfDir::new(&directories.conf);
    temporary::clean(conf_dir.path())?;
    let mut attempts = 0..ATTEMPTS;
    loop {
        let files = conf_dir.read()?;
        if perform(&conf_dir, &files.uninstall(), log)? == Performed::Done {
            if let Some((name, reason)) = files.undetermined().next() {
                let path = conf_dir.path().join(name);
                return Err(InstallError::Undetermined { path, reason });
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
        let (message, name) = match change {
            Change::Create { name, .. } => ("wrote a network configuration", name.as_str()),
            Change::Rewrite { name, .. } => ("wrote a network configuration", *name),
            Change::Remove { name, .. } => ("removed a network configuration", *name),
        };
        log.info(message, &[("path", &conf_dir.path().join(name).display())]);
    }
    Ok(Performed::Done)
}
