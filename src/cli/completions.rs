//! `netweir completions`.

use clap::Command;
use clap_complete::Shell;

use crate::exit_code::ExitCode;
use crate::options::OptionError;
use crate::parse::ValueError;

use super::command::CommandSpec;
use super::help::summary;
use super::invocation::Invocation;
use super::output;

/// The command.
pub(super) const COMMAND: CommandSpec = CommandSpec {
    name: "completions",
    about: "Print a shell's completion script",
    details: "",
    sections: &[],
    options: &[],
    words: Some(("bash|zsh|fish", "The shell")),
    examples: &[
        (
            "source <(netweir completions bash)",
            "complete netweir's command lines in this shell",
        ),
        (
            "netweir completions zsh > \"${fpath[1]}/_netweir\"",
            "the same in zsh, from the next start on",
        ),
        (
            "netweir completions fish > ~/.config/fish/completions/netweir.fish",
            "the same in fish",
        ),
    ],
    run,
};

fn run(mut invocation: Invocation) -> ExitCode {
    let shell = match invocation.words.join(" ").as_str() {
        "bash" => Some(Shell::Bash),
        "zsh" => Some(Shell::Zsh),
        "fish" => Some(Shell::Fish),
        other => {
            let text = other.to_owned();
            let accepted = "bash, zsh, fish";
            invocation
                .errors
                .push(OptionError::of("SHELL", ValueError::Word(text, accepted)));
            None
        }
    };
    match shell {
        Some(shell) if invocation.errors.is_empty() => {
            let mut command = with_summaries((invocation.command_line)());
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, "netweir", &mut script);
            output::show(&String::from_utf8_lossy(&script))
        }
        _ => invocation.report(),
    }
}

/// The command with the first sentence of each option's help.
fn with_summaries(command: Command) -> Command {
    let command = command.mut_args(|argument| {
        let help = argument.get_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        let line = help.lines().next().unwrap_or(&help);
        argument.help(summary(line).to_owned())
    });
    command.mut_subcommands(with_summaries)
}
