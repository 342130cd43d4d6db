//! Links, addresses, policy rules and routes through rtnetlink.

pub mod addresses;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub(crate) mod links;
pub(crate) mod lookup;
pub(crate) mod routing;
pub(crate) mod veth;

pub use routing::PROTOCOL;
pub(crate) use routing::set_loopback_up;
