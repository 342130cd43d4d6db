//! From the command line and the environment to texts of options.
//!
//! Every option is a text to the command line parser: what the texts are worth is found out later, for all of
//! them at once, and for other sources alike.

use std::env;
use std::ffi::{OsStr, OsString};
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::options::{
    OptionError, OptionErrorKind, OptionValues, Origin, Section, Setting, Shape, Spec,
};

use super::cni;
use super::invocation::Invocation;

/// The arguments, as far as they are understood, and what is wrong with the others.
pub(super) struct Arguments {
    pub(super) matches: ArgMatches,
    pub(super) errors: Vec<OptionError>,
}

/// Why there is nothing to do.
pub(super) enum Stop {
    /// The help or the version was asked for: this text.
    Asked(String),
    /// Nothing was asked for; this text says what can be.
    Nothing(String),
}

impl Arguments {
    /// Reads the arguments, or says why that was not what they are for.
    ///
    /// The parser stops at the first argument that it does not know. That one is noted and left out,
    /// and the others are read again, so that all mistakes are known in the end.
    ///
    /// `brief` is a command line that is quick to make and understands these arguments as `command`'s does, or not at
    /// all. `documented` makes the command line with its help: only when that is asked for, since to write it takes a
    /// sixth of the instructions of an `apply`.
    pub(super) fn read(
        brief: Option<Command>,
        command: impl Fn() -> Command,
        documented: impl Fn() -> Command,
        words: Words,
        mut arguments: Vec<OsString>,
    ) -> Result<Self, Stop> {
        let mut errors = Vec::new();
        // Taking one apart again would cost more than its memory is worth to a process that is about to end.
        if let Some(mut brief) = brief.map(ManuallyDrop::new)
            && let Ok(matches) = brief.try_get_matches_from_mut(&arguments)
        {
            return Ok(Self { matches, errors });
        }
        let mut command = ManuallyDrop::new(command());
        loop {
            let error = match command.try_get_matches_from_mut(&arguments) {
                Ok(matches) => return Ok(Self { matches, errors }),
                Err(error) => error,
            };
            let text = || match documented().try_get_matches_from(&arguments) {
                Ok(_) => String::new(),
                Err(help) => help.to_string(),
            };
            if !error.use_stderr() {
                return Err(Stop::Asked(text()));
            }
            if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
                if errors.is_empty() {
                    return Err(Stop::Nothing(text()));
                }
                return Ok(Self::nothing_but(errors));
            }
            let (error, wrong) = explain(&error, words);
            errors.push(error);
            let left_out = wrong.is_some_and(|wrong| leave_out(&command, &mut arguments, &wrong));
            if !left_out {
                return Ok(Self::nothing_but(errors));
            }
        }
    }

    fn nothing_but(errors: Vec<OptionError>) -> Self {
        Self {
            matches: ArgMatches::default(),
            errors,
        }
    }
}

/// What the options of a command line are called.
#[derive(Clone, Copy)]
pub(super) struct Words {
    /// What the help calls the value of the long flag, and a value; `None` where there is no such flag.
    pub(super) value: fn(&str) -> Option<(&'static str, &'static str)>,
    /// Whether there is such a flag in another place.
    pub(super) elsewhere: fn(&str) -> bool,
}

/// The words of the table of options.
pub(super) const OPTIONS: Words = Words {
    value: |name| {
        let setting = Setting::named(name);
        let words = setting.map(|setting| (setting.spec().value, setting.spec().example));
        words.or_else(|| cni::words_of(name))
    },
    elsewhere: |name| Setting::named(name).is_some() || cni::words_of(name).is_some(),
};

