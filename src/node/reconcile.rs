//! Decides what has to change in the configuration directory, from the sources of its files alone.
//!
//! The primary network is the first valid file by name, as for runtimes. A list gets the entry in place. A single plugin's
//! file belongs to a program that looks for it by name, so it stays as it is; a list that netweir generates from it has a
//! name that sorts before it.

use thiserror::Error;

use super::conflist::{Invalid, List, Single, UnsupportedVersion, type_of};
use super::entry::{Entry, NAME};

/// The suffixes of network configurations (libcni, containerd and CRI-O). Only a `.conflist` is a list.
const SUFFIXES: [&str; 3] = [CONF, LIST, JSON];
const CONF: &str = ".conf";
const LIST: &str = ".conflist";
const JSON: &str = ".json";
/// The end of a generated list's name. `-` sorts before `.`, so `X-netweir.conflist` comes before `X.conf`.
const GENERATED: &str = "-netweir.conflist";
/// The name of the configuration that Multus runs the plugin with.
const STANDALONE: &str = "netweir.conf";
/// The plugin of Multus, which may take any other list of the directory as its own delegate.
const MULTUS: &str = "multus";

/// The most that is kept of files, in bytes. A node has a few kilobytes.
const MAX_KEPT: usize = 8 << 20;

/// Why a file's source is not known.
#[derive(Debug)]
pub(super) enum Problem {
    /// Read, but not a valid configuration: runtimes skip it.
    Invalid(String),
    /// Not read: a runtime may be able to.
    Unreadable(String),
}

/// Plugins in the directory named after a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PluginDirectory {
    /// The files with other plugins.
    pub(super) has_others: bool,
    /// The path of a file with netweir.
    pub(super) own: Option<String>,
}

/// The relevant files of the directory, in the order of their names' bytes, as runtimes sort them.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// The files added so far.
    added: Vec<File>,
    /// Whether a file among them is the primary network or may be it, so that later ones are not.
    has_primary: bool,
    kept: usize,
}

#[derive(Debug)]
struct File {
    name: String,
    /// Kept while a change may need it.
    source: Option<String>,
    kind: Result<Kind, Problem>,
    /// Whether the source mentions netweir.
    mentions_netweir: bool,
}

#[derive(Debug)]
enum Kind {
    List {
        has_entry: bool,
        directory: PluginDirectory,
    },
    Single {
        is_netweir: bool,
    },
    /// A list that netweir generated from this file.
    Generated(String),
    /// The configuration that netweir generated for Multus.
    Standalone,
}

/// The network that a runtime makes of the directory without netweir.
#[derive(Debug)]
pub(super) struct Selection<'a> {
    /// The first valid file, or why netweir cannot run in its network.
    pub(super) primary: Option<Result<Primary<'a>, Blocked<'a>>>,
    /// The invalid files before it, with the reasons.
    pub(super) invalid: Vec<(&'a str, &'a str)>,
}

/// The primary network.
#[derive(Debug)]
pub(super) struct Primary<'a> {
    file: &'a File,
    network: Network<'a>,
}

#[derive(Debug)]
enum Network<'a> {
    List(List<'a>),
    Single(Single<'a>),
}

/// A file that is, or may be, the primary network, and cannot get the plugin.
#[derive(Debug)]
pub(super) struct Blocked<'a> {
    pub(super) name: &'a str,
    pub(super) reason: Unsupported,
}

/// Why the plugin cannot run in a network.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Unsupported {
    #[error(transparent)]
    Version(#[from] UnsupportedVersion),
    #[error("it has no valid network name")]
    Name,
    #[error(
        "its plugins come from the directory {0}, where netweir adds none; list them in the file and set \
         loadOnlyInlinedPlugins"
    )]
    Directory(String),
    #[error("{0} already runs netweir; remove that file")]
    EntryInDirectory(String),
    #[error(
        "Multus would take a list beside its own file as its default network; attach netweir through Multus instead"
    )]
    Multus,
    #[error("{0} has the name of a file that netweir generates; rename or remove it")]
    NameTaken(String),
    #[error("it cannot be read ({0}), and may be the primary network")]
    Unreadable(String),
}

