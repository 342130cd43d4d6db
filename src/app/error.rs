//! Errors of a step.

use std::path::PathBuf;
use std::{fmt, io};

use thiserror::Error;

use crate::nftables;
use crate::process::namespace::NamespaceError;
use crate::process::privileges::PrivilegeError;
use crate::verify;

/// The variable that Kubernetes sets in every container.
pub(super) const POD_VARIABLE: &str = "KUBERNETES_SERVICE_HOST";

/// A sign that other pods' traffic passes a network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostSign {
    /// A pod's process runs in the initial namespace, as with `hostNetwork`.
    PodInInitialNamespace,
    /// The initial namespace has one end of a veth pair, whose other end is in another namespace.
    InitialNamespace(String),
    /// The namespace forwards for another namespace at the other end of this veth pair.
    Forwards(String),
}

impl fmt::Display for HostSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PodInInitialNamespace => write!(
                f,
                "this is a pod in the node's own network namespace ({POD_VARIABLE} is set)"
            ),
            Self::InitialNamespace(veth) => write!(
                f,
                "this is the host's network namespace, and {veth} leads to another network namespace"
            ),
            Self::Forwards(veth) => write!(
                f,
                "this network namespace forwards other pods' traffic: {veth} leads to another network namespace"
            ),
        }
    }
}

/// Why a step failed. The messages say what happened and not what to do about it, which depends on the caller.
#[derive(Debug, Error)]
pub enum AppError {
    /// A capability is missing or cannot be dropped.
    #[error(transparent)]
    Privilege(#[from] PrivilegeError),
    /// The network namespace cannot be entered.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// A pod's namespace was asked for, and this is the process's own.
    #[error("{} is the network namespace of the runtime itself", .0.display())]
    OwnNamespace(PathBuf),
    /// Other pods' traffic passes the namespace.
    #[error("refused, and nothing was changed: {0}")]
    Host(HostSign),
    /// The addresses of the namespace cannot be read.
    #[error("cannot list the addresses of the network namespace")]
    Addresses(#[source] io::Error),
    /// The name servers whose queries are captured are not known.
    #[error("cannot read /etc/resolv.conf: {0}")]
    NameServers(String),
    /// The rules in the kernel cannot be read or changed.
    #[error(transparent)]
    Kernel(#[from] nftables::Error),
    /// There are no rules to read.
    #[error("no table inet netweir is installed in this network namespace: nothing is captured")]
    NotInstalled,
    /// A kernel parameter cannot be set.
    #[error("cannot set {name} to {value}")]
    Sysctl {
        /// The parameter, as sysctl(8) writes it.
        name: &'static str,
        /// The value.
        value: u32,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// Whether others' traffic passes the network namespace cannot be read.
    #[error("cannot read {name}, which tells whether this network namespace is a host's")]
    HostUnknown {
        /// The kernel parameter.
        name: &'static str,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The checks of the installed rules cannot be made.
    #[error(transparent)]
    Verification(#[from] verify::Error),
    /// Connections do not go where the rules send them.
    #[error("the rules are installed, but traffic is not captured as expected")]
    NotCaptured,
}
