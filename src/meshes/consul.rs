//! Consul, on Kubernetes and on Nomad.

pub(crate) mod annotations;
pub(super) mod decision;
