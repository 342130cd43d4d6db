//! What is to be done in the folder of configurations, decided by the texts of its files alone.

use super::conflist::{Broken, List, Single, UnsupportedVersion};
use super::entry::Entry;

/// What a configuration's name ends with (libcni, containerd and CRI-O alike). Only one of them is a list.
const SUFFIXES: [&str; 3] = [CONF, LIST, JSON];
const CONF: &str = ".conf";
const LIST: &str = ".conflist";
const JSON: &str = ".json";
/// What is behind the name of a file that became a list.
const SET_ASIDE: &str = ".before-netweir";

/// The files of the folder that matter, by name: in the order of their bytes, as runtimes sort them.
#[derive(Debug, Default)]
pub(super) struct Files(Vec<(String, Result<String, Broken>)>);

/// The network that a runtime makes of the folder.
#[derive(Debug)]
pub(super) struct Choice<'a> {
    /// The first file that is a configuration.
    pub(super) primary: Option<Primary<'a>>,
    /// The files before it, and why they are none.
    pub(super) broken: Vec<(&'a str, String)>,
}

/// The network of the pods.
#[derive(Debug)]
pub(super) struct Primary<'a> {
    pub(super) name: &'a str,
    text: &'a str,
    network: Network<'a>,
}

#[derive(Debug)]
enum Network<'a> {
    List(List<'a>),
    Single(Single<'a>),
}

/// One thing to do in the folder. Done in order, the folder has a primary network after each, and after each it can be told what
/// is left to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Write a new file, with the mode of another.
    Create {
        name: String,
        new: String,
        like: String,
    },
    /// Replace a text.
    Rewrite {
        name: String,
        old: String,
        new: String,
    },
    /// Delete the file with this text.
    Remove { name: String, old: String },
}

/// Whether the file matters.
pub(super) fn is_relevant(name: &str) -> bool {
    is_configuration(name) || name.ends_with(SET_ASIDE)
}

