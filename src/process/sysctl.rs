//! Kernel parameters of the network namespace (sysctl(8)).

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

/// How long connection tracking remembers a connection whose peer has closed it and whose application has not
/// (`nf_conntrack_tcp_timeout_close_wait`).
pub const CLOSE_WAIT_TIMEOUT: &str = "net.netfilter.nf_conntrack_tcp_timeout_close_wait";

/// Sets a parameter of the calling thread's network namespace: what stands under `net` in /proc/sys is that of
/// whoever opens it (`net_ctl_root_lookup`).
pub fn set(name: &str, value: u32) -> io::Result<()> {
    let path = Path::new("/proc/sys").join(name.replace('.', "/"));
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(value.to_string().as_bytes())
}
