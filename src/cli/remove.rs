//! `netweir remove`.

use crate::app::{self, OpenConnections, Place};
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::nftables::Removal;
use crate::options::{CommandOption, Section};
use crate::parse::{self, NetworkNamespace};

use super::command::CommandSpec;
use super::error::CliError;
use super::invocation::Invocation;

/// The command.
pub(super) const COMMAND: CommandSpec = CommandSpec {
    name: "remove",
    about: "Remove what apply installed (succeeds if nothing is installed)",
    details: "Open connections that are captured break, unless --keep-connections is given.",
    sections: &[Section::Target, Section::Logging],
    options: &[CommandOption::KeepConnections],
    words: None,
    examples: &[
        ("netweir remove", "stop capturing traffic"),
        (
            "netweir remove --keep-connections",
            "the same, without breaking open connections",
        ),
    ],
    run,
};

fn run(invocation: Invocation) -> ExitCode {
    invocation.run(request, |(namespace, connections), log| {
        remove(namespace.as_ref(), connections, log)?;
        Ok(ExitCode::Done)
    })
}

fn request(invocation: &mut Invocation) -> Option<(Option<NetworkNamespace>, OpenConnections)> {
    let namespace = invocation.namespace();
    let keep = invocation.own(CommandOption::KeepConnections, parse::switch);
    let connections = if keep? {
        OpenConnections::Keep
    } else {
        OpenConnections::Break
    };
    Some((namespace.ok()?, connections))
}

/// Removes the rules and logs whether there were any.
pub(super) fn remove(
    namespace: Option<&NetworkNamespace>,
    connections: OpenConnections,
    log: Log,
) -> Result<(), CliError> {
    log.info(
        match (app::remove(Place::of(namespace), connections, log)?, connections) {
            (Removal::Removed, OpenConnections::Break) => "removed: traffic is no longer captured",
            (Removal::Removed, OpenConnections::Keep) => {
                "removed: new connections are no longer captured; open ones keep working until the next netweir remove"
            }
            (Removal::NothingThere, _) => "nothing to remove",
        },
        &[],
    );
    Ok(())
}
