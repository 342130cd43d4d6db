//! What is known of a command: its options, its help and the function that runs it.

use std::ffi::OsString;

use crate::exit_code::ExitCode;
use crate::options::{CommandOption, OptionSet, OptionSpec, Section, Setting};

use super::invocation::Invocation;
use super::parser::{is_flag, takes_next};

/// A command.
pub(super) struct CommandSpec {
    /// Its name; of `netweir cni install` both words.
    pub(super) name: &'static str,
    /// What it does, in one line.
    pub(super) about: &'static str,
    /// More about it, for `--help` and its man page.
    pub(super) details: &'static str,
    /// The sections of the shared options that it takes.
    pub(super) sections: &'static [Section],
    /// Its own options.
    pub(super) options: &'static [CommandOption],
    /// Its arguments that are not options: placeholder and help.
    pub(super) words: Option<(&'static str, &'static str)>,
    /// Command lines, each with what it does.
    pub(super) examples: &'static [(&'static str, &'static str)],
    /// Runs it.
    pub(super) run: fn(Invocation) -> ExitCode,
}

impl CommandSpec {
    /// The shared options that it takes.
    pub(super) fn settings(&self) -> Vec<Setting> {
        let all = Setting::ALL.iter().copied();
        all.filter(|setting| self.sections.contains(&setting.spec().section))
            .collect()
    }

    /// The specifications of all its options, in the order of `--help`.
    pub(super) fn specs(&self) -> Vec<&'static OptionSpec> {
        let own = self.options.iter().map(|option| option.spec());
        let shared = self.settings().into_iter().map(OptionSet::spec);
        own.chain(shared).collect()
    }
}

/// Whether any command has an option with the long flag.
pub(super) fn is_option(long: &str) -> bool {
    Setting::named(long).is_some() || CommandOption::named(long).is_some()
}

/// Moves options that stand before the command to the end of its name: `-q apply` becomes `apply -q`. The first
/// argument is the program's name.
pub(super) fn command_first(arguments: &mut [OsString], commands: &[CommandSpec]) {
    // One round for each word of the command's name.
    for (word, first) in (1..).enumerate() {
        let mut position = first;
        while let Some(argument) = arguments.get(position).filter(|argument| is_flag(argument)) {
            let value = option_of(argument).is_some_and(|spec| takes_next(spec, argument));
            position += if value { 2 } else { 1 };
        }
        let names_command = |argument: &OsString| {
            let mut names = commands.iter().map(|command| command.name.split(' '));
            names.any(|mut name| name.nth(word).is_some_and(|name| argument == name))
        };
        if !arguments.get(position).is_some_and(names_command) {
            return;
        }
        if let Some(moved) = arguments.get_mut(first..=position) {
            moved.rotate_right(1);
        }
    }
}

/// The option that the argument names, if it is one of netweir's.
fn option_of(argument: &OsString) -> Option<&'static OptionSpec> {
    let text = argument.to_str()?;
    let long = text.strip_prefix("--")?;
    let name = long.split('=').next()?;
    let setting = Setting::named(name).map(OptionSet::spec);
    setting.or_else(|| CommandOption::named(name).map(OptionSet::spec))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn command(name: &'static str) -> CommandSpec {
        CommandSpec {
            name,
            about: "",
            details: "",
            sections: &[],
            options: &[],
            words: None,
            examples: &[],
            run: |_| ExitCode::Done,
        }
    }

    #[test]
    fn moves_options_behind_the_command() {
        for (written, expected) in [
            ("apply -q", "apply -q"),
            ("-q apply", "apply -q"),
            (
                "-qv --netns 1 status --watch",
                "status -qv --netns 1 --watch",
            ),
            ("--netns apply status", "status --netns apply"),
            ("--netns=1 status", "status --netns=1"),
            ("-q cni -v install --once", "cni install -q -v --once"),
            (
                "--quiet=false cni --bin-dir /x install",
                "cni install --quiet=false --bin-dir /x",
            ),
            ("--nonsense apply", "apply --nonsense"),
            ("-q aply", "-q aply"),
            ("--netns", "--netns"),
            ("cni", "cni"),
            ("", ""),
        ] {
            let commands = ["apply", "status", "cni install"].map(command);
            let words = ["netweir"].into_iter().chain(written.split(' '));
            let mut arguments: Vec<OsString> = words.map(OsString::from).collect();
            command_first(&mut arguments, &commands);
            let moved = arguments.get(1..).unwrap().join(" ".as_ref());
            assert_eq!(moved, expected, "{written}");
        }
    }
}
