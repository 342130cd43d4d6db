//! What every compatibility command provides.

use std::ffi::OsString;

use crate::options::{Files, LogOptions, OptionError, OptionSet, OptionValues};
use crate::parse::Accounts;

use super::reader::Reader;
use super::{Notice, Request};

/// A mesh's own program, whose command line netweir understands.
pub trait CompatCommand {
    /// Its flags.
    type Flag: OptionSet;
    /// The command for it.
    const COMMAND: &'static str;
    /// What the command does.
    const ABOUT: &'static str;
    /// The flags that it accepts.
    const FLAGS: &'static [Self::Flag] = Self::Flag::ALL;

    /// Rewrites arguments in a notation that no other program has.
    fn rewrite(_arguments: &mut [OsString]) {}

    /// The format and the level of messages; `None` after an error.
    fn log_options(reader: &mut Reader<'_, Self::Flag>) -> Option<LogOptions>;

    /// What the flags ask for; `None` after an error.
    fn request(reader: &mut Reader<'_, Self::Flag>) -> Option<Request>;

    /// A warning for runs in which only the flags show that this program is meant.
    #[must_use]
    fn warning_for_flags_alone(_values: &OptionValues<Self::Flag>) -> Option<Notice> {
        None
    }

    /// Reads the values: how to log, by default if they do not say so, and what to do, or all errors.
    fn read(
        values: &OptionValues<Self::Flag>,
        accounts: &dyn Accounts,
        files: &dyn Files,
    ) -> (LogOptions, Result<Request, Vec<OptionError>>) {
        let mut reader = Reader {
            values,
            accounts,
            files,
            notices: Vec::new(),
            errors: Vec::new(),
        };
        let log = Self::log_options(&mut reader).unwrap_or_default();
        let request = match Self::request(&mut reader) {
            Some(request) if reader.errors.is_empty() => Ok(request),
            _ => Err(reader.errors),
        };
        (log, request)
    }
}
