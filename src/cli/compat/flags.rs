//! The command line parser of a front end, made of its table.

use std::ffi::OsString;
use std::fmt::Write;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::cli::arguments::Words;
use crate::meshes::{CompatCommand, Flag, FlagValues, Shape, Spec};
use crate::options::{OptionError, OptionErrorKind};

/// The flags.
pub(super) fn command<P: CompatCommand>() -> Command {
    Command::new("netweir")
        .bin_name(format!("netweir {}", P::VERB))
        .max_term_width(crate::cli::HELP_WIDTH)
        .next_line_help(true)
        .args(
            P::Flag::ALL
                .iter()
                .filter_map(|flag| argument(&flag.spec())),
        )
}

/// The flags with all that their help says.
pub(super) fn documented<P: CompatCommand>() -> Command {
    let document = |argument: Arg| {
        let long = argument.get_id().as_str().to_owned();
        match flag::<P::Flag>(&long) {
            Some(flag) => argument.help(help(&flag.spec())),
            None => argument,
        }
    };
    command::<P>()
        .about(P::ABOUT)
        .mut_args(document)
        .after_help(format!(
            "{}{}",
            variables::<P::Flag>(),
            crate::cli::exit_codes()
        ))
}

/// What the flags are called.
pub(super) fn words<F: Flag>() -> Words {
    Words {
        value: |long| flag::<F>(long).map(|flag| (flag.spec().value, flag.spec().example)),
        elsewhere: |_| false,
    }
}

/// Adds what the flags were given.
pub(super) fn add<F: Flag>(
    matches: &ArgMatches,
    given: &mut FlagValues<F>,
    errors: &mut Vec<OptionError>,
) {
    for &flag in F::ALL {
        let spec = flag.spec();
        let Some(long) = spec.long else { continue };
        let Ok(Some(values)) = matches.try_get_many::<OsString>(long) else {
            continue;
        };
        let values: Result<Vec<_>, _> = values.map(|value| value.to_str().ok_or(value)).collect();
        match (values, spec.shape) {
            (Ok(values), Shape::List) => given.set(flag, values.join(",")),
            (Ok(values), Shape::One | Shape::Number | Shape::Switch) => {
                given.set(flag, values.last().copied().unwrap_or_default().to_owned());
            }
            (Err(value), _) => errors.push(OptionError {
                option: format!("--{long}"),
                problem: OptionErrorKind::NotUtf8(value.clone()),
            }),
        }
    }
}

fn flag<F: Flag>(long: &str) -> Option<F> {
    let mut all = F::ALL.iter().copied();
    all.find(|flag| flag.spec().long == Some(long))
}

fn argument(spec: &Spec) -> Option<Arg> {
    let long = spec.long?;
    let argument = Arg::new(long)
        .long(long)
        .value_name(spec.value)
        .action(ArgAction::Append)
        .value_parser(ValueParser::os_string())
        .allow_negative_numbers(true)
        .help_heading(spec.topic.heading());
    let argument = match spec.short {
        Some(short) => argument.short(short),
        None => argument,
    };
    Some(match spec.shape {
        Shape::One | Shape::Number | Shape::List => argument,
        Shape::Switch => argument
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
    })
}

fn help(spec: &Spec) -> String {
    let mut help = format!("{}\n[default: {}]", spec.about, spec.default.describe());
    if !spec.variables.is_empty() {
        // To a string, which takes everything.
        let _ = write!(help, " [env: {}]", spec.variables.join(", "));
    }
    help + &format!(" [example: {}]", spec.example)
}

/// The variables that have no flag.
fn variables<F: Flag>() -> String {
    let alone = F::ALL.iter().map(|flag| flag.spec());
    let mut text = String::new();
    for spec in alone.filter(|spec| spec.long.is_none()) {
        let about = spec.about;
        let (names, default) = (spec.variables.join(", "), spec.default.describe());
        // To a string, which takes everything.
        let _ = write!(
            text,
            "  {names}\n          {about}\n          [default: {default}] [example: {}]\n",
            spec.example
        );
    }
    if text.is_empty() {
        return text;
    }
    format!("Variables without a flag:\n{text}\n")
}
