//! Rules as the kernel sees them: a few instructions over one register.
//!
//! Encoding and decoding meet here. [`assemble`](super::assemble) and [`disassemble`](super::disassemble)
//! translate between rules and instructions without touching libnftnl; [`Instruction::expressions`] and
//! [`Instruction::read`] translate between instructions and its objects, without knowing rules.

use std::ffi::CString;

use nftnl::nftnl_sys as c;
use nftnl::nftnl_sys::libc;

use crate::intent::Family;
use crate::netlink::text;
use crate::sys::{Expression, ExpressionRef, TooLarge};

/// One expression (`linux/netfilter/nf_tables.h`). Values are loaded into and read from `NFT_REG_1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Instruction {
    /// `meta`: load.
    LoadMeta(Meta),
    /// `meta`: set the packet mark.
    SetPacketMark,
    /// `ct`: load.
    LoadCt(Ct),
    /// `ct`: set.
    SetCt(Ct),
    /// `payload`: load bytes of a header.
    LoadPayload {
        base: Header,
        offset: u32,
        length: u32,
    },
    /// `bitwise`: keep the bits of the mask.
    Mask(Vec<u8>),
    /// `byteorder`: a 32-bit value to network order.
    ToNetworkOrder,
    /// `cmp`: go on if equal, or if not.
    Compare { equal: bool, value: Vec<u8> },
    /// `lookup`: go on if in the set, or if not.
    Lookup { set: String, inverted: bool },
    /// `counter`.
    Count,
    /// `immediate`: a value.
    Immediate(Vec<u8>),
    /// `immediate`: `NF_ACCEPT` or `NF_DROP`.
    Verdict { accept: bool },
    /// `redir`, to the port in the register.
    Redirect,
    /// `tproxy`, to the port in the register.
    Tproxy(Family),
    /// Something that no rule of ours has, by its name.
    Unmanaged(String),
}

/// `enum nft_meta_keys`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meta {
    NfProto,
    L4Proto,
    InterfaceNameIn,
    InterfaceNameOut,
    SocketUid,
    SocketGid,
    Mark,
}

impl Meta {
    const ALL: [(Self, u32); 7] = [
        (Self::NfProto, libc::NFT_META_NFPROTO as u32),
        (Self::L4Proto, libc::NFT_META_L4PROTO as u32),
        (Self::InterfaceNameIn, libc::NFT_META_IIFNAME as u32),
        (Self::InterfaceNameOut, libc::NFT_META_OIFNAME as u32),
        (Self::SocketUid, libc::NFT_META_SKUID as u32),
        (Self::SocketGid, libc::NFT_META_SKGID as u32),
        (Self::Mark, libc::NFT_META_MARK as u32),
    ];
}

/// `enum nft_ct_keys`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ct {
    State,
    Mark,
    Zone,
}

impl Ct {
    const ALL: [(Self, u32); 3] = [
        (Self::State, libc::NFT_CT_STATE as u32),
        (Self::Mark, libc::NFT_CT_MARK as u32),
        (Self::Zone, libc::NFT_CT_ZONE as u32),
    ];
}

/// `enum nft_payload_bases`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    Network,
    Transport,
}

impl Header {
    const ALL: [(Self, u32); 2] = [
        (Self::Network, libc::NFT_PAYLOAD_NETWORK_HEADER as u32),
        (Self::Transport, libc::NFT_PAYLOAD_TRANSPORT_HEADER as u32),
    ];
}

/// The kernel's number of a key.
fn number<T: PartialEq + Copy>(all: &[(T, u32)], key: T) -> u32 {
    let found = all.iter().find(|(own, _)| *own == key);
    found.map_or(u32::MAX, |&(_, number)| number)
}

/// The key of the kernel's number.
fn key<T: Copy>(all: &[(T, u32)], number: u32) -> Option<T> {
    let found = all.iter().find(|&&(_, own)| own == number);
    found.map(|&(key, _)| key)
}

