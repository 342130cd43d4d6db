//! `netweir graph`.

use crate::exit_code::ExitCode;
use crate::graph::{Diagram, dot, json, mermaid, svg};
use crate::log::Log;
use crate::options::CommandOption;
use crate::parse::ValueError;

use super::command::CommandSpec;
use super::error::CliError;
use super::invocation::Invocation;
use super::output::print;
use super::rules::Rules;

/// The command.
pub(super) const COMMAND: CommandSpec = CommandSpec {
    name: "graph",
    about: "Draw the path of connections through the rules",
    details: "",
    sections: Rules::SECTIONS,
    options: &[CommandOption::GraphFormat, CommandOption::FromKernel],
    words: None,
    examples: &[
        (
            "netweir graph --format=svg > rules.svg",
            "draw the rules of the default options",
        ),
        (
            "netweir graph --from-kernel",
            "draw the installed rules as a Mermaid diagram",
        ),
    ],
    run,
};

/// The arguments and options, all valid.
struct GraphRequest {
    rules: Rules,
    draw: fn(&Diagram) -> String,
}

fn run(invocation: Invocation) -> ExitCode {
    invocation.run(GraphRequest::read, GraphRequest::run)
}

impl GraphRequest {
    fn read(invocation: &mut Invocation) -> Option<Self> {
        let rules = Rules::requested(invocation);
        let draw = invocation.own(CommandOption::GraphFormat, draw);
        Some(Self {
            rules: rules?,
            draw: draw?,
        })
    }

    fn run(self, log: Log) -> Result<ExitCode, CliError> {
        let rules = self.rules.read(log)?;
        print(&(self.draw)(&Diagram::new(&rules.installed)))?;
        Ok(ExitCode::Done)
    }
}

fn draw(format: &str) -> Result<fn(&Diagram) -> String, ValueError> {
    match format {
        "mermaid" => Ok(mermaid),
        "dot" => Ok(dot),
        "svg" => Ok(svg),
        "json" => Ok(json),
        other => Err(ValueError::Word(
            other.to_owned(),
            "mermaid, dot, svg, json",
        )),
    }
}
