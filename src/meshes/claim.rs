//! A mesh's claim on a pod, from its injector's annotations.

use std::fmt;

use crate::named::named;
use crate::options::OptionError;

use super::reason::Reason;

named! {
    /// How a mesh's pods are set up on this node, by the configuration.
    pub enum MeshMode: name {
        /// netweir captures them, except those that bring an init container of their mesh.
        Cni "cni";
        /// Their own init containers capture them; netweir bypasses them.
        Init "init";
        /// They are not captured.
        Off "off";
    }
}

/// What a mesh's injector asks for on a pod.
#[derive(Clone, Debug)]
pub(super) enum Claim {
    /// The pod relies on a CNI plugin.
    Capture(Reason),
    /// The pod captures itself, or wants no capture.
    Bypass(Reason),
    /// The annotations cannot be read.
    Broken(Reason, Vec<OptionError>),
}

/// A message for the log, beside the decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// A likely error.
    Warning(String),
    /// A setting without effect.
    Info(String),
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Warning(text) | Self::Info(text)) = self;
        f.write_str(text)
    }
}
