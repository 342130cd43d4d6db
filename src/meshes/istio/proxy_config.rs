//! What changes the capture of Istio's proxy: its environment, its user and its group.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::meshes::annotations::PodOptions;
use crate::meshes::annotations::origin;
use crate::meshes::claim::Remark;
use crate::meshes::document::{Document, Source};
use crate::meshes::notation;
use crate::meshes::pod::{Container, PodFacts};
use crate::options::{OptionError, Origin, Setting};

/// The proxy's container.
pub(super) const PROXY: &str = "istio-proxy";
/// `ProxyConfig` as YAML or JSON.
const CONFIG: &str = "proxy.istio.io/config";
/// What the user changed of the proxy's container, as JSON; written by the injector.
const OVERRIDES: &str = "proxy.istio.io/overrides";
const DISABLE_ENVOY: &str = "DISABLE_ENVOY";
const DNS_CAPTURE: &str = "ISTIO_META_DNS_CAPTURE";
const DUAL_STACK: &str = "ISTIO_DUAL_STACK";
const INVALID_DROP: &str = "INVALID_DROP";
/// The user and group of the proxy where none is set.
const OWNER: u32 = 1337;

/// The proxy's environment, as far as it is known.
#[derive(Default)]
pub(super) struct ProxyEnvironment {
    /// Variables, each with what says so.
    values: BTreeMap<String, (String, &'static str)>,
    /// Whether these are all.
    complete: bool,
    uid: Option<u32>,
    gid: Option<u32>,
    errors: Vec<OptionError>,
}

impl ProxyEnvironment {
    fn of(facts: &PodFacts) -> Self {
        let mut known = Self::default();
        if let Some(text) = facts.annotation(CONFIG) {
            known.read_config(text);
        }
        if let Some(text) = facts.annotation(OVERRIDES) {
            known.read_overrides(text);
        }
        if let Some(container) = facts.container(PROXY) {
            known.read_container(container);
        }
        known
    }

    /// Whether the pod's proxy is not started.
    pub(super) fn disables_envoy(facts: &PodFacts) -> bool {
        let (value, _) = Self::of(facts).switch(DISABLE_ENVOY);
        value == Some(true)
    }

    fn read_config(&mut self, text: &str) {
        let document = match Document::yaml(Source::Annotation(CONFIG), text) {
            Ok(document) => document,
            Err(error) => return self.errors.push(error),
        };
        let Some(Value::Object(metadata)) = document.field("proxyMetadata") else {
            return;
        };
        for (name, value) in metadata {
            if let Value::String(value) = value {
                self.values.insert(name.clone(), (value.clone(), CONFIG));
            }
        }
    }

    fn read_overrides(&mut self, text: &str) {
        let document = match Document::json(Source::Annotation(OVERRIDES), text) {
            Ok(document) => document,
            Err(error) => return self.errors.push(error),
        };
        let lists = ["containers", "initContainers"];
        let lists = lists.iter().filter_map(|list| document.field(list));
        let containers = lists.filter_map(Value::as_array).flatten();
        for container in containers.filter(|container| string(container, "name") == Some(PROXY)) {
            self.read_override(container);
        }
    }

    fn read_override(&mut self, container: &Value) {
        let owner = |key: &str| {
            let id = container.get("securityContext")?.get(key)?.as_u64()?;
            u32::try_from(id).ok()
        };
        self.uid = owner("runAsUser").or(self.uid);
        self.gid = owner("runAsGroup").or(self.gid);
        let variables = container.get("env").and_then(Value::as_array);
        for variable in variables.into_iter().flatten() {
            let Some(name) = string(variable, "name") else {
                continue;
            };
            match string(variable, "value") {
                Some(value) => {
                    let value = (value.to_owned(), OVERRIDES);
                    self.values.insert(name.to_owned(), value);
                }
                // Taken from elsewhere.
                None => drop(self.values.remove(name)),
            }
        }
    }

    fn read_container(&mut self, container: &Container) {
        self.uid = container.uid.or(self.uid);
        self.gid = container.gid.or(self.gid);
        let Some(env) = &container.env else {
            return;
        };
        self.complete = true;
        self.values.clear();
        for (name, value) in env {
            match value {
                Some(value) => {
                    let value = (value.clone(), PROXY);
                    self.values.insert(name.clone(), value);
                }
                None => self.complete = false,
            }
        }
    }

    /// What a variable says, and what says so. An unknown word counts as false, as it does to Istio.
    fn switch(&self, name: &str) -> (Option<bool>, &'static str) {
        match self.values.get(name) {
            Some((text, source)) => (Some(notation::go_switch(text).unwrap_or(false)), *source),
            None => (self.complete.then_some(false), PROXY),
        }
    }

    fn remarks(&self) -> impl Iterator<Item = Remark> {
        let names = [DNS_CAPTURE, DUAL_STACK, INVALID_DROP, DISABLE_ENVOY];
        names.into_iter().filter_map(|name| {
            let (text, source) = self.values.get(name)?;
            let error = notation::go_switch(text).err()?;
            let text = format!("{source}, {name}: {error}; taken for false, as Istio does");
            Some(Remark::Warning(text))
        })
    }
}

fn string<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str()
}

/// Adds the options that the proxy's environment and owner stand for.
pub(super) fn read(facts: &PodFacts, options: &mut PodOptions, remarks: &mut Vec<Remark>) {
    let known = ProxyEnvironment::of(facts);
    remarks.extend(known.remarks());
    let values = &mut options.mesh;
    let mut give = |setting, (source, field): (&str, &str), text: String| {
        let name = format!("{source}, {field}");
        let origin = match source {
            CONFIG | OVERRIDES => origin(&name),
            _ => Origin::Runtime(name.into()),
        };
        values.set(setting, origin, text);
    };
    if let (Some(captured), source) = known.switch(DNS_CAPTURE) {
        // To any server, as with Istio's own plugin.
        let text = if captured { "all" } else { "off" };
        give(Setting::Dns, (source, DNS_CAPTURE), text.to_owned());
    }
    if let (Some(true), source) = known.switch(DUAL_STACK) {
        give(Setting::IpFamilies, (source, DUAL_STACK), "both".to_owned());
    }
    if let (Some(dropped), source) = known.switch(INVALID_DROP) {
        give(
            Setting::DropInvalid,
            (source, INVALID_DROP),
            dropped.to_string(),
        );
    }
    if known.uid.is_some() || known.gid.is_some() {
        let source = if facts.container(PROXY).is_some() {
            PROXY
        } else {
            OVERRIDES
        };
        // Root stands for the default, to Istio too.
        let id = |id: Option<u32>| id.filter(|&id| id != 0).unwrap_or(OWNER).to_string();
        give(Setting::ProxyUid, (source, "runAsUser"), id(known.uid));
        give(Setting::ProxyGid, (source, "runAsGroup"), id(known.gid));
    }
    options.errors.extend(known.errors);
}
