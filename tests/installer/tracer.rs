//! Stops the installer at every system call.

use netweir_testkit::tracer::{self, Next};
use nix::libc;

use crate::node::program;

/// Whether the system call changes files, or their names.
pub(crate) fn changes_files(call: i64) -> bool {
    let calls = [
        libc::SYS_openat,
        libc::SYS_write,
        libc::SYS_copy_file_range,
        libc::SYS_sendfile,
        libc::SYS_fsync,
        libc::SYS_fchmod,
        libc::SYS_renameat2,
        libc::SYS_renameat,
        libc::SYS_unlinkat,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_rename,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_unlink,
    ];
    calls.contains(&call)
}

/// Runs the program with these arguments. `on_call` is called with the number of each system call before and after it
/// is made. Returns the exit code, unless the program was killed.
pub(crate) fn trace(arguments: &[String], mut on_call: impl FnMut(i64) -> Next) -> Option<i32> {
    let mut command = vec![program().display().to_string()];
    command.extend_from_slice(arguments);
    tracer::trace(program(), &command, |stopped| on_call(stopped.call())).code
}
