//! `meta` and `ct`: what is known about a packet and its connection, loaded or set by key.

use std::ffi::CStr;

use nftnl::nftnl_sys as c;

use super::register::REGISTER;
use super::variants::{Ct, Expression, Meta};
use crate::sys::{self, ExpressionRef, TooLarge};

/// An expression that loads a key into the register, or sets it from there: the attribute says which.
fn keyed(
    name: &CStr,
    key: (u32, u32),
    register_attribute: u32,
) -> Result<sys::Expression, TooLarge> {
    let (attribute, number) = key;
    Ok(sys::Expression::new(name)?
        .with_u32(attribute, number)
        .with_u32(register_attribute, REGISTER))
}

pub(super) fn load_meta(meta: Meta) -> Result<sys::Expression, TooLarge> {
    let key = (c::NFTNL_EXPR_META_KEY, meta as u32);
    keyed(c"meta", key, c::NFTNL_EXPR_META_DREG)
}

pub(super) fn set_meta(meta: Meta) -> Result<sys::Expression, TooLarge> {
    let key = (c::NFTNL_EXPR_META_KEY, meta as u32);
    keyed(c"meta", key, c::NFTNL_EXPR_META_SREG)
}

pub(super) fn read_meta(e: ExpressionRef<'_>) -> Option<Expression> {
    let key = Meta::from_number(e.u32(c::NFTNL_EXPR_META_KEY)?)?;
    if e.u32(c::NFTNL_EXPR_META_DREG) == Some(REGISTER) {
        return Some(Expression::LoadMeta(key));
    }
    (e.u32(c::NFTNL_EXPR_META_SREG)? == REGISTER).then_some(Expression::SetMeta(key))
}

pub(super) fn load_ct(ct: Ct) -> Result<sys::Expression, TooLarge> {
    let key = (c::NFTNL_EXPR_CT_KEY, ct as u32);
    keyed(c"ct", key, c::NFTNL_EXPR_CT_DREG)
}

/// `IP_CT_DIR_ORIGINAL` (`linux/netfilter/nf_conntrack_tuple_common.h`): a zone is set of this direction alone.
const ORIGINAL: &[u8] = &[0];

pub(super) fn set_ct(ct: Ct) -> Result<sys::Expression, TooLarge> {
    let key = (c::NFTNL_EXPR_CT_KEY, ct as u32);
    let object = keyed(c"ct", key, c::NFTNL_EXPR_CT_SREG)?;
    match ct {
        Ct::Zone => object.with_bytes(c::NFTNL_EXPR_CT_DIR, ORIGINAL),
        Ct::State | Ct::Mark => Ok(object),
    }
}

pub(super) fn read_ct(e: ExpressionRef<'_>) -> Option<Expression> {
    let key = Ct::from_number(e.u32(c::NFTNL_EXPR_CT_KEY)?)?;
    let direction = e.bytes(c::NFTNL_EXPR_CT_DIR);
    if e.u32(c::NFTNL_EXPR_CT_DREG) == Some(REGISTER) {
        return direction.is_none().then_some(Expression::LoadCt(key));
    }
    let written = (key == Ct::Zone).then_some(ORIGINAL);
    let is_written = e.u32(c::NFTNL_EXPR_CT_SREG)? == REGISTER && direction == written;
    is_written.then_some(Expression::SetCt(key))
}
