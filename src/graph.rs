//! The rules as a flowchart: the path of inbound and outbound connections, question by question, in the words of
//! [`explain`](crate::explain).
//!
//! A [`Diagram`] is written for other programs to lay out ([`mermaid`], [`dot`], [`json`]), or laid out as [`svg`].

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
