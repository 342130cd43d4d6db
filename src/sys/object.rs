//! Tables, chains, sets and rules, without what is inside them.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::NonNull;

use nftnl::nftnl_sys as c;
use nftnl::nftnl_sys::libc::nlmsghdr;

use super::shape::{Checked, LISTED, Nest, nest};
use super::{Payload, TooLarge};

/// `NFT_USERDATA_MAXLEN` (`linux/netfilter/nf_tables.h`).
const LARGEST_USERDATA: usize = 256;
/// `NFT_NAME_MAXLEN` (`linux/netfilter/nf_tables.h`).
pub(super) const LONGEST_NAME: usize = 256;

/// libnftnl's functions for a type of object.
///
/// # Safety
/// Each is the function of that name for this type: it copies what it gets, and what it returns lives as long as the object.
pub(crate) unsafe trait Functions: Sized {
    /// The nests in a message about an object of the type (`linux/netfilter/nf_tables.h`).
    const NESTS: &'static [Nest];
    const ALLOC: unsafe extern "C" fn() -> *mut Self;
    const FREE: unsafe extern "C" fn(*const Self);
    const PARSE: unsafe extern "C" fn(*const nlmsghdr, *mut Self) -> c_int;
    const IS_SET: unsafe extern "C" fn(*const Self, u16) -> bool;
    const GET_U32: unsafe extern "C" fn(*const Self, u16) -> u32;
    const SET_U32: unsafe extern "C" fn(*mut Self, u16, u32);
    const GET_STR: unsafe extern "C" fn(*const Self, u16) -> *const c_char;
    const SET_STR: unsafe extern "C" fn(*mut Self, u16, *const c_char) -> c_int;
    const GET_DATA: unsafe extern "C" fn(*const Self, u16, *mut u32) -> *const c_void;
    const SET_DATA: unsafe extern "C" fn(*mut Self, u16, *const c_void, u32) -> c_int;
}

macro_rules! functions {
    (
        $raw:ident: $alloc:ident, $free:ident, $parse:ident, $is_set:ident, $get_u32:ident, $set_u32:ident,
        $get_str:ident, $set_str:ident, $get_data:ident, $set_data:ident, $nests:expr
    ) => {
        // SAFETY: the functions are those of the type.
        unsafe impl Functions for c::$raw {
            const NESTS: &'static [Nest] = $nests;
            const ALLOC: unsafe extern "C" fn() -> *mut Self = c::$alloc;
            const FREE: unsafe extern "C" fn(*const Self) = c::$free;
            const PARSE: unsafe extern "C" fn(*const nlmsghdr, *mut Self) -> c_int = c::$parse;
            const IS_SET: unsafe extern "C" fn(*const Self, u16) -> bool = c::$is_set;
            const GET_U32: unsafe extern "C" fn(*const Self, u16) -> u32 = c::$get_u32;
            const SET_U32: unsafe extern "C" fn(*mut Self, u16, u32) = c::$set_u32;
            const GET_STR: unsafe extern "C" fn(*const Self, u16) -> *const c_char = c::$get_str;
            const SET_STR: unsafe extern "C" fn(*mut Self, u16, *const c_char) -> c_int =
                c::$set_str;
            const GET_DATA: unsafe extern "C" fn(*const Self, u16, *mut u32) -> *const c_void =
                c::$get_data;
            const SET_DATA: unsafe extern "C" fn(*mut Self, u16, *const c_void, u32) -> c_int =
                c::$set_data;
        }
    };
}
functions!(nftnl_table: nftnl_table_alloc, nftnl_table_free, nftnl_table_nlmsg_parse, nftnl_table_is_set, nftnl_table_get_u32, nftnl_table_set_u32, nftnl_table_get_str, nftnl_table_set_str, nftnl_table_get_data, nftnl_table_set_data, &[]);
functions!(nftnl_chain: nftnl_chain_alloc, nftnl_chain_free, nftnl_chain_nlmsg_parse, nftnl_chain_is_set, nftnl_chain_get_u32, nftnl_chain_set_u32, nftnl_chain_get_str, nftnl_chain_set_str, nftnl_chain_get_data, nftnl_chain_set_data, CHAIN_NESTS);
functions!(nftnl_set: nftnl_set_alloc, nftnl_set_free, nftnl_set_nlmsg_parse, nftnl_set_is_set, nftnl_set_get_u32, nftnl_set_set_u32, nftnl_set_get_str, nftnl_set_set_str, nftnl_set_get_data, nftnl_set_set_data, SET_NESTS);
functions!(nftnl_rule: nftnl_rule_alloc, nftnl_rule_free, nftnl_rule_nlmsg_parse, nftnl_rule_is_set, nftnl_rule_get_u32, nftnl_rule_set_u32, nftnl_rule_get_str, nftnl_rule_set_str, nftnl_rule_get_data, nftnl_rule_set_data, RULE_NESTS);