/// The parser's error as a mistake, and the argument that it is about.
fn explain(error: &clap::Error, words: Words) -> (OptionError, Option<String>) {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        // Of those that are spelled like it, the last one is most like it.
        Some(ContextValue::Strings(texts)) => texts.last().cloned(),
        _ => None,
    };
    let argument = context(ContextKind::InvalidArg);
    let usage = || OptionError {
        option: "usage".to_owned(),
        problem: OptionErrorKind::Usage(first_line(error)),
    };
    match (error.kind(), argument) {
        (ErrorKind::InvalidSubcommand, _) => {
            let option = context(ContextKind::InvalidSubcommand).unwrap_or_default();
            let nearest = context(ContextKind::SuggestedSubcommand);
            let problem = OptionErrorKind::UnknownVerb { nearest };
            (OptionError { option, problem }, None)
        }
        (ErrorKind::UnknownArgument, Some(option)) => {
            let problem = if !option.starts_with('-') {
                OptionErrorKind::Stray
            } else if long_of(&option).is_some_and(words.elsewhere) {
                OptionErrorKind::Misplaced
            } else {
                let nearest = context(ContextKind::SuggestedArg);
                OptionErrorKind::Unknown { nearest }
            };
            let wrong = option.clone();
            (OptionError { option, problem }, Some(wrong))
        }
        (ErrorKind::InvalidValue, Some(argument)) => match long_of(&argument) {
            Some(long) => match (words.value)(long) {
                Some((value, example)) => {
                    let option = format!("--{long}");
                    let wrong = Some(option.clone());
                    let problem = OptionErrorKind::NoValue { value, example };
                    (OptionError { option, problem }, wrong)
                }
                None => (usage(), None),
            },
            None => (usage(), None),
        },
        _ => (usage(), None),
    }
}

/// The parser's message without its prefix and the lines of advice after it.
fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// The long flag in the parser's name for an option: `inbound-port` in `--inbound-port <PORT>`.
fn long_of(argument: &str) -> Option<&str> {
    argument.split([' ', '[', '=']).next()?.strip_prefix("--")
}

/// Takes the argument away, and the value that seems to belong to it.
fn leave_out(command: &Command, arguments: &mut Vec<OsString>, wrong: &str) -> bool {
    let long = wrong.strip_prefix("--");
    let mut known = command.get_arguments();
    let short = known.find(|known| long.is_some() && known.get_long() == long);
    let short = short
        .and_then(Arg::get_short)
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
    let may_have_value = wrong.starts_with('-') && !removed.to_string_lossy().contains('=');
    let value = arguments.get(position + 1).filter(|value| {
        let value = value.to_string_lossy();
        !value.starts_with('-') && command.find_subcommand(value.as_ref()).is_none()
    });
    if may_have_value && value.is_some() {
        arguments.remove(position + 1);
    }
    true
}

/// A verb that takes options.
pub(super) trait TakesOptions {
    /// The sections of the options that it takes.
    const SECTIONS: &[Section];
}

/// What flags and variables give for the options of a verb.
pub(super) struct OptionsOf<Verb> {
    pub(super) given: OptionValues,
    errors: Vec<OptionError>,
    verb: PhantomData<Verb>,
}

impl<Verb> OptionsOf<Verb> {
    /// All options of the verb, with what is wrong with them besides these mistakes.
    pub(super) fn invocation(&mut self, mut errors: Vec<OptionError>) -> Invocation {
        errors.append(&mut self.errors);
        Invocation::new(mem::take(&mut self.given), errors)
    }
}

