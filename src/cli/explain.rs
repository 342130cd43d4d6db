//! `netweir explain`.

use std::fs::File;
use std::io::{self, BufRead, BufReader};

use crate::connection::{ConnectionSpec, SpecError};
use crate::exit_code::ExitCode;
use crate::explain::{Answer, Outcome, Table, complete, errors_json};
use crate::log::Log;
use crate::options::{CommandOption, OptionError, OptionErrorKind, OutputFormat};
use crate::parse;
use crate::ruleset::Installed;

use super::accounts::AccountFiles;
use super::colour::{Colour, Style};
use super::command::CommandSpec;
use super::error::CliError;
use super::here::Here;
use super::invocation::Invocation;
use super::output::print;
use super::rules::{Rules, RulesInView};

const CONNECTION_HELP: &str = "\
The connection: [out|in] [tcp|udp|icmp] [ADDRESS:PORT] [KEY=VALUE ...]. The keys are from (an address, a port or both), dev, \
uid, gid, mark, ctmark, state and protocol. What is missing is assumed, and the answer says so: interface and own \
address are taken from the routes of the network namespace
[example: out tcp 10.0.0.5:443 uid=1000 gid=1000] [example: in tcp :8080 from=10.1.2.3 dev=eth0]";

/// The command.
pub(super) const COMMAND: CommandSpec = CommandSpec {
    name: "explain",
    about: "Show where a connection goes, which rule decides, and why others do not",
    details: "",
    sections: Rules::SECTIONS,
    options: &[
        CommandOption::OutputFormat,
        CommandOption::Connections,
        CommandOption::Table,
        CommandOption::FromKernel,
    ],
    words: Some(("CONNECTION", CONNECTION_HELP)),
    examples: &[
        (
            "netweir explain out tcp 10.0.0.5:443 uid=1000",
            "where an outbound connection would go under the default options",
        ),
        (
            "netweir explain --from-kernel in tcp :8080",
            "where an inbound connection goes under the installed rules",
        ),
        (
            "netweir explain --table",
            "the same for typical connections",
        ),
    ],
    run,
};

/// The arguments and options, all valid.
struct ExplainRequest {
    rules: Rules,
    asked: Asked,
    format: OutputFormat,
}

/// What is asked.
enum Asked {
    /// One connection.
    One(ConnectionSpec),
    /// One a line.
    Many(Box<dyn BufRead>),
    /// All typical ones.
    Typical,
}

fn run(invocation: Invocation) -> ExitCode {
    invocation.run(ExplainRequest::read, ExplainRequest::run)
}

impl Asked {
    fn read(invocation: &mut Invocation) -> Option<Self> {
        let text = invocation.words.join(" ");
        let table = invocation.own(CommandOption::Table, parse::switch)?;
        let lines = invocation.own.has(CommandOption::Connections);
        match (text.trim(), lines, table) {
            ("", false, true) => Some(Self::Typical),
            ("", true, false) => {
                let file = invocation.own.text(CommandOption::Connections).to_owned();
                let lines = open(&file).map_err(|error| {
                    let reason = error.to_string();
                    invocation.note(
                        CommandOption::Connections,
                        OptionErrorKind::File(file, reason),
                    );
                });
                lines.ok().map(Self::Many)
            }
            ("", false, false) => {
                invocation
                    .errors
                    .push(OptionError::of("CONNECTION", OptionErrorKind::NoConnection));
                None
            }
            (text, false, false) => invocation.noting(question(text)).map(Self::One),
            (_, true, _) => Self::several(invocation, CommandOption::Connections),
            (_, false, true) => Self::several(invocation, CommandOption::Table),
        }
    }

    fn several(invocation: &mut Invocation, option: CommandOption) -> Option<Self> {
        invocation.note(option, OptionErrorKind::SeveralQuestions);
        None
    }
}

fn open(file: &str) -> io::Result<Box<dyn BufRead>> {
    if file == "-" {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    Ok(Box::new(BufReader::new(File::open(file)?)))
}

fn question(text: &str) -> Result<ConnectionSpec, Vec<SpecError>> {
    ConnectionSpec::parse(text, &AccountFiles::default())
}

impl ExplainRequest {
    fn read(invocation: &mut Invocation) -> Option<Self> {
        let rules = Rules::requested(invocation);
        let is_set = |option| invocation.own.has(option);
        let format = if is_set(CommandOption::Connections) && !is_set(CommandOption::OutputFormat) {
            Some(OutputFormat::Json)
        } else {
            invocation.own(CommandOption::OutputFormat, parse::word)
        };
        let asked = Asked::read(invocation);
        Some(Self {
            rules: rules?,
            asked: asked?,
            format: format?,
        })
    }

    fn run(self, log: Log) -> Result<ExitCode, CliError> {
        let rules = self.rules.read(log)?;
        match self.asked {
            Asked::One(question) => one(&rules, &question, self.format),
            Asked::Many(lines) => many(&rules, lines, self.format),
            Asked::Typical => typical(&rules.installed, self.format),
        }
    }
}

fn one(
    rules: &RulesInView,
    question: &ConnectionSpec,
    format: OutputFormat,
) -> Result<ExitCode, CliError> {
    let open = rules.installed.ruleset.open_connections();
    let asked = complete(question, &Here::new()).beside(question, &open);
    let outcome = asked.outcome(&rules.installed);
    let beside = rules.beside(&asked.connection);
    let answer = Answer::new(&rules.installed, &asked, &outcome).with_other_chains(&beside);
    let style = Style::of_output();
    print(&match format {
        OutputFormat::Text => answer.text(|verdict| style.paint(colour(&outcome), verdict)),
        OutputFormat::Json => answer.json(None) + "\n",
    })?;
    Ok(ExitCode::Done)
}

fn colour(outcome: &Outcome) -> Colour {
    let is_known = outcome.undetermined.is_empty();
    Colour::of(is_known.then_some(outcome.verdict))
}

/// Answers line by line, as they come. A line that is no connection does not keep the others from being answered.
fn many(
    rules: &RulesInView,
    mut lines: Box<dyn BufRead>,
    format: OutputFormat,
) -> Result<ExitCode, CliError> {
    let here = Here::new();
    let open = rules.installed.ruleset.open_connections();
    let mut code = ExitCode::Done;
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if lines
            .read_until(b'\n', &mut line)
            .map_err(CliError::Input)?
            == 0
        {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let answer = match question(text) {
            Ok(question) => {
                let asked = complete(&question, &here).beside(&question, &open);
                let outcome = asked.outcome(&rules.installed);
                let beside = rules.beside(&asked.connection);
                let answer = Answer::new(&rules.installed, &asked, &outcome);
                match format {
                    OutputFormat::Text => answer.line(),
                    OutputFormat::Json => answer.with_other_chains(&beside).json(Some(number)),
                }
            }
            Err(errors) => {
                code = ExitCode::Usage;
                match format {
                    OutputFormat::Text => format!("line {number}: {}", texts(&errors).join("; ")),
                    OutputFormat::Json => errors_json(number, text, &errors),
                }
            }
        };
        print(&(answer + "\n"))?;
    }
    Ok(code)
}

fn texts(errors: &[SpecError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

fn typical(installed: &Installed, format: OutputFormat) -> Result<ExitCode, CliError> {
    let table = Table::new(installed);
    print(&match format {
        OutputFormat::Text => table.to_string(),
        OutputFormat::Json => table.json(installed) + "\n",
    })?;
    Ok(ExitCode::Done)
}
