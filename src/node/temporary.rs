//! Files that are whole, or not there: written under another name, and renamed.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use super::error::InstallError;

/// What the names of unfinished files begin with. No runtime takes them for configurations, as they end in none of their
/// suffixes.
const PREFIX: &str = ".netweir.unfinished-";

/// Whether the file is an unfinished one.
pub(super) fn is_unfinished(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// An unfinished file, which goes with this value.
#[derive(Debug)]
pub(super) struct TemporaryFile {
    path: PathBuf,
    file: File,
}

impl TemporaryFile {
    /// A new file in the folder, with this mode.
    pub(super) fn create(folder: &Path, mode: u32) -> io::Result<Self> {
        let path = unused(folder);
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let temporary = Self { path, file };
        // Whatever the mask is.
        temporary
            .file
            .set_permissions(Permissions::from_mode(mode))?;
        Ok(temporary)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) const fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Has its contents outlast a loss of power. They must come before the name: a name without contents would be worse than none.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // It has another name now, or it cannot be deleted: the next start tries again.
        let _ = fs::remove_file(&self.path);
    }
}

/// A name for an unfinished file, that no other has: two installers, each the first process of its container, may work in one folder during an update.
pub(super) fn unused(folder: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap_or_default();
    let (seconds, nanoseconds) = (now.as_secs(), now.subsec_nanos());
    let name = format!("{PREFIX}{}-{seconds}-{nanoseconds}-{count}", process::id());
    folder.join(name)
}

/// Has names in the folder outlast a loss of power.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Deletes what processes that were killed left behind.
pub(super) fn clean(folder: &Path) -> Result<(), InstallError> {
    let failed = |source| InstallError::file("cleaned", folder, source);
    let entries = match fs::read_dir(folder) {
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
