//! Enters a network namespace with no more privileges than the run needs.

use std::path::Path;

use crate::log::Log;
use crate::nftables::{self, Kernel, Removal};
use crate::parse::NetworkNamespace;
use crate::process::namespace::{self, OpenNamespace};
use crate::process::privileges::{self, Capability};
use crate::rtnetlink;
use crate::verify;

use super::AppError;

/// The network namespace of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// The one that the process is in.
    Current,
    /// Another one, or the same by name.
    Namespace(&'a NetworkNamespace),
    /// A pod's, never the one that the process is in.
    Pod(&'a Path),
    /// A new one, which ends with the process, with `lo` up as in a pod.
    New,
}

/// The access that the run needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anything that needs no privilege.
    Unprivileged,
    /// Read or change rules, which needs `CAP_NET_ADMIN`.
    Rules,
}

impl<'a> Place<'a> {
    /// The namespace that was asked for, if one was.
    pub(crate) fn of(namespace: Option<&'a NetworkNamespace>) -> Self {
        namespace.map_or(Self::Current, Self::Namespace)
    }
}

/// Enters the namespace and drops every privilege that the run does not need.
pub(crate) fn enter(place: Place<'_>, access: Access, log: Log) -> Result<(), AppError> {
    let needed: &[Capability] = match access {
        Access::Unprivileged => &[],
        Access::Rules => &[Capability::NetAdmin],
    };
    let namespace = match place {
        Place::Current | Place::New => None,
        Place::Namespace(namespace) => Some(OpenNamespace::open(namespace)?),
        Place::Pod(path) => {
            let open = OpenNamespace::open(&NetworkNamespace::Path(path.to_owned()))?;
            if open.is_current()? {
                return Err(AppError::OwnNamespace(path.to_owned()));
            }
            Some(open)
        }
    };
    if let Place::Current = place {
        privileges::confine(needed)?;
    } else {
        privileges::confine(&[needed, &[Capability::SysAdmin]].concat())?;
        match namespace {
            Some(namespace) => {
                let path = namespace.path().display().to_string();
                namespace.enter()?;
                log.debug("entered the network namespace", &[("path", &path)]);
            }
            None => namespace::enter_new()?,
        }
        privileges::give_up(Capability::SysAdmin)?;
    }
    let kept = match access {
        Access::Unprivileged => "none",
        Access::Rules => "CAP_NET_ADMIN",
    };
    log.debug("gave up privileges", &[("kept", &kept)]);
    if let Place::New = place {
        rtnetlink::set_loopback_up(&mut Kernel::open()?.rtnetlink)?;
    }
    Ok(())
}

/// What happens to open connections that are captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenConnections {
    /// The kernel stops translating their addresses.
    Break,
    /// They keep working.
    Keep,
}

/// Removes what is installed in the namespace, and what an interrupted verification left.
pub(crate) fn remove(
    place: Place<'_>,
    connections: OpenConnections,
    log: Log,
) -> Result<Removal, AppError> {
    enter(place, Access::Rules, log)?;
    let leftovers = verify::remove_leftovers();
    let removal = match connections {
        OpenConnections::Break => nftables::remove()?,
        OpenConnections::Keep => nftables::remove_keeping_connections()?,
    };
    if leftovers? {
        log.info("removed the links of an interrupted verification", &[]);
    }
    Ok(removal)
}
