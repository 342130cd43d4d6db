//! The registers that expressions load values into and read them from.

use nftnl::nftnl_sys::libc;

/// The one for values.
pub(super) const REGISTER: u32 = libc::NFT_REG_1 as u32;
/// The one for a port beside an address.
pub(super) const PORT_REGISTER: u32 = libc::NFT_REG_2 as u32;
/// The one for verdicts.
pub(super) const VERDICT_REGISTER: u32 = libc::NFT_REG_VERDICT as u32;
