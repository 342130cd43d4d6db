//! The registers that expressions load values into and read them from.

use nftnl::nftnl_sys::libc;

/// The one for values.
pub(super) const REGISTER: u32 = libc::NFT_REG_1 as u32;
/// The one for a port beside an address.
pub(super) const PORT_REGISTER: u32 = libc::NFT_REG_2 as u32;
/// The one for verdicts.
pub(super) const VERDICT_REGISTER: u32 = libc::NFT_REG_VERDICT as u32;

/// How many words of 32 bits a register has, and how many of them there are.
const WORDS: u32 = 4;
const ALL_WORDS: u32 = 16;
/// The register of only the first word.
const FIRST_WORD: u32 = libc::NFT_REG32_00 as u32;

/// The register that follows this many words of the first one, by the number that the kernel prefers (`nft_dump_register`).
pub(super) const fn register_after(words: u32) -> u32 {
    if words.is_multiple_of(WORDS) {
        REGISTER + words / WORDS
    } else {
        FIRST_WORD + words
    }
}

/// How many words precede the register; `None` for another register.
pub(super) fn words_before(register: u32) -> Option<u32> {
    (0..ALL_WORDS).find(|&words| register_after(words) == register)
}
