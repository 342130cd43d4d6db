//! Network configurations as sources: the plugin's entry is added and removed, every other byte stays.
//!
//! A source is valid if libcni accepts it: a list has a name and plugins with a `type` each, a single plugin has a `type`
//! itself. Since libcni 1.3, a list may also take plugins from a directory named after its network.

use std::ops::Range;

use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::cni::{SpecVersion, is_name};
use crate::named::Named;

use super::entry::{Entry, GENERATED_FROM, NAME};
use super::json::{fields, string};

/// Why a source is not a network configuration.
#[derive(Debug, Error)]
pub(super) enum Invalid {
    /// Not JSON, or not an object.
    #[error("it is not a JSON object: {0}")]
    NotAnObject(serde_json::Error),
    /// A name that libcni refuses for networks.
    #[error("it has no valid network name")]
    Name,
    /// No plugins but netweir.
    #[error("it has no plugins, or none but {NAME}")]
    NoPlugins,
    /// A plugin without `type`.
    #[error("a plugin has no type, or one that is not a string")]
    NoType,
    /// `cniVersion` of another type.
    #[error("its cniVersion is not a string")]
    Version,
    /// `loadOnlyInlinedPlugins` of another type.
    #[error("its loadOnlyInlinedPlugins is neither true nor false")]
    OnlyInlined,
}

/// The versions of the specification that a network asks for; the plugin supports none of them.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("its cniVersion is {found}; netweir supports {}", SpecVersion::LISTED)]
pub struct UnsupportedVersion {
    found: String,
}

/// The versions that the runtime chooses from: since libcni 1.3 there may be several.
#[derive(Debug)]
pub(super) struct Versions(Vec<String>);

/// A list of plugins.
#[derive(Debug)]
pub(super) struct List<'a> {
    source: &'a str,
    /// The network's name.
    pub(super) name: String,
    plugins: Vec<Plugin<'a>>,
    pub(super) versions: Versions,
    /// Whether libcni also loads plugins from the directory named after the network.
    pub(super) loads_directory: bool,
    /// The file that netweir generated the list from, if it did.
    pub(super) generated_from: Option<String>,
}

/// A plugin of a list.
#[derive(Debug)]
struct Plugin<'a> {
    source: &'a str,
    place: Range<usize>,
    is_netweir: bool,
}

/// A single plugin.
#[derive(Debug)]
pub(super) struct Single<'a> {
    source: &'a str,
    /// The plugin's type.
    pub(super) kind: String,
    name: Option<&'a RawValue>,
    version: Option<&'a RawValue>,
    pub(super) versions: Versions,
    /// Whether netweir generated the file.
    pub(super) is_generated: bool,
}

impl<'a> List<'a> {
    /// Reads a list. One without `plugins` is accepted if it may take plugins from a directory.
    pub(super) fn parse(source: &'a str) -> Result<Self, Invalid> {
        let [
            name,
            version,
            versions,
            plugins,
            only_inlined,
            generated_from,
        ] = fields(
            source,
            [
                "name",
                "cniVersion",
                "cniVersions",
                "plugins",
                "loadOnlyInlinedPlugins",
                GENERATED_FROM,
            ],
        )
        .map_err(Invalid::NotAnObject)?;
        let name = name
            .and_then(string)
            .filter(|name| is_name(name.as_bytes()));
        let name = name.ok_or(Invalid::Name)?;
        let loads_directory = !is_true(only_inlined)?;
        let plugins = match plugins {
            Some(raw) => {
                let elements: Vec<&RawValue> =
                    serde_json::from_str(raw.get()).map_err(|_| Invalid::NoPlugins)?;
                if elements.is_empty() {
                    return Err(Invalid::NoPlugins);
                }
                let plugins = elements.into_iter().map(|raw| Plugin::parse(source, raw));
                plugins.collect::<Result<Vec<_>, _>>()?
            }
            None if loads_directory => Vec::new(),
            None => return Err(Invalid::NoPlugins),
        };
        Ok(Self {
            source,
            name,
            plugins,
            versions: Versions::read(version, versions)?,
            loads_directory,
            generated_from: generated_from.and_then(string),
        })
    }

    /// Whether the list has an entry of the plugin.
    pub(super) fn has_entry(&self) -> bool {
        self.plugins.iter().any(|plugin| plugin.is_netweir)
    }

    /// The sources of the other plugins, which make the network.
    pub(super) fn others(&self) -> impl Iterator<Item = &'a str> {
        let others = self.plugins.iter().filter(|plugin| !plugin.is_netweir);
        others.map(|plugin| plugin.source)
    }

    /// The source with the entry once and behind another plugin; `None` where nothing has to change.
    pub(super) fn with(&self, entry: &Entry) -> Option<String> {
        let mut own = self
            .plugins
            .iter()
            .enumerate()
            .filter(|(_, plugin)| plugin.is_netweir);
        match (own.next(), own.next()) {
            (None, _) => Some(self.appended(entry)),
            (Some((place, _)), another) if place == 0 || another.is_some() => {
                let without = self.without()?;
                List::parse(&without).ok().map(|list| list.appended(entry))
            }
            (Some((_, own)), _) if entry.is_meant_by(own.source) => None,
            (Some((_, own)), _) => Some(self.spliced(&own.place, entry.source())),
        }
    }

    /// The source without entries of the plugin; `None` where it has none.
    pub(super) fn without(&self) -> Option<String> {
        let position = self.plugins.iter().position(|plugin| plugin.is_netweir)?;
        let own = self.plugins.get(position)?;
        let before = position
            .checked_sub(1)
            .and_then(|before| self.plugins.get(before));
        // Including the comma that appending the entry added.
        let cut = match (before, self.plugins.get(position + 1)) {
            (Some(before), _) => before.place.end..own.place.end,
            (None, Some(after)) => own.place.start..after.place.start,
            (None, None) => own.place.clone(),
        };
        let once = self.spliced(&cut, "");
        let again = List::parse(&once).ok().and_then(|list| list.without());
        Some(again.unwrap_or(once))
    }

    fn appended(&self, entry: &Entry) -> String {
        let last = self.plugins.last().expect("the list has other plugins");
        // Laid out like the plugin before it.
        let before = self.part(..last.place.start);
        let space = before
            .get(before.trim_end().len()..)
            .expect("trimming ends at a character");
        let addition = [",", space, entry.source()].concat();
        self.spliced(&(last.place.end..last.place.end), &addition)
    }

    fn spliced(&self, place: &Range<usize>, text: &str) -> String {
        [self.part(..place.start), text, self.part(place.end..)].concat()
    }

    fn part(&self, range: impl std::slice::SliceIndex<str, Output = str>) -> &'a str {
        self.source
            .get(range)
            .expect("plugins are parts of the source")
    }
}

