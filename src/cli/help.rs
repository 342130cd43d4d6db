//! The whole command line as clap knows it: for help, man pages and completions.

use clap::builder::{PossibleValuesParser, ValueHint};
use clap::{Arg, Command};

use crate::exit_code::ExitCode;
use crate::meshes::{
    CompatCommand, Consul, Istio, IstioClean, Kuma, KumaUninstall, KumaValidator, Linkerd,
    LinkerdValidator,
};
use crate::options::{OptionSet, OptionSpec, Section, Setting, Shape};

use super::command::CommandSpec;
use super::parser::{self, WORDS};

/// The width of help, in columns, unless the terminal is narrower.
const WIDTH: usize = 100;
/// The command whose subcommands install and uninstall the plugin.
pub(super) const CNI: &str = "cni";
const ABOUT: &str =
    "Captures a pod's traffic for a service-mesh proxy, with nf_tables rules set over netlink";

/// One page of the manual.
pub struct Manual {
    /// The command with its options.
    pub command: Command,
    /// More about it.
    pub details: &'static str,
    /// Its environment variables, each with what it sets.
    pub environment: Vec<(&'static str, String)>,
    /// Command lines, each with what it does.
    pub examples: &'static [(&'static str, &'static str)],
}

/// The program's commands, a line each: `-h`.
pub(super) fn program(commands: &[CommandSpec]) -> String {
    let root = command_line(commands);
    let names = root
        .get_subcommands()
        .map(|command| command.get_name().len());
    let width = names.max().unwrap_or(0);
    let rows = root.get_subcommands().map(|command| {
        let about = command.get_about().map(ToString::to_string);
        let name = command.get_name();
        format!("  {name:<width$}  {}\n", about.unwrap_or_default())
    });
    format!(
        "{ABOUT}\n\nUsage: netweir COMMAND [OPTIONS]\n\nCommands:\n{}\n\
         Common options of a command: netweir COMMAND -h\n\
         All about a command: netweir COMMAND --help, or netweir help COMMAND\n\
         Version: netweir version\n",
        rows.collect::<String>()
    )
}

/// The common options of the command, a line each: `-h`.
pub(super) fn common(commands: &[CommandSpec], name: &str) -> String {
    let spec = commands.iter().find(|spec| spec.name == name);
    let (about, words, specs) = match (spec, name) {
        (Some(spec), _) => (spec.about, spec.words, spec.specs()),
        (None, Istio::COMMAND) => (Istio::ABOUT, None, specs_of::<Istio>()),
        (None, IstioClean::COMMAND) => (IstioClean::ABOUT, None, specs_of::<IstioClean>()),
        (None, Linkerd::COMMAND) => (Linkerd::ABOUT, None, specs_of::<Linkerd>()),
        (None, LinkerdValidator::COMMAND) => (
            LinkerdValidator::ABOUT,
            None,
            specs_of::<LinkerdValidator>(),
        ),
        (None, Kuma::COMMAND) => (Kuma::ABOUT, None, specs_of::<Kuma>()),
        (None, KumaValidator::COMMAND) => (KumaValidator::ABOUT, None, specs_of::<KumaValidator>()),
        (None, KumaUninstall::COMMAND) => (KumaUninstall::ABOUT, None, specs_of::<KumaUninstall>()),
        (None, Consul::COMMAND) => (Consul::ABOUT, None, specs_of::<Consul>()),
        (None, _) => return whole(commands, name),
    };
    let is_apply = name == "apply";
    let is_shared = |option: &OptionSpec| Setting::named(option.name).is_some();
    let says_what =
        |option: &OptionSpec| is_shared(option) && Section::CAPTURE.contains(&option.section);
    let is_listed =
        |option: &&&OptionSpec| option.common && (spec.is_none() || is_apply || !says_what(option));
    let rows: Vec<_> = specs
        .iter()
        .filter(is_listed)
        .map(|option| (flags(option), summary(option.about)))
        .collect();
    let width = rows.iter().map(|(flags, _)| flags.len()).max().unwrap_or(0);
    let rows = rows
        .iter()
        .map(|(flags, about)| format!("  {flags:<width$}  {about}\n"));
    let arguments = words
        .map(|(words, _)| format!(" [{words}]"))
        .unwrap_or_default();
    let more = if spec.is_some() && !is_apply && specs.iter().any(|option| says_what(option)) {
        "\nThe rules are made from the options of netweir apply.\n"
    } else {
        ""
    };
    format!(
        "{about}\n\nUsage: netweir {name} [OPTIONS]{arguments}\n\nCommon options:\n{}{more}\n\
         All options: netweir {name} --help\n",
        rows.collect::<String>()
    )
}

/// The option's flags and value: `-q, --quiet` or `    --netns NAMESPACE`.
fn flags(spec: &OptionSpec) -> String {
    let short = spec.short.map(|short| format!("-{short},"));
    let value = match spec.shape {
        Shape::Switch | Shape::Count => String::new(),
        Shape::One | Shape::Number | Shape::List | Shape::Several => format!(" {}", spec.value),
    };
    format!("{:<3} --{}{value}", short.unwrap_or_default(), spec.name)
}

/// The whole help of the command, or of the program if the name is empty: `--help`.
pub(super) fn whole(commands: &[CommandSpec], name: &str) -> String {
    let words = name.split(' ').filter(|word| !word.is_empty());
    let arguments = ["netweir"].into_iter().chain(words).chain(["--help"]);
    match command_line(commands).try_get_matches_from(arguments) {
        Err(help) => format!("{}\n", help.to_string().trim_end()),
        Ok(_) => unreachable!("every command has the option --help"),
    }
}

/// The program's commands with all their options.
pub(super) fn command_line(commands: &[CommandSpec]) -> Command {
    let group = |name| {
        Command::new(name)
            .subcommand_required(true)
            .disable_help_subcommand(true)
            .after_help(exit_codes())
    };
    let (in_cni, own): (Vec<_>, Vec<_>) = commands.iter().partition(|spec| spec.name.contains(' '));
    let cni = group(CNI)
        .about("Install or uninstall the CNI plugin on this node")
        .subcommands(in_cni.into_iter().map(command));
    group(env!("CARGO_PKG_NAME"))
        .about(ABOUT)
        .version(env!("CARGO_PKG_VERSION"))
        .max_term_width(WIDTH)
        .subcommands(own.into_iter().map(command))
        .subcommands([
            cni,
            compat::<Istio>(),
            compat::<IstioClean>(),
            compat::<Linkerd>(),
            compat::<LinkerdValidator>(),
            group("kumactl")
                .about("Commands of Kuma's own program")
                .subcommand(
                    group("install")
                        .about("Commands of kumactl install")
                        .subcommands([compat::<Kuma>(), compat::<KumaValidator>()]),
                )
                .subcommand(
                    group("uninstall")
                        .about("Commands of kumactl uninstall")
                        .subcommand(compat::<KumaUninstall>()),
                ),
            group("consul")
                .about("Commands of Consul's own program")
                .subcommand(
                    group("connect")
                        .about("Commands of consul connect")
                        .subcommand(compat::<Consul>()),
                ),
        ])
}

fn command(spec: &CommandSpec) -> Command {
    let name = spec.name.rsplit(' ').next().unwrap_or(spec.name);
    let words = spec.words.map(|(value, help)| {
        let words = Arg::new(WORDS).value_name(value).num_args(0..).help(help);
        with_choices(words, value)
    });
    Command::new(name)
        .about(spec.about)
        .args(words)
        .args(spec.specs().into_iter().filter_map(documented))
        .next_line_help(true)
        .after_help(match spec.details {
            "" => exit_codes(),
            details => format!("{details}\n\n{}", exit_codes()),
        })
}

fn compat<P: CompatCommand>() -> Command {
    let specs = specs_of::<P>();
    let variables = variables_without_flag(&specs);
    Command::new(P::COMMAND.rsplit(' ').next().unwrap_or(P::COMMAND))
        .about(P::ABOUT)
        .args(specs.into_iter().filter_map(documented))
        .next_line_help(true)
        .after_help(variables + &exit_codes())
}

/// The option as an argument with its help.
fn documented(spec: &'static OptionSpec) -> Option<Arg> {
    let argument = parser::argument(spec)?
        .value_name(spec.value)
        .help_heading(spec.section.heading())
        .help(format!("{}\n{}", spec.about, remarks(spec)));
    Some(match (spec.shape, spec.value) {
        (Shape::Switch, _) => argument,
        (_, "DIR") => argument.value_hint(ValueHint::DirPath),
        (_, "FILE" | "NAMESPACE") => argument.value_hint(ValueHint::FilePath),
        (_, value) => with_choices(argument, value),
    })
}

/// With the words that the placeholder lists as possible values.
fn with_choices(argument: Arg, value: &'static str) -> Arg {
    let words = value.split('|');
    // A word in capitals is a description.
    let words: Vec<_> = words
        .filter(|word| !word.contains(char::is_uppercase))
        .collect();
    if value.contains('|') && !words.is_empty() {
        let argument = argument.value_parser(PossibleValuesParser::new(words));
        argument.hide_possible_values(true)
    } else {
        argument
    }
}

/// Default, variables and example, in brackets.
fn remarks(spec: &OptionSpec) -> String {
    let mut remarks = vec![format!("[default: {}]", spec.default.describe())];
    if !spec.variables.is_empty() {
        remarks.push(format!("[env: {}]", spec.variables.join(", ")));
    }
    remarks.push(format!("[example: {}]", spec.example));
    remarks.join(" ")
}

/// The first sentence, without its full stop.
pub(super) fn summary(about: &str) -> &str {
    let sentence = about.split_once(". ").map_or(about, |(first, _)| first);
    sentence.trim_end_matches('.')
}

fn variables_without_flag(specs: &[&OptionSpec]) -> String {
    let alone = specs.iter().filter(|spec| spec.long.is_none());
    let lines = alone.map(|spec| {
        let names = spec.variables.join(", ");
        let (about, default, example) = (spec.about, spec.default.describe(), spec.example);
        format!(
            "  {names}\n          {about}\n          [default: {default}] [example: {example}]\n"
        )
    });
    let lines: String = lines.collect();
    if lines.is_empty() {
        return lines;
    }
    format!("Variables without a flag:\n{lines}\n")
}

fn exit_codes() -> String {
    let lines = ExitCode::ALL.map(|code| format!("\n  {:<3}  {}", code.number(), code.meaning()));
    format!("Exit codes:{}", lines.concat())
}

/// A page of the manual for each command, the program's first.
pub(super) fn manuals(commands: &[CommandSpec]) -> Vec<Manual> {
    let mut root = command_line(commands);
    root.build();
    let mut pages = Vec::new();
    add_pages(commands, &root, "", &mut pages);
    pages
}

fn add_pages(commands: &[CommandSpec], command: &Command, name: &str, pages: &mut Vec<Manual>) {
    let spec = commands.iter().find(|spec| spec.name == name);
    let options = match name {
        Istio::COMMAND => specs_of::<Istio>(),
        IstioClean::COMMAND => specs_of::<IstioClean>(),
        Linkerd::COMMAND => specs_of::<Linkerd>(),
        LinkerdValidator::COMMAND => specs_of::<LinkerdValidator>(),
        Kuma::COMMAND => specs_of::<Kuma>(),
        KumaValidator::COMMAND => specs_of::<KumaValidator>(),
        KumaUninstall::COMMAND => specs_of::<KumaUninstall>(),
        Consul::COMMAND => specs_of::<Consul>(),
        _ => spec.map(CommandSpec::specs).unwrap_or_default(),
    };
    let variables = options.iter().flat_map(|option| {
        let about = match option.long {
            Some(long) => format!("The value of --{long}, unless the flag is given."),
            None => option.about.to_owned(),
        };
        let names = option.variables.iter();
        names.map(move |name| (*name, about.clone()))
    });
    pages.push(Manual {
        command: command.clone(),
        details: spec.map_or("", |spec| spec.details),
        environment: variables.collect(),
        examples: spec.map_or(&[], |spec| spec.examples),
    });
    for below in command.get_subcommands() {
        let name = format!("{name} {}", below.get_name());
        add_pages(commands, below, name.trim_start(), pages);
    }
}

fn specs_of<P: CompatCommand>() -> Vec<&'static OptionSpec> {
    P::FLAGS.iter().map(|flag| flag.spec()).collect()
}
