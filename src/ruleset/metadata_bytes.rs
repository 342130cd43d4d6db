//! The bytes of the metadata that the kernel keeps with the rules.

use super::Ruleset;

/// The bytes that one object holds: `NFT_USERDATA_MAXLEN` (256) less a type and a length.
const PIECE: usize = 254;

/// Bytes that the kernel stores with the rules and does not interpret: user data of the table, continued in the user
/// data of its chains, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataBytes(Vec<u8>);

impl MetadataBytes {
    /// Metadata of these bytes.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// How many bytes fit with the ruleset.
    #[must_use]
    pub const fn capacity(ruleset: &Ruleset) -> usize {
        PIECE * (1 + ruleset.chains.len())
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, split into the pieces that single objects hold.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.0.chunks(PIECE)
    }
}
