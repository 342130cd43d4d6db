//! Messages of errors: what happened, what it means, and what to do about it in the caller's terms.

use crate::error_kind::{ErrorKind, Feature, with_sources};
use crate::process::privileges::{Capability, PrivilegeError};

use super::AppError;

/// How a caller speaks of what a run depends on. Each field is a clause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remedies {
    /// What gave the network namespace.
    pub(crate) namespace: &'static str,
    /// How root gets `CAP_NET_ADMIN`.
    pub(crate) net_admin: &'static str,
    /// How another user gets it.
    pub(crate) net_admin_as_user: &'static str,
    /// How to get `CAP_SYS_ADMIN`, or to do without.
    pub(crate) sys_admin: &'static str,
    /// How to capture a namespace that others' traffic passes.
    pub(crate) host: &'static str,
    /// What needs the addresses of the namespace.
    pub(crate) addresses: &'static str,
    /// What needs the name servers.
    pub(crate) name_servers: &'static str,
    /// Where kernel modules are loaded.
    pub(crate) modules: &'static str,
    /// How to give the kernel more memory.
    pub(crate) memory: &'static str,
    /// Who brings the loopback interface up.
    pub(crate) loopback: &'static str,
}

impl AppError {
    /// The kind of the failure.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Privilege(error) => error.kind(),
            Self::Namespace(error) => error.kind(),
            Self::Kernel(error) => error.kind(),
            Self::OwnNamespace(_)
            | Self::Host(_)
            | Self::HostUnknown { .. }
            | Self::Addresses(_)
            | Self::NameServers(_)
            | Self::NotInstalled
            | Self::Sysctl { .. }
            | Self::Verification(_)
            | Self::NotCaptured => ErrorKind::Other,
        }
    }

    /// The error with its sources, its meaning and the remedy.
    pub(crate) fn message(&self, remedies: &Remedies) -> String {
        let mut message = with_sources(self);
        if let Self::Namespace(_) | Self::OwnNamespace(_) = self {
            message = format!("{}: {message}", remedies.namespace);
        }
        for clause in self.clauses(remedies) {
            message.extend(["; ", &clause]);
        }
        message
    }

    fn clauses(&self, remedies: &Remedies) -> Vec<String> {
        let fixed = |clauses: &[&str]| clauses.iter().map(ToString::to_string).collect();
        match self {
            Self::Privilege(PrivilegeError::Missing { capability, root }) => {
                return fixed(&[match (capability, root) {
                    (Capability::NetAdmin, true) => remedies.net_admin,
                    (Capability::NetAdmin, false) => remedies.net_admin_as_user,
                    (Capability::SysAdmin, _) => remedies.sys_admin,
                }]);
            }
            Self::Host(_) | Self::HostUnknown { .. } => return fixed(&[remedies.host]),
            Self::Addresses(_) => return fixed(&[remedies.addresses]),
            Self::NameServers(_) => return fixed(&[remedies.name_servers]),
            _ => {}
        }
        match (self, self.kind()) {
            (Self::Namespace(_), ErrorKind::NotPermitted) => {
                fixed(&["CAP_SYS_ADMIN is missing", remedies.sys_admin])
            }
            (_, kind) => kind_clauses(kind, remedies),
        }
    }
}

/// The meaning of a kind of failure, and its remedy.
fn kind_clauses(kind: ErrorKind, remedies: &Remedies) -> Vec<String> {
    let clauses: &[&str] = match kind {
        ErrorKind::NotPermitted => &["CAP_NET_ADMIN is missing", remedies.net_admin],
        ErrorKind::OwnedTable => &["another program owns a table of this name (flag owner)"],
        ErrorKind::Unsupported(feature) => return missing(feature, remedies.modules),
        ErrorKind::OutOfMemory | ErrorKind::TooLarge => &[
            "not enough kernel memory for the transaction",
            remedies.memory,
        ],
        ErrorKind::Occupied => {
            &["another program's object is in its place (ip address, ip rule and ip route show it)"]
        }
        ErrorKind::LoopbackDown => &["the loopback interface is down", remedies.loopback],
        ErrorKind::Contended | ErrorKind::Other => &[],
    };
    clauses.iter().map(ToString::to_string).collect()
}

/// What the kernel lacks, and where to load it.
fn missing(feature: Feature, place: &str) -> Vec<String> {
    let (lack, modules) = match feature {
        Feature::Netlink => ("the kernel has no nfnetlink", "nfnetlink and nf_tables"),
        Feature::NfTables => ("the kernel has no nf_tables", "nf_tables"),
        Feature::InetNat => (
            "NAT in the family inet needs Linux 5.2",
            "nf_tables and nft_chain_nat",
        ),
        Feature::NoTrack => ("the kernel cannot exempt packets from tracking", "nft_ct"),
        Feature::Tracing => (
            "tracing needs Linux 5.12, for tables that end with their owner",
            "nft_ct",
        ),
        Feature::Expression => (
            "the kernel lacks an expression of this rule",
            "nft_redir, nft_ct, nft_tproxy and nft_counter",
        ),
        Feature::Unnamed => return Vec::new(),
    };
    vec![
        lack.to_owned(),
        format!("load the kernel modules {modules} {place}"),
    ]
}

/// A message for each kind of failure, in a caller's terms.
#[cfg(test)]
pub(crate) fn sample_messages(remedies: &Remedies) -> Vec<String> {
    use std::io::ErrorKind::PermissionDenied;
    use std::path::PathBuf;

    use crate::app::HostSign;
    use crate::process::namespace::NamespaceError;

    let path = || PathBuf::from("/run/netns/pod");
    let missing = |capability, root| PrivilegeError::Missing { capability, root };
    let errors = [
        missing(Capability::NetAdmin, true).into(),
        missing(Capability::NetAdmin, false).into(),
        missing(Capability::SysAdmin, true).into(),
        NamespaceError::NoFile(path()).into(),
        NamespaceError::Open {
            path: path(),
            source: PermissionDenied.into(),
        }
        .into(),
        AppError::OwnNamespace(path()),
        AppError::Addresses(PermissionDenied.into()),
        AppError::NameServers("permission denied".to_owned()),
        AppError::Host(HostSign::PodInInitialNamespace),
        AppError::NotInstalled,
        AppError::NotCaptured,
        AppError::Sysctl {
            name: "net.ipv4.ip_forward",
            value: 1,
            source: PermissionDenied.into(),
        },
    ];
    let kinds = [
        ErrorKind::NotPermitted,
        ErrorKind::OwnedTable,
        ErrorKind::Unsupported(Feature::Netlink),
        ErrorKind::Unsupported(Feature::NfTables),
        ErrorKind::Unsupported(Feature::InetNat),
        ErrorKind::Unsupported(Feature::NoTrack),
        ErrorKind::Unsupported(Feature::Tracing),
        ErrorKind::Unsupported(Feature::Expression),
        ErrorKind::Unsupported(Feature::Unnamed),
        ErrorKind::OutOfMemory,
        ErrorKind::TooLarge,
        ErrorKind::Contended,
        ErrorKind::Occupied,
        ErrorKind::LoopbackDown,
        ErrorKind::Other,
    ];
    let of_errors = errors
        .iter()
        .map(|error: &AppError| error.message(remedies));
    let of_kinds = kinds.map(|kind| kind_clauses(kind, remedies).join("; "));
    of_errors.chain(of_kinds).collect()
}
