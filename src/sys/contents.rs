//! The contents of rules and sets: expressions and elements.

use std::ptr::NonNull;

use nftnl::nftnl_sys as c;
use nftnl::nftnl_sys::libc::nlmsghdr;

use super::expression::ExpressionRef;
use super::object::{ELEMENTS_NESTS, LONGEST_NAME, RawRule, Set, number, slice};
use super::shape::Checked;
use super::{Expression, LARGEST_MESSAGE, Payload, TooLarge};

/// `NFT_RULE_MAXEXPRS` (`net/netfilter/nf_tables.h`).
const MOST_EXPRESSIONS: usize = 128;

/// A rule with a bounded number of expressions.
pub(crate) struct Rule {
    raw: RawRule,
    expressions: usize,
}

impl std::ops::Deref for Rule {
    type Target = RawRule;
    fn deref(&self) -> &RawRule {
        &self.raw
    }
}

impl Rule {
    /// A rule around its attributes.
    pub(crate) fn new(raw: RawRule) -> Self {
        Self {
            raw,
            expressions: 0,
        }
    }

    /// Appends an expression.
    ///
    /// # Errors
    /// The kernel allows no more expressions in one rule.
    pub(crate) fn push(&mut self, expression: Expression) -> Result<(), TooLarge> {
        if self.expressions == MOST_EXPRESSIONS {
            return Err(TooLarge);
        }
        self.expressions += 1;
        // SAFETY: both are valid; the rule frees the expression from here on.
        unsafe { c::nftnl_rule_add_expr(self.raw.0.as_ptr(), expression.into_raw()) };
        Ok(())
    }

    /// The expressions in order.
    pub(crate) fn expressions(&self) -> Vec<ExpressionRef<'_>> {
        let mut all = Vec::new();
        // SAFETY: the iterator is used and destroyed while the rule is borrowed; the expressions that it
        // yields belong to the rule.
        unsafe {
            let Some(iterator) = NonNull::new(c::nftnl_expr_iter_create(self.raw.0.as_ptr()))
            else {
                return all;
            };
            while let Some(expression) =
                ExpressionRef::new(c::nftnl_expr_iter_next(iterator.as_ptr()))
            {
                all.push(expression);
            }
            c::nftnl_expr_iter_destroy(iterator.as_ptr());
        }
        all
    }
}

/// Calls back with key, end of the key if it is a range, and flags of each element that a message from the kernel lists; a
/// catch-all has no key. `None` if
/// the message is malformed.
pub(crate) fn parse_elements(
    message: &[u8],
    mut each: impl FnMut(Option<&[u8]>, Option<&[u8]>, u32),
) -> Option<()> {
    let message = Checked::new(message, ELEMENTS_NESTS)?;
    let set = Set::new().ok()?;
    // SAFETY: the message is whole, aligned and alive, and copied into `set`; the iterator is used and
    // destroyed while `set` lives, and keys live as long as their elements.
    unsafe {
        if c::nftnl_set_elems_nlmsg_parse(message.header(), set.0.as_ptr()) < 0 {
            return None;
        }
        let iterator = NonNull::new(c::nftnl_set_elems_iter_create(set.0.as_ptr()))?.as_ptr();
        while let Some(element) = NonNull::new(c::nftnl_set_elems_iter_next(iterator)) {
            let element = element.as_ptr();
            let mut length = 0;
            let key =
                c::nftnl_set_elem_get(element, number(c::NFTNL_SET_ELEM_KEY), &raw mut length);
            let flags = number(c::NFTNL_SET_ELEM_FLAGS);
            let flags = if c::nftnl_set_elem_is_set(element, flags) {
                c::nftnl_set_elem_get_u32(element, flags)
            } else {
                0
            };
            let mut end_length = 0;
            let end = c::nftnl_set_elem_get(
                element,
                number(c::NFTNL_SET_ELEM_KEY_END),
                &raw mut end_length,
            );
            each(slice(key, length), slice(end, end_length), flags);
        }
        c::nftnl_set_elems_iter_destroy(iterator);
    }
    Some(())
}

// SAFETY: at most 128 expressions of a name, a value or a name, and a few numbers: below 400 bytes each.
unsafe impl Payload for Rule {
    unsafe fn build(&self, header: *mut nlmsghdr) {
        const { assert!(MOST_EXPRESSIONS * 400 + 4 * LONGEST_NAME < LARGEST_MESSAGE) };
        // SAFETY: both are valid, and there is room.
        unsafe { c::nftnl_rule_nlmsg_build_payload(header, self.raw.0.as_ptr()) };
    }
}
