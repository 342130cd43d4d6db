//! `netweir status`.

use std::io::{self, IsTerminal};
use std::time::Duration;

use crate::app::{self, Access, InstalledStatus, Place};
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::nftables::watch::Watch;
use crate::options::{CommandOption, OutputFormat, Section};
use crate::parse::{self, NetworkNamespace};
use crate::process::shutdown::Event;
use crate::render;
use crate::ruleset::RoutingObject;
use crate::status::{self, Sync};

use super::colour::Style;
use super::command::CommandSpec;
use super::diff_text;
use super::error::CliError;
use super::full_screen::Screen;
use super::invocation::Invocation;
use super::output::print;

const KEEPS_CONNECTIONS: &str = "a NAT chain without effect, which keeps open connections working; netweir remove takes it away";

/// How often counters are read.
const INTERVAL: Duration = Duration::from_secs(1);

/// The command.
pub(super) const COMMAND: CommandSpec = CommandSpec {
    name: "status",
    about: "Show what is installed, by which options, whether it was edited, and counters",
    details: "The exit code is 3 if capture is not installed or its rules were edited.",
    sections: &[Section::Target, Section::Logging],
    options: &[CommandOption::OutputFormat, CommandOption::Watch],
    words: None,
    examples: &[
        ("netweir status", "show the state of this network namespace"),
        (
            "netweir --netns 4711 status --watch",
            "follow the counters of a process's network namespace",
        ),
    ],
    run,
};

/// The arguments and options, all valid.
struct StatusRequest {
    namespace: Option<NetworkNamespace>,
    format: OutputFormat,
    watch: bool,
}

fn run(invocation: Invocation) -> ExitCode {
    invocation.run(StatusRequest::read, |request, log| request.run(log))
}

impl StatusRequest {
    fn read(invocation: &mut Invocation) -> Option<Self> {
        let namespace = invocation.namespace();
        let format = invocation.own(CommandOption::OutputFormat, parse::word);
        let watch = invocation.own(CommandOption::Watch, parse::switch);
        Some(Self {
            namespace: namespace.ok()?,
            format: format?,
            watch: watch?,
        })
    }

    fn run(&self, log: Log) -> Result<ExitCode, CliError> {
        app::enter(Place::of(self.namespace.as_ref()), Access::Rules, log)?;
        if self.watch {
            self.watch(log)?;
            return Ok(ExitCode::Done);
        }
        let status = InstalledStatus::read()?;
        print(&text(&status, self.format, log))?;
        Ok(exit_code(&status))
    }

    /// Shows the status whenever it changes.
    fn watch(&self, log: Log) -> Result<(), CliError> {
        let mut watch = Watch::open()?;
        let on_screen = self.format == OutputFormat::Text && io::stdout().is_terminal();
        let mut screen = on_screen.then(Screen::open).transpose()?;
        let mut shown = None;
        loop {
            let text = text(&InstalledStatus::read()?, self.format, log);
            if shown.as_ref() != Some(&text) {
                match (&mut screen, self.format) {
                    (Some(screen), _) => screen.show(&text)?,
                    (None, OutputFormat::Json) => print(&text)?,
                    (None, OutputFormat::Text) => print(&format!("{text}\n"))?,
                }
                shown = Some(text);
            }
            if watch.wait(INTERVAL)? == Event::Ended {
                break;
            }
        }
        if screen.take().is_some() {
            print(&shown.unwrap_or_default())?;
        }
        Ok(())
    }
}

fn text(status: &InstalledStatus, format: OutputFormat, log: Log) -> String {
    match (status, format) {
        (InstalledStatus::Capture(status), OutputFormat::Json) => status.json() + "\n",
        (InstalledStatus::Nothing(routing, keeps_connections), OutputFormat::Json) => {
            let warnings = keeps_connections.then(|| KEEPS_CONNECTIONS.to_owned());
            status::nothing(commands(routing).collect(), warnings.as_slice()) + "\n"
        }
        (InstalledStatus::Capture(status), OutputFormat::Text) => {
            let words = status.words(diff_text::amount(log));
            let differences = diff_text::text(&words.sections, "the options", Style::of_output());
            let gap = if differences.is_empty() { "" } else { "\n" };
            format!("{}{gap}{differences}{}", words.head, words.counted)
        }
        (InstalledStatus::Nothing(routing, keeps_connections), OutputFormat::Text) => {
            let kept = keeps_connections.then(|| format!("left behind: {KEEPS_CONNECTIONS}\n"));
            let left = commands(routing).map(|command| {
                format!("left behind: what {command:?} adds; netweir remove takes it away\n")
            });
            let lines = kept.into_iter().chain(left);
            "capture is not installed\n".to_owned() + &lines.collect::<String>()
        }
    }
}

/// The `ip` commands that add the objects.
fn commands(routing: &[RoutingObject]) -> impl Iterator<Item = String> {
    routing.iter().map(render::ip_command)
}

/// Success if traffic is captured as expected, for scripts.
fn exit_code(status: &InstalledStatus) -> ExitCode {
    match status {
        InstalledStatus::Nothing(..) => ExitCode::Drift,
        InstalledStatus::Capture(status) => match status.sync() {
            Sync::Same | Sync::Unknown => ExitCode::Done,
            Sync::Edited | Sync::Differs => ExitCode::Drift,
        },
    }
}
