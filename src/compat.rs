//! The command lines of the meshes' own init programs: their flags and variables to a
//! [`Capture`](crate::intent::Capture).
//!
//! ```text
//! flags ──────┐
//! variables ──┴─► Texts ──► istio | linkerd ──► Request, or every Mistake ──► Capture
//!                                                 addresses, name servers ──┘
//! ```
//!
//! What a mesh's program accepts to a sensible effect is accepted, with the same outcome for every connection; what it
//! refuses is refused, and so is what it drops or misreads without saying so. Nothing here touches the
//! operating system: what it knows is told to a [`Request`].

#[macro_use]
mod flag;
mod istio;
mod linkerd;
mod program;
mod reader;
mod request;
mod texts;

pub use flag::{CompatCommand, Flag, Shape, Spec, Topic};
pub use istio::{Istio, IstioFlag};
pub use linkerd::{Linkerd, LinkerdFlag};
pub use program::{Program, Told};
pub use request::{Action, Notice, Request, Show, Surroundings, Validation};
pub use texts::Texts;
