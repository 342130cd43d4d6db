//! What netweir knows of each mesh: the flags of its init program, the annotations of its injector, and its defaults.
//!
//! ```text
//! flags, variables ──► OptionValues ─► Istio | Linkerd ──► Request, or every OptionError ──► Capture
//!                                                 addresses, name servers ──┘
//! PodFacts (annotations, labels, containers) ──► decide ──► capture with PodOptions | bypass | undetermined
//! ```
//!
//! A value that the mesh's own program accepts and uses is accepted, with the same outcome for every connection. A value
//! that it refuses, drops or misreads is an error.

pub(crate) mod annotations;
pub mod claim;
mod command;
pub(crate) mod consul;
pub mod decision;
mod document;
pub(crate) mod istio;
pub(crate) mod kuma;
pub(crate) mod linkerd;
pub mod notation;
pub(crate) mod own;
pub mod pod;
mod reader;
pub mod reason;
mod request;
mod yaml;

pub use command::CompatCommand;
pub use consul::{Consul, ConsulFlag};
pub use decision::annotation_keys;
pub use istio::{Istio, IstioClean, IstioFlag};
pub use kuma::{Kuma, KumaFlag, KumaUninstall, KumaValidator};
pub use linkerd::{Linkerd, LinkerdFlag, LinkerdValidator, LinkerdValidatorFlag};
pub use request::{Action, Environment, Notice, RedirectTest, Request, Show, Validation};
