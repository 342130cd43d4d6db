//! Reduces the privileges of the process to the needed ones before it does anything else.

use std::fmt;

use caps::errors::CapsError;
use caps::{CapSet, CapsHashSet};
use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::geteuid;
use thiserror::Error;

use crate::error_kind::ErrorKind;

/// A capability (capabilities(7)) that a command can need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// For changing rules and addresses.
    NetAdmin,
    /// For entering another network namespace.
    SysAdmin,
}

impl Capability {
    const fn kernel(self) -> caps::Capability {
        match self {
            Self::NetAdmin => caps::Capability::CAP_NET_ADMIN,
            Self::SysAdmin => caps::Capability::CAP_SYS_ADMIN,
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NetAdmin => "CAP_NET_ADMIN",
            Self::SysAdmin => "CAP_SYS_ADMIN",
        })
    }
}

/// Why the privileges cannot be set.
#[derive(Debug, Error)]
pub enum PrivilegeError {
    /// The process lacks a needed capability.
    #[error("{capability} is missing")]
    Missing {
        /// The capability.
        capability: Capability,
        /// Whether root runs the process.
        root: bool,
    },
    /// The kernel refused to drop a capability, or to raise one.
    #[error("cannot reduce the capabilities of the process")]
    Capabilities(#[from] CapsError),
    /// The kernel refused `PR_SET_NO_NEW_PRIVS`.
    #[error("cannot prevent the process from gaining privileges")]
    NoNewPrivileges(#[source] Errno),
}

impl PrivilegeError {
    /// The kind of the failure.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Missing { .. } => ErrorKind::NotPermitted,
            Self::Capabilities(_) | Self::NoNewPrivileges(_) => ErrorKind::Other,
        }
    }
}

/// Drops all capabilities except the needed ones from all sets, and the ability to gain others. The needed ones become effective
/// if they are only permitted: the binary's file capability is `+p`.
pub fn confine(needed: &[Capability]) -> Result<(), PrivilegeError> {
    let permitted = caps::read(None, CapSet::Permitted)?;
    let kept: CapsHashSet = needed
        .iter()
        .map(|capability| capability.kernel())
        .collect();
    let lacking = |capability: &&Capability| !permitted.contains(&capability.kernel());
    if let Some(&capability) = needed.iter().find(lacking) {
        let root = geteuid().is_root();
        return Err(PrivilegeError::Missing { capability, root });
    }
    bound(&permitted)?;
    caps::clear(None, CapSet::Ambient)?;
    keep(&kept)?;
    prctl::set_no_new_privs().map_err(PrivilegeError::NoNewPrivileges)
}

/// Drops a capability that is no longer needed.
pub fn give_up(capability: Capability) -> Result<(), PrivilegeError> {
    let mut kept = caps::read(None, CapSet::Permitted)?;
    kept.remove(&capability.kernel());
    keep(&kept)
}

/// Drops everything but `CAP_NET_ADMIN` from the bounding set.
///
/// This needs `CAP_SETPCAP`. A container that drops all capabilities and adds one lacks it, but there the runtime has limited
/// the set already, and `no_new_privs` prevents exec from gaining any.
fn bound(permitted: &CapsHashSet) -> Result<(), PrivilegeError> {
    if !permitted.contains(&caps::Capability::CAP_SETPCAP) {
        return Ok(());
    }
    caps::raise(None, CapSet::Effective, caps::Capability::CAP_SETPCAP)?;
    let others = caps::all().into_iter();
    for other in others.filter(|&other| other != Capability::NetAdmin.kernel()) {
        // Without a check, which costs as much. An older kernel does not know all of them.
        match caps::drop(None, CapSet::Bounding, other) {
            Err(_) if !caps::has_cap(None, CapSet::Bounding, other).unwrap_or(false) => {}
            dropped => dropped?,
        }
    }
    Ok(())
}

/// Effective before permitted, since it must remain a subset (capset(2)).
fn keep(kept: &CapsHashSet) -> Result<(), PrivilegeError> {
    caps::set(None, CapSet::Effective, kept)?;
    caps::set(None, CapSet::Permitted, kept)?;
    caps::clear(None, CapSet::Inheritable)?;
    Ok(())
}
