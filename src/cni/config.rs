//! The configuration on standard input: strict with netweir's keys, and ignoring those of the runtime.

mod error;
mod keys;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::meshes::claim::MeshMode;
use crate::meshes::decision::{Mesh, Pods, Policy};
use crate::meshes::own::is_about_capture;
use crate::named::Named;
use crate::options::{self, Level, OptionValues, nearest_of};
use crate::parse;
use crate::printable::shortened;

use super::environment::is_name;
use super::version::SpecVersion;

use keys::{EXCLUDED, is_known, nearest};

pub(crate) use error::ConfigError;
pub(super) use error::mistyped;

/// The capability with which a runtime passes the annotations of a pod (containerd, CRI-O).
pub(crate) const ANNOTATIONS: &str = "io.kubernetes.cri.pod-annotations";

/// Standard input as a JSON object, with its values as they were written.
pub(super) struct Input<'a>(BTreeMap<String, &'a RawValue>);

/// netweir's part of the configuration.
pub(super) struct Config {
    /// Which pods to capture.
    pub(super) policy: Policy,
    /// Options for all pods.
    pub(super) capture: OptionValues,
    /// Whether ADD needs no previous result.
    pub(super) standalone: bool,
}

/// Where messages go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LogConfig {
    /// A file that they are appended to, besides standard error.
    pub(super) file: Option<PathBuf>,
    /// The lowest level that is written.
    pub(super) level: Level,
}

