//! Shared test support: generated input, scenarios, independent oracles and fakes.

pub mod captures;
pub mod connections;
pub mod console;
pub mod consul_rules;
pub mod decision_tables;
pub mod effort;
pub mod fakes;
pub mod imports;
pub mod istio_flags;
pub mod istio_rules;
pub mod kuma_rules;
pub mod linkerd_rules;
pub mod long_annotations;
pub mod scenarios;
pub mod source;
pub mod sparse_captures;
pub mod steps;
pub mod tracer;
pub mod well_formed;
pub mod wordable;
pub mod xtables;
