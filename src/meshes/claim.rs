//! What a mesh's marks on a pod ask for.

use std::fmt;

use crate::options::OptionError;

use super::reason::Reason;

/// How a mesh's pods are set up on this node, by the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeshMode {
    /// netweir captures them, except those that bring an init container of their mesh.
    Cni,
    /// Their own init container does.
    Init,
    /// Nothing does.
    Off,
}

/// What a mesh's marks on a pod ask for.
#[derive(Clone, Debug)]
pub(super) enum Claim {
    /// The pod relies on a CNI plugin.
    Capture(Reason),
    /// The pod captures itself, or wants no capture.
    Bypass(Reason),
    /// The marks cannot be read.
    Broken(Reason, Vec<OptionError>),
}

/// Something that a decision's reader should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// Something may not be meant so.
    Warning(String),
    /// Something has no effect.
    Info(String),
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Warning(text) | Self::Info(text)) = self;
        f.write_str(text)
    }
}
