//! What the process may do: no more than it needs, from before it touches anything.

use std::fmt;

use caps::errors::CapsError;
use caps::{CapSet, CapsHashSet};
use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::geteuid;
use thiserror::Error;

use crate::error_kind::ErrorKind;

/// A capability (capabilities(7)) that a verb can need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// To change rules and addresses.
    NetAdmin,
    /// To enter another network namespace.
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

/// Why the privileges are not as they should be.
#[derive(Debug, Error)]
pub enum PrivilegeError {
    /// The process has not what it needs.
    #[error("{capability} is missing")]
    Missing {
        /// What it has not.
        capability: Capability,
        /// Whether it is root's.
        root: bool,
    },
    /// The kernel refused to let go of a capability, or to raise one.
    #[error("the capabilities of the process cannot be reduced to what it needs")]
    Capabilities(#[from] CapsError),
    /// The kernel refused `PR_SET_NO_NEW_PRIVS`.
    #[error("the process cannot give up gaining privileges")]
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

/// Gives up every capability but the needed ones, in all sets, and the means to gain any. The needed ones are
/// raised where the process merely may have them: the binary's file capability is `+p`.
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

/// Gives up a capability that was needed until now.
pub fn give_up(capability: Capability) -> Result<(), PrivilegeError> {
    let mut kept = caps::read(None, CapSet::Permitted)?;
    kept.remove(&capability.kernel());
    keep(&kept)
}

/// Leaves `CAP_NET_ADMIN` alone in the bounding set.
///
/// This takes `CAP_SETPCAP`. A container that drops all capabilities and adds one has not got it, but there
/// the runtime has bounded the set already, and `no_new_privs` closes the way through exec for good.
fn bound(permitted: &CapsHashSet) -> Result<(), PrivilegeError> {
    if !permitted.contains(&caps::Capability::CAP_SETPCAP) {
        return Ok(());
    }
    caps::raise(None, CapSet::Effective, caps::Capability::CAP_SETPCAP)?;
    let others = caps::all().into_iter();
    for other in others.filter(|&other| other != Capability::NetAdmin.kernel()) {
        // Dropped unasked: it costs as much to ask. One that an older kernel does not know is not there.
        match caps::drop(None, CapSet::Bounding, other) {
            Err(_) if !caps::has_cap(None, CapSet::Bounding, other).unwrap_or(false) => {}
            dropped => dropped?,
        }
    }
    Ok(())
}

/// Effective before permitted: the kernel wants the one inside the other at any time (capset(2)).
fn keep(kept: &CapsHashSet) -> Result<(), PrivilegeError> {
    caps::set(None, CapSet::Effective, kept)?;
    caps::set(None, CapSet::Permitted, kept)?;
    caps::clear(None, CapSet::Inheritable)?;
    Ok(())
}
