//! `netweir graph`.

use clap::Args;

use crate::exit_code::ExitCode;
use crate::graph::{Diagram, dot, json, mermaid, svg};
use crate::log::Log;
use crate::options::{OptionError, OptionErrorKind, Section};
use crate::parse::ValueError;

use super::arguments::{OptionsOf, TakesOptions};
use super::error::CliError;
use super::invocation::Invocation;
use super::rules::{Rules, RulesOption};

const FORMAT_HELP: &str = "\
What to draw it for: Mermaid, Graphviz, as a picture that needs neither, or with JSON what is in it
[default: mermaid] [example: svg]";

/// The command's own arguments, and the options.
#[derive(Args)]
pub(super) struct Graph {
    #[arg(
        id = "graph-format",
        long = "format",
        value_name = "mermaid|dot|svg|json",
        help_heading = "The picture",
        help = FORMAT_HELP
    )]
    format: Option<String>,
    #[command(flatten)]
    rules: RulesOption,
    #[command(flatten)]
    options: OptionsOf<Self>,
}

impl TakesOptions for Graph {
    const SECTIONS: &[Section] = &RulesOption::SECTIONS;
}

/// The arguments and options, all valid.
struct GraphRequest {
    rules: Rules,
    draw: fn(&Diagram) -> String,
}

impl Graph {
    /// Draws the rules.
    pub(super) fn run(mut self, errors: Vec<OptionError>) -> ExitCode {
        let mut invocation = self.options.invocation(errors);
        let Some(request) = self.request(&mut invocation) else {
            return invocation.report();
        };
        match request.run(invocation.log) {
            Ok(()) => ExitCode::Done,
            Err(error) => error.report(invocation.log),
        }
    }

    fn request(&self, invocation: &mut Invocation) -> Option<GraphRequest> {
        let rules = self.rules.read(invocation);
        let draw = invocation.noting(draw(self.format.as_deref()));
        if !invocation.errors.is_empty() {
            return None;
        }
        Some(GraphRequest {
            rules: rules?,
            draw: draw?,
        })
    }
}

impl GraphRequest {
    fn run(self, log: Log) -> Result<(), CliError> {
        let rules = self.rules.read(log)?;
        super::print(&(self.draw)(&Diagram::new(&rules.installed)))
    }
}

fn draw(format: Option<&str>) -> Result<fn(&Diagram) -> String, Vec<OptionError>> {
    match format {
        None | Some("mermaid") => Ok(mermaid),
        Some("dot") => Ok(dot),
        Some("svg") => Ok(svg),
        Some("json") => Ok(json),
        Some(other) => Err(vec![OptionError {
            option: "--format".to_owned(),
            problem: OptionErrorKind::Value(ValueError::Word {
                text: other.to_owned(),
                accepted: "mermaid, dot, svg, json",
            }),
        }]),
    }
}
