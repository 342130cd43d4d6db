//! Parses command lines with clap, whose arguments are made from option specifications.
//!
//! To clap every value is a string. Values are parsed later, in the same way for all sources.

use std::env;
use std::ffi::{OsStr, OsString};

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::options::{
    OptionError, OptionErrorKind, OptionSet, OptionSpec, OptionValues, Origin, Shape,
    is_service_url,
};

/// The id of the arguments that are not options.
pub(super) const WORDS: &str = "words";

/// The arguments that are not options.
pub(super) fn words_argument() -> Arg {
    Arg::new(WORDS)
        .num_args(0..)
        .value_parser(ValueParser::os_string())
}

/// `-h` or `--help` was found.
pub(super) struct HelpRequested;

/// The arguments that were understood, and an error for each of the others.
pub(super) struct Parsed {
    pub(super) matches: ArgMatches,
    pub(super) errors: Vec<OptionError>,
}

/// The options of one command line.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// Those that it accepts.
    pub(super) options: &'a [&'static OptionSpec],
    /// Whether another command has the long flag.
    pub(super) elsewhere: fn(&str) -> bool,
}

/// Parses the arguments, of which the first is the program's name.
///
/// clap is given only the options that occur, since building all of them takes half of the time of a run in user space.
/// Errors need all of them, for suggestions. clap stops at the first error. The argument is removed and the others are
/// parsed again, so that one run reports every error.
pub(super) fn parse(
    command: Command,
    known: Known<'_>,
    mut arguments: Vec<OsString>,
) -> Result<Parsed, HelpRequested> {
    let mut errors = Vec::new();
    let all = known.options.iter();
    let occurring = all.clone().filter(|spec| occurs(spec, &arguments));
    let occurring = command
        .clone()
        .args(occurring.filter_map(|spec| argument(spec)));
    if let Ok(matches) = occurring.try_get_matches_from(&arguments) {
        return Ok(Parsed { matches, errors });
    }
    let mut command = command.args(all.filter_map(|spec| argument(spec)));
    loop {
        let error = match command.try_get_matches_from_mut(&arguments) {
            Ok(matches) => return Ok(Parsed { matches, errors }),
            Err(error) => error,
        };
        if error.kind() == ErrorKind::DisplayHelp {
            return Err(HelpRequested);
        }
        let (error, wrong) = translate(&error, known);
        errors.push(error);
        let removed = wrong.is_some_and(|wrong| remove(known, &mut arguments, &wrong));
        if !removed {
            let matches = ArgMatches::default();
            return Ok(Parsed { matches, errors });
        }
    }
}

/// Whether the option may be among the arguments: its long flag is, or it has a short one.
fn occurs(spec: &OptionSpec, arguments: &[OsString]) -> bool {
    let is_flag = |argument: &OsString| {
        let long = argument.as_encoded_bytes().strip_prefix(b"--");
        let name = long.and_then(|long| long.split(|&byte| byte == b'=').next());
        name == Some(spec.name.as_bytes())
    };
    spec.short.is_some() || arguments.iter().any(is_flag)
}

/// The option as an argument of clap, if it has a flag.
pub(super) fn argument(spec: &'static OptionSpec) -> Option<Arg> {
    let long = spec.long?;
    let argument = Arg::new(long)
        .long(long)
        .action(ArgAction::Append)
        .value_parser(ValueParser::os_string())
        .allow_negative_numbers(true);
    let argument = match spec.short {
        Some(short) => argument.short(short),
        None => argument,
    };
    let without_value = match spec.shape {
        Shape::One | Shape::Number | Shape::List | Shape::Several => return Some(argument),
        Shape::Switch => "true",
        Shape::Count => "1",
    };
    Some(
        argument
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value(without_value),
    )
}

/// The values of the options: flags first, then environment variables.
///
/// `empty_is_unset` is that of [`OptionValues::from_variables`].
pub(super) fn values<O: OptionSet>(
    options: &[O],
    Parsed { matches, errors }: &mut Parsed,
    empty_is_unset: bool,
) -> OptionValues<O> {
    let mut values = OptionValues::default();
    let mut unset = Vec::new();
    for &option in options {
        let spec = option.spec();
        let Ok(Some(given)) = matches.try_get_many::<OsString>(spec.name) else {
            unset.push(option);
            continue;
        };
        match texts(given) {
            Ok(texts) => values.set(option, Origin::Flag, combined(spec.shape, &texts)),
            Err(value) => errors.push(OptionError::of(
                Origin::Flag.name_of(option),
                OptionErrorKind::NotUtf8(value.clone()),
            )),
        }
    }
    let variable = |name: &str| env::var_os(name).filter(|value| !is_service_url(value));
    let (variables, wrong) = OptionValues::from_variables(unset, empty_is_unset, variable);
    errors.extend(wrong);
    values.fall_back_to(variables);
    values
}

