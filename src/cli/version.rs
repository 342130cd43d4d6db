//! `netweir version`.

use crate::exit_code::ExitCode;

use super::command::CommandSpec;
use super::output;

/// The command.
pub(super) const COMMAND: CommandSpec = CommandSpec {
    name: "version",
    about: "Print the version",
    details: "",
    sections: &[],
    options: &[],
    words: None,
    examples: &[("netweir version", "print the version")],
    run: |invocation| {
        if invocation.errors.is_empty() {
            show()
        } else {
            invocation.report()
        }
    },
};

/// Prints the version.
pub(super) fn show() -> ExitCode {
    output::show(concat!(
        env!("CARGO_PKG_NAME"),
        " ",
        env!("CARGO_PKG_VERSION"),
        "\n"
    ))
}
