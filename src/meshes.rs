//! What netweir knows of each mesh: the flags of its init program, the annotations of its injector, and its defaults.
//!
//! ```text
//! flags, variables ──► OptionValues ─► Istio | Linkerd ──► Request, or every OptionError ──► Capture
//!                                                 addresses, name servers ──┘
//! annotations ──► AnnotationValues ──► a mesh's keys and defaults ──► OptionValues
//! ```
//!
//! A value that the mesh's own program accepts and uses is accepted, with the same outcome for every connection. A value
//! that it refuses, drops or misreads is an error.

#[cfg(feature = "kernel")]
pub(crate) mod annotations;
mod command;
pub(crate) mod istio;
pub(crate) mod linkerd;
pub mod notation;
mod reader;
mod request;

#[cfg(feature = "kernel")]
pub use annotations::AnnotationKey;
pub use command::CompatCommand;
pub use istio::{Istio, IstioFlag};
pub use linkerd::{Linkerd, LinkerdFlag};
pub use request::{Action, Notice, Request, Show, Surroundings, Validation};
