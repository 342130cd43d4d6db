//! Error codes.

/// An error code: up to 99 the specification's, from 100 the plugin's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// The version of the specification is unsupported, or has no such command.
    IncompatibleVersion = 1,
    /// The configuration has an unknown key.
    UnsupportedField = 2,
    /// A `CNI_` variable is missing or wrong, or `CNI_NETNS` is no network namespace of a pod.
    InvalidEnvironment = 4,
    /// Standard input cannot be read.
    Io = 5,
    /// Standard input is not a JSON object.
    Decode = 6,
    /// A value of the configuration is wrong or missing.
    InvalidConfig = 7,
    /// Other programs kept changing the rules, or the kernel was short of memory.
    TryAgain = 11,
    /// STATUS: pods cannot be captured on this node.
    NotAvailable = 50,
    /// The kernel refused.
    Failed = 100,
    /// A capability is missing.
    NotPermitted = 101,
    /// The kernel lacks a feature that the rules need.
    Unsupported = 102,
    /// An annotation of the pod is wrong.
    Annotations = 103,
    /// The plugin cannot tell whether to capture the pod.
    Undecidable = 104,
    /// CHECK: the rules or routes differ from those that ADD installs.
    Drift = 105,
    /// An internal error.
    Bug = 199,
}

impl Code {
    /// All of them, ascending.
    pub const ALL: [Self; 15] = [
        Self::IncompatibleVersion,
        Self::UnsupportedField,
        Self::InvalidEnvironment,
        Self::Io,
        Self::Decode,
        Self::InvalidConfig,
        Self::TryAgain,
        Self::NotAvailable,
        Self::Failed,
        Self::NotPermitted,
        Self::Unsupported,
        Self::Annotations,
        Self::Undecidable,
        Self::Drift,
        Self::Bug,
    ];

    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Its meaning, as in docs/cni.md.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::IncompatibleVersion => {
                "`cniVersion` is missing or unsupported, or has no such command"
            }
            Self::UnsupportedField => "the configuration has an unknown key",
            Self::InvalidEnvironment => {
                "a `CNI_` variable is missing or wrong, or `CNI_NETNS` is no network namespace of a pod"
            }
            Self::Io => "standard input cannot be read",
            Self::Decode => "standard input is not a JSON object",
            Self::InvalidConfig => {
                "a value of the configuration, such as `prevResult`, is wrong or missing"
            }
            Self::TryAgain => {
                "other programs kept changing the rules, or the kernel was short of memory"
            }
            Self::NotAvailable => "STATUS: pods cannot be captured on this node",
            Self::Failed => "the kernel refused",
            Self::NotPermitted => "a capability is missing",
            Self::Unsupported => "the kernel lacks a feature that the rules need",
            Self::Annotations => "an annotation of the pod is wrong",
            Self::Undecidable => "the plugin cannot tell whether to capture the pod",
            Self::Drift => "CHECK: the rules or routes differ from those that ADD installs",
            Self::Bug => "an internal error",
        }
    }
}
