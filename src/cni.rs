//! The CNI plugin: capture for a pod that a container runtime sets up, with nothing to run in the pod
//! (the CNI specification, versions 0.3.0 to 1.1.0).
//!
//! ```text
//! CNI_* variables ─┐  request                    ┌─► left alone ───────────────────────┐
//! stdin ───────────┴──────────► policy, options ─┤                                     ├─► prevResult as it was
//!                   (may fail)                   └─► Capture ─► plan ─► nftables::apply ─┘
//! ```
//!
//! What is printed is one JSON object or nothing; everything that may fail for reasons in the input fails before
//! anything is touched.

mod annotations;
mod code;
mod commands;
mod config;
mod environment;
mod error;

mod log;
mod policy;
mod request;
mod version;

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Read, Write as _};
use std::panic;
use std::path::PathBuf;
use std::process;

use crate::app::SystemFiles;
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::options::Files;

pub use annotations::{ISTIO_KEYS, LINKERD_KEYS};
pub use code::Code;
pub(crate) use config::{ANNOTATIONS, ConfigError};
pub(crate) use environment::is_name;
pub use environment::{Command, Environment};
pub use error::PluginError;

pub use policy::Reason;
pub use request::{Request, read};
pub use version::SpecVersion;

use config::Input;
use environment::Pod;

/// The variable that makes the program a plugin.
pub const COMMAND: &str = "CNI_COMMAND";

/// No configuration is longer, in bytes: annotations of a pod are limited to 256 KiB, results are smaller.
const LONGEST_INPUT: u64 = 16 << 20;

/// Reads a configuration as the plugin does for STATUS, without touching the system.
///
/// # Errors
/// The plugin would refuse the configuration.
pub(crate) fn check_configuration(text: &str, files: &dyn Files) -> Result<(), PluginError> {
    let environment = Environment {
        command: Command::Status,
        pod: Pod::default(),
        namespace: PathBuf::new(),
    };
    request::read(&environment, text, files).map(drop)
}

/// Does what the variables and standard input say.
#[must_use]
pub fn run() -> ExitCode {
    report_panics();
    let mut log = Log::default();
    let mut version = SpecVersion::LATEST;
    let output = answer(&mut log, &mut version);
    let (text, code) = match output {
        Ok(output) => (output, ExitCode::Done),
        Err(error) => {
            log.error(
                &error,
                &[
                    ("details", &error.details()),
                    ("code", &error.code().number()),
                ],
            );
            (Some(error.to_json(version)), ExitCode::Failed)
        }
    };
    match text.map_or(Ok(()), |text| print(&text)) {
        Ok(()) => code,
        Err(error) => {
            log.error("standard output cannot be written", &[("reason", &error)]);
            ExitCode::Failed
        }
    }
}

/// What is to be printed. The log and the version of an error are known as soon as the input tells them.
fn answer(log: &mut Log, version: &mut SpecVersion) -> Result<Option<String>, PluginError> {
    let variable = |name: &str| std::env::var_os(name);
    let environment = Environment::read(&variable);
    // Whoever tries it at a terminal, and sets too little, is not to be waited for.
    if environment.is_err() && io::stdin().is_terminal() {
        return environment.map(|_| None);
    }
    let command = environment.as_ref().ok().map(|known| known.command);
    let text = match (standard_input(), command) {
        // What speaks no version yet has nothing to say.
        (Ok(text), Some(Command::Version)) if text.trim().is_empty() => "{}".to_owned(),
        (Ok(text), _) => text,
        // These have no use for the configuration but to know where to log, and in which version to fail.
        (Err(_), None | Some(Command::Del)) => String::new(),
        (Err(error), _) => return Err(error),
    };
    let input = Input::parse(&text);
    if let Ok(input) = &input {
        *version = input.version().unwrap_or(SpecVersion::LATEST);
        let (pod, _) = Pod::told(&variable);
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
        return Err(PluginError::TooLong {
            limit: LONGEST_INPUT,
        });
    }
    String::from_utf8(bytes).map_err(|error| PluginError::NotUtf8(error.utf8_error()))
}

fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.write_all(b"\n")?;
    output.flush()
}

/// Has a panic end in an error as the runtime reads it. The message itself is for standard error.
pub fn report_panics() {
    let to_standard_error = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        to_standard_error(panic);
        let mut place = String::new();
        if let Some(location) = panic.location() {
            // Writing to a string does not fail.
            let _ = write!(place, "{location}");
        }
        let error = PluginError::Panic { place };
        // There is no one left to tell that this failed, too.
        let _ = print(&error.to_json(SpecVersion::LATEST));
        process::exit(i32::from(ExitCode::Failed.number()));
    }));
}
