//! Values that name users and groups: ids, ranges of ids and names.

use crate::intent::{Interval, OwnerId};

use super::owner_kind::OwnerKind;
use super::{ValueError, decimal};

/// Why a name has no id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameError {
    /// There is no such user or group.
    Unknown,
    /// The names cannot be read, for this reason.
    Unreadable(String),
    /// Only the pod's own files have the names.
    OfPod,
}

/// Looks up the ids of names. The caller implements it, since parsing reads no files.
pub trait Accounts {
    /// The id of the user or group of this name.
    fn id_of(&self, kind: OwnerKind, name: &str) -> Result<OwnerId, NameError>;
}

/// Knows no names, since those of the node's users are not those of the pod's.
pub struct NoNames;

impl Accounts for NoNames {
    fn id_of(&self, _: OwnerKind, _: &str) -> Result<OwnerId, NameError> {
        Err(NameError::OfPod)
    }
}

/// One user or group: an id or a name.
pub fn owner(text: &str, kind: OwnerKind, accounts: &dyn Accounts) -> Result<OwnerId, ValueError> {
    match range(text) {
        Some(_) => Err(ValueError::OwnerRange(text.to_owned(), kind)),
        None => single(text, kind, accounts),
    }
}

/// The id of a user or group; names are not accepted.
pub fn owner_id(text: &str, kind: OwnerKind) -> Result<OwnerId, ValueError> {
    id(text, kind).map_err(|error| match error {
        ValueError::Owner(text, kind) => ValueError::OwnerId(text, kind),
        error => error,
    })
}

/// A user or group, or a range of ids.
pub fn owners(
    text: &str,
    kind: OwnerKind,
    accounts: &dyn Accounts,
) -> Result<Interval<OwnerId>, ValueError> {
    let Some((first, last)) = range(text) else {
        return single(text, kind, accounts).map(Interval::single);
    };
    let (first, last) = (id(first, kind)?, id(last, kind)?);
    if first > last {
        return Err(ValueError::Backwards(text.to_owned(), first, last));
    }
    Ok(Interval::between(first, last))
}

/// The ends of a range of ids. Names contain dashes, too.
fn range(text: &str) -> Option<(&str, &str)> {
    text.split_once('-')
        .filter(|(first, last)| is_number(first) && is_number(last))
}

fn single(text: &str, kind: OwnerKind, accounts: &dyn Accounts) -> Result<OwnerId, ValueError> {
    if is_number(text) {
        return id(text, kind);
    }
    if !is_name(text) {
        return Err(ValueError::Owner(text.to_owned(), kind));
    }
    let name = text.to_owned();
    match accounts.id_of(kind, text) {
        Ok(OwnerId::MAX) => Err(ValueError::OwnerSentinel(OwnerId::MAX, kind)),
        Ok(id) => Ok(id),
        Err(NameError::Unknown) => Err(ValueError::UnknownName(name, kind)),
        Err(NameError::OfPod) => Err(ValueError::NameOfPod(name, kind)),
        Err(NameError::Unreadable(reason)) => Err(ValueError::Lookup(name, kind, reason)),
    }
}

fn id(text: &str, kind: OwnerKind) -> Result<OwnerId, ValueError> {
    match decimal(text) {
        Some(OwnerId::MAX) => Err(ValueError::OwnerSentinel(OwnerId::MAX, kind)),
        Some(id) => Ok(id),
        None => Err(ValueError::Owner(text.to_owned(), kind)),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a line of passwd(5) or group(5) can have the name. A sign in front is a number's, or the mark of an
/// NIS entry, and so no name.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(['-', '+'])
        && !text
            .chars()
            .any(|c| c == ':' || c.is_whitespace() || c.is_control())
}
