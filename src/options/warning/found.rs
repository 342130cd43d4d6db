//! The consequences that hold for a capture, each with its option.

use crate::options::Setting;

use super::consequence::Consequence;

pub(super) type Found = Vec<(Setting, Consequence)>;

/// The consequences whose conditions hold.
pub(super) fn holding<const N: usize>(conditions: [(bool, Setting, Consequence); N]) -> Found {
    conditions
        .into_iter()
        .filter_map(|(holds, setting, consequence)| holds.then_some((setting, consequence)))
        .collect()
}
