//! `netweir explain`.

use std::fs::File;
use std::io::{self, BufRead, BufReader};

use clap::Args;

use crate::connection::{ConnectionSpec, SpecError};
use crate::exit_code::ExitCode;
use crate::explain::{Answer, Outcome, Table, answer_to_nothing, complete, evaluate_installed};
use crate::log::Log;
use crate::options::{OptionError, OptionErrorKind, Section};
use crate::ruleset::Installed;

use super::accounts::AccountFiles;
use super::arguments::{OptionsOf, TakesOptions};
use super::error::CliError;
use super::form::{Form, FormOption};
use super::invocation::Invocation;
use super::rules::{Rules, RulesInView, RulesOption};
use super::style::{Colour, Style};
use super::surroundings::Here;

const CONNECTION_HELP: &str = "\
The connection: [out|in] [tcp|udp|icmp] [ADDRESS:PORT] [KEY=VALUE ...]. The keys are from (an address, a port or both), dev, \
uid, gid, mark, ctmark, state and protocol. What is left out is assumed, and the answer says so: the interface and \
the own address are those of the network namespace, where it has a route
[example: out tcp 10.0.0.5:443 uid=1000 gid=1000] [example: in tcp :8080 from=10.1.2.3 dev=eth0]";
const CONNECTIONS_HELP: &str = "\
A file with a connection a line; - is standard input. The answer to each is a JSON object on one line, or with \
--format=text a line of text; empty lines and lines that start with # are passed over
[example: -]";
const TABLE_HELP: &str = "\
Print a table of all typical connections under these rules instead: every kind of owner by every kind of destination, in \
both directions";

/// The command's own arguments, and the options.
#[derive(Args)]
pub(super) struct Explain {
    #[arg(value_name = "CONNECTION", help = CONNECTION_HELP)]
    connection: Vec<String>,
    #[arg(long, value_name = "FILE", help_heading = "The answer", help = CONNECTIONS_HELP)]
    connections: Option<String>,
    #[arg(long, help_heading = "The answer", help = TABLE_HELP)]
    table: bool,
    #[command(flatten)]
    form: FormOption,
    #[command(flatten)]
    rules: RulesOption,
    #[command(flatten)]
    options: OptionsOf<Self>,
}

impl TakesOptions for Explain {
    const SECTIONS: &[Section] = &RulesOption::SECTIONS;
}

/// The arguments and options, all valid.
struct ExplainRequest {
    rules: Rules,
    asked: Asked,
    form: Form,
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

impl Explain {
    /// Answers.
    pub(super) fn run(mut self, errors: Vec<OptionError>) -> ExitCode {
        let mut invocation = self.options.invocation(errors);
        let Some(request) = self.request(&mut invocation) else {
            return invocation.report();
        };
        let log = invocation.log;
        match request.run(log) {
            Ok(code) => code,
            Err(error) => error.report(log),
        }
    }

    fn request(&self, invocation: &mut Invocation) -> Option<ExplainRequest> {
        let rules = self.rules.read(invocation);
        let otherwise = match self.connections {
            Some(_) => Form::Json,
            None => Form::Text,
        };
        let form = invocation.noting(self.form.read_or(otherwise));
        let asked = invocation.noting(self.asked());
        if !invocation.errors.is_empty() {
            return None;
        }
        Some(ExplainRequest {
            rules: rules?,
            asked: asked?,
            form: form?,
        })
    }

    fn asked(&self) -> Result<Asked, Vec<OptionError>> {
        let text = self.connection.join(" ");
        let option_error = |option: &str, problem| {
            let option = option.to_owned();
            Err(vec![OptionError { option, problem }])
        };
        match (text.trim(), &self.connections, self.table) {
            ("", None, false) => option_error("CONNECTION", OptionErrorKind::NothingAsked),
            ("", None, true) => Ok(Asked::Typical),
            ("", Some(file), false) => open(file).map(Asked::Many).or_else(|error| {
                let file = file.clone();
                let reason = error.to_string();
                option_error("--connections", OptionErrorKind::File { file, reason })
            }),
            (text, None, false) => question(text).map(Asked::One).map_err(|errors| {
                let option_error = |error: SpecError| OptionError {
                    option: error.word,
                    problem: OptionErrorKind::Connection(error.kind),
                };
                errors.into_iter().map(option_error).collect()
            }),
            (_, Some(_), _) => option_error("--connections", OptionErrorKind::AskedTwice),
            (_, None, true) => option_error("--table", OptionErrorKind::AskedTwice),
        }
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
    fn run(self, log: Log) -> Result<ExitCode, CliError> {
        let rules = self.rules.read(log)?;
        match self.asked {
            Asked::One(question) => one(&rules, &question, self.form),
            Asked::Many(lines) => many(&rules, lines, self.form),
            Asked::Typical => typical(&rules.installed, self.form),
        }
    }
}

fn one(rules: &RulesInView, question: &ConnectionSpec, form: Form) -> Result<ExitCode, CliError> {
    let asked = complete(question, &Here::new());
    let outcome = evaluate_installed(&rules.installed, &asked.connection);
    let beside = rules.beside(&asked.connection);
    let answer = Answer::new(&rules.installed.ruleset, &asked, &outcome).beside(&beside);
    let style = Style::of_output();
    super::print(&match form {
        Form::Text => answer.text(|verdict| style.paint(colour(&outcome), verdict)),
        Form::Json => answer.json(None) + "\n",
    })?;
    Ok(ExitCode::Done)
}

fn colour(outcome: &Outcome) -> Colour {
    let is_known = outcome.unjudged.is_empty();
    Colour::of(is_known.then_some(outcome.verdict))
}

/// Answers line by line, as they come. A line that is no connection does not keep the others from being answered.
fn many(
    rules: &RulesInView,
    mut lines: Box<dyn BufRead>,
    form: Form,
) -> Result<ExitCode, CliError> {
    let here = Here::new();
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
                let asked = complete(&question, &here);
                let outcome = evaluate_installed(&rules.installed, &asked.connection);
                let beside = rules.beside(&asked.connection);
                let answer = Answer::new(&rules.installed.ruleset, &asked, &outcome);
                match form {
                    Form::Text => answer.line(),
                    Form::Json => answer.beside(&beside).json(Some(number)),
                }
            }
            Err(errors) => {
                code = ExitCode::Usage;
                match form {
                    Form::Text => format!("line {number}: {}", texts(&errors).join("; ")),
                    Form::Json => answer_to_nothing(number, text, &errors),
                }
            }
        };
        super::print(&(answer + "\n"))?;
    }
    Ok(code)
}

fn texts(errors: &[SpecError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

fn typical(installed: &Installed, form: Form) -> Result<ExitCode, CliError> {
    let table = Table::new(installed);
    super::print(&match form {
        Form::Text => table.to_string(),
        Form::Json => table.json(&installed.ruleset) + "\n",
    })?;
    Ok(ExitCode::Done)
}
