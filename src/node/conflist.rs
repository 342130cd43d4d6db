//! Network configurations as texts: the plugin's entry comes and goes, every other byte stays.
//!
//! What makes a text a configuration is what libcni asks of it: a list has a name and plugins with a `type` each, a single
//! plugin has a `type` itself.

use std::ops::Range;

use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

use super::entry::{Entry, NAME};
use super::json::{self, Object};
use crate::cni::SpecVersion;

/// Why a text is no network configuration.
#[derive(Debug, Error)]
pub(super) enum Broken {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It is no JSON, or no object.
    #[error("it is not a JSON object: {0}")]
    NotAnObject(serde_json::Error),
    /// The list has no name.
    #[error("it has no name, or one that is not a string")]
    NoName,
    /// The list has no plugins.
    #[error("it has no array of plugins, or none in it but {NAME}")]
    NoPlugins,
    /// The plugin has no `type`.
    #[error("a plugin has no type, or one that is not a string")]
    NoType,
    /// The version has another type.
    #[error("its cniVersion is not a string")]
    Version,
}

/// Why the plugin cannot be part of a network.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "its cniVersion is {found}, which the plugin does not speak; accepted are {}",
    SpecVersion::listed()
)]
pub(super) struct UnsupportedVersion {
    found: String,
}

/// A list of plugins.
#[derive(Debug)]
pub(super) struct List<'a> {
    text: &'a str,
    plugins: Vec<Plugin<'a>>,
    versions: Vec<String>,
}

/// A plugin of a list.
#[derive(Debug)]
struct Plugin<'a> {
    text: &'a str,
    place: Range<usize>,
    is_ours: bool,
}

/// A single plugin.
#[derive(Debug)]
pub(super) struct Single<'a> {
    text: &'a str,
    name: Option<&'a RawValue>,
    version: Option<&'a RawValue>,
    versions: Vec<String>,
}

impl<'a> List<'a> {
    /// The text as a list.
    pub(super) fn parse(text: &'a str) -> Result<Self, Broken> {
        let object: Object<'_> = serde_json::from_str(text).map_err(Broken::NotAnObject)?;
        string(object.get("name")).ok_or(Broken::NoName)?;
        let versions = versions(&object)?;
        let raw = object.get("plugins").ok_or(Broken::NoPlugins)?;
        let elements: Vec<&RawValue> =
            serde_json::from_str(raw.get()).map_err(|_| Broken::NoPlugins)?;
        let plugins = elements.into_iter().map(|raw| plugin(text, raw));
        let plugins = plugins.collect::<Result<Vec<_>, _>>()?;
        // Without another one before it, the plugin has no network to be part of.
        if plugins.iter().all(|plugin| plugin.is_ours) {
            return Err(Broken::NoPlugins);
        }
        Ok(Self {
            text,
            plugins,
            versions,
        })
    }

    /// Whether the plugin can be part of it.
    pub(super) fn check_version(&self) -> Result<(), UnsupportedVersion> {
        check_version(&self.versions)
    }

    /// Whether the plugin is part of it.
    pub(super) fn has_entry(&self) -> bool {
        self.plugins.iter().any(|plugin| plugin.is_ours)
    }

