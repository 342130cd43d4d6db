//! `netweir completions`: a script for each shell, made of the command line itself.
//!
//! The scripts list verbs, their options and the words that options take. A general generator (`clap_complete`) says
//! little more, and would take 80 kB of the binary.

mod scripts;

use clap::{Arg, Args, Command};

use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::options::{OptionError, OptionErrorKind};
use crate::parse::ValueError;

const HELP: &str = "The shell
[example: bash]";

/// The verb's argument.
#[derive(Args)]
pub(super) struct Completions {
    #[arg(value_name = "bash|zsh|fish", help = HELP)]
    shell: Option<String>,
}

/// A verb.
struct Verb {
    name: String,
    about: String,
    options: Vec<Choice>,
    /// The words that it takes without an option.
    words: Vec<String>,
}

/// An option of a verb.
struct Choice {
    /// With its dashes.
    flag: String,
    about: String,
    value: Value,
}

/// What an option takes.
enum Value {
    /// Nothing.
    None,
    /// One of these words.
    Words(Vec<String>),
    /// The name of a file.
    File,
    /// Something that nobody can complete.
    Other,
}

impl Completions {
    /// Prints the script.
    pub(super) fn run(self, errors: Vec<OptionError>) -> ExitCode {
        let log = Log::default();
        let script = match self.script() {
            Ok(script) if errors.is_empty() => script(&verbs()),
            Ok(_) => return super::invocation::report(log, &errors),
            Err(error) => {
                return super::invocation::report(log, &[errors, vec![error]].concat());
            }
        };
        match super::print(&script) {
            Ok(()) => ExitCode::Done,
            Err(error) => error.report(log),
        }
    }

    fn script(&self) -> Result<fn(&[Verb]) -> String, OptionError> {
        match self.shell.as_deref() {
            Some("bash") => Ok(scripts::bash),
            Some("zsh") => Ok(scripts::zsh),
            Some("fish") => Ok(scripts::fish),
            other => Err(OptionError {
                option: "SHELL".to_owned(),
                problem: OptionErrorKind::Value(ValueError::Word {
                    text: other.unwrap_or_default().to_owned(),
                    accepted: "bash, zsh, fish",
                }),
            }),
        }
    }
}

fn verbs() -> Vec<Verb> {
    let own = super::documented();
    let others = super::compat::documented();
    let is_other = |verb: &Command| {
        let mut others = others.iter();
        others.any(|other| other.get_name() == verb.get_name())
    };
    let own = own.get_subcommands().filter(|verb| !is_other(verb));
    own.chain(&others).map(verb).collect()
}

fn verb(command: &Command) -> Verb {
    Verb {
        name: command.get_name().to_owned(),
        about: gist(
            &command
                .get_about()
                .map(ToString::to_string)
                .unwrap_or_default(),
        ),
        options: options(command),
        words: command
            .get_positionals()
            .filter_map(Arg::get_value_names)
            .flatten()
            .flat_map(|name| words_of(name))
            .chain(own_verbs(command).map(|verb| verb.get_name().to_owned()))
            .collect(),
    }
}

/// The options of a verb, and those of its own verbs, each once.
fn options(command: &Command) -> Vec<Choice> {
    let own = own_verbs(command).flat_map(Command::get_arguments);
    let mut options: Vec<Choice> = Vec::new();
    for option in command.get_arguments().chain(own).filter_map(choice) {
        if options.iter().all(|known| known.flag != option.flag) {
            options.push(option);
        }
    }
    options
}

/// The verbs of a verb.
fn own_verbs(command: &Command) -> impl Iterator<Item = &Command> {
    let verbs = command.get_subcommands();
    verbs.filter(|verb| verb.get_name() != "help")
}

fn choice(argument: &Arg) -> Option<Choice> {
    let help = argument.get_help().map(ToString::to_string);
    Some(Choice {
        flag: format!("--{}", argument.get_long()?),
        about: gist(&help.unwrap_or_default()),
        value: value(argument),
    })
}

fn value(argument: &Arg) -> Value {
    let takes_one = argument.get_action().takes_values();
    let may_be_alone = argument
        .get_num_args()
        .is_some_and(|number| number.min_values() == 0);
    let Some([name]) = argument
        .get_value_names()
        .filter(|_| takes_one && !may_be_alone)
    else {
        return Value::None;
    };
    match (name.as_str(), words_of(name)) {
        ("DIR" | "FILE" | "NAMESPACE", _) => Value::File,
        (_, words) if words.is_empty() => Value::Other,
        (_, words) => Value::Words(words),
    }
}

/// The words in the name of a value. What is in capitals stands for something.
fn words_of(name: &str) -> Vec<String> {
    let words = name.split('|');
    let words = words.filter(|word| word.chars().all(|c| !c.is_uppercase()));
    words.map(ToOwned::to_owned).collect()
}

/// What of the text fits a line of a list.
fn gist(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let ends = [". ", ": ", "; "].map(|end| line.find(end));
    let end = ends.into_iter().flatten().min().unwrap_or(line.len());
    let gist = line.get(..end).unwrap_or(line);
    gist.trim_end_matches('.').to_owned()
}
