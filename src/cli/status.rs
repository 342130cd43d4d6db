//! `netweir status`.

use std::io::{self, IsTerminal};
use std::time::Duration;

use clap::Args;

use crate::app::{self, Access, InstalledStatus, Place};
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::nftables::watch::Watch;
use crate::options::{self, OptionError, Section};
use crate::parse::NetworkNamespace;
use crate::process::shutdown::Event;
use crate::render;
use crate::ruleset::RoutingObject;
use crate::status::{self, Sync};

use super::arguments::{OptionsOf, TakesOptions};
use super::error::CliError;
use super::form::{Form, FormOption};
use super::hunks;
use super::screen::Screen;
use super::style::Style;

const WATCH_HELP: &str = "\
Keep running: show the status again when the rules change, and once a second while counters change, until SIGINT or \
SIGTERM";

/// How often counters are read.
const INTERVAL: Duration = Duration::from_secs(1);

/// The command's own arguments, and the options.
#[derive(Args)]
pub(super) struct ShowStatus {
    #[arg(long, help_heading = "The answer", help = WATCH_HELP)]
    watch: bool,
    #[command(flatten)]
    form: FormOption,
    #[command(flatten)]
    options: OptionsOf<Self>,
}

impl TakesOptions for ShowStatus {
    const SECTIONS: &[Section] = &[Section::Target, Section::Logging];
}

/// The arguments and options, all valid.
struct StatusRequest {
    namespace: Option<NetworkNamespace>,
    form: Form,
    watch: bool,
}

impl ShowStatus {
    /// Shows the status.
    pub(super) fn run(mut self, errors: Vec<OptionError>) -> ExitCode {
        let mut invocation = self.options.invocation(errors);
        let namespace = options::network_namespace(&invocation.given);
        let namespace = invocation.noting(namespace);
        let form = invocation.noting(self.form.read());
        let (Some(namespace), Some(form), true) = (namespace, form, invocation.errors.is_empty())
        else {
            return invocation.report();
        };
        let request = StatusRequest {
            namespace,
            form,
            watch: self.watch,
        };
        match request.run(invocation.log) {
            Ok(code) => code,
            Err(error) => error.report(invocation.log),
        }
    }
}

impl StatusRequest {
    fn run(&self, log: Log) -> Result<ExitCode, CliError> {
        app::enter(Place::of(self.namespace.as_ref()), Access::Rules, log)?;
        if self.watch {
            self.watch(log)?;
            return Ok(ExitCode::Done);
        }
        let status = InstalledStatus::read()?;
        super::print(&text(&status, self.form, log))?;
        Ok(exit_code(&status))
    }

    /// Shows the status whenever it changes.
    fn watch(&self, log: Log) -> Result<(), CliError> {
        let mut watch = Watch::open()?;
        let on_screen = self.form == Form::Text && io::stdout().is_terminal();
        let mut screen = on_screen.then(Screen::open).transpose()?;
        let mut shown = None;
        loop {
            let text = text(&InstalledStatus::read()?, self.form, log);
            if shown.as_ref() != Some(&text) {
                match (&mut screen, self.form) {
                    (Some(screen), _) => screen.show(&text)?,
                    (None, Form::Json) => super::print(&text)?,
                    (None, Form::Text) => super::print(&format!("{text}\n"))?,
                }
                shown = Some(text);
            }
            if watch.wait(INTERVAL)? == Event::Ended {
                break;
            }
        }
        if screen.take().is_some() {
            super::print(&shown.unwrap_or_default())?;
        }
        Ok(())
    }
}

fn text(status: &InstalledStatus, form: Form, log: Log) -> String {
    match (status, form) {
        (InstalledStatus::Capture(status), Form::Json) => status.json() + "\n",
        (InstalledStatus::Nothing(routing), Form::Json) => {
            status::nothing(commands(routing).collect()) + "\n"
        }
        (InstalledStatus::Capture(status), Form::Text) => {
            let words = status.words(hunks::amount(log));
            let differences = hunks::text(&words.hunks, "the options", Style::of_output());
            let gap = if differences.is_empty() { "" } else { "\n" };
            format!("{}{gap}{differences}{}", words.head, words.counted)
        }
        (InstalledStatus::Nothing(routing), Form::Text) => {
            let left = commands(routing).map(|command| {
                format!("left behind: what {command:?} adds; netweir remove takes it away\n")
            });
            "capture is not installed\n".to_owned() + &left.collect::<String>()
        }
    }
}

/// The `ip` commands that add the objects.
fn commands(routing: &[RoutingObject]) -> impl Iterator<Item = String> {
    routing.iter().map(render::ip_command)
}

/// For scripts: whether traffic is captured as it should be.
fn exit_code(status: &InstalledStatus) -> ExitCode {
    match status {
        InstalledStatus::Nothing(_) => ExitCode::Drift,
        InstalledStatus::Capture(status) => match status.sync() {
            Sync::Same | Sync::Unknown => ExitCode::Done,
            Sync::Edited | Sync::Differs => ExitCode::Drift,
        },
    }
}
