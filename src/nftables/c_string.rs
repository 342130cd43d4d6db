//! Text for libnftnl.

use std::ffi::CString;

use crate::sys::TooLarge;

/// The text with a NUL after it, for libnftnl.
pub(super) fn terminated(text: &str) -> Result<CString, TooLarge> {
    CString::new(text).map_err(|_| TooLarge)
}
