//! The plugin's binary: a copy of the running program where runtimes look for plugins.

use std::fs::{self, File, Metadata};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::entry::NAME;
use super::error::InstallError;
use super::temporary::{TemporaryFile, sync_directory};

/// The running program, even after its file was deleted (proc(5)).
const RUNNING: &str = "/proc/self/exe";
/// The binary's mode.
const MODE: u32 = 0o755;
/// The size of the buffers for comparing, in bytes.
const CHUNK: usize = 256 << 10;
/// Longer than a tick of the kernel's clock for file times.
const TICK: Duration = Duration::from_millis(100);

/// The plugin's binary.
pub(super) struct Binary {
    directory: PathBuf,
    path: PathBuf,
    /// The file that was found to be the running program.
    verified: Option<Identity>,
}

/// Changes whenever a file is replaced, written to or given another mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    file: (u64, u64),
    size: u64,
    changed: (i64, i64),
}

impl Binary {
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            path: directory.join(NAME),
            verified: None,
        }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Installs the binary unless it is in place; `true` if it was not.
    pub(super) fn install(&mut self) -> Result<bool, InstallError> {
        match fs::symlink_metadata(&self.path) {
            Ok(found) if self.verified == Some(Identity::of(&found)) => return Ok(false),
            Ok(found) if found.is_file() && found.mode() & 0o7777 == MODE && self.is_same()? => {
                self.verified = Identity::of(&found).if_final();
                return Ok(false);
            }
            // Writing it fails with a better message than looking at it.
            Ok(_) | Err(_) => {}
        }
        self.verified = None;
        let failed = |source| InstallError::file("installed", &self.path, source);
        self.copy().map_err(failed)?;
        // The rename is an event, so the next pass verifies the copy.
        Ok(true)
    }

    /// Removes the binary; `true` if there was one.
    pub(super) fn remove(&self) -> Result<bool, InstallError> {
        let removed = match fs::remove_file(&self.path) {
            Ok(()) => sync_directory(&self.directory).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        };
        removed.map_err(|source| InstallError::file("removed", &self.path, source))
    }

    fn copy(&self) -> io::Result<()> {
        let mut running = File::open(RUNNING)?;
        let copy = TemporaryFile::write(&self.directory, MODE, &mut running)?;
        fs::rename(copy.path(), &self.path)?;
        sync_directory(&self.directory)
    }

    /// Whether the binary is the running program, byte for byte. One that cannot be read is not.
    fn is_same(&self) -> Result<bool, InstallError> {
        let running = Path::new(RUNNING);
        let failed = |source| InstallError::file("read", running, source);
        let running = File::open(running).map_err(failed)?;
        let Ok(found) = File::open(&self.path) else {
            return Ok(false);
        };
        Ok(are_same(running, found).unwrap_or(false))
    }
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// The identity, if every later change gives the file another one: two changes within a tick of the clock for file times
    /// give it the same.
    fn if_final(self) -> Option<Self> {
        let (seconds, nanoseconds) = self.changed;
        let seconds = Duration::from_secs(seconds.try_into().ok()?);
        let changed = seconds + Duration::from_nanos(nanoseconds.try_into().ok()?);
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok()?;
        (now > changed + TICK).then_some(self)
    }
}

/// Whether two readers have the same contents.
pub(super) fn are_same(one: impl Read, other: impl Read) -> io::Result<bool> {
    let mut one = BufReader::with_capacity(CHUNK, one);
    let mut other = BufReader::with_capacity(CHUNK, other);
    loop {
        let (here, there) = (one.fill_buf()?, other.fill_buf()?);
        let length = here.len().min(there.len());
        if here.get(..length) != there.get(..length) {
            return Ok(false);
        }
        if length == 0 {
            return Ok(here.is_empty() && there.is_empty());
        }
        one.consume(length);
        other.consume(length);
    }
}
