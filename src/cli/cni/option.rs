//! The options of a node. They say nothing about capture, so the table of those has none of them.

use std::ffi::OsString;
use std::marker::PhantomData;
use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::options::{OptionError, OptionErrorKind};
use crate::parse;

/// An option of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NodeOption {
    BinDir,
    ConfDir,
    PluginConfig,
    Once,
    ReadyFile,
    Health,
    UninstallOnExit,
}

/// All there is to say about an option.
pub(super) struct Spec {
    name: &'static str,
    variable: &'static str,
    heading: &'static str,
    value: &'static str,
    default: &'static str,
    example: &'static str,
    about: &'static str,
}

const NODE: &str = "The node";
const GUARD: &str = "Once the plugin is installed";
/// What the value of a switch is called.
const SWITCH: &str = "true|false";

impl NodeOption {
    const ALL: [Self; 7] = [
        Self::BinDir,
        Self::ConfDir,
        Self::PluginConfig,
        Self::Once,
        Self::ReadyFile,
        Self::Health,
        Self::UninstallOnExit,
    ];

    pub(super) const fn spec(self) -> Spec {
        match self {
            Self::BinDir => Spec {
                name: "bin-dir",
                variable: "NETWEIR_CNI_BIN_DIR",
                heading: NODE,
                value: "DIR",
                default: "/opt/cni/bin",
                example: "/host/opt/cni/bin",
                about: "The folder where the container runtime looks for plugins.",
            },
            Self::ConfDir => Spec {
                name: "conf-dir",
                variable: "NETWEIR_CNI_CONF_DIR",
                heading: NODE,
                value: "DIR",
                default: "/etc/cni/net.d",
                example: "/host/etc/cni/net.d",
                about: "The folder where the container runtime looks for network configurations. The first valid one by name is \
                        the primary network.",
            },
            Self::PluginConfig => Spec {
                name: "plugin-config",
                variable: "NETWEIR_CNI_PLUGIN_CONFIG",
                heading: NODE,
                value: "FILE",
                default: "none",
                example: "/etc/netweir/plugin.json",
                about: "A JSON object with the keys of the plugin's entry in the network configuration: policy, excludeNamespaces, \
                        includeNamespaces, capture, logFile and logLevel. Read once, at the start.",
            },
            Self::Once => Spec {
                name: "once",
                variable: "NETWEIR_CNI_ONCE",
                heading: GUARD,
                value: SWITCH,
                default: "false",
                example: "true",
                about: "Install the plugin and end, with 1 where there is no network configuration to add it to.",
            },
            Self::ReadyFile => Spec {
                name: "ready-file",
                variable: "NETWEIR_CNI_READY_FILE",
                heading: GUARD,
                value: "FILE",
                default: "none",
                example: "/run/netweir/ready",
                about: "A file that is there while the plugin is in place.",
            },
            Self::Health => Spec {
                name: "health",
                variable: "NETWEIR_CNI_HEALTH",
                heading: GUARD,
                value: "ADDRESS",
                default: "none",
                example: "127.0.0.1:15097",
                about: "The address and port where HTTP is answered: /readyz for probes, /metrics for Prometheus.",
            },
            Self::UninstallOnExit => Spec {
                name: "uninstall-on-exit",
                variable: "NETWEIR_CNI_UNINSTALL_ON_EXIT",
                heading: GUARD,
                value: SWITCH,
                default: "false",
                example: "true",
                about: "Take the plugin away when SIGTERM or SIGINT ends the process. Otherwise it stays, so that an upgrade leaves no \
                        pod uncaptured.",
            },
        }
    }

    const fn is_switch(self) -> bool {
        matches!(self, Self::Once | Self::UninstallOnExit)
    }

