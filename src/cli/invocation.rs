//! The options of a verb, of all sources.

use std::{env, fs};

use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::options::{self, OptionError, OptionErrorKind, OptionValues, Setting};

/// The options of all sources by precedence, and the mistakes found so far.
pub(super) struct Invocation {
    /// The options.
    pub(super) given: OptionValues,
    /// Where messages go.
    pub(super) log: Log,
    /// What is wrong already.
    pub(super) errors: Vec<OptionError>,
}

impl Invocation {
    /// Adds the configuration file to the flags and variables, and starts the log.
    pub(super) fn new(mut given: OptionValues, mut errors: Vec<OptionError>) -> Self {
        errors.extend(misspelled_variables());
        errors.extend(add_file(&mut given));
        let options = options::log_options(&given);
        let log = Log::new(options.as_ref().copied().unwrap_or_default());
        errors.extend(options.err().into_iter().flatten());
        Self { given, log, errors }
    }

    /// The value that was read, if all is well; what is wrong with it is noted otherwise.
    pub(super) fn noting<T>(&mut self, read: Result<T, Vec<OptionError>>) -> Option<T> {
        read.map_err(|errors| self.errors.extend(errors)).ok()
    }

    /// Writes down all mistakes.
    pub(super) fn report(&self) -> ExitCode {
        report(self.log, &self.errors)
    }
}

/// Writes down all mistakes.
pub(super) fn report(log: Log, errors: &[OptionError]) -> ExitCode {
    for error in errors {
        log.error(error, &[]);
    }
    ExitCode::Usage
}

fn misspelled_variables() -> impl Iterator<Item = OptionError> {
    env::vars_os().filter_map(|(name, _)| options::misspelled_variable(name.to_str()?))
}

fn add_file(given: &mut OptionValues) -> Vec<OptionError> {
    if !given.has(Setting::Config) {
        return Vec::new();
    }
    let file = given.text(Setting::Config).unwrap_or_default().to_owned();
    match fs::read_to_string(&file) {
        Ok(text) => {
            let (options, errors) = options::read_file(&file, &text);
            given.fall_back_to(options);
            errors
        }
        Err(error) => {
            let reason = error.to_string();
            let problem = OptionErrorKind::File { file, reason };
            vec![OptionError::new(given, Setting::Config, problem)]
        }
    }
}
