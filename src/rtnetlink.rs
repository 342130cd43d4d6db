//! Addresses, links, policy rules and routes through rtnetlink.

pub mod addresses;
pub(crate) mod links;
pub(crate) mod lookup;
pub(crate) mod routing;
pub(crate) mod veth;

pub use routing::PROTOCOL;

use crate::netlink::{Error, open};

/// Takes `lo` up, which is down in a new network namespace: routes by it are refused until then.
///
/// # Errors
/// The kernel refused.
pub fn take_loopback_up() -> Result<(), Error> {
    routing::take_loopback_up(&mut open(mnl::Bus::Route)?)
}
