//! What a process needs before it does anything.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::fd::{BorrowedFd, IntoRawFd};

use nix::fcntl::{FcntlArg, fcntl};

use crate::sys;

/// Opens `/dev/null` in place of standard streams that are closed, so that no file or socket is taken for one, and lets writing to
/// a closed pipe be an error and not the end.
pub fn prepare() {
    let standard: [BorrowedFd<'static>; 3] = sys::standard_streams();
    for stream in standard {
        if fcntl(stream, FcntlArg::F_GETFD).is_err() {
            // It becomes the lowest number that is not in use: this one.
            let null = OpenOptions::new().read(true).write(true).open("/dev/null");
            let _ = null.map(IntoRawFd::into_raw_fd);
        }
    }
    sys::ignore_closed_pipes();
}

/// Writes what is still to be written to standard output; whoever printed something has looked after errors.
pub fn end() {
    let _ = io::stdout().flush();
}
