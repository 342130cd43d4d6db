//! Entering another network namespace.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, setns, unshare};
use thiserror::Error;

use crate::error_kind::ErrorKind;
use crate::parse::NetworkNamespace;

/// Where `ip netns` mounts named namespaces. On most systems /var/run is a link to /run.
const NAMED: [&str; 2] = ["/run/netns", "/var/run/netns"];

/// The calling thread's network namespace.
const OWN: &str = "/proc/thread-self/ns/net";

/// Why a network namespace cannot be entered.
#[derive(Debug, Error)]
pub enum NamespaceError {
    /// There is no such file.
    #[error("there is no network namespace {}", .0.display())]
    NoFile(PathBuf),
    /// No namespace has the name.
    #[error("there is no network namespace {0:?} under /run/netns")]
    NoName(String),
    /// There is no such process.
    #[error("there is no process {0}, whose network namespace was asked for")]
    NoProcess(u32),
    /// The file cannot be opened.
    #[error("cannot open the network namespace {}", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The file does not stand for a network namespace.
    #[error("{} is not a network namespace", .0.display())]
    OtherKind(PathBuf),
    /// Whether it is the process's own is unknown.
    #[error("cannot compare {} with {OWN}, the network namespace of the runtime itself", .path.display())]
    Compare {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The kernel refused a new one.
    #[error("cannot make a network namespace")]
    Make(#[source] Errno),
    /// The kernel refused.
    #[error("cannot enter the network namespace {}", .path.display())]
    Enter {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: Errno,
    },
}

impl NamespaceError {
    /// The kind of the failure. The privilege is `CAP_SYS_ADMIN`.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        let not_permitted = match self {
            Self::Open { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            Self::Enter { source, .. } | Self::Make(source) => *source == Errno::EPERM,
            Self::NoFile(_)
            | Self::NoName(_)
            | Self::NoProcess(_)
            | Self::OtherKind(_)
            | Self::Compare { .. } => false,
        };
        if not_permitted {
            ErrorKind::NotPermitted
        } else {
            ErrorKind::Other
        }
    }
}

/// A network namespace that was opened.
///
/// Opening needs read permission, entering only `CAP_SYS_ADMIN`: in between, the process drops all other privileges.
#[derive(Debug)]
pub struct OpenNamespace {
    path: PathBuf,
    file: File,
}

impl OpenNamespace {
    /// Opens the namespace.
    pub fn open(namespace: &NetworkNamespace) -> Result<Self, NamespaceError> {
        match namespace {
            NetworkNamespace::Path(path) => {
                Self::at(path.clone())?.ok_or_else(|| NamespaceError::NoFile(path.clone()))
            }
            NetworkNamespace::Process(id) => Self::at(PathBuf::from(format!("/proc/{id}/ns/net")))?
                .ok_or(NamespaceError::NoProcess(id.get())),
            NetworkNamespace::Name(name) => {
                for directory in NAMED {
                    if let Some(open) = Self::at(Path::new(directory).join(name))? {
                        return Ok(open);
                    }
                }
                Err(NamespaceError::NoName(name.clone()))
            }
        }
    }

    /// The file, or `None` where there is none.
    fn at(path: PathBuf) -> Result<Option<Self>, NamespaceError> {
        let mut options = OpenOptions::new();
        // Otherwise opening a pipe would wait for a writer.
        options.read(true).custom_flags(OFlag::O_NONBLOCK.bits());
        match options.open(&path) {
            Ok(file) => Ok(Some(Self { path, file })),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(NamespaceError::Open { path, source }),
        }
    }

    /// Whether the calling thread is in it.
    pub fn is_current(&self) -> Result<bool, NamespaceError> {
        let compared = fs::metadata(OWN).and_then(|own| Ok((own, self.file.metadata()?)));
        match compared {
            Ok((own, other)) => Ok((own.dev(), own.ino()) == (other.dev(), other.ino())),
            Err(source) => Err(NamespaceError::Compare {
                path: self.path.clone(),
                source,
            }),
        }
    }

    /// The file that stands for the namespace.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves the calling thread into the namespace.
    pub fn enter(self) -> Result<(), NamespaceError> {
        let Self { path, file } = self;
        // The kernel answers EINVAL for files that are no namespaces and for namespaces of other kinds (setns(2)).
        setns(file, CloneFlags::CLONE_NEWNET).map_err(|source| match source {
            Errno::EINVAL => NamespaceError::OtherKind(path),
            source => NamespaceError::Enter { path, source },
        })
    }
}

/// Moves the calling thread into a new network namespace, which ends with it.
pub fn enter_new() -> Result<(), NamespaceError> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(NamespaceError::Make)
}