const REGISTER: u32 = libc::NFT_REG_1 as u32;
const VERDICT_REGISTER: u32 = libc::NFT_REG_VERDICT as u32;
/// `NFT_BITWISE_BOOL` (`linux/netfilter/nf_tables.h`): masks and flips.
const BOOLEAN: u32 = 0;
/// `NF_NAT_RANGE_PROTO_SPECIFIED` (`linux/netfilter/nf_nat.h`): the destination port is rewritten, too.
const PORT_GIVEN: u32 = 1 << 1;

impl Instruction {
    /// The libnftnl expression.
    pub(crate) fn expression(&self) -> Result<Expression, TooLarge> {
        let new = Expression::new;
        match self {
            Self::LoadMeta(meta) => Ok(new(c"meta")?
                .with_u32(c::NFTNL_EXPR_META_KEY, number(&Meta::ALL, *meta))
                .with_u32(c::NFTNL_EXPR_META_DREG, REGISTER)),
            Self::SetPacketMark => Ok(new(c"meta")?
                .with_u32(c::NFTNL_EXPR_META_KEY, number(&Meta::ALL, Meta::Mark))
                .with_u32(c::NFTNL_EXPR_META_SREG, REGISTER)),
            Self::LoadCt(ct) => Ok(new(c"ct")?
                .with_u32(c::NFTNL_EXPR_CT_KEY, number(&Ct::ALL, *ct))
                .with_u32(c::NFTNL_EXPR_CT_DREG, REGISTER)),
            Self::SetCt(ct) => Ok(new(c"ct")?
                .with_u32(c::NFTNL_EXPR_CT_KEY, number(&Ct::ALL, *ct))
                .with_u32(c::NFTNL_EXPR_CT_SREG, REGISTER)),
            Self::LoadPayload {
                base,
                offset,
                length,
            } => Ok(new(c"payload")?
                .with_u32(c::NFTNL_EXPR_PAYLOAD_DREG, REGISTER)
                .with_u32(c::NFTNL_EXPR_PAYLOAD_BASE, number(&Header::ALL, *base))
                .with_u32(c::NFTNL_EXPR_PAYLOAD_OFFSET, *offset)
                .with_u32(c::NFTNL_EXPR_PAYLOAD_LEN, *length)),
            Self::Mask(mask) => mask_expression(mask),
            Self::ToNetworkOrder => Ok(new(c"byteorder")?
                .with_u32(c::NFTNL_EXPR_BYTEORDER_SREG, REGISTER)
                .with_u32(c::NFTNL_EXPR_BYTEORDER_DREG, REGISTER)
                .with_u32(c::NFTNL_EXPR_BYTEORDER_OP, libc::NFT_BYTEORDER_HTON as u32)
                .with_u32(c::NFTNL_EXPR_BYTEORDER_LEN, 4)
                .with_u32(c::NFTNL_EXPR_BYTEORDER_SIZE, 4)),
            Self::Compare { equal, value } => {
                let operator = if *equal {
                    libc::NFT_CMP_EQ
                } else {
                    libc::NFT_CMP_NEQ
                };
                new(c"cmp")?
                    .with_u32(c::NFTNL_EXPR_CMP_SREG, REGISTER)
                    .with_u32(c::NFTNL_EXPR_CMP_OP, operator.cast_unsigned())
                    .with_bytes(c::NFTNL_EXPR_CMP_DATA, value)
            }
            Self::Lookup { set, inverted } => {
                let flags = if *inverted {
                    libc::NFT_LOOKUP_F_INV as u32
                } else {
                    0
                };
                Ok(new(c"lookup")?
                    .with_u32(c::NFTNL_EXPR_LOOKUP_SREG, REGISTER)
                    .with_name(c::NFTNL_EXPR_LOOKUP_SET, &terminated(set)?)?
                    .with_u32(c::NFTNL_EXPR_LOOKUP_FLAGS, flags))
            }
            Self::Count => new(c"counter"),
            Self::Immediate(value) => new(c"immediate")?
                .with_u32(c::NFTNL_EXPR_IMM_DREG, REGISTER)
                .with_bytes(c::NFTNL_EXPR_IMM_DATA, value),
            Self::Verdict { accept } => {
                let verdict = if *accept {
                    libc::NF_ACCEPT
                } else {
                    libc::NF_DROP
                };
                Ok(new(c"immediate")?
                    .with_u32(c::NFTNL_EXPR_IMM_DREG, VERDICT_REGISTER)
                    .with_u32(c::NFTNL_EXPR_IMM_VERDICT, verdict.cast_unsigned()))
            }
            Self::Redirect => Ok(new(c"redir")?
                .with_u32(c::NFTNL_EXPR_REDIR_REG_PROTO_MIN, REGISTER)
                .with_u32(c::NFTNL_EXPR_REDIR_FLAGS, PORT_GIVEN)),
            Self::Tproxy(family) => Ok(new(c"tproxy")?
                .with_u32(
                    c::NFTNL_EXPR_TPROXY_FAMILY,
                    u32::from(protocol_family(*family)),
                )
                .with_u32(c::NFTNL_EXPR_TPROXY_REG_PORT, REGISTER)),
            Self::Unmanaged(name) => new(&terminated(name)?),
        }
    }

