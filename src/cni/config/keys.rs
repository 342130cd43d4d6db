//! The keys of the configuration.

use crate::options::nearest_of;

/// The keys of the specification, of libcni and of Multus. Those of others have a slash, by its conventions.
const RUNTIME_KEYS: [&str; 18] = [
    "args",
    "capabilities",
    "cniVersion",
    "cniVersions",
    "delegates",
    "deviceID",
    "disableCheck",
    "disableGC",
    "dns",
    "ipMasq",
    "ipam",
    "loadOnlyInlinedPlugins",
    "name",
    "pciBusID",
    "prevResult",
    "runtimeConfig",
    "type",
    "valid-attachments",
];

/// netweir's keys.
pub(super) const OWN_KEYS: [&str; 8] = [
    "capture",
    "excludeNamespaces",
    "includeNamespaces",
    "logFile",
    "logLevel",
    "meshes",
    "policy",
    "standalone",
];

/// The namespaces that are bypassed by default.
pub(super) const EXCLUDED: &str = "kube-system";

/// Whether a configuration may have the key.
pub(super) fn is_known(key: &str) -> bool {
    key.contains('/') || RUNTIME_KEYS.contains(&key) || OWN_KEYS.contains(&key)
}

/// The known key with the most similar spelling, including the runtime's keys that administrators write.
pub(super) fn nearest(key: &str) -> Option<&'static str> {
    let all = OWN_KEYS.into_iter().chain(RUNTIME_KEYS);
    let mut same = all.clone().filter(|known| known.eq_ignore_ascii_case(key));
    same.next().or_else(|| nearest_of(key, all))
}
