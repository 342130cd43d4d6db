//! Kernel parameters of the network namespace (sysctl(8)).

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// How long connection tracking keeps a connection that the peer has closed and the application has not, in seconds.
pub const CLOSE_WAIT_TIMEOUT: &str = "net.netfilter.nf_conntrack_tcp_timeout_close_wait";

/// Whether a boolean sysctl of the calling thread's network namespace is on. One that the kernel does not have is off.
pub fn is_on(name: &str) -> io::Result<bool> {
    // A number and its end of line come in one read; every apply does this.
    let mut text = [0; 16];
    match File::open(path_of(name)).and_then(|mut file| file.read(&mut text)) {
        Ok(length) => Ok(length > 0 && text.first() != Some(&b'0')),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn path_of(name: &str) -> PathBuf {
    Path::new("/proc/sys").join(name.replace('.', "/"))
}

/// Sets a sysctl of the calling thread's network namespace: /proc/sys/net is that of the process that opens it
/// (`net_ctl_root_lookup`).
pub fn set(name: &str, value: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path_of(name))?;
    file.write_all(value.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreadable_sysctl_is_an_error_and_a_missing_one_is_off() {
        assert!(!is_on("net.ipv4.no_such_parameter").unwrap());
        // A directory can be opened and not read.
        assert!(is_on("net.ipv4").is_err());
    }
}