    /// The kernel's name for it.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::LoadMeta(_) | Self::SetPacketMark => "meta",
            Self::LoadCt(_) | Self::SetCt(_) => "ct",
            Self::LoadPayload { .. } => "payload",
            Self::Mask(_) => "bitwise",
            Self::ToNetworkOrder => "byteorder",
            Self::Compare { .. } => "cmp",
            Self::Lookup { .. } => "lookup",
            Self::Count => "counter",
            Self::Immediate(_) | Self::Verdict { .. } => "immediate",
            Self::Redirect => "redir",
            Self::Tproxy(_) => "tproxy",
            Self::Unmanaged(name) => name,
        }
    }

    /// The instruction that a libnftnl expression is.
    pub(crate) fn read(expression: ExpressionRef<'_>) -> Self {
        Self::read_known(expression).unwrap_or_else(|| {
            Self::Unmanaged(String::from_utf8_lossy(expression.name()).into_owned())
        })
    }

    fn read_known(e: ExpressionRef<'_>) -> Option<Self> {
        let from_register = |attribute| (e.u32(attribute)? == REGISTER).then_some(());
        match e.name() {
            b"meta" => read_meta(e),
            b"ct" => read_ct(e),
            b"payload" => {
                from_register(c::NFTNL_EXPR_PAYLOAD_DREG)?;
                Some(Self::LoadPayload {
                    base: key(&Header::ALL, e.u32(c::NFTNL_EXPR_PAYLOAD_BASE)?)?,
                    offset: e.u32(c::NFTNL_EXPR_PAYLOAD_OFFSET)?,
                    length: e.u32(c::NFTNL_EXPR_PAYLOAD_LEN)?,
                })
            }
            b"bitwise" => read_mask(e),
            b"byteorder" => {
                let conversion = e.u32(c::NFTNL_EXPR_BYTEORDER_OP)?;
                let width = e.u32(c::NFTNL_EXPR_BYTEORDER_LEN)?;
                (conversion == libc::NFT_BYTEORDER_HTON as u32 && width == 4)
                    .then_some(Self::ToNetworkOrder)
            }
            b"cmp" => {
                from_register(c::NFTNL_EXPR_CMP_SREG)?;
                let operator = e.u32(c::NFTNL_EXPR_CMP_OP)?;
                let equal = operator == libc::NFT_CMP_EQ as u32;
                (equal || operator == libc::NFT_CMP_NEQ as u32).then_some(())?;
                let value = e.bytes(c::NFTNL_EXPR_CMP_DATA)?.to_vec();
                Some(Self::Compare { equal, value })
            }
            b"lookup" => {
                from_register(c::NFTNL_EXPR_LOOKUP_SREG)?;
                let flags = e.u32(c::NFTNL_EXPR_LOOKUP_FLAGS).unwrap_or(0);
                Some(Self::Lookup {
                    set: text(Some(e.string(c::NFTNL_EXPR_LOOKUP_SET)?)),
                    inverted: flags & libc::NFT_LOOKUP_F_INV as u32 != 0,
                })
            }
            b"counter" => Some(Self::Count),
            b"immediate" => read_immediate(e),
            b"redir" => {
                from_register(c::NFTNL_EXPR_REDIR_REG_PROTO_MIN)?;
                // Other flags (random, persistent) choose among ports; with one port they change nothing,
                // but they are not ours.
                (e.u32(c::NFTNL_EXPR_REDIR_FLAGS)? == PORT_GIVEN).then_some(Self::Redirect)
            }
            b"tproxy" => {
                from_register(c::NFTNL_EXPR_TPROXY_REG_PORT)?;
                let family = e.u32(c::NFTNL_EXPR_TPROXY_FAMILY)?;
                let known = |&own: &Family| u32::from(protocol_family(own)) == family;
                let family = Family::ALL.into_iter().find(known)?;
                (e.u32(c::NFTNL_EXPR_TPROXY_REG_ADDR).unwrap_or(0) == 0)
                    .then_some(Self::Tproxy(family))
            }
            _ => None,
        }
    }
}