/// The arguments that are not options.
pub(super) fn words(Parsed { matches, errors }: &mut Parsed) -> Vec<String> {
    let Ok(Some(words)) = matches.try_get_many::<OsString>(WORDS) else {
        return Vec::new();
    };
    match texts(words) {
        Ok(texts) => texts.into_iter().map(str::to_owned).collect(),
        Err(word) => {
            errors.push(OptionError::of(
                word.to_string_lossy().into_owned(),
                OptionErrorKind::NotUtf8(word.clone()),
            ));
            Vec::new()
        }
    }
}

fn texts<'a>(values: impl Iterator<Item = &'a OsString>) -> Result<Vec<&'a str>, &'a OsString> {
    values.map(|value| value.to_str().ok_or(value)).collect()
}

/// One text from the values of a repeated flag.
fn combined(shape: Shape, texts: &[&str]) -> String {
    let joined = |separator| {
        let texts: Vec<_> = texts
            .iter()
            .copied()
            .filter(|text| !text.is_empty())
            .collect();
        texts.join(separator)
    };
    match (shape, texts) {
        (Shape::List, _) => joined(","),
        (Shape::Several, _) => joined(";"),
        (Shape::Count, [_, _, ..]) => texts.len().to_string(),
        (Shape::One | Shape::Number | Shape::Switch | Shape::Count, _) => {
            let last = texts.last().copied();
            last.unwrap_or("").to_owned()
        }
    }
}

/// Translates clap's error; also returns the wrong argument.
fn translate(error: &clap::Error, known: Known<'_>) -> (OptionError, Option<String>) {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        // The last suggestion is the most similar one.
        Some(ContextValue::Strings(texts)) => texts.last().cloned(),
        _ => None,
    };
    let argument = context(ContextKind::InvalidArg);
    let long = argument.as_deref().and_then(long_of);
    match (error.kind(), &argument, long) {
        (ErrorKind::UnknownArgument, Some(argument), long) => {
            let problem = if !argument.starts_with('-') {
                OptionErrorKind::Stray
            } else if long.is_some_and(known.elsewhere) {
                OptionErrorKind::Misplaced
            } else {
                OptionErrorKind::Unknown(context(ContextKind::SuggestedArg))
            };
            let option = argument.clone();
            (OptionError::of(option, problem), Some(argument.clone()))
        }
        (ErrorKind::InvalidValue, _, Some(long)) if known.spec(long).is_some() => {
            let spec = known.spec(long).map(|spec| (spec.value, spec.example));
            let (value, example) = spec.unwrap_or_default();
            let option = format!("--{long}");
            let wrong = Some(option.clone());
            let problem = OptionErrorKind::NoValue(value, example);
            (OptionError::of(option, problem), wrong)
        }
        _ => {
            let option = "usage".to_owned();
            let problem = OptionErrorKind::Usage(first_line(error));
            (OptionError::of(option, problem), None)
        }
    }
}

impl Known<'_> {
    fn spec(self, long: &str) -> Option<&'static OptionSpec> {
        let mut options = self.options.iter();
        options.find(|spec| spec.long == Some(long)).copied()
    }
}

/// clap's message without its prefix and the lines of advice after it.
fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or(&text);
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// The long flag in clap's name for an option: `inbound-port` in `--inbound-port <PORT>`.
fn long_of(argument: &str) -> Option<&str> {
    argument.split([' ', '[', '=']).next()?.strip_prefix("--")
}

/// Removes the wrong argument and the value after it.
fn remove(known: Known<'_>, arguments: &mut Vec<OsString>, wrong: &str) -> bool {
    let spec = wrong.strip_prefix("--").and_then(|long| known.spec(long));
    let short = spec
        .and_then(|spec| spec.short)
        .map(|short| format!("-{short}"));
    let is_wrong = |argument: &OsString| {
        let argument = argument.to_string_lossy();
        let rest = argument.strip_prefix(wrong);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
            || short.as_deref() == Some(&argument)
    };
    let Some(position) = arguments.iter().skip(1).position(is_wrong) else {
        return false;
    };
    let removed = arguments.remove(position + 1);
    let may_have_value = wrong.starts_with('-') && !contains(&removed, b'=');
    let value = arguments.get(position + 1);
    if may_have_value && value.is_some_and(|value| !is_flag(value)) {
        arguments.remove(position + 1);
    }
    true
}

/// Whether the argument starts with a dash.
pub(super) fn is_flag(argument: &OsStr) -> bool {
    argument.as_encoded_bytes().starts_with(b"-")
}

fn contains(argument: &OsStr, byte: u8) -> bool {
    argument.as_encoded_bytes().contains(&byte)
}

/// Whether the option takes its value from the next argument: `--netns` does, `--netns=1` and `-q` do not.
pub(super) fn takes_next(spec: &OptionSpec, argument: &OsStr) -> bool {
    let alone = !contains(argument, b'=');
    alone && !matches!(spec.shape, Shape::Switch | Shape::Count)
}
