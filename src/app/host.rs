//! Refuses to capture a network namespace that other pods' traffic passes, such as that of a node: rules there would redirect
//! the connections of all its pods.

use std::collections::BTreeSet;
use std::env;

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

use crate::intent::{Family, InterfacePattern};
use crate::log::Log;
use crate::nftables::{self, Kernel};
use crate::rtnetlink::links::{self, Link};

use super::error::{AppError, HostSign, POD_VARIABLE};

/// A kernel parameter that only the initial network namespace has (`net/core/sysctl_net_core.c`, `netns_core_table`
/// against `net_core_table`), and the folder that it is in, which each has.
const INITIAL_ONLY: &str = "/proc/sys/net/core/netdev_max_backlog";
const EVERYWHERE: &str = "/proc/sys/net/core";

const WARNING: &str = "this is the initial network namespace: connections of all processes on this machine are captured";

/// Facts about the current network namespace.
#[derive(Debug, Default)]
struct NamespaceFacts {
    initial: bool,
    pod_variable: bool,
    forwards: bool,
    links: Vec<Link>,
}

impl NamespaceFacts {
    fn read(kernel: &mut Kernel) -> Result<Self, AppError> {
        let initial = match access(INITIAL_ONLY, AccessFlags::F_OK) {
            Ok(()) => true,
            Err(Errno::ENOENT) if access(EVERYWHERE, AccessFlags::F_OK).is_ok() => false,
            // Without `/proc` that is unknown.
            Err(errno) => {
                return Err(AppError::HostUnknown {
                    name: INITIAL_ONLY,
                    source: errno.into(),
                });
            }
        };
        let mut forwards = false;
        for family in Family::ALL {
            forwards |= links::forwards(&mut kernel.rtnetlink, family)?;
        }
        Ok(Self {
            initial,
            pod_variable: env::var_os(POD_VARIABLE).is_some(),
            forwards,
            links: if initial || forwards {
                links::links(&mut kernel.rtnetlink)?
            } else {
                Vec::new()
            },
        })
    }

    /// Refuses, or gives a warning.
    fn check(
        &self,
        reroute: &[InterfacePattern],
        is_installed: impl FnOnce() -> Result<bool, AppError>,
    ) -> Result<Option<&'static str>, AppError> {
        let sign = self.sign(reroute);
        if sign.is_none() && !self.initial || is_installed()? {
            return Ok(None);
        }
        sign.map_or(Ok(Some(WARNING)), |sign| Err(AppError::Host(sign)))
    }

    fn sign(&self, reroute: &[InterfacePattern]) -> Option<HostSign> {
        let is_rerouted = |link: &Link| reroute.iter().any(|pattern| pattern.matches(&link.name));
        let masters: BTreeSet<_> = self.links.iter().filter_map(|link| link.master).collect();
        let is_master = |link: &&Link| masters.contains(&link.index);
        // Its nested machines are captured like the namespace itself, by request.
        if self.links.iter().filter(is_master).any(is_rerouted) {
            return None;
        }
        let mut ends = self
            .links
            .iter()
            .filter(|link| link.peer_namespace.is_some());
        if self.initial {
            if self.pod_variable {
                return Some(HostSign::PodInInitialNamespace);
            }
            let veth = ends.next()?.name.clone();
            return Some(HostSign::InitialNamespace(veth));
        }
        // Pods inherit forwarding from their node, and their own interfaces are veth ends, too. But all of these lead to one
        // namespace, the node's, and none is a bridge's port. A nested node has an end for each of its pods.
        let first = self.links.iter().find_map(|link| link.peer_namespace);
        let end = ends.find(|end| end.master.is_some() || end.peer_namespace != first);
        let veth = end.filter(|_| self.forwards)?.name.clone();
        Some(HostSign::Forwards(veth))
    }
}

