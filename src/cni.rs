//! The chained CNI plugin: captures a pod when a container runtime sets it up, without an init container (CNI
//! specification, versions 0.3.0 to 1.1.0).
//!
//! ```text
//! CNI_* variables ─┐  request             ┌─► bypass ──────────────────────────────┐
//! stdin ───────────┴──────────► decision ──┤                                        ├─► prevResult, unchanged
//!                    (may fail)            └─► Capture ─► plan ─► nftables::apply ──┘
//! ```
//!
//! Standard output gets one JSON object or nothing. Errors in the input are found before anything is changed.

mod annotations;
mod code;
mod commands;
mod config;
mod environment;
mod error;
mod explain;
mod log;
mod request;
mod version;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Read, Write as _};
use std::panic;
use std::path::PathBuf;
use std::process;

use crate::app::SystemFiles;
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::options::Files;
use crate::sys::last_words::{self, LastWords};

pub use code::Code;
pub(crate) use config::{ANNOTATIONS, ConfigError};
pub(crate) use environment::is_name;
pub use environment::{COMMAND, Command, Environment};
pub use error::PluginError;
pub use explain::{Explanation, explain};

pub use request::{Request, read};
pub use version::SpecVersion;

use config::Input;
use environment::Pod;

/// The most that is read, in bytes. Annotations of a pod are limited to 256 KiB, and results are smaller.
const LONGEST_INPUT: u64 = 16 << 20;

/// Reads a configuration as the plugin does for STATUS, without touching the system.
///
/// # Errors
/// The plugin would refuse the configuration.
pub(crate) fn check_configuration(text: &str, files: &dyn Files) -> Result<(), PluginError> {
    let environment = Environment {
        command: Command::Status,
        pod: Pod::default(),
        interface: OsString::new(),
        namespace: PathBuf::new(),
    };
    request::read(&environment, text, files).map(drop)
}

/// Runs the command of the variables with the configuration on standard input.
#[must_use]
pub fn run() -> ExitCode {
    report_panics();
    report_signals(SpecVersion::LATEST);
    let mut log = Log::default();
    let mut version = SpecVersion::LATEST;
    let output = answer(&mut log, &mut version);
    let (text, code) = match output {
        Ok(output) => (output, ExitCode::Done),
        Err(error) => {
            let [message, details] = error.texts();
            let code = error.code().number();
            log.error(message, &[("details", &details), ("code", &code)]);
            (Some(error.to_json(version)), ExitCode::Failed)
        }
    };
    match text.map_or(Ok(()), |text| print(&text)) {
        Ok(()) => code,
        Err(error) => {
            log.error("cannot write standard output", &[("reason", &error)]);
            ExitCode::Failed
        }
    }
}

/// The text for standard output. Sets the log and the version of errors as soon as the input gives them.
fn answer(log: &mut Log, version: &mut SpecVersion) -> Result<Option<String>, PluginError> {
    let variable = |name: &str| std::env::var_os(name);
    let environment = Environment::read(&variable).map_err(PluginError::Environment);
    // A user who tries the plugin at a terminal with too few variables gets the error at once.
    if environment.is_err() && io::stdin().is_terminal() {
        return environment.map(|_| None);
    }
    let command = environment.as_ref().ok().map(|known| known.command);
    let text = match (standard_input(), command) {
        // A runtime that probes for versions may send nothing.
        (Ok(text), Some(Command::Version)) if text.trim().is_empty() => "{}".to_owned(),
        (Ok(text), _) => text,
        // Here the configuration only says where to log, and in which version to fail.
        (Err(_), None | Some(Command::Del)) => String::new(),
        (Err(error), _) => return Err(error),
    };
    let input = Input::parse(&text).map_err(PluginError::Decode);
    if let Ok(input) = &input {
        *version = input.version().unwrap_or(SpecVersion::LATEST);
        report_signals(*version);
        let (pod, _) = Pod::read_variables(&variable);
        let command = variable(COMMAND).unwrap_or_default();
        *log = log::of(input, command.to_string_lossy().into_owned(), &pod);
    }
    let environment = environment?;
    if environment.command == Command::Del {
        commands::del(&environment, *log);
        return Ok(None);
    }
    let request = request::of(&environment, &input?, &SystemFiles)?;
    commands::run(request, *log)
}

fn standard_input() -> Result<String, PluginError> {
    let mut bytes = Vec::new();
    let mut input = io::stdin().lock().take(LONGEST_INPUT + 1);
    input.read_to_end(&mut bytes).map_err(PluginError::Input)?;
    if bytes.len() as u64 > LONGEST_INPUT {
        return Err(PluginError::TooLong(LONGEST_INPUT));
    }
    String::from_utf8(bytes).map_err(|error| PluginError::NotUtf8(error.utf8_error()))
}

fn print(text: &str) -> io::Result<()> {
    last_words::clear();
    let mut output = io::stdout().lock();
    // In one system call: whole, or not at all.
    output.write_all(format!("{text}\n").as_bytes())?;
    output.flush()
}

/// Makes a signal that ends the plugin print an error for the runtime.
fn report_signals(version: SpecVersion) {
    let place = "a signal that a crash causes".to_owned();
    let answer = |error: PluginError| format!("{}\n", error.to_json(version)).into_bytes();
    last_words::set(LastWords {
        ended: answer(PluginError::Ended),
        crashed: answer(PluginError::Panic(place)),
    });
}

/// Makes a panic print an error for the runtime, after its message on standard error.
pub fn report_panics() {
    let to_standard_error = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        to_standard_error(panic);
        let mut place = String::new();
        if let Some(location) = panic.location() {
            // Writing to a string does not fail.
            let _ = write!(place, "{location}");
        }
        let error = PluginError::Panic(place);
        // If this fails, too, nothing is left to report to.
        let _ = print(&error.to_json(SpecVersion::LATEST));
        process::exit(i32::from(ExitCode::Failed.number()));
    }));
}
