//! `netweir cni`: installs and uninstalls the plugin on a node.

mod explain;

use std::fs;
use std::path::PathBuf;

use crate::app::{self, Access, Place};
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::node::{self, Directories, Entry, WatchOptions};
use crate::options::{CommandOption, OptionErrorKind, OptionSet, Section};
use crate::parse;

use super::command::CommandSpec;
use super::error::CliError;
use super::invocation::{Invocation, Noted};

pub(super) use explain::EXPLAIN;

/// `netweir cni install`.
pub(super) const INSTALL: CommandSpec = CommandSpec {
    name: "cni install",
    about: "Install the CNI plugin on this node and keep it installed",
    details: "Copies this program to the runtime's plugin directory, adds the plugin to the primary network configuration \
              and watches both, so that changes by others are repaired within a second. Runs until SIGTERM or SIGINT.",
    sections: &[Section::Logging],
    options: &[
        CommandOption::BinDir,
        CommandOption::ConfDir,
        CommandOption::PluginConfig,
        CommandOption::Once,
        CommandOption::ReadyFile,
        CommandOption::Health,
        CommandOption::UninstallOnExit,
    ],
    words: None,
    examples: &[
        ("netweir cni install --once", "install the plugin and exit"),
        (
            "netweir cni install --health=127.0.0.1:15097",
            "install the plugin, keep it installed and answer probes",
        ),
    ],
    run: install,
};

/// `netweir cni uninstall`.
pub(super) const UNINSTALL: CommandSpec = CommandSpec {
    name: "cni uninstall",
    about: "Uninstall the CNI plugin from this node (succeeds if it is not installed)",
    details: "",
    sections: &[Section::Logging],
    options: &[CommandOption::BinDir, CommandOption::ConfDir],
    words: None,
    examples: &[("netweir cni uninstall", "uninstall the plugin")],
    run: uninstall,
};

fn install(mut invocation: Invocation) -> ExitCode {
    let Some((directories, entry, watch)) = read(&mut invocation) else {
        return invocation.report();
    };
    let log = invocation.log;
    done(
        without_privileges(log).and_then(|()| {
            match watch {
                Some(options) => node::watch(&directories, entry, options, log)?,
                None => node::install(&directories, entry, log)?,
            }
            Ok(())
        }),
        log,
    )
}

fn uninstall(mut invocation: Invocation) -> ExitCode {
    let directories = directories(&mut invocation);
    let log = invocation.log;
    match directories {
        Some(directories) if invocation.errors.is_empty() => done(
            without_privileges(log).and_then(|()| Ok(node::uninstall(&directories, log)?)),
            log,
        ),
        _ => invocation.report(),
    }
}

/// The directories' owner needs no capability.
fn without_privileges(log: Log) -> Result<(), CliError> {
    Ok(app::enter(Place::Current, Access::Unprivileged, log)?)
}

fn done(result: Result<(), CliError>, log: Log) -> ExitCode {
    match result {
        Ok(()) => ExitCode::Done,
        Err(error) => error.report(log),
    }
}

/// What to install and, unless with --once, how to watch it.
fn read(invocation: &mut Invocation) -> Option<(Directories, Entry, Option<WatchOptions>)> {
    let directories = directories(invocation);
    let entry = entry(invocation);
    let once = invocation.own(CommandOption::Once, parse::switch);
    let ready_file = path(invocation, CommandOption::ReadyFile);
    let health = invocation.own_if_set(CommandOption::Health, parse::socket_address);
    let uninstall = invocation.own(CommandOption::UninstallOnExit, parse::switch);
    let watch = WatchOptions {
        ready_file: ready_file.ok()?,
        health: health.ok()?,
        uninstall_on_exit: uninstall?,
    };
    let once = once?;
    if once {
        for (option, is_set) in [
            (CommandOption::ReadyFile, watch.ready_file.is_some()),
            (CommandOption::Health, watch.health.is_some()),
            (CommandOption::UninstallOnExit, watch.uninstall_on_exit),
        ] {
            if is_set {
                let once = invocation.own.name(CommandOption::Once);
                invocation.note(option, OptionErrorKind::Conflict(once));
            }
        }
    }
    let (directories, entry) = (directories?, entry?);
    let read = (directories, entry, (!once).then_some(watch));
    invocation.errors.is_empty().then_some(read)
}

fn directories(invocation: &mut Invocation) -> Option<Directories> {
    let bin = directory(invocation, CommandOption::BinDir);
    let conf = directory(invocation, CommandOption::ConfDir);
    Some(Directories {
        bin: bin?,
        conf: conf?,
    })
}

fn directory(invocation: &mut Invocation, option: CommandOption) -> Option<PathBuf> {
    let given = path(invocation, option).ok()?;
    Some(given.unwrap_or_else(|| invocation.own.text(option).into()))
}

/// The path, if the option is set.
fn path(invocation: &mut Invocation, option: CommandOption) -> Result<Option<PathBuf>, Noted> {
    match invocation.own.text(option) {
        "" if invocation.own.has(option) => {
            let spec = option.spec();
            let (value, example) = (spec.value, spec.example);
            invocation.note(option, OptionErrorKind::NoValue(value, example));
            Err(Noted)
        }
        _ if !invocation.own.has(option) => Ok(None),
        path => Ok(Some(path.into())),
    }
}

/// The plugin's entry with the keys that the file has.
fn entry(invocation: &mut Invocation) -> Option<Entry> {
    let option = CommandOption::PluginConfig;
    let (file, text) = match path(invocation, option).ok()? {
        None => (String::new(), "{}".to_owned()),
        Some(path) => {
            let file = path.display().to_string();
            match fs::read_to_string(&path) {
                Ok(text) => (file, text),
                Err(error) => {
                    let reason = error.to_string();
                    invocation.note(option, OptionErrorKind::File(file, reason));
                    return None;
                }
            }
        }
    };
    let errors = match Entry::read(&text) {
        Ok(entry) => return Some(entry),
        Err(errors) => errors,
    };
    for error in errors {
        invocation.note(option, OptionErrorKind::Usage(format!("{file:?}, {error}")));
    }
    None
}
