//! Prints a [`Ruleset`](crate::ruleset::Ruleset) for other programs, as `--dry-run` does.
//!
//! [`nft`] and [`json`](json()) print exactly what `apply` installs. [`iptables`] prints rules for `iptables-restore`,
//! which has no sets and no tables for both families, with the same outcome for every connection.

mod element;
mod iptables;
mod json;
mod nft;
mod routing;
mod words;

pub use element::{gist, texts as elements};
pub use iptables::iptables;
pub use json::json;
pub use nft::{nft, nft_chain, nft_rule};
pub use routing::ip_command;
