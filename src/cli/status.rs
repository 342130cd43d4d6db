//! `netweir status`.

use std::io::{self, IsTerminal};
use std::time::Duration;

use clap::Args;

use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::nftables;
use crate::nftables::watch::Watch;
use crate::options::{self, OptionError, Section};
use crate::parse::NetworkNamespace;
use crate::process::privileges::Capability;
use crate::process::shutdown::Event;
use crate::render;
use crate::ruleset::{Installed, MetadataBytes};
use crate::status::{self, Origin, Status, Sync};

use super::arguments::{OptionsOf, TakesOptions};
use super::error::Error;
use super::form::{Form, FormOption};
use super::hunks;
use super::screen::Screen;
use super::style::Style;

const WATCH_HELP: &str = "\
Go on: look again when the rules are changed, and once a second for what they have counted, until SIGINT or SIGTERM";

/// How often counters are looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// The verb's own arguments, and the options.
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

/// What is to be told, with no mistake in it.
struct Task {
    namespace: Option<NetworkNamespace>,
    form: Form,
    watch: bool,
}

impl ShowStatus {
    /// Tells the status.
    pub(super) fn run(mut self, errors: Vec<OptionError>) -> ExitCode {
        let mut invocation = self.options.invocation(errors);
        let namespace = options::network_namespace(&invocation.given);
        let namespace = invocation.noting(namespace);
        let form = invocation.noting(self.form.read());
        let (Some(namespace), Some(form), true) = (namespace, form, invocation.errors.is_empty())
        else {
            return invocation.report();
        };
        let task = Task {
            namespace,
            form,
            watch: self.watch,
        };
        match task.run(invocation.log) {
            Ok(code) => code,
            Err(error) => error.report(invocation.log),
        }
    }
}

impl Task {
    fn run(&self, log: Log) -> Result<ExitCode, Error> {
        super::enter(self.namespace.as_ref(), &[Capability::NetAdmin], log)?;
        if self.watch {
            self.watch(log)?;
            return Ok(ExitCode::Done);
        }
        let state = State::look()?;
        super::print(&state.text(self.form, log))?;
        Ok(state.exit_code())
    }

    /// Tells the status again and again, where it is another than before.
    fn watch(&self, log: Log) -> Result<(), Error> {
        let mut watch = Watch::open()?;
        let on_screen = self.form == Form::Text && io::stdout().is_terminal();
        let mut screen = on_screen.then(Screen::open).transpose()?;
        let mut shown = None;
        loop {
            let text = State::look()?.text(self.form, log);
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

/// Whether there is more than an empty table that others made. One that they emptied has a note.
fn is_of_capture((installed, note): &(Installed, MetadataBytes)) -> bool {
    let mut rules = installed.ruleset.rules();
    rules.next().is_some() || !installed.foreign.is_empty() || !note.bytes().is_empty()
}

/// What is there.
enum State {
    /// Capture.
    Installed(Box<Status>),
    /// No table, or an empty one; of routing perhaps something all the same, as the `ip` commands that it equals.
    Nothing(Vec<String>),
}

impl State {
    fn look() -> Result<Self, Error> {
        let found = nftables::dump_with_metadata()?;
        let Some((mut installed, note)) = found.filter(is_of_capture) else {
            let routing = nftables::routing_beside(&[])?;
            let commands = routing.iter().map(render::ip_command).collect();
            return Ok(Self::Nothing(commands));
        };
        let origin = Origin::read(&note, &installed.ruleset);
        let wanted = origin.wanted().map(|wanted| wanted.routing.as_slice());
        installed.ruleset.routing = nftables::routing_beside(wanted.unwrap_or_default())?;
        Ok(Self::Installed(Box::new(Status::new(installed, origin))))
    }

    fn text(&self, form: Form, log: Log) -> String {
        match (self, form) {
            (Self::Installed(status), Form::Json) => status.json() + "\n",
            (Self::Nothing(routing), Form::Json) => status::nothing(routing.clone()) + "\n",
            (Self::Installed(status), Form::Text) => {
                let words = status.words(hunks::amount(log));
                let differences = hunks::text(&words.hunks, "the options", Style::of_output());
                let gap = if differences.is_empty() { "" } else { "\n" };
                format!("{}{gap}{differences}{}", words.head, words.counted)
            }
            (Self::Nothing(routing), Form::Text) => {
                let left = routing.iter().map(|command| {
                    format!("left behind: what {command:?} adds; netweir remove takes it away\n")
                });
                "capture is not installed\n".to_owned() + &left.collect::<String>()
            }
        }
    }

    /// A script wants to know whether traffic is captured as it should be.
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Nothing(_) => ExitCode::Drift,
            Self::Installed(status) => match status.sync() {
                Sync::Same | Sync::Unknown => ExitCode::Done,
                Sync::Edited | Sync::Differs => ExitCode::Drift,
            },
        }
    }
}
