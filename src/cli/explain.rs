//! `netweir explain`.

use clap::Args;

use crate::exit_code::ExitCode;
use crate::explain::{Answer, Question, SyntaxError, complete, evaluate};
use crate::log::Log;
use crate::options::{self, Mistake, Parsed, Problem, Section};
use crate::parse::{NetworkNamespace, ValueError};
use crate::plan::plan;

use super::accounts::AccountFiles;
use super::arguments::{OptionsOf, TakesOptions};
use super::error::Error;
use super::families::resolve;
use super::files::System;
use super::invocation::Invocation;
use super::surroundings::Here;

const CONNECTION_HELP: &str = "\
The connection: [out|in] [tcp|udp|icmp] [ADDRESS:PORT] [KEY=VALUE ...]. The keys are from (an address, a port or both), dev, \
uid, gid, mark, ctmark, state and protocol. What is left out is assumed, and the answer says so: the interface and \
the own address are those of the network namespace, where it has a route
[example: out tcp 10.0.0.5:443 uid=1000 gid=1000] [example: in tcp :8080 from=10.1.2.3 dev=eth0]";
const FORMAT_HELP: &str = "How to answer: in words, or with a JSON object
[default: text] [example: json]";

/// The verb's own arguments, and the options.
#[derive(Args)]
pub(super) struct Explain {
    #[arg(value_name = "CONNECTION", help = CONNECTION_HELP)]
    connection: Vec<String>,
    #[arg(long, value_name = "text|json", help_heading = "The answer", help = FORMAT_HELP)]
    format: Option<String>,
    #[command(flatten)]
    options: OptionsOf<Self>,
}

impl TakesOptions for Explain {
    const SECTIONS: &[Section] = &[
        Section::Proxy,
        Section::Inbound,
        Section::Outbound,
        Section::Both,
        Section::Dns,
        Section::Target,
        Section::Logging,
    ];
}

/// How to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Json,
}

/// What is to be answered, with no mistake in it.
struct Task {
    parsed: Parsed,
    namespace: Option<NetworkNamespace>,
    question: Question,
    form: Form,
}

impl Explain {
    /// Answers.
    pub(super) fn run(self, mistakes: Vec<Mistake>) -> ExitCode {
        let mut invocation = Invocation::new(self.options.given.clone(), mistakes);
        let Some(task) = self.task(&mut invocation) else {
            return invocation.report();
        };
        let log = invocation.log;
        for warning in &task.parsed.warnings {
            log.warning(warning, &[]);
        }
        match task.run(log) {
            Ok(()) => ExitCode::Done,
            Err(error) => error.report(log),
        }
    }

    fn task(&self, invocation: &mut Invocation) -> Option<Task> {
        let accounts = AccountFiles::default();
        let parsed = options::capture(&invocation.given, &accounts, &System);
        let namespace = options::network_namespace(&invocation.given);
        let parsed = invocation.noting(parsed);
        let namespace = invocation.noting(namespace);
        let form = invocation.noting(form(self.format.as_deref()));
        let question = invocation.noting(question(&self.connection.join(" "), &accounts));
        if !invocation.mistakes.is_empty() {
            return None;
        }
        Some(Task {
            parsed: parsed?,
            namespace: namespace?,
            question: question?,
            form: form?,
        })
    }
}

impl Task {
    fn run(self, log: Log) -> Result<(), Error> {
        super::enter(self.namespace.as_ref(), &[], log)?;
        let rules = plan(&resolve(self.parsed, log)?);
        let asked = complete(&self.question, &Here::new());
        let outcome = evaluate(&rules, &asked.connection);
        let answer = Answer::new(&rules, &asked, &outcome);
        super::print(&match self.form {
            Form::Text => answer.to_string(),
            Form::Json => answer.json() + "\n",
        })
    }
}

fn form(text: Option<&str>) -> Result<Form, Vec<Mistake>> {
    match text {
        None | Some("text") => Ok(Form::Text),
        Some("json") => Ok(Form::Json),
        Some(other) => Err(vec![Mistake {
            option: "--format".to_owned(),
            problem: Problem::Value(ValueError::Word {
                text: other.to_owned(),
                accepted: "text, json",
            }),
        }]),
    }
}

fn question(text: &str, accounts: &AccountFiles) -> Result<Question, Vec<Mistake>> {
    if text.is_empty() {
        return Err(vec![Mistake {
            option: "CONNECTION".to_owned(),
            problem: Problem::NothingAsked,
        }]);
    }
    let mistake = |error: SyntaxError| Mistake {
        option: error.word,
        problem: Problem::Connection(error.problem),
    };
    Question::parse(text, accounts).map_err(|errors| errors.into_iter().map(mistake).collect())
}
