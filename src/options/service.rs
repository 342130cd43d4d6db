//! Environment variables that Kubernetes sets for each service of a namespace.
//!
//! A service named `netweir-dns` has `NETWEIR_DNS_SERVICE_HOST`, `NETWEIR_DNS_SERVICE_PORT`,
//! `NETWEIR_DNS_PORT=tcp://10.0.0.1:53` and `NETWEIR_DNS_PORT_53_TCP_ADDR`, among others. Their names can be similar or
//! equal to those of options.

use std::ffi::OsStr;

/// Whether the value is the URL that Kubernetes gives to `<SERVICE>_PORT`.
#[must_use]
pub fn is_service_url(value: &OsStr) -> bool {
    let schemes: [&[u8]; 3] = [b"tcp://", b"udp://", b"sctp://"];
    let value = value.as_encoded_bytes();
    schemes.iter().any(|scheme| value.starts_with(scheme))
}

/// Whether the variable is one of a service's: whether the service's `<SERVICE>_SERVICE_HOST` is set, too.
pub fn is_of_service(name: &str, is_set: impl Fn(&str) -> bool) -> bool {
    ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT"]
        .iter()
        .any(|part| {
            let services = name
                .match_indices(part)
                .filter_map(|(at, _)| name.get(..at));
            services
                .into_iter()
                .any(|service| is_set(&format!("{service}_SERVICE_HOST")))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognises_what_kubernetes_sets_for_a_service() {
        let is_set = |name: &str| name == "NETWEIR_CNI_SERVICE_HOST";
        for name in [
            "NETWEIR_CNI_SERVICE_HOST",
            "NETWEIR_CNI_SERVICE_PORT",
            "NETWEIR_CNI_SERVICE_PORT_METRICS",
            "NETWEIR_CNI_PORT",
            "NETWEIR_CNI_PORT_15097_TCP",
            "NETWEIR_CNI_PORT_15097_TCP_PORT",
        ] {
            assert!(is_of_service(name, is_set), "{name}");
        }
        for name in [
            "NETWEIR_DNS_PORT",
            "NETWEIR_CNI",
            "NETWEIR_CNI_BIN_DIR",
            "_PORT",
        ] {
            assert!(!is_of_service(name, is_set), "{name}");
        }
    }
}
