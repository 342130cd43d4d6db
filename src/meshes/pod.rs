//! What is known of a pod when its capture is decided.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// What is known of a pod. A CNI plugin knows the annotations, a runtime's hooks the labels and containers too, and an
/// injector everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodFacts {
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its annotations; `None` where they are unknown.
    pub annotations: Option<BTreeMap<String, String>>,
    /// Its labels; `None` where they are unknown.
    pub labels: Option<BTreeMap<String, String>>,
    /// All its containers; `None` where they are unknown.
    pub containers: Option<Vec<Container>>,
    /// The name servers of its `resolv.conf`; `None` where they are unknown.
    pub resolvers: Option<Vec<IpAddr>>,
    /// What Nomad says of an allocation; `None` where the runtime is not known to be Nomad.
    pub nomad: Option<NomadFacts>,
}

/// What Nomad says of an allocation in `CNI_ARGS`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NomadFacts {
    /// `CONSUL_IPTABLES_CONFIG`: Consul's redirection configuration as JSON.
    pub consul_config: Option<String>,
}

/// What is known of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its arguments; `None` where they are unknown.
    pub args: Option<Vec<String>>,
    /// Its environment, with `None` for a value taken from elsewhere; `None` where it is unknown.
    pub env: Option<BTreeMap<String, Option<String>>>,
    /// The user it runs as; `None` where that is unknown.
    pub uid: Option<u32>,
    /// The group it runs as; `None` where that is unknown.
    pub gid: Option<u32>,
}

impl PodFacts {
    /// The value of an annotation.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        Some(self.annotations.as_ref()?.get(key)?.as_str())
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        Some(self.labels.as_ref()?.get(key)?.as_str())
    }

    /// The container with this name.
    #[must_use]
    pub fn container(&self, name: &str) -> Option<&Container> {
        let mut containers = self.containers.iter().flatten();
        containers.find(|container| container.name == name)
    }

    /// Whether the pod is known to have no container with this name.
    #[must_use]
    pub fn lacks_container(&self, name: &str) -> bool {
        self.containers.is_some() && self.container(name).is_none()
    }
}
