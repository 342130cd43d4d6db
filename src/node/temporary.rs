//! Files that appear whole or not at all: written under another name and renamed.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use super::error::InstallError;

/// The prefix of unfinished files. Runtimes ignore them, because they have none of the suffixes of configurations.
const PREFIX: &str = ".netweir.unfinished-";

/// Whether the file is an unfinished one.
pub(super) fn is_unfinished(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// A file under its temporary name, deleted on drop unless it was renamed.
#[derive(Debug)]
pub(super) struct TemporaryFile {
    path: PathBuf,
}

impl TemporaryFile {
    /// Writes a new file of this mode to the directory, so that its contents survive a loss of power: they must reach the disk
    /// before the name does. The file is closed, because the kernel starts no program that is open for writing (`ETXTBSY`).
    pub(super) fn write(
        directory: &Path,
        mode: u32,
        contents: &mut impl io::Read,
    ) -> io::Result<Self> {
        let path = unused(directory);
        let mut options = OpenOptions::new();
        let mut file: File = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let temporary = Self { path };
        // Independent of the umask.
        file.set_permissions(Permissions::from_mode(mode))?;
        io::copy(contents, &mut file)?;
        file.sync_all()?;
        Ok(temporary)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // After a rename there is none; one that cannot be deleted is left to the next start.
        let _ = fs::remove_file(&self.path);
    }
}

/// An unused temporary name, also among installers of several containers, each of which is process 1.
pub(super) fn unused(directory: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.expect("the clock is past 1970").as_nanos();
    directory.join(format!("{PREFIX}{}-{now}-{count}", process::id()))
}

/// Makes the names of the directory survive a loss of power.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Deletes what killed processes left behind.
pub(super) fn clean(directory: &Path) -> Result<(), InstallError> {
    let failed = |source| InstallError::file("cleaned", directory, source);
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if is_unfinished(&entry.file_name().to_string_lossy()) {
            match fs::remove_file(entry.path()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
    }
    Ok(())
}