impl<'a> Plugin<'a> {
    fn parse(list: &'a str, raw: &'a RawValue) -> Result<Self, Invalid> {
        let source = raw.get();
        let start = source.as_ptr() as usize - list.as_ptr() as usize;
        Ok(Self {
            source,
            place: start..start + source.len(),
            is_netweir: type_of(source).map_err(|_| Invalid::NoType)? == NAME,
        })
    }
}

impl<'a> Single<'a> {
    /// Reads a single plugin.
    pub(super) fn parse(source: &'a str) -> Result<Self, Invalid> {
        let kind = type_of(source)?;
        let keys = ["name", "cniVersion", "cniVersions", GENERATED_FROM];
        let [name, version, versions, generated_from] =
            fields(source, keys).map_err(Invalid::NotAnObject)?;
        Ok(Self {
            source: source.trim(),
            kind,
            name,
            version,
            versions: Versions::read(version, versions)?,
            is_generated: generated_from.is_some(),
        })
    }

    /// Whether the plugin has a name that a network can have.
    pub(super) fn has_name(&self) -> bool {
        self.name
            .and_then(string)
            .is_some_and(|name| is_name(name.as_bytes()))
    }

    /// The list that libcni makes of the plugin, with the entry and the name of the plugin's file.
    pub(super) fn list(&self, file: &str, entry: &Entry) -> String {
        let file = Value::from(file).to_string();
        let mut list = format!("{{\n  \"{GENERATED_FROM}\": {file},\n");
        for (key, raw) in [("cniVersion", self.version), ("name", self.name)] {
            if let Some(raw) = raw {
                list.extend(["  \"", key, "\": ", raw.get(), ",\n"]);
            }
        }
        // What libcni would load for the list it does not load for the plugin alone.
        list.push_str("  \"loadOnlyInlinedPlugins\": true,\n");
        list.extend(["  \"plugins\": [\n", self.source, ",\n    ", entry.source()]);
        list.push_str("\n  ]\n}\n");
        list
    }
}

/// The `type` of a plugin.
pub(super) fn type_of(source: &str) -> Result<String, Invalid> {
    let [kind] = fields(source, ["type"]).map_err(Invalid::NotAnObject)?;
    let kind = kind.and_then(string).filter(|kind| !kind.is_empty());
    kind.ok_or(Invalid::NoType)
}

/// A boolean as libcni reads it: strings count, too.
fn is_true(raw: Option<&RawValue>) -> Result<bool, Invalid> {
    let Some(raw) = raw else {
        return Ok(false);
    };
    let text = string(raw).unwrap_or_else(|| raw.get().to_owned());
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Invalid::OnlyInlined),
    }
}

impl Versions {
    fn read(version: Option<&RawValue>, versions: Option<&RawValue>) -> Result<Self, Invalid> {
        let mut all = Vec::new();
        if let Some(raw) = version {
            all.push(string(raw).ok_or(Invalid::Version)?);
        }
        let several = versions.map(|raw| serde_json::from_str(raw.get()));
        if let Some(Ok(Value::Array(several))) = several {
            let texts = several.iter().filter_map(Value::as_str);
            all.extend(texts.map(str::to_owned));
        }
        Ok(Self(all))
    }

    /// Whether the plugin supports one of them.
    pub(super) fn check(&self) -> Result<(), UnsupportedVersion> {
        let is_supported = |version: &String| SpecVersion::named(version).is_some();
        if self.0.iter().any(is_supported) {
            return Ok(());
        }
        let mut found = self.0.join(", ");
        if found.is_empty() {
            "missing".clone_into(&mut found);
        }
        Err(UnsupportedVersion { found })
    }
}

/// Adds the entry to any list and takes it away again: every other byte is kept.
#[cfg(feature = "fuzzing")]
pub fn fuzz(source: &str, entry: &Entry) {
    if let Ok(single) = Single::parse(source) {
        let list = single.list("10-net.conf", entry);
        let list = List::parse(&list);
        assert!(list.is_ok_and(|list| list.with(entry).is_none()) || !single.has_name());
    }
    let Ok(list) = List::parse(source) else {
        return;
    };
    if list.others().next().is_none() {
        return;
    }
    let with = list.with(entry).unwrap_or_else(|| source.to_owned());
    let again = List::parse(&with).expect("a list stays a list");
    assert!(again.with(entry).is_none(), "adding once suffices: {with}");
    assert!(again.others().eq(list.others()), "{with}");
    if !list.has_entry() {
        assert_eq!(again.without().as_deref(), Some(source));
    }
}

#[cfg(test)]
mod tests;
