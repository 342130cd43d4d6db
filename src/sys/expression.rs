//! One expression of a rule.

use std::ffi::{CStr, c_char, c_void};
use std::ptr::NonNull;

use nftnl::nftnl_sys as c;

use super::TooLarge;
use super::object::{LONGEST_NAME, number, slice};

/// `NFT_DATA_VALUE_MAXLEN` (`linux/netfilter/nf_tables.h`): the largest value of an expression.
const LARGEST_VALUE: usize = 64;

/// A libnftnl expression. Owned: freed when dropped, or given to a rule.
pub(crate) struct Expression(NonNull<c::nftnl_expr>);

impl Expression {
    /// An expression of the kind that the kernel knows by this name.
    ///
    /// # Errors
    /// libnftnl does not know the name, or is out of memory.
    pub(crate) fn new(name: &CStr) -> Result<Self, TooLarge> {
        // SAFETY: the name is NUL-terminated and only read.
        let raw = unsafe { c::nftnl_expr_alloc(name.as_ptr()) };
        NonNull::new(raw).map(Self).ok_or(TooLarge)
    }

    /// Sets a 32-bit attribute.
    #[must_use]
    pub(crate) fn with_u32(self, attribute: u32, value: u32) -> Self {
        // SAFETY: the pointer is owned and valid; libnftnl ignores attributes that it does not know.
        unsafe { c::nftnl_expr_set_u32(self.0.as_ptr(), number(attribute), value) };
        self
    }

    /// Sets a value of up to 64 bytes, which is copied.
    ///
    /// # Errors
    /// It is longer: libnftnl's own buffer for it has a fixed size.
    pub(crate) fn with_bytes(self, attribute: u32, value: &[u8]) -> Result<Self, TooLarge> {
        let length = u32::try_from(value.len()).map_err(|_| TooLarge)?;
        if value.len() > LARGEST_VALUE {
            return Err(TooLarge);
        }
        // SAFETY: pointer and length are those of a live slice, no longer than libnftnl's buffer; it is copied.
        unsafe {
            c::nftnl_expr_set(
                self.0.as_ptr(),
                number(attribute),
                value.as_ptr().cast::<c_void>(),
                length,
            )
        };
        Ok(self)
    }

    /// Sets a name, which is copied.
    ///
    /// # Errors
    /// It is longer than the kernel's names.
    pub(crate) fn with_name(self, attribute: u32, name: &CStr) -> Result<Self, TooLarge> {
        if name.to_bytes_with_nul().len() > LONGEST_NAME {
            return Err(TooLarge);
        }
        // SAFETY: the name is NUL-terminated and copied.
        unsafe { c::nftnl_expr_set_str(self.0.as_ptr(), number(attribute), name.as_ptr()) };
        Ok(self)
    }

    /// Gives the expression away.
    pub(crate) fn into_raw(self) -> *mut c::nftnl_expr {
        let raw = self.0.as_ptr();
        std::mem::forget(self);
        raw
    }
}

impl Drop for Expression {
    fn drop(&mut self) {
        // SAFETY: owned, and not given to a rule (`into_raw` forgets it).
        unsafe { c::nftnl_expr_free(self.0.as_ptr()) };
    }
}

/// An expression of a rule that was read, borrowed from it.
#[derive(Clone, Copy)]
pub(crate) struct ExpressionRef<'a>(&'a c::nftnl_expr);

impl<'a> ExpressionRef<'a> {
    /// Borrows an expression of a rule.
    ///
    /// # Safety
    /// The pointer is valid as long as `'a`, and nothing changes the expression meanwhile.
    pub(crate) unsafe fn new(raw: *const c::nftnl_expr) -> Option<Self> {
        // SAFETY: the caller's.
        unsafe { raw.as_ref() }.map(Self)
    }

    /// The name of its kind.
    pub(crate) fn name(self) -> &'a [u8] {
        let name = self.string(c::NFTNL_EXPR_NAME);
        name.expect("libnftnl makes no expression without a name")
    }

    /// A 32-bit attribute, if it is set.
    pub(crate) fn u32(self, attribute: u32) -> Option<u32> {
        let attribute = self.set(attribute)?;
        // SAFETY: the expression is valid; an attribute that is set can be read.
        Some(unsafe { c::nftnl_expr_get_u32(self.0, attribute) })
    }

    /// A 64-bit attribute, if it is set.
    pub(crate) fn u64(self, attribute: u32) -> Option<u64> {
        let attribute = self.set(attribute)?;
        // SAFETY: as in `u32`.
        Some(unsafe { c::nftnl_expr_get_u64(self.0, attribute) })
    }

    /// A value, if it is set.
    pub(crate) fn bytes(self, attribute: u32) -> Option<&'a [u8]> {
        let attribute = self.set(attribute)?;
        let mut length = 0;
        // SAFETY: libnftnl returns a pointer into the expression, and how many bytes of it are the value; both live as long as
        // the expression.
        unsafe {
            let data = c::nftnl_expr_get(self.0, attribute, &raw mut length);
            slice(data, length)
        }
    }

    /// A string without its NUL, if it is set.
    pub(crate) fn string(self, attribute: u32) -> Option<&'a [u8]> {
        let attribute = self.set(attribute)?;
        // SAFETY: a string attribute that is set is NUL-terminated and lives as long as the expression.
        unsafe {
            let text: *const c_char = c::nftnl_expr_get_str(self.0, attribute);
            (!text.is_null()).then(|| CStr::from_ptr(text).to_bytes())
        }
    }

    /// The number of an attribute that is set.
    fn set(self, attribute: u32) -> Option<u16> {
        let attribute = number(attribute);
        // SAFETY: the expression is valid.
        unsafe { c::nftnl_expr_is_set(self.0, attribute) }.then_some(attribute)
    }
}
