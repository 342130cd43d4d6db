//! Kinds of socket owners.

/// The user or the group that owns a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OwnerKind {
    /// The user (fsuid).
    Uid,
    /// The group (fsgid).
    Gid,
}

impl OwnerKind {
    /// Both, the user first.
    pub const ALL: [Self; 2] = [Self::Uid, Self::Gid];

    /// `uid` or `gid`: nft's set type, and the word in rule ids.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uid => "uid",
            Self::Gid => "gid",
        }
    }
}