    /// The text of the plugin that is alone in the list but for ours.
    pub(super) fn only_other(&self) -> Option<&'a str> {
        let mut others = self.plugins.iter().filter(|plugin| !plugin.is_ours);
        let first = others.next()?;
        others.next().is_none().then_some(first.text)
    }

    /// The text with the entry, once, behind another plugin; `None` where that is so.
    pub(super) fn with(&self, entry: &Entry) -> Option<String> {
        let mut ours = self
            .plugins
            .iter()
            .enumerate()
            .filter(|(_, plugin)| plugin.is_ours);
        match (ours.next(), ours.next()) {
            (None, _) => Some(self.appended(entry)),
            (Some((place, _)), another) if place == 0 || another.is_some() => {
                let without = self.without()?;
                List::parse(&without).ok().map(|list| list.appended(entry))
            }
            (Some((_, own)), _) if entry.is_meant_by(own.text) => None,
            (Some((_, own)), _) => Some(self.spliced(&own.place, entry.text())),
        }
    }

    /// The text without any entry of ours; `None` where that is so.
    pub(super) fn without(&self) -> Option<String> {
        let position = self.plugins.iter().position(|plugin| plugin.is_ours)?;
        let own = self.plugins.get(position)?;
        let before = position
            .checked_sub(1)
            .and_then(|before| self.plugins.get(before));
        // With the comma that appending it brought.
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
        let Some(last) = self.plugins.last() else {
            return self.text.to_owned();
        };
        // Laid out as the plugin before it.
        let before = self.text.get(..last.place.start).unwrap_or_default();
        let space = before.get(before.trim_end().len()..).unwrap_or_default();
        let addition = [",", space, entry.text()].concat();
        self.spliced(&(last.place.end..last.place.end), &addition)
    }

    fn spliced(&self, place: &Range<usize>, text: &str) -> String {
        let before = self.text.get(..place.start).unwrap_or_default();
        let after = self.text.get(place.end..).unwrap_or_default();
        [before, text, after].concat()
    }
}

impl<'a> Single<'a> {
    /// The text as a plugin.
    pub(super) fn parse(text: &'a str) -> Result<Self, Broken> {
        let object: Object<'_> = serde_json::from_str(text).map_err(Broken::NotAnObject)?;
        type_of(&object)?;
        if object.contains_key("name") {
            string(object.get("name")).ok_or(Broken::NoName)?;
        }
        Ok(Self {
            text: text.trim(),
            name: object.get("name").copied(),
            version: object.get("cniVersion").copied(),
            versions: versions(&object)?,
        })
    }

    /// Whether the plugin can be part of a list with it.
    pub(super) fn check_version(&self) -> Result<(), UnsupportedVersion> {
        check_version(&self.versions)
    }

    /// The list that libcni would make of it, with the entry.
    pub(super) fn with(&self, entry: &Entry) -> String {
        let mut list = "{\n".to_owned();
        for (key, raw) in [("cniVersion", self.version), ("name", self.name)] {
            if let Some(raw) = raw {
                list.extend(["  \"", key, "\": ", raw.get(), ",\n"]);
            }
        }
        list.extend(["  \"plugins\": [\n", self.text, ",\n    ", entry.text()]);
        list.push_str("\n  ]\n}\n");
        list
    }
}

fn plugin<'a>(text: &'a str, raw: &'a RawValue) -> Result<Plugin<'a>, Broken> {
    let element = raw.get();
    let object: Object<'_> = serde_json::from_str(element).map_err(|_| Broken::NoType)?;
    // The element is a part of the text.
    let start = (element.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    Ok(Plugin {
        text: element,
        place: start..start + element.len(),
        is_ours: type_of(&object)? == NAME,
    })
}

fn type_of(object: &Object<'_>) -> Result<String, Broken> {
    let name = string(object.get("type")).filter(|name| !name.is_empty());
    name.ok_or(Broken::NoType)
}

fn string(raw: Option<&&RawValue>) -> Option<String> {
    json::string(raw?)
}

/// The versions among which the runtime chooses: since libcni 1.3 there may be several.
fn versions(object: &Object<'_>) -> Result<Vec<String>, Broken> {
    let mut versions = Vec::new();
    if let Some(raw) = object.get("cniVersion") {
        versions.push(json::string(raw).ok_or(Broken::Version)?);
    }
    let several = object
        .get("cniVersions")
        .map(|raw| serde_json::from_str(raw.get()));
    if let Some(Ok(Value::Array(several))) = several {
        versions.extend(
            several
                .iter()
                .filter_map(|one| one.as_str().map(str::to_owned)),
        );
    }
    Ok(versions)
}

fn check_version(versions: &[String]) -> Result<(), UnsupportedVersion> {
    if versions
        .iter()
        .any(|version| SpecVersion::named(version).is_some())
    {
        return Ok(());
    }
    let found = if versions.is_empty() {
        "missing".to_owned()
    } else {
        versions.join(", ")
    };
    Err(UnsupportedVersion { found })
}

#[cfg(test)]
mod tests;
