//! Prints a [`Ruleset`](crate::ruleset::Ruleset) for other programs: what a dry run shows.
//!
//! [`nft`] and [`json`](json()) give exactly what `apply` installs. [`iptables`] gives the same outcome for every
//! connection in the words of `iptables-restore`, which knows neither sets nor tables of both families.

mod element;
mod iptables;
mod json;
mod nft;
mod routing;

pub use element::{gist, texts as elements};
pub use iptables::iptables;
pub use json::json;
pub use nft::{nft, nft_chain, nft_rule};
pub use routing::ip_command;
