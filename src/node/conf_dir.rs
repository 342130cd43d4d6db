//! The directory of network configurations.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, RenameFlags, renameat, renameat2};

use super::binary::are_same;
use super::error::InstallError;
use super::reconcile::{Change, Files, PluginDirectory, Problem, is_plugin, is_relevant};
use super::temporary::{self, TemporaryFile, sync_directory};

/// The longest configuration, in bytes.
const MAX_LENGTH: u64 = 4 << 20;

/// The mode of a file that is made like no other.
const DEFAULT_MODE: u32 = 0o644;

/// The directory of network configurations.
pub(super) struct ConfDir {
    path: PathBuf,
}

/// The result of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Performed {
    /// Made, and safe from a loss of power.
    Done,
    /// Another program changed the file at the same time. Its version stays, and everything has to be decided again.
    Overtaken,
}

impl ConfDir {
    pub(super) fn new(path: &Path) -> Self {
        let path = path.to_owned();
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the relevant files one by one; none if there is no directory.
    pub(super) fn read(&self) -> Result<Files, InstallError> {
        let failed = |source| InstallError::file("read", &self.path, source);
        let names = names(&self.path, is_relevant).map_err(failed)?;
        let mut files = Files::default();
        for name in names {
            let path = self.path.join(&name);
            match text(&path) {
                // Deleted since, unlike a symbolic link to a file that is invisible from here.
                Err(Problem::Unreadable(_)) if is_absent(&path).map_err(failed)? => {}
                source => files.add(name, source, |network| self.plugins_of(network)),
            }
        }
        Ok(files)
    }

    /// The plugins that libcni loads from the directory named after a network.
    fn plugins_of(&self, network: &str) -> Result<PluginDirectory, Problem> {
        let directory = self.path.join(network);
        let names = names(&directory, is_plugin)
            .map_err(|error| Problem::Unreadable(format!("{network}: {error}")))?;
        let mut plugins = PluginDirectory::default();
        for name in names {
            let path = directory.join(&name);
            let shown = format!("{network}/{name}");
            let with_name = |problem| match problem {
                Problem::Invalid(reason) => Problem::Invalid(format!("{shown}: {reason}")),
                Problem::Unreadable(reason) => Problem::Unreadable(format!("{shown}: {reason}")),
            };
            let source = text(&path).map_err(with_name)?;
            plugins
                .add(&shown, &source)
                .map_err(|error| with_name(Problem::Invalid(error.to_string())))?;
        }
        Ok(plugins)
    }

    /// Makes a change.
    pub(super) fn perform(&self, change: &Change<'_>) -> Result<Performed, InstallError> {
        let path = self.path.join(change.name());
        let (doing, performed) = match change {
            Change::Create { new, like, .. } => ("written", self.create(&path, new, *like)),
            Change::Rewrite { old, new, .. } => ("written", self.rewrite(&path, old, new)),
            Change::Remove { old, without, .. } => ("removed", self.remove(&path, old, *without)),
        };
        performed
            .and_then(|performed| sync_directory(&self.path).map(|()| performed))
            .map_err(|source| InstallError::file(doing, &path, source))
    }

    fn create(&self, path: &Path, new: &str, like: Option<&str>) -> io::Result<Performed> {
        let mode = like.map_or(Ok(DEFAULT_MODE), |like| mode(&self.path.join(like)));
        let temporary = match mode {
            Ok(mode) => TemporaryFile::write(&self.path, mode, &mut new.as_bytes())?,
            Err(error) => return if_absent(error),
        };
        match rename_to_free(temporary.path(), path) {
            Ok(()) => Ok(Performed::Done),
            Err(Errno::EEXIST) => Ok(Performed::Overtaken),
            Err(error) => Err(error.into()),
        }
    }

    /// Exchanges the two files and compares afterwards: what another program wrote in the last moment, or still writes to a
    /// file that it has open, is put back.
    fn rewrite(&self, path: &Path, old: &str, new: &str) -> io::Result<Performed> {
        let temporary = match mode(path) {
            Ok(mode) => TemporaryFile::write(&self.path, mode, &mut new.as_bytes())?,
            Err(error) => return if_absent(error),
        };
        match has(path, old) {
            Ok(true) => {}
            Ok(false) => return Ok(Performed::Overtaken),
            Err(error) => return if_absent(error),
        }
        match exchange(temporary.path(), path) {
            Ok(()) => {}
            Err(Errno::EINVAL) => {
                return fs::rename(temporary.path(), path).map(|()| Performed::Done);
            }
            Err(error) => return if_absent(error.into()),
        }
        let compared = has(temporary.path(), old);
        if matches!(compared, Ok(true)) {
            return Ok(Performed::Done);
        }
        put_back(temporary.path(), path, new)?;
        compared.map(|_| Performed::Overtaken)
    }

    /// Renames the file and compares afterwards, for the same reason.
    fn remove(&self, path: &Path, old: &str, without: Option<&str>) -> io::Result<Performed> {
        if let Some(without) = without
            && !is_absent(&self.path.join(without))?
        {
            return Ok(Performed::Overtaken);
        }
        let aside = temporary::unused(&self.path);
        if let Err(error) = fs::rename(path, &aside) {
            return if_absent(error);
        }
        let compared = has(&aside, old);
        if matches!(compared, Ok(true)) {
            return fs::remove_file(&aside).map(|()| Performed::Done);
        }
        match rename_to_free(&aside, path) {
            Ok(()) => {}
            // The file there is newer still.
            Err(Errno::EEXIST) => fs::remove_file(&aside)?,
            Err(error) => return Err(error.into()),
        }
        compared.map(|_| Performed::Overtaken)
    }
}

/// Restores what the path named before ours, unless there is something newer already.
fn put_back(aside: &Path, path: &Path, ours: &str) -> io::Result<()> {
    match exchange(aside, path) {
        // What came out now is newer than what was put back.
        Ok(()) if !has(aside, ours)? => exchange(aside, path).map_err(Into::into),
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The names of a directory's relevant files; none if there is no directory.
fn names(directory: &Path, is_relevant: fn(&str) -> bool) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = entry.file_name().into_string();
        names.extend(name.ok().filter(|name| !is_directory && is_relevant(name)));
    }
    Ok(names)
}

/// Whether nothing has this name.
fn is_absent(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

fn if_absent(error: io::Error) -> io::Result<Performed> {
    if error.kind() == io::ErrorKind::NotFound {
        Ok(Performed::Overtaken)
    } else {
        Err(error)
    }
}

fn rename_to_free(from: &Path, to: &Path) -> Result<(), Errno> {
    let flags = RenameFlags::RENAME_NOREPLACE;
    match renameat2(AT_FDCWD, from, AT_FDCWD, to, flags) {
        // Not every file system supports the flag (renameat2(2)).
        Err(Errno::EINVAL) => renameat(AT_FDCWD, from, AT_FDCWD, to),
        done => done,
    }
}

fn exchange(one: &Path, other: &Path) -> Result<(), Errno> {
    renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE)
}

fn mode(path: &Path) -> io::Result<u32> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o777)
}

fn has(path: &Path, expected: &str) -> io::Result<bool> {
    are_same(open(path)?, expected.as_bytes())
}

fn open(path: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    // Opening a pipe would wait for a writer.
    options
        .read(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)
}

fn text(path: &Path) -> Result<String, Problem> {
    read(path).map_err(|error| Problem::Unreadable(error.to_string()))
}

fn read(path: &Path) -> io::Result<String> {
    let file = open(path)?;
    let length = file.metadata()?.len();
    if length > MAX_LENGTH {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let length = usize::try_from(length).expect("it was compared with the limit");
    let mut text = String::with_capacity(length + 1);
    file.take(MAX_LENGTH + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_LENGTH {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}
