//! Tables, chains, sets and rules, without what is inside them.

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

use nftnl::nftnl_sys as c;
use nftnl::nftnl_sys::libc::nlmsghdr;

use super::TooLarge;

/// `NFT_USERDATA_MAXLEN` (`linux/netfilter/nf_tables.h`).
const LARGEST_USERDATA: usize = 256;
/// `NFT_NAME_MAXLEN` (`linux/netfilter/nf_tables.h`).
pub(crate) const LONGEST_NAME: usize = 256;

/// An owned object that can be given names.
macro_rules! object {
    ($(#[$doc:meta])* $name:ident, $raw:ident, $alloc:ident, $free:ident, $set_str:ident) => {
        $(#[$doc])*
        pub(crate) struct $name(pub(crate) NonNull<c::$raw>);

        impl $name {
            /// An object without attributes.
            ///
            /// # Errors
            /// Out of memory.
            pub(crate) fn new() -> Result<Self, TooLarge> {
                // SAFETY: allocates, or returns null.
                NonNull::new(unsafe { c::$alloc() }).map(Self).ok_or(TooLarge)
            }

            /// Sets a name, which is copied.
            ///
            /// # Errors
            /// It is longer than the kernel's names.
            pub(crate) fn with_name(
                self,
                attribute: impl Into<u32>,
                name: &CStr,
            ) -> Result<Self, TooLarge> {
                if name.to_bytes_with_nul().len() > LONGEST_NAME {
                    return Err(TooLarge);
                }
                // SAFETY: the name is NUL-terminated and copied.
                unsafe { c::$set_str(self.0.as_ptr(), number(attribute), name.as_ptr()) };
                Ok(self)
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                // SAFETY: owned, and dropped once.
                unsafe { c::$free(self.0.as_ptr()) };
            }
        }
    };
}

/// An object that the kernel lists.
macro_rules! listed {
    ($name:ident, $parse:ident, $is_set:ident, $get_str:ident) => {
        impl $name {
            /// The object that a message from the kernel describes; `None` if it is malformed.
            pub(crate) fn parse(message: &[u8]) -> Option<Self> {
                let header = header_of(message)?;
                let object = Self::new().ok()?;
                // SAFETY: `header_of` checked that the message is whole and aligned; libnftnl copies.
                (unsafe { c::$parse(header, object.0.as_ptr()) } >= 0).then_some(object)
            }

            /// A string without its NUL, if it is set.
            pub(crate) fn name(&self, attribute: impl Into<u32>) -> Option<&[u8]> {
                let attribute = number(attribute);
                // SAFETY: a string that is set is NUL-terminated and lives as long as the object.
                unsafe {
                    if !c::$is_set(self.0.as_ptr(), attribute) {
                        return None;
                    }
                    let text = c::$get_str(self.0.as_ptr(), attribute);
                    (!text.is_null()).then(|| CStr::from_ptr(text).to_bytes())
                }
            }
        }
    };
}

/// An object with 32-bit attributes.
macro_rules! numbered {
    ($name:ident, $is_set:ident, $set_u32:ident, $get_u32:ident) => {
        impl $name {
            /// Sets a 32-bit attribute.
            #[must_use]
            pub(crate) fn with_u32(self, attribute: impl Into<u32>, value: u32) -> Self {
                // SAFETY: the pointer is owned and valid.
                unsafe { c::$set_u32(self.0.as_ptr(), number(attribute), value) };
                self
            }

            /// A 32-bit attribute, if it is set.
            pub(crate) fn u32(&self, attribute: impl Into<u32>) -> Option<u32> {
                let attribute = number(attribute);
                // SAFETY: an attribute that is set can be read.
                unsafe {
                    c::$is_set(self.0.as_ptr(), attribute)
                        .then(|| c::$get_u32(self.0.as_ptr(), attribute))
                }
            }
        }
    };
}

/// An object that keeps data for its user.
macro_rules! annotated {
    ($name:ident, $set_data:ident) => {
        impl $name {
            /// Sets user data of up to 256 bytes, which is copied.
            ///
            /// # Errors
            /// It is longer.
            pub(crate) fn with_bytes(
                self,
                attribute: impl Into<u32>,
                value: &[u8],
            ) -> Result<Self, TooLarge> {
                if value.len() > LARGEST_USERDATA {
                    return Err(TooLarge);
                }
                let length = u32::try_from(value.len()).map_err(|_| TooLarge)?;
                let data = value.as_ptr().cast::<c_void>();
                // SAFETY: pointer and length are those of a live slice, which is copied.
                unsafe { c::$set_data(self.0.as_ptr(), number(attribute), data, length) };
                Ok(self)
            }
        }
    };
}

object!(
    /// A table.
    Table, nftnl_table, nftnl_table_alloc, nftnl_table_free, nftnl_table_set_str
);
annotated!(Table, nftnl_table_set_data);
impl Table {
    /// Sets the flags (`NFT_TABLE_F_...`).
    #[must_use]
    pub(crate) fn with_flags(self, flags: u32) -> Self {
        // SAFETY: the pointer is owned and valid.
        unsafe { c::nftnl_table_set_u32(self.0.as_ptr(), number(c::NFTNL_TABLE_FLAGS), flags) };
        self
    }
}

object!(
    /// A chain.
    Chain, nftnl_chain, nftnl_chain_alloc, nftnl_chain_free, nftnl_chain_set_str
);
listed!(
    Chain,
    nftnl_chain_nlmsg_parse,
    nftnl_chain_is_set,
    nftnl_chain_get_str
);
numbered!(
    Chain,
    nftnl_chain_is_set,
    nftnl_chain_set_u32,
    nftnl_chain_get_u32
);
annotated!(Chain, nftnl_chain_set_data);
object!(
    /// A set without its elements.
    Set, nftnl_set, nftnl_set_alloc, nftnl_set_free, nftnl_set_set_str
);
listed!(
    Set,
    nftnl_set_nlmsg_parse,
    nftnl_set_is_set,
    nftnl_set_get_str
);
numbered!(Set, nftnl_set_is_set, nftnl_set_set_u32, nftnl_set_get_u32);
annotated!(Set, nftnl_set_set_data);
object!(
    /// A rule without its expressions.
    RawRule, nftnl_rule, nftnl_rule_alloc, nftnl_rule_free, nftnl_rule_set_str
);
listed!(
    RawRule,
    nftnl_rule_nlmsg_parse,
    nftnl_rule_is_set,
    nftnl_rule_get_str
);
annotated!(RawRule, nftnl_rule_set_data);

impl RawRule {
    /// User data, if there is any.
    pub(crate) fn userdata(&self) -> Option<&[u8]> {
        let attribute = number(c::NFTNL_RULE_USERDATA);
        let mut length = 0;
        // SAFETY: pointer and length are those of the attribute, which lives as long as the object.
        unsafe {
            if !c::nftnl_rule_is_set(self.0.as_ptr(), attribute) {
                return None;
            }
            let data = c::nftnl_rule_get_data(self.0.as_ptr(), attribute, &raw mut length);
            let length = usize::try_from(length).ok()?;
            (!data.is_null()).then(|| std::slice::from_raw_parts(data.cast::<u8>(), length))
        }
    }
}

/// The header of a message that is whole, and aligned as libmnl's attributes are.
pub(crate) fn header_of(message: &[u8]) -> Option<*const nlmsghdr> {
    let length = message
        .first_chunk()
        .map(|bytes| u32::from_ne_bytes(*bytes))?;
    let header = message.as_ptr().cast::<c_void>().cast::<nlmsghdr>();
    let whole = usize::try_from(length).ok()? == message.len()
        && message.len() >= size_of::<nlmsghdr>()
        && header.is_aligned();
    whole.then_some(header)
}

/// Attribute numbers are small; the bindings give them as `u32` and take them as `u16`.
pub(crate) fn number(attribute: impl Into<u32>) -> u16 {
    u16::try_from(attribute.into()).unwrap_or(u16::MAX)
}
