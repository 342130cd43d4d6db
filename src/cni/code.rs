//! Error codes.

use crate::named::named;

named! {
    /// An error code: up to 99 the specification's, from 100 the plugin's own.
    #[repr(u8)]
    pub enum Code: meaning {
        /// The version of the specification is unsupported, or has no such command.
        IncompatibleVersion = 1 "`cniVersion` is missing or unsupported, or has no such command";
        /// The configuration has an unknown key.
        UnsupportedField = 2 "the configuration has an unknown key";
        /// A `CNI_` variable is missing or wrong, or `CNI_NETNS` is no network namespace of a pod.
        InvalidEnvironment = 4 "a `CNI_` variable is missing or wrong, or `CNI_NETNS` is no network namespace of a pod";
        /// Standard input cannot be read.
        Io = 5 "standard input cannot be read";
        /// Standard input is not a JSON object.
        Decode = 6 "standard input is not a JSON object";
        /// A value of the configuration is wrong or missing.
        InvalidConfig = 7 "a value of the configuration, such as `prevResult`, is wrong or missing";
        /// Other programs kept changing the rules, the kernel was short of memory, or a signal ended the plugin.
        TryAgain = 11 "other programs kept changing the rules, the kernel was short of memory, or a signal ended the plugin";
        /// STATUS: pods cannot be captured on this node.
        NotAvailable = 50 "STATUS: pods cannot be captured on this node";
        /// The kernel refused.
        Failed = 100 "the kernel refused";
        /// A capability is missing.
        NotPermitted = 101 "a capability is missing";
        /// The kernel lacks a feature that the rules need.
        Unsupported = 102 "the kernel lacks a feature that the rules need";
        /// An annotation of the pod is wrong.
        Annotations = 103 "an annotation of the pod is wrong";
        /// The plugin cannot tell whether to capture the pod.
        Undecidable = 104 "the plugin cannot tell whether to capture the pod";
        /// CHECK: the rules or routes differ from those that ADD installs.
        Drift = 105 "CHECK: the rules or routes differ from those that ADD installs";
        /// An internal error.
        Bug = 199 "an internal error";
    }
}

impl Code {
    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}
