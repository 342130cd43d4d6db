//! The commands that take the command lines of the meshes' own programs.

mod carry_out;
mod error;
mod program;

use std::ffi::OsString;
use std::path::Path;

use crate::app::SystemFiles;
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::meshes::{
    CompatCommand, Consul, Istio, IstioClean, Kuma, KumaUninstall, KumaValidator, Linkerd,
    LinkerdValidator,
};
use crate::options::OptionSet;

use super::accounts::AccountFiles;
use super::invocation::report;
use super::parser::{self, HelpRequested, Known};
use super::version;
use error::HasRemedies;
use program::{Meant, Program};

/// The commands.
pub(super) const COMMANDS: [&str; 8] = [
    Istio::COMMAND,
    IstioClean::COMMAND,
    Linkerd::COMMAND,
    LinkerdValidator::COMMAND,
    Kuma::COMMAND,
    KumaValidator::COMMAND,
    KumaUninstall::COMMAND,
    Consul::COMMAND,
];

/// How a run of one of these commands ends early.
pub(super) enum Other {
    /// The arguments are for netweir itself: here they are.
    Netweir(Vec<OsString>),
    /// The command's help was requested.
    Help(&'static str),
}

/// Runs the program that the arguments are for, if it is one of a mesh. The first one is the program's name.
pub(super) fn run(
    mut arguments: Vec<OsString>,
    is_command: impl Fn(&str) -> bool,
) -> Result<ExitCode, Other> {
    let texts: Vec<_> = arguments
        .iter()
        .map(|text| text.to_string_lossy())
        .collect();
    let Some((path, rest)) = texts.split_first() else {
        return Err(Other::Netweir(arguments));
    };
    let rest: Vec<_> = rest.iter().map(AsRef::as_ref).collect();
    let name = Path::new(path.as_ref()).file_name().unwrap_or_default();
    let meant = Program::meant(&name.to_string_lossy(), &rest, is_command);
    if meant.program != Program::Netweir && rest == ["--version"] {
        return Ok(version::show());
    }
    let start = match meant.program {
        Program::Netweir => return Err(Other::Netweir(arguments)),
        Program::Istio => start::<Istio>,
        Program::IstioClean => start::<IstioClean>,
        Program::Linkerd => start::<Linkerd>,
        Program::LinkerdValidator => start::<LinkerdValidator>,
        Program::Kuma => start::<Kuma>,
        Program::KumaValidator => start::<KumaValidator>,
        Program::KumaUninstall => start::<KumaUninstall>,
        Program::Consul => start::<Consul>,
    };
    arguments.drain(1..=meant.words);
    start(arguments, meant)
}

fn start<P: HasRemedies>(mut arguments: Vec<OsString>, meant: Meant) -> Result<ExitCode, Other> {
    P::rewrite(&mut arguments);
    let specs: Vec<_> = P::FLAGS.iter().map(|flag| flag.spec()).collect();
    let known = Known {
        options: &specs,
        elsewhere: |_| false,
    };
    let command = clap::Command::new(P::COMMAND);
    let parsed = parser::parse(command, known, arguments);
    let mut parsed = parsed.map_err(|HelpRequested| Other::Help(P::COMMAND))?;
    let values = parser::values(P::FLAGS, &mut parsed, true);
    let (log, request) = P::read(&values, &AccountFiles::default(), &SystemFiles);
    let log = Log::new(log);
    let mut errors = parsed.errors;
    match request {
        Ok(mut request) if errors.is_empty() => {
            if meant.by_flags {
                request.notices.extend(P::warning_for_flags_alone(&values));
            }
            Ok(match carry_out::run(&request, log) {
                Ok(()) => ExitCode::Done,
                Err(error) => error::report::<P>(&error, log),
            })
        }
        request => {
            errors.extend(request.err().into_iter().flatten());
            Ok(report(log, &errors))
        }
    }
}
