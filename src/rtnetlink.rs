//! Links, addresses, policy rules and routes through rtnetlink.

pub mod addresses;
pub(crate) mod links;
pub(crate) mod lookup;
pub(crate) mod routing;
pub(crate) mod veth;

pub use routing::PROTOCOL;

use crate::netlink::{Error, Socket, Subsystem};

/// Sets `lo` up, which is down in a new network namespace: until then the kernel refuses routes on it.
///
/// # Errors
/// The kernel refused.
pub fn set_loopback_up() -> Result<(), Error> {
    routing::set_loopback_up(&mut Socket::open(Subsystem::Route)?)
}
