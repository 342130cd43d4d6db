//! The options of a command, from all sources.

use std::{env, fs};

use crate::app::SystemFiles;
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::options::{self, CommandOption, OptionError, OptionErrorKind, OptionValues, Setting};
use crate::parse::{NetworkNamespace, ValueError};

use crate::printable::first_errors;

use super::accounts::AccountFiles;
use super::error::CliError;
use super::parser::{self, Parsed};

/// The options of a command, from all sources, and the errors found so far.
pub(super) struct Invocation {
    /// Makes the whole command line, for documents.
    pub(super) command_line: fn() -> clap::Command,
    /// The options that commands share.
    pub(super) given: OptionValues,
    /// The command's own options.
    pub(super) own: OptionValues<CommandOption>,
    /// Its arguments that are not options.
    pub(super) words: Vec<String>,
    /// Where messages go.
    pub(super) log: Log,
    /// What is wrong.
    pub(super) errors: Vec<OptionError>,
}

impl Invocation {
    /// Adds variables and the configuration file to the flags, and starts the log.
    pub(super) fn new(
        settings: &[Setting],
        options: &[CommandOption],
        command_line: fn() -> clap::Command,
        mut parsed: Parsed,
    ) -> Self {
        let own = parser::values(options, &mut parsed, false);
        let mut given = parser::values(settings, &mut parsed, false);
        let words = parser::words(&mut parsed);
        let mut errors = parsed.errors;
        errors.extend(misspelled_variables());
        errors.extend(add_file(&mut given));
        let options = options::log_options(&given);
        let log = Log::new(options.as_ref().copied().unwrap_or_default());
        errors.extend(options.err().into_iter().flatten());
        Self {
            command_line,
            given,
            own,
            words,
            log,
            errors,
        }
    }

    /// Reads the request and runs it, or reports every error in the options.
    pub(super) fn run<R>(
        mut self,
        read: impl FnOnce(&mut Self) -> Option<R>,
        run: impl FnOnce(R, Log) -> Result<ExitCode, CliError>,
    ) -> ExitCode {
        match read(&mut self) {
            Some(request) if self.errors.is_empty() => {
                run(request, self.log).unwrap_or_else(|error| error.report(self.log))
            }
            _ => self.report(),
        }
    }

    /// What the options capture, or `None` after recording errors.
    pub(super) fn capture(&mut self) -> Option<options::Parsed> {
        let parsed = options::capture(&self.given, &AccountFiles::default(), &SystemFiles);
        self.noting(parsed)
    }

    /// The network namespace, if one was named.
    pub(super) fn namespace(&mut self) -> Result<Option<NetworkNamespace>, Noted> {
        let namespace = options::network_namespace(&self.given);
        self.noting(namespace).ok_or(Noted)
    }

    /// The value, or `None` after recording its errors.
    pub(super) fn noting<T, E: Into<OptionError>>(&mut self, read: Result<T, Vec<E>>) -> Option<T> {
        let note = |errors: Vec<E>| self.errors.extend(errors.into_iter().map(Into::into));
        read.map_err(note).ok()
    }

    /// The value of one of the command's own options or its default, or `None` after recording an error.
    pub(super) fn own<T>(
        &mut self,
        option: CommandOption,
        parse: impl FnOnce(&str) -> Result<T, ValueError>,
    ) -> Option<T> {
        let value = parse(self.own.text(option).trim());
        value.map_err(|error| self.note(option, error)).ok()
    }

    /// The value of one of the command's own options if it is set.
    pub(super) fn own_if_set<T>(
        &mut self,
        option: CommandOption,
        parse: impl FnOnce(&str) -> Result<T, ValueError>,
    ) -> Result<Option<T>, Noted> {
        if self.own.has(option) {
            self.own(option, parse).map(Some).ok_or(Noted)
        } else {
            Ok(None)
        }
    }

    /// Records an error in one of the command's own options.
    pub(super) fn note(&mut self, option: CommandOption, problem: impl Into<OptionErrorKind>) {
        self.errors
            .push(OptionError::new(&self.own, option, problem));
    }

    /// Logs all errors.
    pub(super) fn report(&self) -> ExitCode {
        report(self.log, &self.errors)
    }
}

/// An error was recorded.
pub(super) struct Noted;

/// Logs the errors.
pub(super) fn report(log: Log, errors: &[OptionError]) -> ExitCode {
    for error in first_errors(errors) {
        log.error(error, &[]);
    }
    ExitCode::Usage
}

fn misspelled_variables() -> impl Iterator<Item = OptionError> {
    env::vars_os().filter_map(|(name, value)| {
        let name = name.to_str()?;
        let error = options::misspelled_variable(name)?;
        let is_set = |name: &str| env::var_os(name).is_some();
        let of_service = options::is_service_url(&value) || options::is_of_service(name, is_set);
        (!of_service).then_some(error)
    })
}

fn add_file(given: &mut OptionValues) -> Vec<OptionError> {
    if !given.has(Setting::Config) {
        return Vec::new();
    }
    let file = given.text(Setting::Config).to_owned();
    match fs::read_to_string(&file) {
        Ok(text) => {
            let (options, errors) = options::read_file(&file, &text);
            given.fall_back_to(options);
            errors
        }
        Err(error) => {
            let reason = error.to_string();
            let problem = OptionErrorKind::File(file, reason);
            vec![OptionError::new(given, Setting::Config, problem)]
        }
    }
}
