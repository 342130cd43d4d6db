//! The command line: one module for each command.
//!
//! ```text
//! arguments ─► Invocation (options of all sources, every error) ─► the command ─► exit code
//! ```

mod accounts;
mod apply;
mod cni;
mod colour;
mod command;
mod compat;
mod completions;
mod diff;
mod diff_text;
mod error;
mod explain;
mod full_screen;
mod graph;
mod help;
mod here;
mod invocation;
mod output;
mod parser;
mod remove;
mod rules;
mod status;
mod trace;
mod version;

use std::ffi::OsString;

use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::options::{OptionError, OptionErrorKind, nearest_of};

use command::{CommandSpec, command_first};
use compat::Other;
pub use help::Manual;
use invocation::Invocation;
use parser::{HelpRequested, Known};

/// All commands but those for the meshes' own command lines.
const COMMANDS: &[CommandSpec] = &[
    apply::COMMAND,
    remove::COMMAND,
    status::COMMAND,
    diff::COMMAND,
    explain::COMMAND,
    graph::COMMAND,
    trace::COMMAND,
    cni::INSTALL,
    cni::UNINSTALL,
    cni::EXPLAIN,
    completions::COMMAND,
    version::COMMAND,
];

/// Command names that users may try, and the commands to suggest.
const HINTS: [(&str, &str); 6] = [
    ("install", "apply, or cni install for the CNI plugin"),
    ("uninstall", "remove, or cni uninstall for the CNI plugin"),
    ("verify", "apply --verify"),
    ("init", "apply"),
    ("list", "status, or explain --from-kernel"),
    ("show", "status, or graph --from-kernel"),
];

/// Runs the command that the arguments name. The first one is the program's name.
#[must_use]
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    let wants_all = arguments.iter().any(|argument| argument == "--help");
    let mut arguments = match compat::run(arguments, is_command) {
        Ok(code) => return code,
        Err(Other::Help(name)) => return show_help(name, wants_all),
        Err(Other::Netweir(arguments)) => arguments,
    };
    command_first(&mut arguments, COMMANDS);
    let words: Vec<_> = arguments
        .iter()
        .skip(1)
        .map(|word| word.to_string_lossy())
        .collect();
    let words: Vec<_> = words.iter().map(AsRef::as_ref).collect();
    match words.as_slice() {
        [] => usage(&help::program(COMMANDS)),
        [help::CNI] => usage(&help::whole(COMMANDS, help::CNI)),
        [..] if is_group(&words.join(" ")) => usage(&help::whole(COMMANDS, &words.join(" "))),
        ["-h"] => output::show(&help::program(COMMANDS)),
        ["help" | "--help"] => output::show(&help::whole(COMMANDS, "")),
        [help::CNI, "-h" | "--help" | "help"] | ["help", help::CNI] => {
            output::show(&help::whole(COMMANDS, help::CNI))
        }
        ["help", name @ ..] if is_known(&name.join(" ")) => {
            output::show(&help::whole(COMMANDS, &name.join(" ")))
        }
        ["help", name, ..] => unknown(name),
        ["-V" | "--version", ..] => version::show(),
        [first, rest @ ..] => match (find(first), rest.first()) {
            (Some(spec), _) => {
                arguments.remove(1);
                start(spec, arguments)
            }
            (None, Some(second)) if *first == help::CNI => match find(&format!("{first} {second}"))
            {
                Some(spec) => {
                    arguments.drain(1..3);
                    start(spec, arguments)
                }
                None => unknown(second),
            },
            (None, _) => unknown(first),
        },
    }
}

fn find(name: &str) -> Option<&'static CommandSpec> {
    COMMANDS.iter().find(|spec| spec.name == name)
}

/// Whether the word is the first of a command's name.
fn is_command(word: &str) -> bool {
    let mut names = COMMANDS.iter().map(|spec| spec.name.split(' ').next());
    names.any(|name| name == Some(word))
}

fn is_known(name: &str) -> bool {
    find(name).is_some() || compat::COMMANDS.contains(&name)
}

/// Whether commands of a mesh begin with these words.
fn is_group(words: &str) -> bool {
    let mut commands = compat::COMMANDS.iter();
    commands.any(|command| {
        command
            .strip_prefix(words)
            .is_some_and(|rest| rest.starts_with(' '))
    })
}

fn start(spec: &'static CommandSpec, arguments: Vec<OsString>) -> ExitCode {
    let specs = spec.specs();
    let known = Known {
        options: &specs,
        elsewhere: command::is_option,
    };
    let command = clap::Command::new(spec.name);
    let command = match spec.words {
        Some(_) => command.arg(parser::words_argument()),
        None => command,
    };
    let wants_all = arguments.iter().any(|argument| argument == "--help");
    match parser::parse(command, known, arguments) {
        Ok(parsed) => {
            let command_line = || help::command_line(COMMANDS);
            let settings = spec.settings();
            let invocation = Invocation::new(&settings, spec.options, command_line, parsed);
            (spec.run)(invocation)
        }
        Err(HelpRequested) => show_help(spec.name, wants_all),
    }
}

fn show_help(name: &str, wants_all: bool) -> ExitCode {
    let help = if wants_all { help::whole } else { help::common };
    output::show(&help(COMMANDS, name))
}

/// Nothing was asked for.
fn usage(help: &str) -> ExitCode {
    eprint!("{help}");
    ExitCode::Usage
}

fn unknown(word: &str) -> ExitCode {
    let hint = HINTS.iter().find(|(tried, _)| *tried == word);
    let names = COMMANDS
        .iter()
        .map(|spec| spec.name)
        .chain(compat::COMMANDS);
    let problem = if word.starts_with('-') {
        let nearest = None;
        OptionErrorKind::Unknown(nearest)
    } else {
        let nearest = hint
            .map(|(_, command)| *command)
            .or_else(|| nearest_of(word, names));
        OptionErrorKind::UnknownCommand(nearest.map(str::to_owned))
    };
    let option = word.to_owned();
    invocation::report(Log::default(), &[OptionError::of(option, problem)])
}

/// The manual: a page for the program, and one for each command.
#[must_use]
pub fn manuals() -> Vec<Manual> {
    help::manuals(COMMANDS)
}
