//! Kuma, and Kong Mesh: their annotations, and the command lines of `kumactl`.

pub(crate) mod annotations;
mod command;
pub(super) mod decision;
mod flags;

pub use command::{Kuma, KumaUninstall, KumaValidator};
pub use flags::KumaFlag;
