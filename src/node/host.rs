//! One look at the node: what is there, and what is done about it.

use std::time::{Duration, Instant};

use crate::log::Log;

use super::Directories;
use super::binary::Binary;
use super::conf_dir::{ConfDir, Performed};
use super::entry::Entry;
use super::error::InstallError;
use super::health::Repair;
use super::reconcile::{Change, Choice};
use super::temporary;

/// How long a file may be no configuration before it counts as broken: whoever writes it may not have finished.
const GRACE: Duration = Duration::from_millis(250);
/// How often an uninstallation lets other programs be faster.
const ATTEMPTS: usize = 100;

/// The node, as far as it matters.
pub(super) struct Host {
    binary: Binary,
    folder: ConfDir,
    entry: Entry,
    /// Before the primary network.
    broken: Vec<Broken>,
    log: Log,
}

/// A file that is no configuration.
struct Broken {
    name: String,
    since: Instant,
    is_told: bool,
}

/// What a look at the node found, and left behind.
#[derive(Debug)]
pub(super) enum Status {
    /// The plugin is in place, after these repairs.
    Installed(Repair),
    /// It has to wait for others, for this reason.
    Waiting(InstallError),
    /// Another program was faster.
    Overtaken,
    /// A file may be half-written; until then it is waited for.
    Unsettled(Instant),
}

impl Host {
    pub(super) fn new(directories: &Directories, entry: Entry, log: Log) -> Self {
        Self {
            binary: Binary::new(&directories.bin),
            folder: ConfDir::new(&directories.conf),
            entry,
            broken: Vec::new(),
            log,
        }
    }

    /// Deletes what installers that were killed left behind.
    pub(super) fn clean(&self) -> Result<(), InstallError> {
        temporary::clean(self.binary.folder())?;
        temporary::clean(self.folder.path())
    }

    /// Looks at the node, and puts right what is not. The entry comes after the file that it refers to.
    pub(super) fn reconcile(&mut self, now: Instant) -> Result<Status, InstallError> {
        let binary = self.binary.install()?;
        if binary {
            self.log.info("the plugin's file is in place", &[]);
        }
        let files = self.folder.read()?;
        let Choice { primary, broken } = files.choose();
        if let Some(until) = self.note_broken(&broken, now) {
            return Ok(Status::Unsettled(until));
        }
        let Some(primary) = primary else {
            return Ok(Status::Waiting(self.nothing(&broken)));
        };
        let path = self.folder.path().join(primary.name);
        let steps = match files.install(&primary, &self.entry) {
            Ok(steps) => steps,
            Err(reason) => {
                return Ok(Status::Waiting(InstallError::unsupported_version(
                    path, &reason,
                )));
            }
        };
        let configuration = !steps.is_empty();
        if perform(&self.folder, &steps, self.log)? == Performed::Overtaken {
            return Ok(Status::Overtaken);
        }
        Ok(Status::Installed(Repair {
            binary,
            configuration,
        }))
    }

    /// Takes note of the files that are broken; says so of those that stay it. Tells until when one of them is waited for.
    fn note_broken(&mut self, broken: &[(&str, String)], now: Instant) -> Option<Instant> {
        let is_broken = |known: &Broken| broken.iter().any(|(name, _)| *name == known.name);
        self.broken.retain(is_broken);
        for (name, _) in broken {
            if !self.broken.iter().any(|known| known.name == *name) {
                self.broken.push(Broken {
                    name: (*name).to_owned(),
                    since: now,
                    is_told: false,
                });
            }
        }
        let mut waited_for = None;
        for known in &mut self.broken {
            let until = known.since + GRACE;
            if until > now {
                waited_for = waited_for.max(Some(until));
            } else if !known.is_told {
                known.is_told = true;
                let path = self.folder.path().join(&known.name);
                let reasons = broken.iter().filter(|(name, _)| *name == known.name);
                let reason: String = reasons.map(|(_, reason)| reason.as_str()).collect();
                self.log.warning(
                    "a network configuration is broken, and passed over until that changes",
                    &[("path", &path.display()), ("reason", &reason)],
                );
            }
        }
        waited_for
    }

    fn nothing(&self, broken: &[(&str, String)]) -> InstallError {
        let path = self.folder.path().to_owned();
        if broken.is_empty() {
            return InstallError::NoNetwork(path);
        }
        // What is wrong with each was told. It may be another thing at every look, which would be told as news.
        let names: Vec<_> = broken.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        InstallError::Invalid { path, names }
    }
}

/// Takes the plugin away: the entry first, so that no network refers to a file that is gone.
pub(super) fn uninstall(directories: &Directories, log: Log) -> Result<(), InstallError> {
    let folder = ConfDir::new(&directories.conf);
    temporary::clean(folder.path())?;
    let mut attempts = 0..ATTEMPTS;
    loop {
        let files = folder.read()?;
        if perform(&folder, &files.uninstall(), log)? == Performed::Done {
            if let Some((name, reason)) = files.doubtful().next() {
                let path = folder.path().join(name);
                return Err(InstallError::Undetermined { path, reason });
            }
            break;
        }
        if attempts.next().is_none() {
            return Err(InstallError::Overtaken(folder.path().to_owned()));
        }
    }
    temporary::clean(&directories.bin)?;
    if Binary::new(&directories.bin).remove()? {
        log.info("the plugin is uninstalled", &[]);
    }
    Ok(())
}

fn perform(folder: &ConfDir, steps: &[Change], log: Log) -> Result<Performed, InstallError> {
    for step in steps {
        if folder.perform(step)? == Performed::Overtaken {
            return Ok(Performed::Overtaken);
        }
        let (what, name) = match step {
            Change::Create { name, .. } | Change::Rewrite { name, .. } => {
                ("a network configuration was written", name)
            }
            Change::Remove { name, .. } => ("a network configuration was removed", name),
        };
        log.info(what, &[("path", &folder.path().join(name).display())]);
    }
    Ok(Performed::Done)
}
