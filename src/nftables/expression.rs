//! Expressions, the elements of rules, as nf_tables evaluates them (`linux/netfilter/nf_tables.h`).
//!
//! Each is written to and read from libnftnl's object side by side, in a file for each group, without knowledge of rules;
//! [`rule`](super::rule) translates between them and rules. Values are loaded into and read from the first register, of which the others are the continuation.

mod data;
mod key;
mod register;
mod target;
mod variants;

use super::c_string::terminated;
use crate::netlink::text;
use crate::sys::{self, ExpressionRef, TooLarge};

pub(super) use variants::{Ct, Expression, Header, Meta};

impl Expression {
    /// libnftnl's object.
    pub(super) fn encode(&self) -> Result<sys::Expression, TooLarge> {
        match self {
            Self::LoadMeta(meta) => key::load_meta(*meta),
            Self::SetMeta(meta) => key::set_meta(*meta),
            Self::LoadCt(ct) => key::load_ct(*ct),
            Self::SetCt(ct) => key::set_ct(*ct),
            Self::LoadPayload {
                base,
                offset,
                length,
            } => data::payload(*base, *offset, *length, 0),
            Self::AddPayload {
                base,
                offset,
                length,
                words,
            } => data::payload(*base, *offset, *length, *words),
            Self::Mask(mask) => data::mask(mask),
            Self::ToNetworkOrder => data::to_network_order(),
            Self::Compare { equal, value } => data::compare(*equal, value),
            Self::Lookup { set, inverted } => data::lookup(set, *inverted),
            Self::Count | Self::NoTrack | Self::Other(_) => {
                sys::Expression::new(&terminated(self.name())?)
            }
            Self::Immediate(value) => target::immediate(value),
            Self::ImmediatePort(port) => target::immediate_port(*port),
            Self::Verdict { accept } => target::verdict(*accept),
            Self::Redirect => target::redirect(),
            Self::Dnat(family) => target::dnat(*family),
            Self::Tproxy(family) => target::tproxy(*family),
        }
    }

    /// The expression in libnftnl's object.
    pub(super) fn decode(object: ExpressionRef<'_>) -> Self {
        let known = match object.name() {
            b"meta" => key::read_meta(object),
            b"ct" => key::read_ct(object),
            b"payload" => data::read_payload(object),
            b"bitwise" => data::read_mask(object),
            b"byteorder" => data::read_byte_order(object),
            b"cmp" => data::read_compare(object),
            b"lookup" => data::read_lookup(object),
            b"counter" => Some(Self::Count),
            b"immediate" => target::read_immediate(object),
            b"redir" => target::read_redirect(object),
            b"nat" => target::read_dnat(object),
            b"tproxy" => target::read_tproxy(object),
            b"notrack" => Some(Self::NoTrack),
            _ => None,
        };
        known.unwrap_or_else(|| Self::Other(text(object.name())))
    }

    /// The kernel's name for it.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::LoadMeta(_) | Self::SetMeta(_) => "meta",
            Self::LoadCt(_) | Self::SetCt(_) => "ct",
            Self::LoadPayload { .. } | Self::AddPayload { .. } => "payload",
            Self::Mask(_) => "bitwise",
            Self::ToNetworkOrder => "byteorder",
            Self::Compare { .. } => "cmp",
            Self::Lookup { .. } => "lookup",
            Self::Count => "counter",
            Self::Immediate(_) | Self::ImmediatePort(_) | Self::Verdict { .. } => "immediate",
            Self::Redirect => "redir",
            Self::Dnat(_) => "nat",
            Self::Tproxy(_) => "tproxy",
            Self::NoTrack => "notrack",
            Self::Other(name) => name,
        }
    }
}
