//! The plugin's entry in a list of plugins.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::options::Files;

use super::json::string;
use crate::cni::{ANNOTATIONS, ConfigError, PluginError, SpecVersion, check_configuration};

/// The plugin's name: its `type` in a list, and the name of its file.
pub(super) const NAME: &str = "netweir";

/// The key of a file that netweir generated: what it was generated from.
pub(super) const GENERATED_FROM: &str = "netweir.io/generated-from";
/// The version of a configuration for Multus, which every release of Multus 4 supports.
const STANDALONE_VERSION: SpecVersion = SpecVersion::V1_0_0;

/// A JSON object, each value as its source.
type Object<'a> = BTreeMap<String, &'a RawValue>;

/// The plugin's entry in a list of plugins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    source: String,
    value: Value,
}

/// An error in the keys of an entry.
#[derive(Debug, Error)]
pub enum EntryError {
    /// Not a JSON object.
    #[error("is not a JSON object: {0}")]
    NotAnObject(serde_json::Error),
    /// The type of another plugin.
    #[error("type: expected {NAME:?} or no type, found {0}")]
    OtherPlugin(String),
    /// The plugin refuses a key.
    #[error(transparent)]
    Config(ConfigError),
    /// The plugin refuses the configuration.
    #[error("{0}: {details}", details = .0.details())]
    Refused(Box<PluginError>),
}

impl Entry {
    /// Reads the entry from a JSON object; `type` and `capabilities` have defaults.
    ///
    /// # Errors
    /// All reasons for which the plugin would refuse the entry.
    pub fn read(keys: &str) -> Result<Self, Vec<EntryError>> {
        let keys: Object<'_> =
            serde_json::from_str(keys).map_err(|error| vec![EntryError::NotAnObject(error)])?;
        let entry = Self::of(&keys).map_err(|error| vec![error])?;
        entry.check()?;
        Ok(entry)
    }

    fn of(keys: &Object<'_>) -> Result<Self, EntryError> {
        if let Some(raw) = keys
            .get("type")
            .filter(|raw| string(raw).as_deref() != Some(NAME))
        {
            return Err(EntryError::OtherPlugin(raw.get().to_owned()));
        }
        let capabilities = keys.get("capabilities").map(|raw| raw.get().to_owned());
        let capabilities =
            capabilities.unwrap_or_else(|| format!("{{\"{ANNOTATIONS}\":true,\"dns\":true}}"));
        // For readers, the type comes first.
        let mut text = format!("{{\"type\":\"{NAME}\",\"capabilities\":{capabilities}");
        for (key, raw) in keys {
            if !["type", "capabilities"].contains(&key.as_str()) {
                let key = serde_json::to_string(key).map_err(EntryError::NotAnObject)?;
                text.extend([",", &key, ":", raw.get()]);
            }
        }
        text.push('}');
        let value = serde_json::from_str(&text).map_err(EntryError::NotAnObject)?;
        Ok(Self {
            source: text,
            value,
        })
    }

    /// Reads the entry as the plugin will.
    fn check(&self) -> Result<(), Vec<EntryError>> {
        // With the keys that a runtime takes from the list.
        let keys = self.keys();
        let version = SpecVersion::LATEST;
        let config = format!("{{\"name\":\"{NAME}\",\"cniVersion\":\"{version}\",{keys}");
        match check_configuration(&config, &NodeFiles) {
            Ok(()) => Ok(()),
            Err(PluginError::Config(errors)) => {
                Err(errors.into_iter().map(EntryError::Config).collect())
            }
            Err(error) => Err(vec![EntryError::Refused(Box::new(error))]),
        }
    }

    /// Whether the plugin runs without others before it, called by Multus.
    pub(super) fn is_standalone(&self) -> bool {
        self.value.get("standalone") == Some(&Value::Bool(true))
    }

    /// The configuration of a plugin that runs without others.
    pub(super) fn standalone(&self) -> String {
        let keys = self.keys();
        format!(
            "{{\"{GENERATED_FROM}\":\"netweir cni install\",\"cniVersion\":\"{STANDALONE_VERSION}\",\"name\":\"{NAME}\",{keys}\n"
        )
    }

    /// The source without its opening brace.
    fn keys(&self) -> &str {
        self.source.strip_prefix('{').expect("it is an object")
    }

    /// The entry as JSON.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Whether the source has the same meaning.
    pub(super) fn is_meant_by(&self, source: &str) -> bool {
        serde_json::from_str::<Value>(source).is_ok_and(|value| value == self.value)
    }
}

/// Stands for files that the entry names: the installer's container does not have those of the node.
struct NodeFiles;

impl Files for NodeFiles {
    fn read(&self, _: &str) -> Result<String, String> {
        // A resolver of each family, from the ranges for documentation (RFC 5737, RFC 3849).
        Ok("nameserver 192.0.2.53\nnameserver 2001:db8::53\n".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use snapbox::{assert_data_eq, str};

    use super::*;

    fn errors(keys: &str) -> Vec<String> {
        let errors = Entry::read(keys).expect_err("invalid keys");
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn type_comes_first() {
        let entry = Entry::read("{}").unwrap();
        assert_eq!(
            entry.source(),
            r#"{"type":"netweir","capabilities":{"io.kubernetes.cri.pod-annotations":true,"dns":true}}"#
        );
        let entry = Entry::read(r#"{"policy": "all", "capabilities": {}, "type": "netweir"}"#);
        assert_eq!(
            entry.unwrap().source(),
            r#"{"type":"netweir","capabilities":{},"policy":"all"}"#
        );
    }

    #[test]
    fn spelling_does_not_matter_for_the_meaning() {
        let entry = Entry::read(r#"{"policy":"all","capture":{"dns":"all"}}"#).unwrap();
        assert!(entry.is_meant_by(entry.source()));
        let value: Value = serde_json::from_str(entry.source()).unwrap();
        assert!(entry.is_meant_by(&serde_json::to_string_pretty(&value).unwrap()));
        assert!(!entry.is_meant_by(Entry::read("{}").unwrap().source()));
        assert!(!entry.is_meant_by(""));
    }

    #[test]
    fn all_errors_are_reported() {
        let wrong = errors(r#"{"policy": "some", "polcy": 1, "capture": {"dns": "perhaps"}}"#);
        assert_data_eq!(
            wrong.join("\n"),
            str![[r#"
policy: expected one of annotated, all, none, found "some"
polcy, which is 1: unknown key; did you mean policy
capture.dns: expected one of off, resolvers, all, found "perhaps"
"#]]
        );
        assert_eq!(
            errors(r#"{"type": "bridge"}"#),
            ["type: expected \"netweir\" or no type, found \"bridge\""]
        );
        assert!(errors("[]")[0].starts_with("is not a JSON object: "));
    }

    #[test]
    fn files_of_the_node_need_not_exist_in_the_installers_container() {
        for families in ["ipv4", "ipv6"] {
            let keys = json!({"capture": {"dns": "resolvers", "resolv-conf": "/nowhere", "ip-families": families}});
            Entry::read(&keys.to_string()).unwrap();
        }
    }
}
