//! `netweir diff`.

use crate::app::{self, Access, Place, resolve_options};
use crate::drift::{self, DiffSection};
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::options::{CommandOption, OutputFormat, Parsed};
use crate::parse::{self, NetworkNamespace};
use crate::plan::plan;

use super::colour::Style;
use super::command::CommandSpec;
use super::diff_text;
use super::error::CliError;
use super::invocation::Invocation;
use super::output::print;
use super::rules::{NO_ADDRESS, Rules};

/// The command.
pub(super) const COMMAND: CommandSpec = CommandSpec {
    name: "diff",
    about: "Compare the installed rules with those these options would install",
    details: "The exit code is 0 if they are the same and 3 if they differ.",
    sections: Rules::SECTIONS,
    options: &[CommandOption::OutputFormat],
    words: None,
    examples: &[(
        "netweir diff --config /etc/netweir.toml",
        "show what apply would change",
    )],
    run,
};

/// The arguments and options, all valid.
struct DiffRequest {
    parsed: Parsed,
    namespace: Option<NetworkNamespace>,
    format: OutputFormat,
}

fn run(invocation: Invocation) -> ExitCode {
    invocation.run(DiffRequest::read, DiffRequest::run)
}

impl DiffRequest {
    fn read(invocation: &mut Invocation) -> Option<Self> {
        let parsed = invocation.capture();
        let namespace = invocation.namespace();
        let format = invocation.own(CommandOption::OutputFormat, parse::word);
        Some(Self {
            parsed: parsed?,
            namespace: namespace.ok()?,
            format: format?,
        })
    }

    fn run(self, log: Log) -> Result<ExitCode, CliError> {
        app::enter(Place::of(self.namespace.as_ref()), Access::Rules, log)?;
        let wanted = plan(&resolve_options(self.parsed, log, NO_ADDRESS)?);
        let (differences, installed) = app::compare(&wanted, log)?;
        print(&match self.format {
            OutputFormat::Text => {
                let amount = diff_text::amount(log);
                let sections = DiffSection::all(&differences, &wanted, &installed, amount);
                diff_text::text(&sections, "these options", Style::of_output())
            }
            OutputFormat::Json => drift::json(&differences, &wanted, &installed) + "\n",
        })?;
        if differences.is_empty() {
            log.info("nothing differs: these rules are installed", &[]);
            Ok(ExitCode::Done)
        } else {
            Ok(ExitCode::Drift)
        }
    }
}
