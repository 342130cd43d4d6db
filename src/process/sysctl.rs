//! Kernel parameters of the network namespace (sysctl(8)).

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How long connection tracking keeps a connection that the peer has closed and the application has not, in seconds.
pub const CLOSE_WAIT_TIMEOUT: &str = "net.netfilter.nf_conntrack_tcp_timeout_close_wait";

fn path_of(name: &str) -> PathBuf {
    Path::new("/proc/sys").join(name.replace('.', "/"))
}

/// Sets a sysctl of the calling thread's network namespace: /proc/sys/net is that of the process that opens it
/// (`net_ctl_root_lookup`).
pub fn set(name: &str, value: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path_of(name))?;
    file.write_all(value.to_string().as_bytes())
}
