//! The options of a verb, of all sources.

use std::{env, fs};

use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::options::{self, Given, Mistake, Problem, Setting};

/// The options of all sources by precedence, and the mistakes found so far.
pub(super) struct Invocation {
    /// The options.
    pub(super) given: Given,
    /// Where messages go.
    pub(super) log: Log,
    /// What is wrong already.
    pub(super) mistakes: Vec<Mistake>,
}

impl Invocation {
    /// Adds the configuration file to the flags and variables, and starts the log.
    pub(super) fn new(mut given: Given, mut mistakes: Vec<Mistake>) -> Self {
        mistakes.extend(misspelled_variables());
        mistakes.extend(add_file(&mut given));
        let options = options::log_options(&given);
        let log = Log::new(options.as_ref().copied().unwrap_or_default());
        mistakes.extend(options.err().into_iter().flatten());
        Self {
            given,
            log,
            mistakes,
        }
    }

    /// The value that was read, if all is well; what is wrong with it is noted otherwise.
    pub(super) fn noting<T>(&mut self, read: Result<T, Vec<Mistake>>) -> Option<T> {
        read.map_err(|mistakes| self.mistakes.extend(mistakes)).ok()
    }

    /// Writes down all mistakes.
    pub(super) fn report(&self) -> ExitCode {
        report(self.log, &self.mistakes)
    }
}

/// Writes down all mistakes.
pub(super) fn report(log: Log, mistakes: &[Mistake]) -> ExitCode {
    for mistake in mistakes {
        log.error(mistake, &[]);
    }
    ExitCode::Usage
}

fn misspelled_variables() -> impl Iterator<Item = Mistake> {
    env::vars_os().filter_map(|(name, _)| options::misspelled_variable(name.to_str()?))
}

fn add_file(given: &mut Given) -> Vec<Mistake> {
    if !given.has(Setting::Config) {
        return Vec::new();
    }
    let file = given.text(Setting::Config).unwrap_or_default().to_owned();
    match fs::read_to_string(&file) {
        Ok(text) => {
            let (options, mistakes) = options::read_file(&file, &text);
            given.fall_back_to(options);
            mistakes
        }
        Err(error) => {
            let reason = error.to_string();
            let problem = Problem::File { file, reason };
            vec![Mistake::new(given, Setting::Config, problem)]
        }
    }
}
