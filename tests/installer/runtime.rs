//! Chooses a network as container runtimes do: after libcni and containerd's go-cni, independent of netweir's code.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::node::Node;

/// The primary network: its file and its list.
pub(crate) fn primary(folder: &Path) -> Option<(String, Value)> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names.into_iter().find_map(|name| {
        let suffix = name.rsplit_once('.').map(|(_, suffix)| suffix.to_owned())?;
        if !["conf", "conflist", "json"].contains(&suffix.as_str()) {
            return None;
        }
        let text = fs::read_to_string(folder.join(&name)).ok()?;
        let value: Value = serde_json::from_str(&text).ok()?;
        let list = if suffix == "conflist" {
            value
        } else {
            of_single(&value)?
        };
        let plugins = list.get("plugins")?.as_array()?;
        let has_type =
            |plugin: &Value| plugin["type"].as_str().is_some_and(|name| !name.is_empty());
        (list.get("name")?.is_string() && !plugins.is_empty() && plugins.iter().all(has_type))
            .then_some((name, list))
    })
}

/// `ConfListFromConf`.
fn of_single(plugin: &Value) -> Option<Value> {
    plugin.get("type")?;
    let mut list = json!({"plugins": [plugin]});
    for key in ["name", "cniVersion"] {
        if let Some(value) = list["plugins"][0].get(key).cloned() {
            list[key] = value;
        }
    }
    Some(list)
}

/// The plugins of the primary network.
pub(crate) fn plugins(node: &Node) -> Vec<Value> {
    plugins_in(&node.conf())
}

/// The plugins of a directory's primary network.
pub(crate) fn plugins_in(folder: &Path) -> Vec<Value> {
    let primary = primary(folder);
    let plugins = primary.and_then(|(_, list)| list["plugins"].as_array().cloned());
    plugins.unwrap_or_default()
}

/// The plugin's entry without options.
pub(crate) fn entry() -> Value {
    json!({"type": "netweir", "capabilities": {"io.kubernetes.cri.pod-annotations": true, "dns": true}})
}

/// Whether the entry is the last of the primary network and the binary is in place.
pub(crate) fn is_installed(node: &Node) -> bool {
    plugins(node).last() == Some(&entry()) && node.has_plugin()
}

/// Whether the text is the old one, possibly with a piece inserted.
pub(crate) fn is_extended(text: &str, old: &str) -> bool {
    let same = |pair: &(u8, u8)| pair.0 == pair.1;
    let before = text.bytes().zip(old.bytes()).take_while(same).count();
    let after = text
        .bytes()
        .rev()
        .zip(old.bytes().rev())
        .take_while(same)
        .count();
    text.len() >= old.len() && before + after >= old.len()
}

/// Whether the text is the old one with the entry at the end of its plugins.
pub(crate) fn has_entry_besides(text: &str, old: &str) -> bool {
    let Ok(mut list) = serde_json::from_str::<Value>(text) else {
        return false;
    };
    let own = list["plugins"].as_array_mut().and_then(Vec::pop);
    is_extended(text, old) && own == Some(entry()) && serde_json::from_str(old).ok() == Some(list)
}
