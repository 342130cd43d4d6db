//! `meta` and `ct`: what is known about a packet and its connection, loaded or set by key.

use std::ffi::CStr;

use nftnl::nftnl_sys as c;
use nftnl::nftnl_sys::libc;

use super::{Expression, REGISTER};
use crate::sys::{self, ExpressionRef, TooLarge};

macro_rules! keys {
    ($(#[$doc:meta])* $name:ident { $($key:ident = $number:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub(in crate::nftables) enum $name {
            $($key = libc::$number as u32),*
        }

        impl $name {
            fn from_number(number: u32) -> Option<Self> {
                let mut all = [$(Self::$key),*].into_iter();
                all.find(|&key| key as u32 == number)
            }
        }
    };
}

keys!(
    /// `enum nft_meta_keys`.
    Meta {
        NfProto = NFT_META_NFPROTO,
        L4Proto = NFT_META_L4PROTO,
        InterfaceNameIn = NFT_META_IIFNAME,
        InterfaceNameOut = NFT_META_OIFNAME,
        SocketUid = NFT_META_SKUID,
        SocketGid = NFT_META_SKGID,
        Mark = NFT_META_MARK,
        Trace = NFT_META_NFTRACE,
    }
);
keys!(
    /// `enum nft_ct_keys`.
    Ct {
        State = NFT_CT_STATE,
        Mark = NFT_CT_MARK,
        Zone = NFT_CT_ZONE,
    }
);

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

pub(super) fn set_ct(ct: Ct) -> Result<sys::Expression, TooLarge> {
    let key = (c::NFTNL_EXPR_CT_KEY, ct as u32);
    keyed(c"ct", key, c::NFTNL_EXPR_CT_SREG)
}

pub(super) fn read_ct(e: ExpressionRef<'_>) -> Option<Expression> {
    let key = Ct::from_number(e.u32(c::NFTNL_EXPR_CT_KEY)?)?;
    if e.u32(c::NFTNL_EXPR_CT_DREG) == Some(REGISTER) {
        return Some(Expression::LoadCt(key));
    }
    (e.u32(c::NFTNL_EXPR_CT_SREG)? == REGISTER).then_some(Expression::SetCt(key))
}
