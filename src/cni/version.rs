//! The versions of the CNI specification.

use crate::named::named;

named! {
    /// A supported version.
    pub enum SpecVersion: text {
        /// 0.3.0: plugins are chained.
        V0_3_0 "0.3.0";
        /// 0.3.1.
        V0_3_1 "0.3.1";
        /// 0.4.0: CHECK.
        V0_4_0 "0.4.0";
        /// 1.0.0: only lists of plugins are left.
        V1_0_0 "1.0.0";
        /// 1.1.0: STATUS and GC.
        V1_1_0 "1.1.0";
    }
}

impl SpecVersion {
    /// The latest version.
    pub const LATEST: Self = Self::V1_1_0;
}