    fn argument(self) -> Arg {
        let spec = self.spec();
        let argument = Arg::new(spec.name)
            .long(spec.name)
            .env(spec.variable)
            .hide_env(true)
            .action(ArgAction::Append)
            .value_name(spec.value)
            .value_parser(ValueParser::os_string())
            .help_heading(spec.heading)
            .help(format!(
                "{}\n[default: {}] [env: {}] [example: {}]",
                spec.about, spec.default, spec.variable, spec.example
            ));
        if self.is_switch() {
            let argument = argument.num_args(0..=1).require_equals(true);
            argument.default_missing_value("true")
        } else {
            argument
        }
    }
}

/// What the help calls the value of a node's option, and a value.
pub(in crate::cli) fn words_of(name: &str) -> Option<(&'static str, &'static str)> {
    let mut specs = NodeOption::ALL.into_iter().map(NodeOption::spec);
    let spec = specs.find(|spec| spec.name == name)?;
    Some((spec.value, spec.example))
}

/// A verb that takes options of a node.
pub(super) trait TakesNodeOptions {
    /// These.
    const OPTIONS: &[NodeOption];
}

/// What flags and variables give for a verb's options of a node.
pub(super) struct NodeOptions<Verb> {
    given: Vec<(NodeOption, ValueSource, OsString)>,
    verb: PhantomData<Verb>,
}

impl<Verb: TakesNodeOptions> Args for NodeOptions<Verb> {
    fn augment_args(command: Command) -> Command {
        let options = Verb::OPTIONS.iter().map(|option| option.argument());
        command.args(options).next_line_help(true)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<Verb: TakesNodeOptions> FromArgMatches for NodeOptions<Verb> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = Verb::OPTIONS.iter().filter_map(|&option| {
            let name = option.spec().name;
            // Given again, the last one counts.
            let text = matches.get_many::<OsString>(name)?.next_back()?.clone();
            Some((option, matches.value_source(name)?, text))
        });
        Ok(Self {
            given: given.collect(),
            verb: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<Verb> NodeOptions<Verb> {
    fn given(&self, option: NodeOption) -> Option<(ValueSource, &OsString)> {
        let mut given = self.given.iter();
        let (_, source, text) = given.find(|(known, _, _)| *known == option)?;
        Some((*source, text))
    }

    /// The folder, or its default.
    pub(super) fn folder(&self, option: NodeOption) -> Result<PathBuf, Vec<OptionError>> {
        let folder = self.path(option)?;
        Ok(folder.unwrap_or_else(|| option.spec().default.into()))
    }

    /// The path, if one was given.
    pub(super) fn path(&self, option: NodeOption) -> Result<Option<PathBuf>, Vec<OptionError>> {
        match self.given(option) {
            Some((_, text)) if text.is_empty() => {
                let spec = option.spec();
                let (value, example) = (spec.value, spec.example);
                Err(vec![self.option_error(
                    option,
                    OptionErrorKind::NoValue { value, example },
                )])
            }
            given => Ok(given.map(|(_, text)| text.into())),
        }
    }

    /// Whether it was asked for.
    pub(super) fn switch(&self, option: NodeOption) -> Result<bool, Vec<OptionError>> {
        let Some(text) = self.text(option)? else {
            return Ok(false);
        };
        parse::switch(text.trim()).map_err(|error| vec![self.option_error(option, error.into())])
    }

    /// The text, if one was given.
    pub(super) fn text(&self, option: NodeOption) -> Result<Option<&str>, Vec<OptionError>> {
        let Some((_, text)) = self.given(option) else {
            return Ok(None);
        };
        match text.to_str() {
            Some(text) => Ok(Some(text)),
            None => {
                Err(vec![self.option_error(
                    option,
                    OptionErrorKind::NotUtf8(text.clone()),
                )])
            }
        }
    }

    /// A mistake in what was given.
    pub(super) fn option_error(&self, option: NodeOption, problem: OptionErrorKind) -> OptionError {
        let spec = option.spec();
        let option = match self.given(option) {
            Some((ValueSource::EnvVariable, _)) => spec.variable.to_owned(),
            _ => format!("--{}", spec.name),
        };
        OptionError { option, problem }
    }
}