fn is_configuration(name: &str) -> bool {
    SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

impl Files {
    pub(super) fn add(&mut self, name: String, text: Result<String, Broken>) {
        let place = self.0.partition_point(|(before, _)| *before < name);
        self.0.insert(place, (name, text));
    }

    fn text(&self, name: &str) -> Option<&str> {
        let (_, text) = self.0.iter().find(|(known, _)| known == name)?;
        text.as_deref().ok()
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// The lists, with their names.
    fn lists(&self) -> impl Iterator<Item = (&str, List<'_>)> {
        let lists = self.0.iter().filter(|(name, _)| name.ends_with(LIST));
        lists.filter_map(|(name, text)| {
            let text = text.as_deref().ok()?;
            Some((name.as_str(), List::parse(text).ok()?))
        })
    }

    fn asides(&self) -> impl Iterator<Item = &String> {
        let names = self.0.iter().map(|(name, _)| name);
        names.filter(|name| name.ends_with(SET_ASIDE))
    }

    /// The network that a runtime would make of the folder: of the first file by name that is a configuration.
    pub(super) fn choose(&self) -> Choice<'_> {
        let mut broken = Vec::new();
        for (name, text) in self.0.iter().filter(|(name, _)| is_configuration(name)) {
            match text
                .as_deref()
                .map_err(ToString::to_string)
                .and_then(|text| Primary::parse(name, text).map_err(|error| error.to_string()))
            {
                Ok(primary) => {
                    let primary = Some(primary);
                    return Choice { primary, broken };
                }
                Err(reason) => broken.push((name.as_str(), reason)),
            }
        }
        let primary = None;
        Choice { primary, broken }
    }

    /// What has the entry in the primary network, and in no other.
    pub(super) fn install(
        &self,
        primary: &Primary<'_>,
        entry: &Entry,
    ) -> Result<Vec<Change>, UnsupportedVersion> {
        let mut steps = Vec::new();
        let mut own = primary.name.to_owned();
        match &primary.network {
            Network::List(list) => {
                list.check_version()?;
                steps.extend(list.with(entry).map(|new| self.write(&own, new, &own)));
            }
            Network::Single(single) => {
                single.check_version()?;
                own = self.list_for(primary.name);
                // As long as this is there, the list is known to be ours.
                let aside = set_aside(primary.name);
                steps.push(self.write(&aside, primary.text.to_owned(), primary.name));
                steps.push(self.write(&own, single.with(entry), primary.name));
                // Until it is gone, it is the primary network.
                steps.extend(self.remove(primary.name));
            }
        }
        let others = self.lists().filter(|(name, _)| *name != own);
        steps.extend(others.flat_map(|(name, list)| self.undo(name, &list)));
        let made: Vec<_> = self
            .lists()
            .filter_map(|(name, _)| self.made_of(name))
            .collect();
        let made = made
            .iter()
            .map(|(conf, _)| conf.as_str())
            .chain([primary.name]);
        let kept: Vec<_> = made.map(set_aside).collect();
        let orphans = self.asides().filter(|aside| !kept.contains(aside));
        steps.extend(orphans.filter_map(|aside| self.remove(aside)));
        Ok(steps)
    }

    /// What has the entry nowhere, and everything else as it was.
    pub(super) fn uninstall(&self) -> Vec<Change> {
        let lists = self.lists();
        let mut steps: Vec<_> = lists
            .flat_map(|(name, list)| self.undo(name, &list))
            .collect();
        // Whose list somebody took away.
        for aside in self.asides() {
            let is_removed =
                |step: &Change| matches!(step, Change::Remove { name, .. } if name == aside);
            if !steps.iter().any(is_removed) {
                steps.extend(self.remove(aside));
            }
        }
        steps
    }

    /// The files that cannot be understood and may have the entry in them.
    pub(super) fn doubtful(&self) -> impl Iterator<Item = (&str, String)> {
        let lists = self.0.iter().filter(|(name, _)| name.ends_with(LIST));
        lists.filter_map(|(name, text)| match text {
            Err(error) => Some((name.as_str(), error.to_string())),
            Ok(text) if text.contains(super::entry::NAME) => {
                let error = List::parse(text).err()?;
                Some((name.as_str(), error.to_string()))
            }
            Ok(_) => None,
        })
    }

    /// The name of the list that a single plugin becomes: one that is free, or was made of it already.
    fn list_for(&self, name: &str) -> String {
        let [list, otherwise] = lists_of(name);
        let is_free = !self.has(&list);
        let is_known = self.has(&set_aside(name));
        let has_entry = |text| List::parse(text).is_ok_and(|list| list.has_entry());
        if is_free || is_known && self.text(&list).is_some_and(has_entry) {
            list
        } else {
            otherwise
        }
    }

    /// What takes the entry out of the list.
    fn undo(&self, name: &str, list: &List<'_>) -> Vec<Change> {
        let Some(without) = list.without() else {
            return Vec::new();
        };
        let rewrite = self.write(name, without, name);
        let Some((conf, text)) = self.made_of(name) else {
            return vec![rewrite];
        };
        let aside = set_aside(&conf);
        let is_there = self.has(&conf);
        let mut steps = Vec::new();
        if !is_there && list.only_other() != Some(text.trim()) {
            // Others made it theirs since.
            steps.push(rewrite);
        } else {
            // Unless somebody wrote it anew.
            steps.extend((!is_there).then(|| self.write(&conf, text.to_owned(), &aside)));
            steps.extend(self.remove(name));
        }
        steps.extend(self.remove(&aside));
        steps
    }

    fn write(&self, name: &str, new: String, like: &str) -> Change {
        let (name, like) = (name.to_owned(), like.to_owned());
        match self.text(&name) {
            Some(old) => {
                let old = old.to_owned();
                Change::Rewrite { name, old, new }
            }
            None => Change::Create { name, new, like },
        }
    }

    fn remove(&self, name: &str) -> Option<Change> {
        let old = self.text(name)?.to_owned();
        let name = name.to_owned();
        Some(Change::Remove { name, old })
    }

    /// The name of the file that the list was made of, and its text.
    fn made_of(&self, list: &str) -> Option<(String, &str)> {
        let stem = list.strip_suffix(LIST)?;
        let is_single = stem.ends_with(CONF) || stem.ends_with(JSON);
        let conf = if is_single {
            stem.to_owned()
        } else {
            format!("{stem}{CONF}")
        };
        let text = self.text(&set_aside(&conf))?;
        Some((conf, text))
    }
}

impl<'a> Primary<'a> {
    fn parse(name: &'a str, text: &'a str) -> Result<Self, Broken> {
        let network = if name.ends_with(LIST) {
            Network::List(List::parse(text)?)
        } else {
            Network::Single(Single::parse(text)?)
        };
        Ok(Self {
            name,
            text,
            network,
        })
    }
}

fn set_aside(name: &str) -> String {
    format!("{name}{SET_ASIDE}")
}

/// The names that the list of a single plugin may have. It is sorted as the single plugin was.
fn lists_of(name: &str) -> [String; 2] {
    let otherwise = format!("{name}{LIST}");
    if name.ends_with(CONF) {
        [format!("{name}list"), otherwise]
    } else {
        [otherwise.clone(), otherwise]
    }
}

#[cfg(test)]
mod tests;
