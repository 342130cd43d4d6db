//! Which network namespace.

use std::num::NonZeroU32;
use std::path::PathBuf;

use super::{ValueError, decimal};

/// A network namespace, as named by the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkNamespace {
    /// A file that stands for it, such as `/proc/1/ns/net`.
    Path(PathBuf),
    /// A name that `ip netns` gave it.
    Name(String),
    /// The one that a process is in.
    Process(NonZeroU32),
}

/// A path has a slash, a process id is a number, and everything else is a name.
pub fn network_namespace(text: &str) -> Result<NetworkNamespace, ValueError> {
    let wrong = || ValueError::NetworkNamespace(text.to_owned());
    if text.contains('\0') {
        return Err(wrong());
    }
    if text.contains('/') {
        return Ok(NetworkNamespace::Path(PathBuf::from(text)));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Process ids are positive ints (pid_t).
        return decimal::<u32>(text)
            .filter(|&id| i32::try_from(id).is_ok())
            .and_then(NonZeroU32::new)
            .map(NetworkNamespace::Process)
            .ok_or_else(wrong);
    }
    if text == "." || text == ".." || text.len() > 255 {
        return Err(wrong());
    }
    Ok(NetworkNamespace::Name(text.to_owned()))
}
