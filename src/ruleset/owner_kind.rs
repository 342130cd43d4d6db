//! Kinds of socket owners.

use crate::named::named;

named! {
    /// The user or the group that owns a socket.
    pub enum OwnerKind: name {
        /// The user (fsuid).
        Uid "uid";
        /// The group (fsgid).
        Gid "gid";
    }
}
