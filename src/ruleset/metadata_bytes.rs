//! What is kept in the kernel along with the rules.

use super::Ruleset;

/// What one object can keep: the kernel's 256 bytes (`NFT_USERDATA_MAXLEN`) less a type and a length.
const PIECE: usize = 254;

/// Bytes that the kernel keeps with the rules for whoever reads them back, and does nothing with: the user data of the
/// table, and where that is too small, of its chains in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataBytes(Vec<u8>);

impl MetadataBytes {
    /// A note of these bytes.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The most bytes that can be kept with the ruleset.
    #[must_use]
    pub const fn capacity(ruleset: &Ruleset) -> usize {
        PIECE * (1 + ruleset.chains.len())
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes in the pieces that single objects keep.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.0.chunks(PIECE)
    }
}
