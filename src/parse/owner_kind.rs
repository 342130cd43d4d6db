//! Users or groups, and the ids that they can have.

use std::fmt;

use crate::intent::OwnerId;

/// The largest user or group id; the one above it means "none" to system calls (setreuid(2)).
pub const LARGEST_OWNER: OwnerId = OwnerId::MAX - 1;

/// Users or groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerKind {
    /// Users, of /etc/passwd.
    User,
    /// Groups, of /etc/group.
    Group,
}

impl OwnerKind {
    /// The file that has the names.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::User => "/etc/passwd",
            Self::Group => "/etc/group",
        }
    }
}

impl fmt::Display for OwnerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Group => "group",
        })
    }
}
