//! The command line: one module for each verb.
//!
//! ```text
//! arguments ─► Invocation (options of all sources, every mistake) ─► the verb ─► exit code
//! ```

mod accounts;
mod apply;
mod arguments;
mod cni;
mod compat;
mod completions;
mod diff;
mod error;
mod explain;
mod form;
mod graph;
mod hunks;
mod invocation;
mod remove;
mod rules;
mod screen;
mod status;
mod style;
mod surroundings;
mod trace;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::exit_code::ExitCode;
use crate::log::Log;

use apply::Apply;
use arguments::{Arguments, OPTIONS, OptionsOf, Stop, TakesOptions, with_mentioned_options};
use cni::Cni;
use completions::Completions;
use diff::Diff;
use error::CliError;
use explain::Explain;
use graph::Graph;
use remove::Remove;
use status::ShowStatus;
use trace::Trace;

/// The width of `--help`, in columns, where the terminal is not narrower.
const HELP_WIDTH: usize = 100;

/// Captures a pod's traffic for a service-mesh proxy, through nf_tables and netlink alone.
#[derive(Parser)]
#[command(version, max_term_width = HELP_WIDTH)]
struct CommandLine {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Capture traffic as the options say, replacing what an earlier run installed.
    Apply(OptionsOf<Apply>),
    /// Put the chained CNI plugin, which this program is, on a node, or take it away.
    Cni(Cni),
    /// Print a script that completes command lines in a shell.
    Completions(Completions),
    /// Show what is installed against what these options would install; like diff, end with 0 when that is the
    /// same and with 3 when not.
    Diff(Diff),
    /// Tell where one connection goes under the rules that the options would make, and why.
    Explain(Explain),
    /// Draw the path of inbound and outbound connections through the rules.
    Graph(Graph),
    /// Take away exactly what apply installed; nothing there is no error.
    Remove(OptionsOf<Remove>),
    /// Tell whether capture is installed, with which options, by which version, whether its rules are still what they
    /// were, and what they have counted; end with 3 when it is not installed or was edited.
    Status(ShowStatus),
    /// Show new connections as they are made, with the rules that they meet and what becomes of them.
    Trace(Trace),
}

/// Does what the arguments say. The first one is the program's name.
#[must_use]
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    let arguments = match compat::run(arguments) {
        Ok(code) => return code,
        Err(own) => own,
    };
    let log = Log::default();
    let Arguments { matches, errors } =
        match Arguments::read(brief(&arguments), listed, documented, OPTIONS, arguments) {
            Ok(arguments) => arguments,
            Err(stop) => return stopped(stop),
        };
    match CommandLine::from_arg_matches(&matches).map(|line| line.verb) {
        Ok(Verb::Apply(options)) => Apply::run(options, errors),
        Ok(Verb::Cni(cni)) => cni.run(errors),
        Ok(Verb::Completions(completions)) => completions.run(errors),
        Ok(Verb::Diff(diff)) => diff.run(errors),
        Ok(Verb::Explain(explain)) => explain.run(errors),
        Ok(Verb::Graph(graph)) => graph.run(errors),
        Ok(Verb::Remove(options)) => Remove::run(options, errors),
        Ok(Verb::Status(status)) => status.run(errors),
        Ok(Verb::Trace(trace)) => trace.run(errors),
        // Nothing could be made of the arguments, and the mistakes say why.
        Err(_) => invocation::report(log, &errors),
    }
}

/// Says what was asked for, or what can be.
fn stopped(stop: Stop) -> ExitCode {
    match stop {
        Stop::Asked(text) => match print(&format!("{}\n", text.trim_end())) {
            Ok(()) => ExitCode::Done,
            Err(error) => error.report(Log::default()),
        },
        Stop::Nothing(text) => {
            eprintln!("{}", text.trim_end());
            ExitCode::Usage
        }
    }
}

/// The command line of the verb that changes the kernel's rules, if it is named first, with no more than these arguments
/// need.
fn brief(arguments: &[OsString]) -> Option<clap::Command> {
    let (name, sections) = match arguments.get(1)?.to_str()? {
        "apply" => ("apply", Apply::SECTIONS),
        "remove" => ("remove", Remove::SECTIONS),
        _ => return None,
    };
    let verb = with_mentioned_options(clap::Command::new(name), sections, arguments);
    Some(clap::Command::new(env!("CARGO_PKG_NAME")).subcommand(verb))
}

/// The command line, with the verbs that are other programs by name alone.
fn listed() -> clap::Command {
    CommandLine::command()
        .subcommands(compat::VERBS.map(|(verb, about)| clap::Command::new(verb).about(about)))
}

/// The verbs and their options with all that their help says, to make documents of.
#[must_use]
pub fn command() -> clap::Command {
    with_documents(listed().disable_help_subcommand(true))
}

/// The command line with all that its help says, the exit codes at its end.
fn documented() -> clap::Command {
    with_documents(listed())
}

fn with_documents(command: clap::Command) -> clap::Command {
    let mut command = command.after_help(exit_codes());
    // Now the verbs have the options that they put off.
    command.build();
    command.mut_subcommands(|verb| {
        with_documented_options(verb).mut_subcommands(with_documented_options)
    })
}

fn with_documented_options(verb: clap::Command) -> clap::Command {
    verb.mut_args(arguments::documented)
        .after_help(exit_codes())
}

fn exit_codes() -> String {
    let lines = ExitCode::ALL.map(|code| format!("\n  {:<3}  {}", code.number(), code.meaning()));
    format!("Exit codes:{}", lines.concat())
}

/// Prints what was asked for.
fn print(text: &str) -> Result<(), CliError> {
    let mut output = io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(CliError::Output)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::options::{OptionValues, Setting};

    fn given(command: clap::Command, arguments: &[OsString]) -> Option<OptionValues> {
        let matches = command.try_get_matches_from(arguments).ok()?;
        match CommandLine::from_arg_matches(&matches).ok()?.verb {
            Verb::Apply(options) => Some(options.given),
            _ => None,
        }
    }

    fn argument() -> impl Strategy<Value = String> {
        let name = prop::sample::select(Setting::ALL).prop_map(|setting| setting.spec().name);
        prop_oneof![
            6 => name.clone().prop_map(|name| format!("--{name}")),
            6 => name.prop_map(|name| format!("--{name}=1,2")),
            6 => prop::sample::select(vec!["3", "x", "", "-1", "*", "apply"]).prop_map(str::to_owned),
            1 => prop::sample::select(vec!["-v", "-vq", "-q", "--", "--help", "-x", "--dry"])
                .prop_map(str::to_owned),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_brief_command_line_understands_what_the_whole_one_does(
            arguments in prop::collection::vec(argument(), 0..6),
        ) {
            let words = ["netweir", "apply"].into_iter().map(OsString::from);
            let words: Vec<_> = words.chain(arguments.into_iter().map(OsString::from)).collect();
            let brief = brief(&words).unwrap();
            prop_assert_eq!(given(brief, &words), given(listed(), &words));
        }
    }
}
