//! The plugin's file: the running program, where runtimes look for plugins.

use std::fs::{self, File, Metadata};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::entry::NAME;
use super::error::InstallError;
use super::temporary::{TemporaryFile, sync_folder};

/// The running program, also when its file is gone (proc(5)).
const RUNNING: &str = "/proc/self/exe";
/// Everyone may run it.
const MODE: u32 = 0o755;
/// How much is compared at once, in bytes.
const CHUNK: usize = 256 << 10;

/// Longer than a step of the kernel's time.
const STEP: Duration = Duration::from_millis(100);

/// The plugin's file.
pub(super) struct Binary {
    folder: PathBuf,
    path: PathBuf,
    /// The file that is known to be right.
    right: Option<Identity>,
}

/// What changes when a file is replaced, written to or given another mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    file: (u64, u64),
    size: u64,
    changed: (i64, i64),
}

impl Binary {
    pub(super) fn new(folder: &Path) -> Self {
        let (folder, path) = (folder.to_owned(), folder.join(NAME));
        let right = None;
        Self {
            folder,
            path,
            right,
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Puts it there, unless it is. Tells whether something had to be done.
    pub(super) fn install(&mut self) -> Result<bool, InstallError> {
        match fs::symlink_metadata(&self.path) {
            Ok(found) if self.right == Some(Identity::of(&found)) => return Ok(false),
            Ok(found) if found.is_file() && found.mode() & 0o7777 == MODE && self.is_same()? => {
                self.right = Identity::of(&found).if_telling();
                return Ok(false);
            }
            // Where it cannot be looked at, it cannot be written, and that tells more.
            Ok(_) | Err(_) => {}
        }
        self.right = None;
        let failed = |source| InstallError::file("installed", &self.path, source);
        self.copy().map_err(failed)?;
        // Whether it still is what was copied is for the next look to find out: the rename is an event of its own.
        Ok(true)
    }

    /// Takes it away. Tells whether it was there.
    pub(super) fn remove(&self) -> Result<bool, InstallError> {
        let removed = match fs::remove_file(&self.path) {
            Ok(()) => sync_folder(&self.folder).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        };
        removed.map_err(|source| InstallError::file("removed", &self.path, source))
    }

    fn copy(&self) -> io::Result<()> {
        let mut running = File::open(RUNNING)?;
        let mut copy = TemporaryFile::create(&self.folder, MODE)?;
        io::copy(&mut running, copy.file())?;
        copy.sync()?;
        fs::rename(copy.path(), &self.path)?;
        sync_folder(&self.folder)
    }

    /// Whether it is the running program, byte by byte. What cannot be read is not.
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

    /// Whether any later change gives it another one: the kernel counts time in steps of milliseconds, and two changes in one
    /// step look like one.
    fn if_telling(self) -> Option<Self> {
        let (seconds, nanoseconds) = self.changed;
        let seconds = Duration::from_secs(seconds.try_into().ok()?);
        let changed = seconds + Duration::from_nanos(nanoseconds.try_into().ok()?);
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok()?;
        (now > changed + STEP).then_some(self)
    }
}

fn are_same(one: File, other: File) -> io::Result<bool> {
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let [mut one, mut other] = [one, other].map(|file| BufReader::with_capacity(CHUNK, file));
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
