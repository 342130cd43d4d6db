//! The rules that a command reads: those that the options would make, or those that are installed.

use clap::Args;

use crate::app::{self, Access, AppError, Place, SystemFiles, resolve_options};
use crate::connection::{Connection, Path};
use crate::intent::Family;
use crate::log::Log;
use crate::nftables::other_chains::{self, OtherChain};
use crate::options::{
    self, OptionError, OptionErrorKind, OptionValues, Origin, Parsed, Section, Setting,
};
use crate::parse::NetworkNamespace;
use crate::plan::plan;
use crate::ruleset::Installed;

use super::accounts::AccountFiles;
use super::error::CliError;
use super::invocation::Invocation;

/// Logged where families depend on addresses and there are none.
pub(super) const NO_ADDRESS: &str = "--ip-families auto: the network namespace has no global address yet; both \
families are captured";

const HELP: &str = "\
Use the rules that are installed, including changes by other programs, instead of those that the options would make; \
needs CAP_NET_ADMIN";

/// The sections of the options that rules are made of.
const MAKES_RULES: [Section; 5] = [
    Section::Proxy,
    Section::Inbound,
    Section::Outbound,
    Section::Both,
    Section::Dns,
];

/// The option `--from-kernel`.
#[derive(Args)]
pub(super) struct RulesOption {
    #[arg(long, help_heading = "The rules", help = HELP)]
    from_kernel: bool,
}

/// Which rules to read, and in which namespace.
pub(super) struct Rules {
    source: Source,
    namespace: Option<NetworkNamespace>,
}

/// Where the rules come from.
enum Source {
    /// The options.
    Options(Box<Parsed>),
    /// The kernel.
    Kernel,
}

impl RulesOption {
    /// The option sections of a command that reads rules.
    pub(super) const SECTIONS: [Section; 7] = [
        Section::Proxy,
        Section::Inbound,
        Section::Outbound,
        Section::Both,
        Section::Dns,
        Section::Target,
        Section::Logging,
    ];

    /// What was asked for; `None` where an error was noted.
    pub(super) fn read(&self, invocation: &mut Invocation) -> Option<Rules> {
        let source = self.source(invocation);
        let namespace = options::network_namespace(&invocation.given);
        let namespace = invocation.noting(namespace)?;
        Some(Rules {
            source: source?,
            namespace,
        })
    }

    fn source(&self, invocation: &mut Invocation) -> Option<Source> {
        if self.from_kernel {
            let errors = unused_flags(&invocation.given);
            invocation.errors.extend(errors);
            return Some(Source::Kernel);
        }
        let parsed = options::capture(&invocation.given, &AccountFiles::default(), &SystemFiles);
        let parsed = invocation.noting(parsed)?;
        Some(Source::Options(Box::new(parsed)))
    }
}

/// Flags that would make rules, which `--from-kernel` does not. Variables and a file may be meant for other runs.
fn unused_flags(given: &OptionValues) -> Vec<OptionError> {
    let settings = Setting::ALL.iter().copied();
    let flags = settings.filter(|setting| {
        let makes_rules = MAKES_RULES.contains(&setting.spec().section);
        makes_rules && given.has(*setting) && given.origin(*setting) == Origin::Flag
    });
    flags
        .map(|setting| OptionError::new(given, setting, OptionErrorKind::BesideFromKernel))
        .collect()
}

impl Rules {
    /// Enters the namespace and reads the rules.
    pub(super) fn read(self, log: Log) -> Result<RulesInView, CliError> {
        let Self { source, namespace } = self;
        app::enter(Place::of(namespace.as_ref()), source.access(), log)?;
        let others = match &source {
            Source::Options(_) => Vec::new(),
            Source::Kernel => other_chains::others().map_err(AppError::from)?,
        };
        let installed = source.installed(log)?;
        Ok(RulesInView { installed, others })
    }
}

impl Source {
    const fn access(&self) -> Access {
        match self {
            Self::Options(_) => Access::Unprivileged,
            Self::Kernel => Access::Rules,
        }
    }

    fn installed(self, log: Log) -> Result<Installed, CliError> {
        match self {
            Self::Options(parsed) => {
                for warning in &parsed.warnings {
                    log.warning(warning, &[]);
                }
                Ok(Installed {
                    ruleset: plan(&resolve_options(*parsed, log, NO_ADDRESS)?),
                    ..Installed::default()
                })
            }
            Self::Kernel => Ok(app::installed(log)?),
        }
    }
}

/// The rules, and other programs' chains beside them.
pub(super) struct RulesInView {
    /// The rules.
    pub(super) installed: Installed,
    /// Base chains of other tables.
    others: Vec<OtherChain>,
}

impl RulesInView {
    /// The chains of other tables that the connection meets, in words.
    pub(super) fn beside(&self, connection: &Connection) -> Vec<String> {
        let (family, hooks): (_, &[_]) = match (&connection.path, connection.addresses.family()) {
            (Path::Out { interface, .. }, family) if interface == "lo" => {
                (family, &["output", "postrouting", "prerouting", "input"])
            }
            (Path::Out { .. }, family) => (family, &["output", "postrouting"]),
            (Path::In { .. }, family) => (family, &["prerouting", "input"]),
        };
        let families = match family {
            Family::Ipv4 => ["inet", "ip"],
            Family::Ipv6 => ["inet", "ip6"],
        };
        let is_met =
            |chain: &&OtherChain| hooks.contains(&chain.hook) && families.contains(&chain.family);
        self.others.iter().filter(is_met).map(words).collect()
    }
}

fn words(chain: &OtherChain) -> String {
    let OtherChain {
        family,
        table,
        chain,
        kind,
        hook,
        priority,
    } = chain;
    format!("{family} {table} {chain}: type {kind} hook {hook} priority {priority}")
}
