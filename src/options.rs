//! Options: their specifications, their sources, and how they become a [`Capture`](crate::intent::Capture).
//!
//! ```text
//! flags ──────┐
//! variables ──┼─► OptionValues (by precedence) ──► capture ──► Parsed, or every OptionError
//! file ───────┘
//! ```

mod capture;
mod command;
mod error;
mod file;
mod object;
mod output;
mod service;
mod setting;
mod spec;
mod value;
mod values;
mod warning;
mod written;

pub use capture::{Files, Parsed, capture};
pub use command::CommandOption;
pub use error::{OptionError, OptionErrorKind};
pub use file::{misspelled_variable, nearest, nearest_of, read_file};
pub use object::{known, read_object};
pub use output::{
    Format, Level, LogFormat, LogOptions, Output, OutputFormat, log_options, network_namespace,
    output,
};
pub use service::{is_of_service, is_service_url};
pub use setting::Setting;
pub(crate) use spec::option_set;
pub use spec::{DefaultValue, OptionSet, OptionSpec, Section, Shape};
pub use values::{OptionValues, Origin};
pub use written::{elements_text, line, options_of, options_within};

#[cfg(test)]
mod tests;
