//! Facts about a pod, from which its capture is decided.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Known facts about a pod. A CNI plugin knows the annotations, a runtime's hooks the labels and containers too, and an
/// injector everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodFacts {
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its annotations; `None` if unknown.
    pub annotations: Option<BTreeMap<String, String>>,
    /// Its labels; `None` if unknown.
    pub labels: Option<BTreeMap<String, String>>,
    /// All its containers; `None` if unknown.
    pub containers: Option<Vec<Container>>,
    /// The name servers of its `resolv.conf`; `None` if unknown.
    pub resolvers: Option<Vec<IpAddr>>,
    /// Nomad's arguments of an allocation; `None` if the runtime is not known to be Nomad.
    pub nomad: Option<NomadFacts>,
}

/// The arguments that Nomad passes for an allocation in `CNI_ARGS`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NomadFacts {
    /// `CONSUL_IPTABLES_CONFIG`: Consul's redirection configuration as JSON.
    pub consul_config: Option<String>,
}

/// Known facts about a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its arguments; `None` if unknown.
    pub args: Option<Vec<String>>,
    /// Its environment, with `None` for a value taken from elsewhere; `None` if unknown.
    pub env: Option<BTreeMap<String, Option<String>>>,
    /// The user it runs as; `None` if unknown.
    pub uid: Option<u32>,
    /// The group it runs as; `None` if unknown.
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
