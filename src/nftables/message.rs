//! Requests to nf_tables (`linux/netfilter/nfnetlink.h`).

use nftnl::nftnl_sys::libc;

use crate::netlink::{Flags, Request};
use crate::ruleset::TABLE;
use crate::sys::INET;

/// `NFNL_SUBSYS_NFTABLES`.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small constant"
)]
pub(super) const SUBSYSTEM: u16 = libc::NFNL_SUBSYS_NFTABLES as u16;
/// `NFTA_TABLE_NAME`, `NFTA_CHAIN_TABLE`, `NFTA_RULE_TABLE`, `NFTA_SET_TABLE` and `NFTA_SET_ELEM_LIST_TABLE`.
pub(super) const TABLE_NAME: u16 = 1;
/// The length of `struct nfgenmsg`, the fixed header: family, version, resource.
pub(super) const HEADER: usize = 4;

/// The message type of nf_tables.
#[allow(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "small constants"
)]
pub(super) const fn message_type(kind: i32) -> u16 {
    (SUBSYSTEM << 8) | kind as u16
}

/// A request about the family; 0 stands for all.
pub(super) fn request(kind: i32, flags: Flags, family: u8) -> Request {
    Request::new(message_type(kind), flags, &[family, 0, 0, 0])
}

/// A request about the table inet netweir, or objects in it.
pub(super) fn own_request(kind: i32, flags: Flags) -> Request {
    request(kind, flags, INET).with_text(TABLE_NAME, TABLE)
}