/// `NFTA_CHAIN_HOOK` with its devices, and `NFTA_CHAIN_COUNTERS`.
const CHAIN_NESTS: &[Nest] = &[nest(4, &[nest(4, &[])]), nest(8, &[])];
/// `NFTA_SET_DESC` with the fields of a concatenation (`NFT_REG32_COUNT` at most), `NFTA_SET_EXPR` and `NFTA_SET_EXPRESSIONS`.
const SET_NESTS: &[Nest] = &[
    nest(
        9,
        &[Nest {
            kind: 2,
            most: 16,
            inner: &[nest(LISTED, &[])],
        }],
    ),
    nest(17, EXPRESSION),
    nest(18, &[nest(LISTED, EXPRESSION)]),
];
/// `NFTA_RULE_EXPRESSIONS` (`NFT_RULE_MAXEXPRS` at most) and `NFTA_RULE_COMPAT`.
const RULE_NESTS: &[Nest] = &[
    Nest {
        kind: 4,
        most: 128,
        inner: &[nest(LISTED, EXPRESSION)],
    },
    nest(5, &[]),
];
/// `NFTA_EXPR_DATA`.
const EXPRESSION: &[Nest] = &[nest(2, &[])];
/// `NFTA_SET_ELEM_LIST_ELEMENTS`, in each element `NFTA_SET_ELEM_KEY`, `_DATA` and `_KEY_END`, and its expressions.
pub(super) const ELEMENTS_NESTS: &[Nest] = &[nest(
    3,
    &[nest(
        LISTED,
        &[
            nest(1, &[]),
            nest(2, &[]),
            nest(7, EXPRESSION),
            nest(10, &[]),
            nest(11, &[nest(LISTED, EXPRESSION)]),
        ],
    )],
)];

/// An owned object.
pub(crate) struct Object<T: Functions>(pub(super) NonNull<T>);

/// A table.
pub(crate) type Table = Object<c::nftnl_table>;
/// A chain.
pub(crate) type Chain = Object<c::nftnl_chain>;
/// A set without its elements.
pub(crate) type Set = Object<c::nftnl_set>;
/// A rule without its expressions.
pub(crate) type RawRule = Object<c::nftnl_rule>;

impl<T: Functions> Object<T> {
    /// An object without attributes.
    ///
    /// # Errors
    /// Out of memory.
    pub(crate) fn new() -> Result<Self, TooLarge> {
        // SAFETY: allocates, or returns null.
        NonNull::new(unsafe { T::ALLOC() })
            .map(Self)
            .ok_or(TooLarge)
    }

    /// The object that a message from the kernel describes; `None` if it is malformed.
    pub(crate) fn parse(message: &[u8]) -> Option<Self> {
        let message = Checked::new(message, T::NESTS)?;
        let object = Self::new().ok()?;
        // SAFETY: the message is whole, aligned and alive; libnftnl copies.
        (unsafe { T::PARSE(message.header(), object.0.as_ptr()) } >= 0).then_some(object)
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
        unsafe { T::SET_STR(self.0.as_ptr(), number(attribute), name.as_ptr()) };
        Ok(self)
    }

    /// Sets a 32-bit attribute.
    #[must_use]
    pub(crate) fn with_u32(self, attribute: impl Into<u32>, value: u32) -> Self {
        // SAFETY: the pointer is owned and valid.
        unsafe { T::SET_U32(self.0.as_ptr(), number(attribute), value) };
        self
    }

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
        unsafe { T::SET_DATA(self.0.as_ptr(), number(attribute), data, length) };
        Ok(self)
    }

    /// A string without its NUL, if it is set.
    pub(crate) fn name(&self, attribute: impl Into<u32>) -> Option<&[u8]> {
        let attribute = self.set(attribute)?;
        // SAFETY: a string that is set is NUL-terminated and lives as long as the object.
        unsafe {
            let text = T::GET_STR(self.0.as_ptr(), attribute);
            (!text.is_null()).then(|| CStr::from_ptr(text).to_bytes())
        }
    }

    /// A 32-bit attribute, if it is set.
    pub(crate) fn u32(&self, attribute: impl Into<u32>) -> Option<u32> {
        let attribute = self.set(attribute)?;
        // SAFETY: an attribute that is set can be read.
        Some(unsafe { T::GET_U32(self.0.as_ptr(), attribute) })
    }

    /// User data, if it is set.
    pub(crate) fn bytes(&self, attribute: impl Into<u32>) -> Option<&[u8]> {
        let attribute = self.set(attribute)?;
        let mut length = 0;
        // SAFETY: pointer and length are those of the attribute, which lives as long as the object.
        unsafe {
            let data = T::GET_DATA(self.0.as_ptr(), attribute, &raw mut length);
            slice(data, length)
        }
    }

    /// The number of an attribute that is set.
    fn set(&self, attribute: impl Into<u32>) -> Option<u16> {
        let attribute = number(attribute);
        // SAFETY: the pointer is owned and valid.
        unsafe { T::IS_SET(self.0.as_ptr(), attribute) }.then_some(attribute)
    }
}

impl<T: Functions> Drop for Object<T> {
    fn drop(&mut self) {
        // SAFETY: owned, and dropped once.
        unsafe { T::FREE(self.0.as_ptr()) };
    }
}

macro_rules! payload {
    ($($name:ident: $build:ident),*) => {$(
        // SAFETY: names and user data of at most 256 bytes each, and a few numbers.
        unsafe impl Payload for $name {
            unsafe fn build(&self, header: *mut nlmsghdr) {
                // SAFETY: both are valid, and there is room.
                unsafe { c::$build(header, self.0.as_ptr()) };
            }
        }
    )*};
}
payload!(
    Table: nftnl_table_nlmsg_build_payload,
    Chain: nftnl_chain_nlmsg_build_payload,
    Set: nftnl_set_nlmsg_build_payload
);

/// The bytes of an attribute; `None` for a null pointer.
///
/// # Safety
/// The pointer is null, or that many bytes behind it live as long as `'a`.
pub(super) unsafe fn slice<'a>(data: *const c_void, length: u32) -> Option<&'a [u8]> {
    let length = usize::try_from(length).expect("an address space of 32 bits at least");
    // SAFETY: the caller's.
    (!data.is_null()).then(|| unsafe { std::slice::from_raw_parts(data.cast::<u8>(), length) })
}

/// The bindings have attribute numbers as `u32` and other types, and their functions take `u16`.
pub(super) fn number(attribute: impl Into<u32>) -> u16 {
    u16::try_from(attribute.into()).expect("libnftnl numbers its attributes from 0 up")
}