fn mask_expression(mask: &[u8]) -> Result<Expression, TooLarge> {
    let length = u32::try_from(mask.len()).map_err(|_| TooLarge)?;
    let flips = vec![0; mask.len()];
    Expression::new(c"bitwise")?
        .with_u32(c::NFTNL_EXPR_BITWISE_SREG, REGISTER)
        .with_u32(c::NFTNL_EXPR_BITWISE_DREG, REGISTER)
        .with_u32(c::NFTNL_EXPR_BITWISE_LEN, length)
        .with_u32(c::NFTNL_EXPR_BITWISE_OP, BOOLEAN)
        .with_bytes(c::NFTNL_EXPR_BITWISE_MASK, mask)?
        .with_bytes(c::NFTNL_EXPR_BITWISE_XOR, &flips)
}

fn read_mask(e: ExpressionRef<'_>) -> Option<Instruction> {
    let mask = e.bytes(c::NFTNL_EXPR_BITWISE_MASK)?;
    let flips = e.bytes(c::NFTNL_EXPR_BITWISE_XOR)?;
    let plain = flips.iter().all(|&bits| bits == 0);
    plain.then(|| Instruction::Mask(mask.to_vec()))
}

fn read_meta(e: ExpressionRef<'_>) -> Option<Instruction> {
    let meta = key(&Meta::ALL, e.u32(c::NFTNL_EXPR_META_KEY)?)?;
    if e.u32(c::NFTNL_EXPR_META_DREG) == Some(REGISTER) {
        return Some(Instruction::LoadMeta(meta));
    }
    let sets_mark = meta == Meta::Mark && e.u32(c::NFTNL_EXPR_META_SREG) == Some(REGISTER);
    sets_mark.then_some(Instruction::SetPacketMark)
}

fn read_ct(e: ExpressionRef<'_>) -> Option<Instruction> {
    let ct = key(&Ct::ALL, e.u32(c::NFTNL_EXPR_CT_KEY)?)?;
    if e.u32(c::NFTNL_EXPR_CT_DREG) == Some(REGISTER) {
        return Some(Instruction::LoadCt(ct));
    }
    (e.u32(c::NFTNL_EXPR_CT_SREG) == Some(REGISTER)).then_some(Instruction::SetCt(ct))
}

fn read_immediate(e: ExpressionRef<'_>) -> Option<Instruction> {
    match e.u32(c::NFTNL_EXPR_IMM_DREG)? {
        VERDICT_REGISTER => match i32::try_from(e.u32(c::NFTNL_EXPR_IMM_VERDICT)?).ok()? {
            libc::NF_ACCEPT => Some(Instruction::Verdict { accept: true }),
            libc::NF_DROP => Some(Instruction::Verdict { accept: false }),
            _ => None,
        },
        REGISTER => Some(Instruction::Immediate(
            e.bytes(c::NFTNL_EXPR_IMM_DATA)?.to_vec(),
        )),
        _ => None,
    }
}

/// `NFPROTO_IPV4` or `NFPROTO_IPV6` (`linux/netfilter.h`).
pub(crate) const fn protocol_family(family: Family) -> u8 {
    match family {
        Family::Ipv4 => 2,
        Family::Ipv6 => 10,
    }
}

/// The text with a NUL behind it, for libnftnl.
pub(crate) fn terminated(text: &str) -> Result<CString, TooLarge> {
    CString::new(text).map_err(|_| TooLarge)
}
