//! Which rules a verb looks at: those that the options would make, or those that are installed.

use clap::Args;

use crate::connection::{Connection, Path};
use crate::intent::Family;
use crate::log::Log;
use crate::metadata::{Metadata, Unreadable, VERSION};
use crate::nftables;
use crate::nftables::other_chains::{self, OtherChain};
use crate::options::{
    self, OptionError, OptionErrorKind, OptionValues, Origin, Parsed, Section, Setting,
};
use crate::parse::NetworkNamespace;
use crate::plan::plan;
use crate::process::privileges::Capability;
use crate::ruleset::{Installed, MetadataBytes, Ruleset};

use super::accounts::AccountFiles;
use super::error::Error;
use super::families::resolve;
use super::files::System;
use super::invocation::Invocation;

const HELP: &str = "\
Look at the rules that are installed, others' changes included, instead of those that the options would make; \
this needs CAP_NET_ADMIN";

/// The sections of the options that rules are made of.
const MAKES_RULES: [Section; 5] = [
    Section::Proxy,
    Section::Inbound,
    Section::Outbound,
    Section::Both,
    Section::Dns,
];

/// The option `--from-kernel` of the verbs that look at rules.
#[derive(Args)]
pub(super) struct RulesOption {
    #[arg(long, help_heading = "The rules", help = HELP)]
    from_kernel: bool,
}

/// Which rules to look at, and where.
pub(super) struct Rules {
    source: Source,
    namespace: Option<NetworkNamespace>,
}

/// Where the rules come from.
enum Source {
    /// They are made of options.
    Options(Box<Parsed>),
    /// They are installed.
    Kernel,
}

impl RulesOption {
    /// The sections of the options of a verb that looks at rules.
    pub(super) const SECTIONS: [Section; 7] = [
        Section::Proxy,
        Section::Inbound,
        Section::Outbound,
        Section::Both,
        Section::Dns,
        Section::Target,
        Section::Logging,
    ];

    /// What was asked for. Nothing where a mistake was noted.
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
            let errors = of_no_use(&invocation.given);
            invocation.errors.extend(errors);
            return Some(Source::Kernel);
        }
        let parsed = options::capture(&invocation.given, &AccountFiles::default(), &System);
        let parsed = invocation.noting(parsed)?;
        Some(Source::Options(Box::new(parsed)))
    }
}

/// The flags that say what rules to make, where none are made. Variables and a file may be there for other runs.
fn of_no_use(given: &OptionValues) -> Vec<OptionError> {
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
    /// The rules, in the namespace, which is entered with no more privilege than that takes.
    pub(super) fn look(self, log: Log) -> Result<Looked, Error> {
        let Self { source, namespace } = self;
        super::enter(namespace.as_ref(), source.needed(), log)?;
        let beside = match &source {
            Source::Options(_) => Vec::new(),
            Source::Kernel => other_chains::others()?,
        };
        let installed = source.installed(log)?;
        Ok(Looked { installed, beside })
    }
}

impl Source {
    /// What it takes to look at them.
    const fn needed(&self) -> &'static [Capability] {
        match self {
            Self::Options(_) => &[],
            Self::Kernel => &[Capability::NetAdmin],
        }
    }

    fn installed(self, log: Log) -> Result<Installed, Error> {
        match self {
            Self::Options(parsed) => {
                for warning in &parsed.warnings {
                    log.warning(warning, &[]);
                }
                Ok(Installed {
                    ruleset: plan(&resolve(*parsed, log)?),
                    ..Installed::default()
                })
            }
            Self::Kernel => {
                let (installed, note) =
                    nftables::dump_with_metadata()?.ok_or(Error::NotInstalled)?;
                warn_of_newer(&note, log);
                Ok(installed)
            }
        }
    }
}

/// Tells that a later version made the rules: it may know more than this one.
pub(super) fn warn_of_newer(note: &MetadataBytes, log: Log) {
    let newer = match Metadata::read(note, &Ruleset::default()) {
        Ok(Some(metadata)) if metadata.is_newer() => metadata.version,
        Err(Unreadable::Form(_)) => "a version that this one cannot read".to_owned(),
        Ok(_) | Err(Unreadable::Damaged) => return,
    };
    let words =
        format!("a newer netweir than this one, {VERSION}, made the rules that are installed");
    log.warning(&words, &[("by", &newer)]);
}

/// What there is to look at.
pub(super) struct Looked {
    /// The rules.
    pub(super) installed: Installed,
    /// Where other tables are met.
    beside: Vec<OtherChain>,
}

impl Looked {
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
        self.beside.iter().filter(is_met).map(words).collect()
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
