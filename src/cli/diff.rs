//! `netweir diff`.

use crate::app::{self, Access, Place, SystemFiles, resolve_options};
use crate::drift::{self, Hunk};
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::options::{self, CommandOption, OutputFormat, Parsed, Section};
use crate::parse::NetworkNamespace;
use crate::plan::plan;

use super::accounts::AccountFiles;
use super::command::CommandSpec;
use super::error::CliError;
use super::hunks;
use super::invocation::Invocation;
use super::output::print;
use super::rules::NO_ADDRESS;
use super::style::Style;

/// The command.
pub(super) const COMMAND: CommandSpec = CommandSpec {
    name: "diff",
    about: "Compare the installed rules with those these options would install",
    details: "The exit code is 0 if they are the same and 3 if they differ.",
    sections: &[
        Section::Proxy,
        Section::Inbound,
        Section::Outbound,
        Section::Both,
        Section::Dns,
        Section::Target,
        Section::Logging,
    ],
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

fn run(mut invocation: Invocation) -> ExitCode {
    let Some(request) = DiffRequest::read(&mut invocation) else {
        return invocation.report();
    };
    match request.run(invocation.log) {
        Ok(code) => code,
        Err(error) => error.report(invocation.log),
    }
}

impl DiffRequest {
    fn read(invocation: &mut Invocation) -> Option<Self> {
        let parsed = options::capture(&invocation.given, &AccountFiles::default(), &SystemFiles);
        let namespace = options::network_namespace(&invocation.given);
        let parsed = invocation.noting(parsed);
        let namespace = invocation.noting(namespace);
        let format = invocation.own(CommandOption::OutputFormat, OutputFormat::parse);
        if !invocation.errors.is_empty() {
            return None;
        }
        Some(Self {
            parsed: parsed?,
            namespace: namespace?,
            format: format?,
        })
    }

    fn run(self, log: Log) -> Result<ExitCode, CliError> {
        app::enter(Place::of(self.namespace.as_ref()), Access::Rules, log)?;
        let wanted = plan(&resolve_options(self.parsed, log, NO_ADDRESS)?);
        let (differences, installed) = app::compare(&wanted, log)?;
        print(&match self.format {
            OutputFormat::Text => {
                let amount = hunks::amount(log);
                let hunks = Hunk::all(&differences, &wanted, &installed, amount);
                hunks::text(&hunks, "these options", Style::of_output())
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
