//! Consul, on Kubernetes and on Nomad.

pub(crate) mod annotations;
mod config;
pub(super) mod decision;