/// Refuses if there is a sign of other pods' traffic, unless netweir is installed there already. Warns in the initial network
/// namespace, which is the place to capture on a machine without pods.
pub(super) fn refuse_host(
    kernel: &mut Kernel,
    reroute: &[InterfacePattern],
    log: Log,
) -> Result<(), AppError> {
    let facts = NamespaceFacts::read(kernel)?;
    let is_installed = || Ok(nftables::dump()?.is_some());
    if let Some(warning) = facts.check(reroute, is_installed)? {
        log.warning(warning, &[]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn veth(name: &str, namespace: u32, master: Option<u32>) -> Link {
        Link {
            name: name.to_owned(),
            index: 10,
            master,
            peer_namespace: Some(namespace),
        }
    }

    fn bridge(name: &str, index: u32) -> Link {
        Link {
            name: name.to_owned(),
            index,
            ..Link::default()
        }
    }

    fn initial(links: Vec<Link>) -> NamespaceFacts {
        NamespaceFacts {
            initial: true,
            links,
            ..NamespaceFacts::default()
        }
    }

    fn forwarding(links: Vec<Link>) -> NamespaceFacts {
        NamespaceFacts {
            forwards: true,
            links,
            ..NamespaceFacts::default()
        }
    }

    #[test]
    fn pod_in_initial_namespace_is_a_sign() {
        let mut facts = initial(Vec::new());
        assert_eq!(facts.sign(&[]), None);
        facts.pod_variable = true;
        assert_eq!(facts.sign(&[]), Some(HostSign::PodInInitialNamespace));
        // Every pod has the variable.
        facts.initial = false;
        assert_eq!(facts.sign(&[]), None);
    }

    #[test]
    fn warns_once_in_initial_namespace_without_pods() {
        let check = |facts: &NamespaceFacts, installed| facts.check(&[], || Ok(installed));
        let machine = initial(vec![bridge("docker0", 3)]);
        assert_eq!(check(&machine, false).unwrap(), Some(WARNING));
        assert_eq!(check(&machine, true).unwrap(), None);
        let node = initial(vec![veth("veth1", 0, None)]);
        assert!(matches!(check(&node, false), Err(AppError::Host(_))));
        assert_eq!(check(&node, true).unwrap(), None);
        // Elsewhere, the rules need not be read.
        let pod = NamespaceFacts::default();
        let unread = pod.check(&[], || panic!("the rules are read"));
        assert_eq!(unread.unwrap(), None);
    }

    #[test]
    fn veth_end_in_initial_namespace_is_a_sign() {
        let name = "veth1".to_owned();
        let sign = Some(HostSign::InitialNamespace(name));
        assert_eq!(initial(vec![veth("veth1", 0, None)]).sign(&[]), sign);
        assert_eq!(initial(vec![bridge("docker0", 3)]).sign(&[]), None);
    }

    #[test]
    fn ends_to_several_namespaces_with_forwarding_are_a_sign() {
        let ends = || vec![veth("eth0", 0, None), veth("veth1", 1, None)];
        let name = "veth1".to_owned();
        let sign = Some(HostSign::Forwards(name));
        assert_eq!(forwarding(ends()).sign(&[]), sign);
        let without = NamespaceFacts {
            links: ends(),
            ..NamespaceFacts::default()
        };
        assert_eq!(without.sign(&[]), None);
    }

    #[test]
    fn pod_with_inherited_forwarding_has_no_sign() {
        let interfaces = vec![veth("eth0", 0, None), veth("net1", 0, None)];
        assert_eq!(forwarding(interfaces).sign(&[]), None);
    }

    #[test]
    fn bridge_that_is_a_reroute_interface_is_no_sign() {
        let links = || vec![veth("veth1", 0, Some(3)), bridge("docker0", 3)];
        let reroute = ["docker0".parse().expect("a name")];
        let other = ["docker1".parse().expect("a name")];
        for facts in [initial(links()), forwarding(links())] {
            assert!(facts.sign(&[]).is_some());
            assert!(facts.sign(&other).is_some());
            assert_eq!(facts.sign(&reroute), None);
        }
    }
}
