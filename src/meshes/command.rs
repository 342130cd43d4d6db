//! What every compatibility command provides.

use crate::options::{LogOptions, OptionError, OptionSet, OptionValues};
use crate::parse::Accounts;

use super::{Notice, Request};

/// A program whose command line is taken over.
pub trait CompatCommand {
    /// Its flags.
    type Flag: OptionSet;
    /// The verb that stands for it.
    const VERB: &'static str;
    /// What the verb does.
    const ABOUT: &'static str;

    /// What is said, and how.
    fn log_options(values: &OptionValues<Self::Flag>) -> Result<LogOptions, Vec<OptionError>>;

    /// What to say where nothing but its flags told that this program is meant.
    #[must_use]
    fn remark_on_flags_alone(_values: &OptionValues<Self::Flag>) -> Option<Notice> {
        None
    }

    /// What the values ask for, or every mistake in them.
    fn read(
        values: &OptionValues<Self::Flag>,
        accounts: &dyn Accounts,
    ) -> Result<Request, Vec<OptionError>>;
}
