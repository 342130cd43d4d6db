//! The verbs that take other programs' command lines.
//!
//! Their command lines are built on their own, and only when one of them is meant: each has more flags than netweir
//! has options.

mod carry_out;
mod error;
mod flags;
mod program;

use std::env::{self, VarError};
use std::ffi::OsString;
use std::path::Path;

use clap::Subcommand;

use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::meshes::{CompatCommand, FlagValues, Istio, Linkerd};
use crate::options::{OptionError, OptionErrorKind};

use super::Verb;
use super::accounts::AccountFiles;
use super::arguments::Arguments;
use super::invocation::report;
use error::HasRemedies;
use program::{Program, Told};

/// The verbs, each with what it does.
pub(super) const VERBS: [(&str, &str); 2] =
    [(Istio::VERB, Istio::ABOUT), (Linkerd::VERB, Linkerd::ABOUT)];

/// The verbs with their flags, and all that their help says.
pub(super) fn documented() -> [clap::Command; 2] {
    fn verb<P: CompatCommand>() -> clap::Command {
        let mut command = flags::documented::<P>().name(P::VERB);
        command.build();
        command
    }
    [verb::<Istio>(), verb::<Linkerd>()]
}

/// Does what the arguments say, where another program is meant; gives them back otherwise. The first one is the
/// program's name.
pub(super) fn run(mut arguments: Vec<OsString>) -> Result<ExitCode, Vec<OsString>> {
    let values: Vec<_> = arguments
        .iter()
        .map(|text| text.to_string_lossy())
        .collect();
    let (path, rest) = match values.split_first() {
        Some((path, rest)) => (path.as_ref(), rest),
        None => return Err(arguments),
    };
    let rest: Vec<_> = rest.iter().map(AsRef::as_ref).collect();
    if let ["help", verb] = *rest
        && VERBS.iter().any(|(name, _)| *name == verb)
    {
        return run(vec![path.into(), verb.into(), "--help".into()]);
    }
    let name = Path::new(path).file_name().unwrap_or_default();
    let (program, told) = Program::meant(&name.to_string_lossy(), &rest, Verb::has_subcommand);
    let start = match program {
        Program::Netweir => return Err(arguments),
        Program::Istio => start::<Istio>,
        Program::Linkerd => start::<Linkerd>,
    };
    if told == Told::ByVerb {
        arguments.remove(1);
    }
    Ok(start(arguments, told))
}

fn start<P: HasRemedies>(arguments: Vec<OsString>, told: Told) -> ExitCode {
    let read = Arguments::read(
        None,
        flags::command::<P>,
        flags::documented::<P>,
        flags::words::<P::Flag>(),
        arguments,
    );
    let Arguments {
        matches,
        mut errors,
    } = match read {
        Ok(arguments) => arguments,
        Err(stop) => return super::stopped(stop),
    };
    let mut values = variables(&mut errors);
    flags::add(&matches, &mut values, &mut errors);
    let options = P::log_options(&values);
    let log = Log::new(options.as_ref().copied().unwrap_or_default());
    let request = P::read(&values, &AccountFiles::default());
    match (options, request) {
        (Ok(_), Ok(mut request)) if errors.is_empty() => {
            let remark = P::remark_on_flags_alone(&values).filter(|_| told == Told::ByFlags);
            request.notices.extend(remark);
            match carry_out::run(&request, log) {
                Ok(()) => ExitCode::Done,
                Err(error) => error::report::<P>(&error, log),
            }
        }
        (options, request) => {
            errors.extend(options.err().into_iter().flatten());
            errors.extend(request.err().into_iter().flatten());
            report(log, &errors)
        }
    }
}

fn variables<F: crate::meshes::Flag>(errors: &mut Vec<OptionError>) -> FlagValues<F> {
    FlagValues::of_variables(|name| match env::var(name) {
        Ok(text) => Some(text),
        Err(VarError::NotPresent) => None,
        Err(VarError::NotUnicode(value)) => {
            errors.push(OptionError {
                option: name.to_owned(),
                problem: OptionErrorKind::NotUtf8(value),
            });
            None
        }
    })
}