impl Unsupported {
    /// Whether only a change in the directory itself, which is an event, can end the problem.
    pub(super) const fn is_settled(&self) -> bool {
        !matches!(
            self,
            Self::Directory(_) | Self::EntryInDirectory(_) | Self::Unreadable(_)
        )
    }

    /// The reason code.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Version(_) => "unsupported_version",
            Self::Unreadable(_) => "file",
            _ => "unsupported_network",
        }
    }
}

/// A change in the directory. Made in order, the directory has a primary network after each, and captures pods after each if
/// it did before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change<'a> {
    /// Write a new file, with the mode of another if there is one.
    Create {
        name: String,
        new: String,
        like: Option<&'a str>,
    },
    /// Replace the source.
    Rewrite {
        name: &'a str,
        old: &'a str,
        new: String,
    },
    /// Delete the file with this source.
    Remove {
        name: &'a str,
        old: &'a str,
        /// The file that must be absent, too.
        without: Option<&'a str>,
    },
}

impl Change<'_> {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Create { name, .. } => name,
            Self::Rewrite { name, .. } | Self::Remove { name, .. } => name,
        }
    }
}

/// Whether the file matters.
pub(super) fn is_relevant(name: &str) -> bool {
    SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

/// Whether the file in a directory named after a network is a plugin of the network.
pub(super) fn is_plugin(name: &str) -> bool {
    name.ends_with(CONF)
}

impl PluginDirectory {
    /// Adds the plugin of a file.
    pub(super) fn add(&mut self, path: &str, source: &str) -> Result<(), Invalid> {
        if type_of(source)? == NAME {
            self.own = Some(path.to_owned());
        } else {
            self.has_others = true;
        }
        Ok(())
    }
}

impl Files {
    /// Adds the next file in the order of the names. The last function reads the directory named after a network.
    pub(super) fn add(
        &mut self,
        name: String,
        source: Result<String, Problem>,
        directory: impl Fn(&str) -> Result<PluginDirectory, Problem>,
    ) {
        let (kind, source, mentions_netweir) = match source {
            Ok(source) => {
                let mentions_netweir = source.contains(NAME);
                let kind = kind_of(&name, &source, directory);
                (kind, Some(source), mentions_netweir)
            }
            Err(problem) => (Err(problem), None, true),
        };
        let is_needed = match &kind {
            Ok(Kind::List { has_entry, .. }) => *has_entry || !self.has_primary,
            Ok(Kind::Single { .. }) => !self.has_primary,
            Ok(Kind::Generated(_) | Kind::Standalone) => true,
            Err(_) => false,
        };
        self.has_primary |= match &kind {
            Ok(Kind::List { .. }) | Err(Problem::Unreadable(_)) => true,
            Ok(Kind::Single { is_netweir }) => !is_netweir,
            Ok(Kind::Generated(_) | Kind::Standalone) | Err(Problem::Invalid(_)) => false,
        };
        let source = source.filter(|_| is_needed);
        let kept = self.kept + source.as_ref().map_or(0, String::len);
        let (source, kind) = if kept > MAX_KEPT {
            let reason = format!("with those before it, it exceeds {} MiB", MAX_KEPT >> 20);
            (None, Err(Problem::Unreadable(reason)))
        } else {
            self.kept = kept;
            (source, kind)
        };
        self.added.push(File {
            name,
            source,
            kind,
            mentions_netweir,
        });
    }

    /// The primary network, as if netweir had generated no file.
    pub(super) fn select(&self) -> Selection<'_> {
        let mut invalid = Vec::new();
        let is_own = |file: &&File| matches!(file.kind, Ok(Kind::Generated(_) | Kind::Standalone));
        for file in self.added.iter().filter(|file| !is_own(file)) {
            let name = file.name.as_str();
            let primary = match &file.kind {
                Err(Problem::Invalid(reason)) => {
                    invalid.push((name, reason.as_str()));
                    continue;
                }
                Ok(Kind::Single { is_netweir: true }) => {
                    invalid.push((name, "netweir alone makes no network"));
                    continue;
                }
                Err(Problem::Unreadable(reason)) => Err(Unsupported::Unreadable(reason.clone())),
                Ok(kind) => {
                    let network = self.network(name, kind, file.kept());
                    network.map(|network| Primary { file, network })
                }
            };
            return Selection {
                primary: Some(primary.map_err(|reason| Blocked { name, reason })),
                invalid,
            };
        }
        Selection {
            primary: None,
            invalid,
        }
    }

    fn network<'a>(
        &self,
        name: &str,
        kind: &Kind,
        source: &'a str,
    ) -> Result<Network<'a>, Unsupported> {
        if let Kind::List { directory, .. } = kind {
            let list = List::parse(source).expect("it was parsed before");
            list.versions.check()?;
            if let Some(path) = &directory.own {
                return Err(Unsupported::EntryInDirectory(path.clone()));
            }
            if list.others().next().is_none() {
                return Err(Unsupported::Directory(list.name));
            }
            return Ok(Network::List(list));
        }
        let single = Single::parse(source).expect("it was parsed before");
        let generated = generated_name(name);
        let is_own = |file: &File| matches!(&file.kind, Ok(Kind::Generated(_)));
        if !single.has_name() {
            return Err(Unsupported::Name);
        }
        if single.kind == MULTUS {
            return Err(Unsupported::Multus);
        }
        if self.file(&generated).is_some_and(|file| !is_own(file)) {
            return Err(Unsupported::NameTaken(generated));
        }
        single.versions.check()?;
        Ok(Network::Single(single))
    }

    /// The changes after which the primary network has the entry, and no other.
    pub(super) fn install<'a>(&'a self, primary: &Primary<'a>, entry: &Entry) -> Vec<Change<'a>> {
        let mut changes = Vec::new();
        let mut generated = None;
        match &primary.network {
            Network::List(list) => {
                changes.extend(list.with(entry).map(|new| primary.file.rewritten(new)));
            }
            Network::Single(single) => {
                let name = generated_name(&primary.file.name);
                let new = single.list(&primary.file.name, entry);
                changes.extend(self.generate(&name, new, Some(&primary.file.name)));
                generated = Some(name);
            }
        }
        self.remove_entries(Some(&primary.file.name), &mut changes);
        self.remove_generated(&mut changes, |name, source| {
            generated.as_deref() != Some(name) && matches!(source, Source::Valid | Source::Absent)
        });
        self.remove_standalone(&mut changes);
        changes
    }

    /// The changes after which Multus finds the plugin's configuration, and no network has the entry.
    pub(super) fn install_standalone(&self, entry: &Entry) -> Result<Vec<Change<'_>>, Blocked<'_>> {
        let name = STANDALONE;
        match self.file(name).map(|file| &file.kind) {
            None | Some(Ok(Kind::Standalone)) => {}
            Some(Err(Problem::Unreadable(reason))) => {
                let reason = Unsupported::Unreadable(reason.clone());
                return Err(Blocked { name, reason });
            }
            Some(_) => {
                let reason = Unsupported::NameTaken(name.to_owned());
                return Err(Blocked { name, reason });
            }
        }
        let mut changes = Vec::from_iter(self.generate(name, entry.standalone(), None));
        self.undo_chaining(&mut changes);
        Ok(changes)
    }

    /// Writes a file that netweir generates, unless it is there.
    fn generate<'a>(
        &'a self,
        name: &str,
        new: String,
        like: Option<&'a str>,
    ) -> Option<Change<'a>> {
        let Some(file) = self.file(name) else {
            let name = name.to_owned();
            return Some(Change::Create { name, new, like });
        };
        (file.kept() != new).then(|| file.rewritten(new))
    }

    /// The changes that are due without a primary network that can have the entry: a generated list goes with its source.
    pub(super) fn follow_removals(&self) -> Vec<Change<'_>> {
        let mut changes = Vec::new();
        self.remove_generated(&mut changes, |_, source| source == Source::Absent);
        changes
    }

    /// The changes after which nothing of netweir is left.
    pub(super) fn uninstall(&self) -> Vec<Change<'_>> {
        let mut changes = Vec::new();
        self.undo_chaining(&mut changes);
        self.remove_standalone(&mut changes);
        changes
    }

    fn undo_chaining<'a>(&'a self, changes: &mut Vec<Change<'a>>) {
        self.remove_entries(None, changes);
        self.remove_generated(changes, |_, _| true);
    }

    fn remove_standalone<'a>(&'a self, changes: &mut Vec<Change<'a>>) {
        let is_standalone = |file: &&File| matches!(file.kind, Ok(Kind::Standalone));
        changes.extend(self.added.iter().filter(is_standalone).map(File::removed));
    }

    /// The files that still run netweir after the uninstallation, or may, with the reasons.
    pub(super) fn undetermined(&self) -> impl Iterator<Item = (&str, String)> {
        self.added.iter().filter_map(|file| {
            let reason = match &file.kind {
                Ok(Kind::List { directory, .. }) => {
                    format!("{} runs netweir", directory.own.as_ref()?)
                }
                Ok(Kind::Single { is_netweir: true }) => "it runs netweir".to_owned(),
                Err(Problem::Invalid(reason) | Problem::Unreadable(reason))
                    if file.mentions_netweir && file.name.ends_with(LIST) =>
                {
                    reason.clone()
                }
                _ => return None,
            };
            Some((file.name.as_str(), reason))
        })
    }

    fn file(&self, name: &str) -> Option<&File> {
        self.added.iter().find(|file| file.name == name)
    }

    /// Takes the entry out of all lists but this one.
    fn remove_entries<'a>(&'a self, except: Option<&str>, changes: &mut Vec<Change<'a>>) {
        for file in &self.added {
            let has_entry = matches!(
                &file.kind,
                Ok(Kind::List {
                    has_entry: true,
                    ..
                })
            );
            let is_changed = changes.iter().any(|change| change.name() == file.name);
            if has_entry && except != Some(&file.name) && !is_changed {
                let list = List::parse(file.kept()).expect("it was parsed before");
                changes.extend(list.without().map(|new| file.rewritten(new)));
            }
        }
    }

    /// Removes the generated lists that are due, by their names and what their sources are.
    fn remove_generated<'a>(
        &'a self,
        changes: &mut Vec<Change<'a>>,
        is_due: impl Fn(&str, Source) -> bool,
    ) {
        for file in &self.added {
            let (Ok(Kind::Generated(name)), Some(old)) = (&file.kind, &file.source) else {
                continue;
            };
            let source = match self.file(name) {
                Some(source) if matches!(source.kind, Ok(Kind::Single { .. })) => Source::Valid,
                Some(_) => Source::Unusable,
                None => Source::Absent,
            };
            if is_due(&file.name, source) {
                changes.push(Change::Remove {
                    name: &file.name,
                    old,
                    without: (source == Source::Absent).then_some(name),
                });
            }
        }
    }
}

