//! The rules that a command reads: those that the options would make, or those that are installed.

use crate::app::{self, Access, AppError, Place, resolve_options};
use crate::connection::{Connection, Direction};
use crate::intent::LOOPBACK;
use crate::log::Log;
use crate::nftables::Kernel;
use crate::nftables::other_chains::{self, OtherChain};
use crate::options::{
    CommandOption, OptionError, OptionErrorKind, OptionSet, OptionValues, Origin, Parsed, Section,
};
use crate::parse::{self, NetworkNamespace};
use crate::plan::plan;
use crate::ruleset::{Hook, Installed};

use super::error::CliError;
use super::invocation::Invocation;

/// Logged where families depend on addresses and there are none.
pub(super) const NO_ADDRESS: &str = "--ip-families auto: the network namespace has no global address yet; both \
families are captured";

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

impl Rules {
    /// The option sections of a command that reads rules.
    pub(super) const SECTIONS: &[Section] = &[
        Section::Proxy,
        Section::Inbound,
        Section::Outbound,
        Section::Both,
        Section::Dns,
        Section::Target,
        Section::Logging,
    ];

    /// What the options ask for, or `None` after recording errors.
    pub(super) fn requested(invocation: &mut Invocation) -> Option<Self> {
        let source = source(invocation);
        let namespace = invocation.namespace();
        Some(Self {
            source: source?,
            namespace: namespace.ok()?,
        })
    }

    /// Enters the namespace and reads the rules.
    pub(super) fn read(self, log: Log) -> Result<RulesInView, CliError> {
        let Self { source, namespace } = self;
        app::enter(Place::of(namespace.as_ref()), source.access(), log)?;
        let others = match &source {
            Source::Options(_) => Vec::new(),
            Source::Kernel => Kernel::open()
                .and_then(|mut kernel| other_chains::others(&mut kernel))
                .map_err(AppError::from)?,
        };
        let installed = source.installed(log)?;
        Ok(RulesInView { installed, others })
    }
}

fn source(invocation: &mut Invocation) -> Option<Source> {
    if invocation.own(CommandOption::FromKernel, parse::switch)? {
        let name = invocation.own.name(CommandOption::FromKernel);
        let errors = conflicts(&invocation.given, &name);
        invocation.errors.extend(errors);
        return Some(Source::Kernel);
    }
    Some(Source::Options(Box::new(invocation.capture()?)))
}

/// An error for each flag that says what to capture. Variables and files may be there for other runs.
fn conflicts(given: &OptionValues, from_kernel: &str) -> Vec<OptionError> {
    let flags = given.set_options().filter(|&setting| {
        let says_what = Section::CAPTURE.contains(&setting.spec().section);
        says_what && given.origin(setting) == Origin::Flag
    });
    let error = |setting| {
        OptionError::new(
            given,
            setting,
            OptionErrorKind::Conflict(from_kernel.to_owned()),
        )
    };
    flags.map(error).collect()
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
                Ok(Installed::from(plan(&resolve_options(
                    *parsed, log, NO_ADDRESS,
                )?)))
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
        let direction = connection.path.direction();
        let returns = connection.path.interface() == LOOPBACK;
        let family = connection.addresses.family();
        let is_met = |chain: &&OtherChain| {
            let on_path = |direction| Hook::path(direction).contains(&chain.hook);
            chain.family.sees(family) && (on_path(direction) || returns && on_path(Direction::In))
        };
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
    let (family, hook) = (family.name(), hook.name());
    format!("{family} {table} {chain}: type {kind} hook {hook} priority {priority}")
}
