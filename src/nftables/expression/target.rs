//! `immediate`, `redir`, `nat` and `tproxy`: values, verdicts and new destinations.

use nftnl::nftnl_sys as c;
use nftnl::nftnl_sys::libc;

use super::register::{PORT_REGISTER, REGISTER, VERDICT_REGISTER};
use super::variants::Expression;
use crate::intent::Family;
use crate::netlink::{address_family, family_of};
use crate::sys::{self, ExpressionRef, TooLarge};

const DNAT: u32 = libc::NFT_NAT_DNAT as u32;
/// `NF_NAT_RANGE_MAP_IPS` (`linux/netfilter/nf_nat.h`): the address is rewritten.
const ADDRESS_SPECIFIED: u32 = 1;
/// `NF_NAT_RANGE_PROTO_SPECIFIED` (`linux/netfilter/nf_nat.h`): the destination port is rewritten, too.
const PORT_SPECIFIED: u32 = 1 << 1;

pub(super) fn immediate(value: &[u8]) -> Result<sys::Expression, TooLarge> {
    sys::Expression::new(c"immediate")?
        .with_u32(c::NFTNL_EXPR_IMM_DREG, REGISTER)
        .with_bytes(c::NFTNL_EXPR_IMM_DATA, value)
}

pub(super) fn immediate_port(port: [u8; 2]) -> Result<sys::Expression, TooLarge> {
    sys::Expression::new(c"immediate")?
        .with_u32(c::NFTNL_EXPR_IMM_DREG, PORT_REGISTER)
        .with_bytes(c::NFTNL_EXPR_IMM_DATA, &port)
}

pub(super) fn verdict(accept: bool) -> Result<sys::Expression, TooLarge> {
    let verdict = if accept {
        libc::NF_ACCEPT
    } else {
        libc::NF_DROP
    };
    Ok(sys::Expression::new(c"immediate")?
        .with_u32(c::NFTNL_EXPR_IMM_DREG, VERDICT_REGISTER)
        .with_u32(c::NFTNL_EXPR_IMM_VERDICT, verdict.cast_unsigned()))
}

pub(super) fn read_immediate(e: ExpressionRef<'_>) -> Option<Expression> {
    match e.u32(c::NFTNL_EXPR_IMM_DREG)? {
        VERDICT_REGISTER => match e.u32(c::NFTNL_EXPR_IMM_VERDICT)?.cast_signed() {
            libc::NF_ACCEPT => Some(Expression::Verdict { accept: true }),
            libc::NF_DROP => Some(Expression::Verdict { accept: false }),
            _ => None,
        },
        REGISTER => Some(Expression::Immediate(
            e.bytes(c::NFTNL_EXPR_IMM_DATA)?.to_vec(),
        )),
        PORT_REGISTER => {
            let port = e.bytes(c::NFTNL_EXPR_IMM_DATA)?.try_into().ok()?;
            Some(Expression::ImmediatePort(port))
        }
        _ => None,
    }
}

pub(super) fn redirect() -> Result<sys::Expression, TooLarge> {
    Ok(sys::Expression::new(c"redir")?
        .with_u32(c::NFTNL_EXPR_REDIR_REG_PROTO_MIN, REGISTER)
        .with_u32(c::NFTNL_EXPR_REDIR_FLAGS, PORT_SPECIFIED))
}

pub(super) fn read_redirect(e: ExpressionRef<'_>) -> Option<Expression> {
    // Other flags (random, persistent) choose among ports; with one port they change nothing, but netweir sets none.
    let known = e.u32(c::NFTNL_EXPR_REDIR_REG_PROTO_MIN)? == REGISTER
        && e.u32(c::NFTNL_EXPR_REDIR_FLAGS)? == PORT_SPECIFIED;
    known.then_some(Expression::Redirect)
}

pub(super) fn dnat(family: Family) -> Result<sys::Expression, TooLarge> {
    Ok(sys::Expression::new(c"nat")?
        .with_u32(c::NFTNL_EXPR_NAT_TYPE, DNAT)
        .with_u32(c::NFTNL_EXPR_NAT_FAMILY, address_family(family).into())
        .with_u32(c::NFTNL_EXPR_NAT_REG_ADDR_MIN, REGISTER)
        .with_u32(c::NFTNL_EXPR_NAT_REG_PROTO_MIN, PORT_REGISTER)
        .with_u32(c::NFTNL_EXPR_NAT_FLAGS, PORT_SPECIFIED))
}

pub(super) fn read_dnat(e: ExpressionRef<'_>) -> Option<Expression> {
    let family = u8::try_from(e.u32(c::NFTNL_EXPR_NAT_FAMILY)?).ok()?;
    // A kernel may repeat the only address and port as the end of a range, and add that there is an address.
    let is_one = |attribute, first| e.u32(attribute).is_none_or(|last| last == first);
    let known = e.u32(c::NFTNL_EXPR_NAT_TYPE)? == DNAT
        && e.u32(c::NFTNL_EXPR_NAT_REG_ADDR_MIN)? == REGISTER
        && e.u32(c::NFTNL_EXPR_NAT_REG_PROTO_MIN)? == PORT_REGISTER
        && is_one(c::NFTNL_EXPR_NAT_REG_ADDR_MAX, REGISTER)
        && is_one(c::NFTNL_EXPR_NAT_REG_PROTO_MAX, PORT_REGISTER)
        && e.u32(c::NFTNL_EXPR_NAT_FLAGS)? & !ADDRESS_SPECIFIED == PORT_SPECIFIED;
    let family = family_of(family)?;
    known.then_some(Expression::Dnat(family))
}

pub(super) fn tproxy(family: Family) -> Result<sys::Expression, TooLarge> {
    let family = u32::from(address_family(family));
    Ok(sys::Expression::new(c"tproxy")?
        .with_u32(c::NFTNL_EXPR_TPROXY_FAMILY, family)
        .with_u32(c::NFTNL_EXPR_TPROXY_REG_PORT, REGISTER))
}

pub(super) fn read_tproxy(e: ExpressionRef<'_>) -> Option<Expression> {
    let family = u8::try_from(e.u32(c::NFTNL_EXPR_TPROXY_FAMILY)?).ok()?;
    let family = family_of(family)?;
    // Absent or 0 without an address.
    let known = e.u32(c::NFTNL_EXPR_TPROXY_REG_PORT)? == REGISTER
        && e.u32(c::NFTNL_EXPR_TPROXY_REG_ADDR).unwrap_or(0) == 0;
    known.then_some(Expression::Tproxy(family))
}