impl<Verb: TakesOptions> Args for OptionsOf<Verb> {
    fn augment_args(command: Command) -> Command {
        // Only the verb that is asked for needs its options.
        command.defer(with_options_of::<Verb>).next_line_help(true)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<Verb> FromArgMatches for OptionsOf<Verb> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let (given, errors) = given(matches);
        Ok(Self {
            given,
            errors,
            verb: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn with_options_of<Verb: TakesOptions>(command: Command) -> Command {
    with_arguments(command, Verb::SECTIONS, &|_| true)
}

/// With the options of the verb that the arguments and the variables can mention: each of the others would take half a
/// microsecond, a fourth of the time between the start of an `apply` and its first system call for the kernel's rules.
pub(super) fn with_mentioned_options(
    command: Command,
    sections: &[Section],
    arguments: &[OsString],
) -> Command {
    let mentioned = |spec: &Spec| {
        spec.short.is_some()
            || arguments
                .iter()
                .any(|argument| mentions(argument, spec.name))
            || env::var_os(spec.variable).is_some()
    };
    with_arguments(command, sections, &mentioned)
}

fn with_arguments(
    command: Command,
    sections: &[Section],
    wanted: &dyn Fn(&Spec) -> bool,
) -> Command {
    let all = Setting::ALL.iter().map(|setting| setting.spec());
    let own = all.filter(|spec| sections.contains(&spec.section) && wanted(spec));
    own.fold(command, |command, spec| command.arg(argument(spec)))
}

/// Whether the argument is `--name`, with or without a value.
fn mentions(argument: &OsStr, name: &str) -> bool {
    let long = argument.as_encoded_bytes().strip_prefix(b"--");
    let rest = long.and_then(|long| long.strip_prefix(name.as_bytes()));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'=')))
}

fn argument(spec: &'static Spec) -> Arg {
    let argument = Arg::new(spec.name)
        .long(spec.name)
        .env(spec.variable)
        .action(ArgAction::Append)
        .value_parser(ValueParser::os_string())
        .allow_negative_numbers(true);
    let argument = match spec.short {
        Some(short) => argument.short(short),
        None => argument,
    };
    let flag_alone = match spec.shape {
        Shape::One | Shape::List | Shape::Several => return argument,
        Shape::Switch => "true",
        Shape::Count => "1",
    };
    argument
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value(flag_alone)
}

/// The argument with its help. A verb's own argument has it already.
pub(super) fn documented(argument: Arg) -> Arg {
    let setting = Setting::named(argument.get_id().as_str());
    let Some(setting) = setting.filter(|_| argument.get_help().is_none()) else {
        return argument;
    };
    let spec = setting.spec();
    argument
        .value_name(spec.value)
        .help_heading(spec.section.heading())
        // The help has its own line of these, with the example.
        .hide_env(true)
        .help(format!(
            "{}\n[default: {}] [env: {}] [example: {}]",
            spec.about,
            spec.default.describe(),
            spec.variable,
            spec.example
        ))
}

/// What flags and variables give, as far as it is text.
fn given(matches: &ArgMatches) -> (OptionValues, Vec<OptionError>) {
    let mut given = OptionValues::default();
    let mut errors = Vec::new();
    for &setting in Setting::ALL {
        let spec = setting.spec();
        // Not given, or not an option of this verb.
        let Ok(Some(values)) = matches.try_get_many::<OsString>(spec.name) else {
            continue;
        };
        let origin = match matches.value_source(spec.name) {
            Some(ValueSource::EnvVariable) => Origin::Variable,
            _ => Origin::Flag,
        };
        let texts: Result<Vec<_>, _> = values.map(|value| value.to_str().ok_or(value)).collect();
        match texts {
            Ok(texts) => given.set(setting, origin, together(spec.shape, texts.into_iter())),
            Err(value) => errors.push(OptionError {
                option: origin.name_of(setting),
                problem: OptionErrorKind::NotUtf8(value.clone()),
            }),
        }
    }
    (given, errors)
}

/// One text of all that a flag was given. Lists are joined; otherwise the last one counts.
fn together<'a>(shape: Shape, texts: impl Iterator<Item = &'a str>) -> String {
    match shape {
        Shape::One | Shape::Switch => texts.last().unwrap_or_default().to_owned(),
        Shape::List => joined(texts, ","),
        Shape::Several => joined(texts, ";"),
        Shape::Count => {
            let texts: Vec<_> = texts.collect();
            match texts.as_slice() {
                [only] => (*only).to_owned(),
                several => several.len().to_string(),
            }
        }
    }
}

fn joined<'a>(texts: impl Iterator<Item = &'a str>, separator: &str) -> String {
    let texts: Vec<_> = texts.filter(|text| !text.is_empty()).collect();
    texts.join(separator)
}
