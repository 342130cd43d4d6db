//! netweir captures a pod's traffic for a service-mesh proxy: it builds nf_tables rules through
//! netlink that redirect inbound and outbound TCP to the proxy's ports.
//!
//! ```text
//! argv, env, config file ─┐
//! meshes' flags, env ─────┤  parse          plan            ┌─► render   nft | json | iptables
//!                         ├────────► Capture ────► Ruleset ─┼─► explain  Ruleset × Connection → Outcome
//!                         ┘                                 ├─► nftables encode → one batch → commit
//!                                                           └─► drift    Ruleset × Ruleset ◄─ decode ◄─ dump
//! ```
//!
//! Everything left of [`intent::Capture`] may fail and reports all that is wrong at once;
//! [`plan::plan`] is total and holds every policy decision; everything right of
//! [`ruleset::Ruleset`] reads one model. Only the kernel layers ([`process`], [`rtnetlink`], [`nftables`]), [`verify`] and the command line touch the operating system.

#[cfg(feature = "kernel")]
pub mod app;
#[cfg(feature = "kernel")]
pub mod cli;
#[cfg(feature = "kernel")]
pub mod cni;
pub mod connection;
pub mod drift;
pub mod error_kind;
pub mod exit_code;
pub mod explain;

pub mod graph;
pub mod intent;
mod json;
#[cfg(feature = "kernel")]
pub mod log;
pub mod meshes;
pub mod metadata;
pub mod named;
#[cfg(feature = "kernel")]
mod netlink;
#[cfg(feature = "kernel")]
pub mod nftables;
#[cfg(feature = "kernel")]
pub mod node;
pub mod options;
pub mod parse;
pub mod plan;
pub mod printable;
#[cfg(feature = "kernel")]
pub mod process;

pub mod render;
#[cfg(feature = "kernel")]
pub mod rtnetlink;
pub mod ruleset;
pub mod status;
#[cfg(feature = "kernel")]
mod sys;
pub mod trace;
#[cfg(feature = "kernel")]
pub mod verify;
