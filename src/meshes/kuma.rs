//! Kuma, and Kong Mesh.

pub(crate) mod annotations;
pub(super) mod decision;
