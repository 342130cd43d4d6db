//! `immediate`, `redir` and `tproxy`: values, verdicts and new destinations.

use nftnl::nftnl_sys as c;
use nftnl::nftnl_sys::libc;

use super::register::{REGISTER, VERDICT_REGISTER};
use super::variants::Expression;
use crate::intent::Family;
use crate::netlink::{address_family, family_of};
use crate::sys::{self, ExpressionRef, TooLarge};

/// `NF_NAT_RANGE_PROTO_SPECIFIED` (`linux/netfilter/nf_nat.h`): the destination port is rewritten, too.
const PORT_SPECIFIED: u32 = 1 << 1;

pub(super) fn immediate(value: &[u8]) -> Result<sys::Expression, TooLarge> {
    sys::Expression::new(c"immediate")?
        .with_u32(c::NFTNL_EXPR_IMM_DREG, REGISTER)
        .with_bytes(c::NFTNL_EXPR_IMM_DATA, value)
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
