//! How a verb answers: for people or for programs.

use clap::Args;

use crate::options::{OptionError, OptionErrorKind};
use crate::parse::ValueError;

const HELP: &str = "How to answer: in words, or with JSON
[default: text] [example: json]";

/// The option `--format` of the verbs that answer.
#[derive(Args)]
pub(super) struct FormOption {
    #[arg(long, value_name = "text|json", help_heading = "The answer", help = HELP)]
    format: Option<String>,
}

/// How to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// In words.
    Text,
    /// With JSON.
    Json,
}

impl FormOption {
    /// What was asked for: text, unless something else was.
    pub(super) fn read(&self) -> Result<Form, Vec<OptionError>> {
        self.read_or(Form::Text)
    }

    /// What was asked for, or the form that the verb has otherwise.
    pub(super) fn read_or(&self, otherwise: Form) -> Result<Form, Vec<OptionError>> {
        match self.format.as_deref() {
            None => Ok(otherwise),
            Some("text") => Ok(Form::Text),
            Some("json") => Ok(Form::Json),
            Some(other) => Err(vec![OptionError {
                option: "--format".to_owned(),
                problem: OptionErrorKind::Value(ValueError::Word {
                    text: other.to_owned(),
                    accepted: "text, json",
                }),
            }]),
        }
    }
}
