//! `payload`, `bitwise`, `byteorder`, `cmp` and `lookup`: bytes of a header, and tests of the loaded value.

use nftnl::nftnl_sys as c;
use nftnl::nftnl_sys::libc;

use super::register::{REGISTER, register_after, words_before};
use super::variants::{Expression, Header};
use crate::netlink::text;
use crate::nftables::c_string::terminated;
use crate::sys::{self, ExpressionRef, TooLarge};

/// `NFT_BITWISE_BOOL` (`linux/netfilter/nf_tables.h`): masks and flips bits.
const BOOLEAN: u32 = 0;
const HOST_TO_NETWORK: u32 = libc::NFT_BYTEORDER_HTON as u32;
const EQUAL: u32 = libc::NFT_CMP_EQ as u32;
const NOT_EQUAL: u32 = libc::NFT_CMP_NEQ as u32;
const INVERTED: u32 = libc::NFT_LOOKUP_F_INV as u32;

fn uses_register(e: ExpressionRef<'_>, attribute: u32) -> Option<()> {
    (e.u32(attribute)? == REGISTER).then_some(())
}

pub(super) fn payload(
    base: Header,
    offset: u32,
    length: u32,
    words: u32,
) -> Result<sys::Expression, TooLarge> {
    Ok(sys::Expression::new(c"payload")?
        .with_u32(c::NFTNL_EXPR_PAYLOAD_DREG, register_after(words))
        .with_u32(c::NFTNL_EXPR_PAYLOAD_BASE, base as u32)
        .with_u32(c::NFTNL_EXPR_PAYLOAD_OFFSET, offset)
        .with_u32(c::NFTNL_EXPR_PAYLOAD_LEN, length))
}

pub(super) fn read_payload(e: ExpressionRef<'_>) -> Option<Expression> {
    let number = e.u32(c::NFTNL_EXPR_PAYLOAD_BASE)?;
    let mut bases = [Header::Network, Header::Transport].into_iter();
    let base = bases.find(|&base| base as u32 == number)?;
    let offset = e.u32(c::NFTNL_EXPR_PAYLOAD_OFFSET)?;
    let length = e.u32(c::NFTNL_EXPR_PAYLOAD_LEN)?;
    Some(match words_before(e.u32(c::NFTNL_EXPR_PAYLOAD_DREG)?)? {
        0 => Expression::LoadPayload {
            base,
            offset,
            length,
        },
        words => Expression::AddPayload {
            base,
            offset,
            length,
            words,
        },
    })
}

pub(super) fn mask(mask: &[u8]) -> Result<sys::Expression, TooLarge> {
    let length = u32::try_from(mask.len()).map_err(|_| TooLarge)?;
    let flips = vec![0; mask.len()];
    sys::Expression::new(c"bitwise")?
        .with_u32(c::NFTNL_EXPR_BITWISE_SREG, REGISTER)
        .with_u32(c::NFTNL_EXPR_BITWISE_DREG, REGISTER)
        .with_u32(c::NFTNL_EXPR_BITWISE_LEN, length)
        .with_u32(c::NFTNL_EXPR_BITWISE_OP, BOOLEAN)
        .with_bytes(c::NFTNL_EXPR_BITWISE_MASK, mask)?
        .with_bytes(c::NFTNL_EXPR_BITWISE_XOR, &flips)
}

pub(super) fn read_mask(e: ExpressionRef<'_>) -> Option<Expression> {
    let mask = e.bytes(c::NFTNL_EXPR_BITWISE_MASK)?;
    let flips = e.bytes(c::NFTNL_EXPR_BITWISE_XOR)?;
    let flips_none = flips.iter().all(|&bits| bits == 0);
    flips_none.then(|| Expression::Mask(mask.to_vec()))
}

pub(super) fn to_network_order() -> Result<sys::Expression, TooLarge> {
    Ok(sys::Expression::new(c"byteorder")?
        .with_u32(c::NFTNL_EXPR_BYTEORDER_SREG, REGISTER)
        .with_u32(c::NFTNL_EXPR_BYTEORDER_DREG, REGISTER)
        .with_u32(c::NFTNL_EXPR_BYTEORDER_OP, HOST_TO_NETWORK)
        .with_u32(c::NFTNL_EXPR_BYTEORDER_LEN, 4)
        .with_u32(c::NFTNL_EXPR_BYTEORDER_SIZE, 4))
}

pub(super) fn read_byte_order(e: ExpressionRef<'_>) -> Option<Expression> {
    let known = e.u32(c::NFTNL_EXPR_BYTEORDER_OP)? == HOST_TO_NETWORK
        && e.u32(c::NFTNL_EXPR_BYTEORDER_LEN)? == 4;
    known.then_some(Expression::ToNetworkOrder)
}

pub(super) fn compare(equal: bool, value: &[u8]) -> Result<sys::Expression, TooLarge> {
    let operator = if equal { EQUAL } else { NOT_EQUAL };
    sys::Expression::new(c"cmp")?
        .with_u32(c::NFTNL_EXPR_CMP_SREG, REGISTER)
        .with_u32(c::NFTNL_EXPR_CMP_OP, operator)
        .with_bytes(c::NFTNL_EXPR_CMP_DATA, value)
}

pub(super) fn read_compare(e: ExpressionRef<'_>) -> Option<Expression> {
    uses_register(e, c::NFTNL_EXPR_CMP_SREG)?;
    let equal = match e.u32(c::NFTNL_EXPR_CMP_OP)? {
        EQUAL => true,
        NOT_EQUAL => false,
        _ => return None,
    };
    let value = e.bytes(c::NFTNL_EXPR_CMP_DATA)?.to_vec();
    Some(Expression::Compare { equal, value })
}

pub(super) fn lookup(set: &str, inverted: bool) -> Result<sys::Expression, TooLarge> {
    let flags = if inverted { INVERTED } else { 0 };
    Ok(sys::Expression::new(c"lookup")?
        .with_u32(c::NFTNL_EXPR_LOOKUP_SREG, REGISTER)
        .with_name(c::NFTNL_EXPR_LOOKUP_SET, &terminated(set)?)?
        .with_u32(c::NFTNL_EXPR_LOOKUP_FLAGS, flags))
}

pub(super) fn read_lookup(e: ExpressionRef<'_>) -> Option<Expression> {
    uses_register(e, c::NFTNL_EXPR_LOOKUP_SREG)?;
    // The kernel leaves out flags that are 0.
    let flags = e.u32(c::NFTNL_EXPR_LOOKUP_FLAGS).unwrap_or(0);
    Some(Expression::Lookup {
        set: text(e.string(c::NFTNL_EXPR_LOOKUP_SET)?),
        inverted: flags & INVERTED != 0,
    })
}
