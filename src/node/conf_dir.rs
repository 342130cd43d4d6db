//! The folder of configurations.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, RenameFlags, renameat, renameat2};

use super::conflist::Broken;
use super::error::InstallError;
use super::reconcile::{Change, Files, is_relevant};
use super::temporary::{self, TemporaryFile, sync_folder};

/// No configuration is longer, in bytes.
const LONGEST: u64 = 4 << 20;

/// The folder of configurations.
pub(super) struct ConfDir {
    path: PathBuf,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Performed {
    /// It is done, and will outlast a loss of power.
    Done,
    /// Another program changed the file meanwhile, and that stands: everything is to be decided anew.
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

    /// The files that matter; none where there is no folder.
    pub(super) fn read(&self) -> Result<Files, InstallError> {
        let failed = |source| InstallError::file("read", &self.path, source);
        let mut files = Files::default();
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let name = entry.file_name().into_string();
            let Some(name) = name.ok().filter(|name| !is_folder && is_relevant(name)) else {
                continue;
            };
            match text(&entry.path()) {
                // Gone since, and no symbolic link to somewhere that cannot be seen from here.
                Err(error)
                    if error.kind() == io::ErrorKind::NotFound
                        && fs::symlink_metadata(entry.path()).is_err() => {}
                text => files.add(
                    name,
                    text.map_err(|error| Broken::Unreadable(error.to_string())),
                ),
            }
        }
        Ok(files)
    }

    /// Does what is to be done.
    pub(super) fn perform(&self, step: &Change) -> Result<Performed, InstallError> {
        let (doing, name) = match step {
            Change::Create { name, .. } | Change::Rewrite { name, .. } => ("written", name),
            Change::Remove { name, .. } => ("removed", name),
        };
        let path = self.path.join(name);
        let done = match step {
            Change::Create { new, like, .. } => self.create(&path, new, &self.path.join(like)),
            Change::Rewrite { old, new, .. } => self.rewrite(&path, old, new),
            Change::Remove { old, .. } => self.remove(&path, old),
        };
        let done = done.and_then(|outcome| sync_folder(&self.path).map(|()| outcome));
        done.map_err(|source| InstallError::file(doing, &path, source))
    }

    fn create(&self, path: &Path, new: &str, like: &Path) -> io::Result<Performed> {
        let temporary = match mode(like) {
            Ok(mode) => self.written(new, mode)?,
            Err(error) => return if_there(error),
        };
        match rename_to_free(temporary.path(), path) {
            Ok(()) => Ok(Performed::Done),
            Err(Errno::EEXIST) => Ok(Performed::Overtaken),
            Err(error) => Err(error.into()),
        }
    }

    /// The two files change directories, and only then is it looked at what was replaced: whatever another program wrote in the last
    /// moment, or is still writing to the file it has open, is put back.
    fn rewrite(&self, path: &Path, old: &str, new: &str) -> io::Result<Performed> {
        let temporary = match mode(path) {
            Ok(mode) => self.written(new, mode)?,
            Err(error) => return if_there(error),
        };
        if !has(path, old) {
            return Ok(Performed::Overtaken);
        }
        match exchange(temporary.path(), path) {
            Ok(()) if has(temporary.path(), old) => return Ok(Performed::Done),
            Ok(()) => {}
            Err(Errno::EINVAL) => {
                return fs::rename(temporary.path(), path).map(|()| Performed::Done);
            }
            Err(error) => return if_there(error.into()),
        }
        put_back(temporary.path(), path, new)?;
        Ok(Performed::Overtaken)
    }

    /// The file gets another name, and only then is it looked at what was removed.
    fn remove(&self, path: &Path, old: &str) -> io::Result<Performed> {
        let aside = temporary::unused(&self.path);
        if let Err(error) = fs::rename(path, &aside) {
            return if_there(error);
        }
        if has(&aside, old) {
            return fs::remove_file(&aside).map(|()| Performed::Done);
        }
        match rename_to_free(&aside, path) {
            Ok(()) => Ok(Performed::Overtaken),
            // What is there now is newer still.
            Err(Errno::EEXIST) => fs::remove_file(&aside).map(|()| Performed::Overtaken),
            Err(error) => Err(error.into()),
        }
    }

    fn written(&self, text: &str, mode: u32) -> io::Result<TemporaryFile> {
        let mut temporary = TemporaryFile::create(&self.path, mode)?;
        temporary.file().write_all(text.as_bytes())?;
        temporary.sync()?;
        Ok(temporary)
    }
}

/// Has the path name what it named before ours, unless there is something newer already.
fn put_back(aside: &Path, path: &Path, ours: &str) -> io::Result<()> {
    match exchange(aside, path) {
        Ok(()) if has(aside, ours) => Ok(()),
        // What came out now is newer than what was put back.
        Ok(()) => exchange(aside, path).map_err(Into::into),
        Err(Errno::ENOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn if_there(error: io::Error) -> io::Result<Performed> {
    if error.kind() == io::ErrorKind::NotFound {
        Ok(Performed::Overtaken)
    } else {
        Err(error)
    }
}

fn rename_to_free(from: &Path, to: &Path) -> Result<(), Errno> {
    let flags = RenameFlags::RENAME_NOREPLACE;
    match renameat2(AT_FDCWD, from, AT_FDCWD, to, flags) {
        // Not every file system knows the flag (renameat2(2)).
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

fn has(path: &Path, expected: &str) -> bool {
    text(path).is_ok_and(|text| text == expected)
}

fn text(path: &Path) -> io::Result<String> {
    let mut options = OpenOptions::new();
    // A pipe would be waited for otherwise.
    let options = options.read(true).custom_flags(OFlag::O_NONBLOCK.bits());
    let file: File = options.open(path)?;
    let mut text = String::new();
    file.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}