impl<'a> Input<'a> {
    /// The text's keys and values.
    pub(super) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }

    /// The requested version of the specification; `None` if it is missing or unsupported.
    pub(super) fn version(&self) -> Option<SpecVersion> {
        match self.value("cniVersion") {
            Some(Value::String(text)) => SpecVersion::named(&text),
            _ => None,
        }
    }

    /// The version. If it is missing or unsupported, the error says which.
    pub(super) fn required_version(&self) -> Result<SpecVersion, String> {
        self.version()
            .ok_or_else(|| match self.0.get("cniVersion") {
                None => "cniVersion is missing".to_owned(),
                Some(found) => format!("cniVersion is {}", found.get()),
            })
    }

    /// The value of `cniVersion`, supported or not.
    pub(super) fn written_version(&self) -> Option<String> {
        match self.value("cniVersion") {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The result of the earlier plugins, unchanged.
    pub(super) fn previous_result(&self) -> Result<Option<&'a RawValue>, ConfigError> {
        let Some(raw) = self.0.get("prevResult") else {
            return Ok(None);
        };
        // The first character shows the type, so the rest need not be parsed.
        match raw.get().chars().next() {
            Some('{') => Ok(Some(raw)),
            Some('n') => Ok(None),
            _ => Err(mistyped(
                "prevResult",
                self.value("prevResult").as_ref(),
                "an object",
            )),
        }
    }

    /// The annotations of the pod; `None` if the runtime cannot pass them, or the configuration does not declare the
    /// capability.
    pub(super) fn annotations(&self) -> Result<Option<BTreeMap<String, Value>>, ConfigError> {
        match self.value("runtimeConfig") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(mut config)) => match config.remove(ANNOTATIONS) {
                None => Ok(None),
                Some(Value::Null) => Ok(Some(BTreeMap::new())),
                Some(Value::Object(annotations)) => Ok(Some(annotations.into_iter().collect())),
                other => {
                    let key = format!("runtimeConfig[{ANNOTATIONS:?}]");
                    Err(mistyped(key, other.as_ref(), "an object or null"))
                }
            },
            other => Err(mistyped("runtimeConfig", other.as_ref(), "an object")),
        }
    }

    /// The name servers of the pod, by the capability `dns`; `None` if the runtime passes none, or one that is invalid.
    pub(super) fn resolvers(&self) -> Option<Vec<IpAddr>> {
        let config = self.value("runtimeConfig")?;
        let servers = config.get("dns")?.get("servers")?.as_array()?;
        let servers: Option<Vec<_>> = servers
            .iter()
            .map(|server| server.as_str()?.parse().ok())
            .collect();
        servers.filter(|servers| !servers.is_empty())
    }

    /// The valid part of the log settings, so that errors in the rest can be logged.
    pub(super) fn log(&self) -> LogConfig {
        self.read_log(&mut Vec::new())
    }

    /// netweir's part of the configuration, and all errors in it.
    pub(super) fn config(&self) -> (Config, Vec<ConfigError>) {
        let mut errors = Vec::new();
        self.read_name(&mut errors);
        self.read_log(&mut errors);
        let policy = self.read_policy(&mut errors);
        let capture = self.read_capture(&mut errors);
        let standalone = self.read_standalone(&mut errors);
        errors.extend(self.0.iter().filter_map(|(key, raw)| unknown(key, raw)));
        let config = Config {
            policy,
            capture,
            standalone,
        };
        (config, errors)
    }

    fn value(&self, key: &str) -> Option<Value> {
        // Only a value that is nested too deeply fails to parse, and none of netweir's keys takes an array in an array.
        let raw = self.0.get(key)?;
        Some(serde_json::from_str(raw.get()).unwrap_or_else(|_| Value::Array(Vec::new())))
    }

    fn read_name(&self, errors: &mut Vec<ConfigError>) {
        match self.value("name") {
            Some(Value::String(name)) if is_name(name.as_bytes()) => {}
            Some(Value::String(name)) => errors.push(ConfigError::Name(name)),
            other => errors.push(mistyped("name", other.as_ref(), "a string")),
        }
    }

    fn read_log(&self, errors: &mut Vec<ConfigError>) -> LogConfig {
        let mut log = LogConfig::default();
        match self.value("logFile") {
            None => {}
            Some(Value::String(path)) if path.starts_with('/') => log.file = Some(path.into()),
            Some(Value::String(path)) => errors.push(ConfigError::RelativeLogFile(path)),
            other => errors.push(mistyped("logFile", other.as_ref(), "a string")),
        }
        if let Some(level) = self.word("logLevel", errors) {
            log.level = level;
        }
        log
    }

    fn read_policy(&self, errors: &mut Vec<ConfigError>) -> Policy {
        let pods = self.word("policy", errors);
        let exclude = self.names("excludeNamespaces", errors);
        let include = self.names("includeNamespaces", errors).unwrap_or_default();
        let exclude = exclude.unwrap_or_else(|| vec![EXCLUDED.to_owned()]);
        let both = include.iter().filter(|name| exclude.contains(name));
        errors.extend(both.cloned().map(ConfigError::IncludedAndExcluded));
        Policy {
            pods: pods.unwrap_or(Pods::Annotated),
            exclude,
            include,
            meshes: self.read_meshes(errors),
        }
    }

    fn read_meshes(&self, errors: &mut Vec<ConfigError>) -> BTreeMap<Mesh, MeshMode> {
        let modes = match self.value("meshes") {
            None => return BTreeMap::new(),
            Some(Value::Object(modes)) => modes,
            other => {
                errors.push(mistyped("meshes", other.as_ref(), "an object"));
                return BTreeMap::new();
            }
        };
        let read = modes
            .iter()
            .map(|(key, value)| mesh_mode(key, value).map_err(|error| errors.push(error)));
        read.filter_map(Result::ok).collect()
    }

    fn read_standalone(&self, errors: &mut Vec<ConfigError>) -> bool {
        match self.value("standalone") {
            None => false,
            Some(Value::Bool(standalone)) => standalone,
            other => {
                errors.push(mistyped("standalone", other.as_ref(), "true or false"));
                false
            }
        }
    }

    fn read_capture(&self, errors: &mut Vec<ConfigError>) -> OptionValues {
        match self.value("capture") {
            None => OptionValues::default(),
            Some(Value::Object(object)) => {
                let (given, wrong) = options::read_object(&object, is_about_capture);
                errors.extend(wrong.into_iter().map(ConfigError::Capture));
                given
            }
            other => {
                errors.push(mistyped("capture", other.as_ref(), "an object"));
                OptionValues::default()
            }
        }
    }

    fn word<T: Named>(&self, key: &str, errors: &mut Vec<ConfigError>) -> Option<T> {
        let read = word_of(key, &self.value(key)?);
        read.map_err(|error| errors.push(error)).ok()
    }

    fn names(&self, key: &'static str, errors: &mut Vec<ConfigError>) -> Option<Vec<String>> {
        let value = self.value(key)?;
        let names = value.as_array().and_then(|entries| {
            let texts = entries
                .iter()
                .map(|entry| entry.as_str().map(str::to_owned));
            texts.collect()
        });
        if names.is_none() {
            errors.push(mistyped(key, Some(&value), "an array of strings"));
        }
        names
    }
}

fn unknown(key: &str, raw: &RawValue) -> Option<ConfigError> {
    (!is_known(key)).then(|| {
        ConfigError::Unknown(
            key.to_owned(),
            shortened(raw.get()),
            nearest(key).map(str::to_owned),
        )
    })
}

fn mesh_mode(key: &str, value: &Value) -> Result<(Mesh, MeshMode), ConfigError> {
    let Some(mesh) = Mesh::named(key) else {
        let keys = Mesh::ALL.into_iter().map(Mesh::key);
        return Err(ConfigError::UnknownMesh(
            key.to_owned(),
            nearest_of(key, keys).map(str::to_owned),
        ));
    };
    Ok((mesh, word_of(&format!("meshes.{key}"), value)?))
}

fn word_of<T: Named>(key: &str, value: &Value) -> Result<T, ConfigError> {
    let Some(text) = value.as_str() else {
        return Err(mistyped(key, Some(value), "a string"));
    };
    parse::word(text).map_err(|error| ConfigError::Value(key.to_owned(), error))
}
