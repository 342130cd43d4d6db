//! The plugin's file: the running program, where runtimes look for plugins.

use std::fs::{self, File, Metadata};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::entry::NAME;
use super::error::InstallError;
use super::temporary::{Temporary, sync_folder};

/// The running program, also when its file is gone (proc(5)).
const RUNNING: &str = "/proc/self/exe";
/// Everyone may run it.
const MODE: u32 = 0o755;
/// How much is compared at once, in bytes.
const CHUNK: usize = 256 << 10;

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
                self.right = Some(Identity::of(&found));
                return Ok(false);
            }
            // Where it cannot be looked at, it cannot be written, and that tells more.
            Ok(_) | Err(_) => {}
        }
        self.right = None;
        let failed = |source| InstallError::file("installed", &self.path, source);
        let installed = self.copy().map_err(failed)?;
        self.right = Some(Identity::of(&installed));
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

    fn copy(&self) -> io::Result<Metadata> {
        let mut running = File::open(RUNNING)?;
        let mut copy = Temporary::create(&self.folder, MODE)?;
        io::copy(&mut running, copy.file())?;
        copy.sync()?;
        fs::rename(copy.path(), &self.path)?;
        sync_folder(&self.folder)?;
        copy.file().metadata()
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
