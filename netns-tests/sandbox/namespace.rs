//! Network namespaces without names.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use nix::sched::{CloneFlags, setns, unshare};

/// A network namespace; it ends when nothing refers to it any more.
pub(crate) struct Namespace(File);

impl Namespace {
    /// Takes the calling thread into a new one.
    pub(crate) fn enter_new() -> Self {
        unshare(CloneFlags::CLONE_NEWNET).expect("unshare(CLONE_NEWNET)");
        Self::current()
    }

    /// The one that the calling thread is in.
    pub(crate) fn current() -> Self {
        // Not /proc/self: that is the namespace of the main thread.
        Self(File::open("/proc/thread-self/ns/net").expect("the thread's network namespace"))
    }

    /// Takes the calling thread into it.
    pub(crate) fn enter(&self) {
        setns(&self.0, CloneFlags::CLONE_NEWNET).expect("setns");
    }

    /// Does something inside, on the calling thread, which is at home in the other.
    pub(crate) fn within<T>(&self, home: &Self, body: impl FnOnce() -> T) -> T {
        self.enter();
        let result = body();
        home.enter();
        result
    }

    /// A path by which another process of this user can find it.
    pub(crate) fn path(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd()).into()
    }
}
