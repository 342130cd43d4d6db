//! Watches the two directories with inotify(7).

use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};

use super::error::InstallError;
use super::temporary::is_unfinished;

/// The watched directories.
pub(super) struct Watch {
    inotify: Inotify,
    directories: [(PathBuf, Option<WatchDescriptor>); 2],
}

/// Everything that changes a file, in place or by its name, or the directory itself.
fn events() -> AddWatchFlags {
    AddWatchFlags::IN_MODIFY
        | AddWatchFlags::IN_CLOSE_WRITE
        | AddWatchFlags::IN_ATTRIB
        | AddWatchFlags::IN_CREATE
        | AddWatchFlags::IN_DELETE
        | AddWatchFlags::IN_MOVE
        | AddWatchFlags::IN_DELETE_SELF
        | AddWatchFlags::IN_MOVE_SELF
        | AddWatchFlags::IN_ONLYDIR
}

impl Watch {
    /// Prepares to watch these directories.
    pub(super) fn new(directories: [&Path; 2]) -> Result<Self, InstallError> {
        let flags = InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC;
        let inotify = Inotify::init(flags).map_err(|errno| InstallError::Kernel {
            doing: "create an inotify instance",
            source: errno.into(),
        })?;
        Ok(Self {
            inotify,
            directories: directories.map(|directory| (directory.to_owned(), None)),
        })
    }

    /// Watches the directories that are not watched, or no longer.
    pub(super) fn renew(&mut self) -> Result<(), InstallError> {
        for (path, watched) in self
            .directories
            .iter_mut()
            .filter(|(_, watched)| watched.is_none())
        {
            let added = self.inotify.add_watch(path.as_path(), events());
            *watched =
                Some(added.map_err(|errno| InstallError::file("watched", path, errno.into()))?);
        }
        Ok(())
    }

    /// Reads all events; `true` if there was one other than of unfinished files.
    pub(super) fn has_changed(&mut self) -> Result<bool, InstallError> {
        let mut changed = false;
        loop {
            match self.inotify.read_events() {
                Ok(events) => {
                    for event in events {
                        changed |= self.note(&event);
                    }
                }
                Err(Errno::EAGAIN) => return Ok(changed),
                Err(Errno::EINTR) => {}
                Err(errno) => {
                    return Err(InstallError::Kernel {
                        doing: "read inotify events",
                        source: errno.into(),
                    });
                }
            }
        }
    }

    fn note(&mut self, event: &InotifyEvent) -> bool {
        let gone = AddWatchFlags::IN_IGNORED | AddWatchFlags::IN_MOVE_SELF;
        if event.mask.intersects(gone) {
            let directories = self.directories.iter_mut();
            for (_, watched) in directories.filter(|(_, watched)| *watched == Some(event.wd)) {
                *watched = None;
            }
            if event.mask.contains(AddWatchFlags::IN_MOVE_SELF) {
                // The name is that of another directory now. The watch may be gone already.
                let _ = self.inotify.rm_watch(event.wd);
            }
        }
        let name = event.name.as_ref().map(|name| name.to_string_lossy());
        !name.is_some_and(|name| is_unfinished(&name))
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}
