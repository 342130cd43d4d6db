//! `meta` and `ct`: what is known about a packet and its connection, loaded or set by key.

use nftnl::nftnl_sys as c;
use nftnl::nftnl_sys::libc;

use super::{Expression, REGISTER};
use crate::sys::{self, ExpressionRef, TooLarge};

/// `enum nft_meta_keys`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(in crate::nftables) enum Meta {
    NfProto = libc::NFT_META_NFPROTO as u32,
    L4Proto = libc::NFT_META_L4PROTO as u32,
    InterfaceNameIn = libc::NFT_META_IIFNAME as u32,
    InterfaceNameOut = libc::NFT_META_OIFNAME as u32,
    SocketUid = libc::NFT_META_SKUID as u32,
    SocketGid = libc::NFT_META_SKGID as u32,
    Mark = libc::NFT_META_MARK as u32,
    Trace = libc::NFT_META_NFTRACE as u32,
}

impl Meta {
    const ALL: [Self; 8] = [
        Self::NfProto,
        Self::L4Proto,
        Self::InterfaceNameIn,
        Self::InterfaceNameOut,
        Self::SocketUid,
        Self::SocketGid,
        Self::Mark,
        Self::Trace,
    ];
}

/// `enum nft_ct_keys`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(in crate::nftables) enum Ct {
    State = libc::NFT_CT_STATE as u32,
    Mark = libc::NFT_CT_MARK as u32,
    Zone = libc::NFT_CT_ZONE as u32,
}

impl Ct {
    const ALL: [Self; 3] = [Self::State, Self::Mark, Self::Zone];
}

pub(super) fn load_meta(meta: Meta) -> Result<sys::Expression, TooLarge> {
    Ok(sys::Expression::new(c"meta")?
        .with_u32(c::NFTNL_EXPR_META_KEY, meta as u32)
        .with_u32(c::NFTNL_EXPR_META_DREG, REGISTER))
}

pub(super) fn set_meta(meta: Meta) -> Result<sys::Expression, TooLarge> {
    Ok(sys::Expression::new(c"meta")?
        .with_u32(c::NFTNL_EXPR_META_KEY, meta as u32)
        .with_u32(c::NFTNL_EXPR_META_SREG, REGISTER))
}

pub(super) fn read_meta(e: ExpressionRef<'_>) -> Option<Expression> {
    let number = e.u32(c::NFTNL_EXPR_META_KEY)?;
    let key = Meta::ALL.into_iter().find(|&key| key as u32 == number)?;
    if e.u32(c::NFTNL_EXPR_META_DREG) == Some(REGISTER) {
        return Some(Expression::LoadMeta(key));
    }
    (e.u32(c::NFTNL_EXPR_META_SREG)? == REGISTER).then_some(Expression::SetMeta(key))
}

pub(super) fn load_ct(ct: Ct) -> Result<sys::Expression, TooLarge> {
    Ok(sys::Expression::new(c"ct")?
        .with_u32(c::NFTNL_EXPR_CT_KEY, ct as u32)
        .with_u32(c::NFTNL_EXPR_CT_DREG, REGISTER))
}

pub(super) fn set_ct(ct: Ct) -> Result<sys::Expression, TooLarge> {
    Ok(sys::Expression::new(c"ct")?
        .with_u32(c::NFTNL_EXPR_CT_KEY, ct as u32)
        .with_u32(c::NFTNL_EXPR_CT_SREG, REGISTER))
}

pub(super) fn read_ct(e: ExpressionRef<'_>) -> Option<Expression> {
    let number = e.u32(c::NFTNL_EXPR_CT_KEY)?;
    let key = Ct::ALL.into_iter().find(|&key| key as u32 == number)?;
    if e.u32(c::NFTNL_EXPR_CT_DREG) == Some(REGISTER) {
        return Some(Expression::LoadCt(key));
    }
    (e.u32(c::NFTNL_EXPR_CT_SREG)? == REGISTER).then_some(Expression::SetCt(key))
}
