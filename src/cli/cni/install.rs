//! `netweir cni install`.

use std::fs;
use std::net::SocketAddr;

use clap::Args;

use crate::app::{self, Access, Place};
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::node::{self, Directories, Entry, WatchOptions};
use crate::options::{OptionError, OptionErrorKind, Section};
use crate::parse::ValueError;

use super::super::arguments::{OptionsOf, TakesOptions};
use super::super::error::CliError;
use super::super::invocation::Invocation;
use super::option::{NodeOption, NodeOptions, TakesNodeOptions};

/// The verb's options.
#[derive(Args)]
pub(super) struct Install {
    #[command(flatten)]
    node: NodeOptions<Self>,
    #[command(flatten)]
    options: OptionsOf<Self>,
}

impl TakesNodeOptions for Install {
    const OPTIONS: &[NodeOption] = &[
        NodeOption::BinDir,
        NodeOption::ConfDir,
        NodeOption::PluginConfig,
        NodeOption::Once,
        NodeOption::ReadyFile,
        NodeOption::Health,
        NodeOption::UninstallOnExit,
    ];
}

impl TakesOptions for Install {
    const SECTIONS: &[Section] = &[Section::Logging];
}

/// What is to be installed, with no mistake in it.
struct Task {
    directories: Directories,
    entry: Entry,
    /// `None` where nothing is watched.
    watch: Option<WatchOptions>,
}

impl Install {
    /// Installs the plugin.
    pub(super) fn run(mut self, errors: Vec<OptionError>) -> ExitCode {
        let mut invocation = self.options.invocation(errors);
        match Task::read(&self.node, &mut invocation) {
            Some(task) => task.run(invocation.log),
            None => invocation.report(),
        }
    }
}

impl Task {
    fn read(node: &NodeOptions<Install>, invocation: &mut Invocation) -> Option<Self> {
        let bin = invocation.noting(node.folder(NodeOption::BinDir));
        let conf = invocation.noting(node.folder(NodeOption::ConfDir));
        let entry = invocation.noting(entry(node));
        let once = invocation.noting(node.switch(NodeOption::Once));
        let ready_file = invocation.noting(node.path(NodeOption::ReadyFile));
        let health = invocation.noting(health(node));
        let uninstall = invocation.noting(node.switch(NodeOption::UninstallOnExit));
        let watch = WatchOptions {
            ready_file: ready_file?,
            health: health?,
            uninstall_on_exit: uninstall?,
        };
        let once = once?;
        if once {
            invocation.errors.extend(idle(node, &watch));
        }
        let directories = Directories {
            bin: bin?,
            conf: conf?,
        };
        let entry = entry?;
        invocation.errors.is_empty().then(|| Self {
            directories,
            entry,
            watch: (!once).then_some(watch),
        })
    }

    fn run(self, log: Log) -> ExitCode {
        match self.try_run(log) {
            Ok(()) => ExitCode::Done,
            Err(error) => error.report(log),
        }
    }

    fn try_run(self, log: Log) -> Result<(), CliError> {
        // The owner of the folders needs none.
        app::enter(Place::Current, Access::Unprivileged, log)?;
        match self.watch {
            Some(options) => node::watch(&self.directories, self.entry, options, log)?,
            None => node::install(&self.directories, self.entry, log)?,
        }
        Ok(())
    }
}

/// The plugin's entry with the keys that the file has.
fn entry(node: &NodeOptions<Install>) -> Result<Entry, Vec<OptionError>> {
    let option = NodeOption::PluginConfig;
    let (file, text) = match node.path(option)? {
        None => (String::new(), "{}".to_owned()),
        Some(path) => {
            let file = path.display().to_string();
            match fs::read_to_string(&path) {
                Ok(text) => (file, text),
                Err(error) => {
                    let reason = error.to_string();
                    return Err(vec![
                        node.option_error(option, OptionErrorKind::File { file, reason }),
                    ]);
                }
            }
        }
    };
    Entry::read(&text).map_err(|errors| {
        let problem = |error| OptionErrorKind::Usage(format!("{file:?}, {error}"));
        let errors = errors.into_iter();
        errors
            .map(|error| node.option_error(option, problem(error)))
            .collect()
    })
}

fn health(node: &NodeOptions<Install>) -> Result<Option<SocketAddr>, Vec<OptionError>> {
    let option = NodeOption::Health;
    let Some(text) = node.text(option)? else {
        return Ok(None);
    };
    let wrong = |_| {
        let error = ValueError::Word {
            text: text.to_owned(),
            accepted: "an address with a port, such as 127.0.0.1:15097 or [::1]:15097",
        };
        vec![node.option_error(option, error.into())]
    };
    text.trim().parse().map(Some).map_err(wrong)
}

/// What nobody would see the effect of.
fn idle(node: &NodeOptions<Install>, watch: &WatchOptions) -> Vec<OptionError> {
    let idle = [
        (NodeOption::ReadyFile, watch.ready_file.is_some()),
        (NodeOption::Health, watch.health.is_some()),
        (NodeOption::UninstallOnExit, watch.uninstall_on_exit),
    ];
    let idle = idle.into_iter().filter(|(_, is_given)| *is_given);
    idle.map(|(option, _)| node.option_error(option, OptionErrorKind::BesideOnce))
        .collect()
}
