//! What every compatibility command provides.

use crate::options::{LogOptions, OptionError, OptionSet, OptionValues};
use crate::parse::Accounts;

use super::{Notice, Request};

/// A mesh's own program, whose command line netweir understands.
pub trait CompatCommand {
    /// Its flags.
    type Flag: OptionSet;
    /// The command for it.
    const COMMAND: &'static str;
    /// What the command does.
    const ABOUT: &'static str;

    /// The format and the level of messages.
    fn log_options(values: &OptionValues<Self::Flag>) -> Result<LogOptions, Vec<OptionError>>;

    /// A warning for runs in which only the flags show that this program is meant.
    #[must_use]
    fn remark_on_flags_alone(_values: &OptionValues<Self::Flag>) -> Option<Notice> {
        None
    }

    /// Reads the values, and finds all errors in them.
    fn read(
        values: &OptionValues<Self::Flag>,
        accounts: &dyn Accounts,
    ) -> Result<Request, Vec<OptionError>>;
}
