//! The rules as a picture: the path of connections that arrive and of those made in the pod, question by question,
//! in the words of [`explain`](crate::explain).
//!
//! A [`Diagram`] is laid out by others ([`mermaid`], [`dot`]) or here ([`svg`]), or told to programs ([`json`]).

mod diagram;
mod dot;
mod group;
mod json;
mod mermaid;
mod svg;

pub use diagram::{Diagram, Ending, Lane, Question, Stage};
pub use dot::dot;
pub use json::{SCHEMA, json};
pub use mermaid::mermaid;
pub use svg::svg;
