//! Does what the standard library's start-up does before `main` and after it.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::fd::{BorrowedFd, IntoRawFd};

use nix::fcntl::{FcntlArg, fcntl};

use crate::sys;

/// Opens `/dev/null` as each closed standard stream, so that no other file gets its number, and ignores SIGPIPE, so that writing
/// to a closed pipe is an error.
pub fn prepare() {
    let standard: [BorrowedFd<'static>; 3] = sys::standard_streams();
    for stream in standard {
        if fcntl(stream, FcntlArg::F_GETFD).is_err() {
            // A new file gets the lowest unused number: this one.
            let null = OpenOptions::new().read(true).write(true).open("/dev/null");
            let _ = null.map(IntoRawFd::into_raw_fd);
        }
    }
    sys::ignore_closed_pipes();
}

/// Flushes standard output. Commands report errors of their output themselves.
pub fn end() {
    let _ = io::stdout().flush();
}