/// The file that a list was generated from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Valid,
    /// Half-written or unreadable: the list stays as it is.
    Unusable,
    Absent,
}

impl File {
    fn kept(&self) -> &str {
        self.source.as_deref().expect("it is kept for changes")
    }

    fn rewritten(&self, new: String) -> Change<'_> {
        let (name, old) = (self.name.as_str(), self.kept());
        Change::Rewrite { name, old, new }
    }

    fn removed(&self) -> Change<'_> {
        Change::Remove {
            name: &self.name,
            old: self.kept(),
            without: None,
        }
    }
}

fn kind_of(
    name: &str,
    source: &str,
    directory: impl Fn(&str) -> Result<PluginDirectory, Problem>,
) -> Result<Kind, Problem> {
    let invalid = |error: Invalid| Problem::Invalid(error.to_string());
    if !name.ends_with(LIST) {
        let single = Single::parse(source).map_err(invalid)?;
        let is_netweir = single.kind == NAME;
        if is_netweir && single.is_generated && name == STANDALONE {
            return Ok(Kind::Standalone);
        }
        return Ok(Kind::Single { is_netweir });
    }
    let list = List::parse(source).map_err(invalid)?;
    if let Some(from) = &list.generated_from
        && generated_name(from) == name
    {
        return Ok(Kind::Generated(from.clone()));
    }
    let directory = if list.loads_directory {
        directory(&list.name)?
    } else {
        PluginDirectory::default()
    };
    if list.others().next().is_none() && !directory.has_others {
        return Err(invalid(Invalid::NoPlugins));
    }
    Ok(Kind::List {
        has_entry: list.has_entry(),
        directory,
    })
}

/// The name of the list that is generated from a single plugin's file.
fn generated_name(single: &str) -> String {
    let stem = single.strip_suffix(CONF).or(single.strip_suffix(JSON));
    format!("{}{GENERATED}", stem.unwrap_or(single))
}

#[cfg(test)]
mod tests;
