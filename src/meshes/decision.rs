//! Decides whether a pod is captured, and with which options.
//!
//! Every caller uses [`decide`]. More facts about the pod can only settle what was undetermined before, with the few
//! exceptions that `tests/cni/decisions.rs` lists.

use std::collections::BTreeMap;

use crate::named::named;
use crate::options::{OptionError, OptionErrorKind, Setting};

use super::annotations::{PodOptions, annotation_error};
use super::claim::{Claim, MeshMode, Remark};
use super::pod::PodFacts;
use super::reason::Reason;
use super::{consul, istio, kuma, linkerd, own};

named! {
    /// A mesh whose pods netweir recognises.
    pub enum Mesh: key {
        /// Istio in sidecar mode.
        Istio "istio";
        /// Linkerd.
        Linkerd "linkerd";
        /// Kuma, and Kong Mesh.
        Kuma "kuma";
        /// Consul on Kubernetes.
        Consul "consul";
        /// Consul on Nomad.
        Nomad "nomad";
    }
}

impl Mesh {
    /// The annotation that shows that its injector changed the pod.
    const fn mark(self) -> &'static str {
        match self {
            Self::Istio => istio::annotations::INJECTED,
            Self::Linkerd => linkerd::annotations::INJECTED,
            Self::Kuma => kuma::annotations::INJECTED,
            Self::Consul => consul::annotations::CONFIG,
            Self::Nomad => consul::annotations::ARGUMENT,
        }
    }

    /// The prefixes of its annotations.
    const fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Istio => &[
                "sidecar.istio.io/",
                "traffic.sidecar.istio.io/",
                "proxy.istio.io/",
                "istio.io/",
            ],
            Self::Linkerd => &["linkerd.io/", "config.linkerd.io/"],
            Self::Kuma => &["kuma.io/", "traffic.kuma.io/"],
            Self::Consul => &["consul.hashicorp.com/"],
            Self::Nomad => &[],
        }
    }

    /// Whether the annotation is one of the mesh's.
    pub(crate) fn has_annotation(self, key: &str) -> bool {
        let mut prefixes = self.prefixes().iter();
        prefixes.any(|prefix| key.starts_with(prefix))
    }

    fn claim(self, facts: &PodFacts, policy: &Policy, remarks: &mut Vec<Remark>) -> Option<Claim> {
        match self {
            Self::Istio => istio::decision::claim(facts, remarks),
            Self::Linkerd => linkerd::decision::claim(facts),
            Self::Kuma => kuma::decision::claim(facts),
            Self::Consul => consul::decision::claim(facts),
            Self::Nomad => consul::decision::claim_on_nomad(facts, policy.mode(self)),
        }
    }

    fn options(self, facts: &PodFacts, remarks: &mut Vec<Remark>) -> PodOptions {
        match self {
            Self::Istio => istio::annotations::options(facts, remarks),
            Self::Linkerd => linkerd::annotations::options(facts),
            Self::Kuma => kuma::annotations::options(facts),
            Self::Consul => consul::annotations::options(facts),
            Self::Nomad => consul::annotations::options_on_nomad(facts),
        }
    }
}

named! {
    /// The pods that are captured, apart from what their namespaces say.
    pub enum Pods: name {
        /// Those whose annotations ask for it.
        Annotated "annotated";
        /// Those whose annotations do not refuse it.
        All "all";
        /// None.
        None "none";
    }
}

/// The annotations of Istio, Linkerd and Kuma that are options, each with its option.
pub fn annotation_keys() -> impl Iterator<Item = (&'static str, Setting)> {
    let tables = [istio::annotations::KEYS, linkerd::annotations::KEYS];
    let tables = tables.into_iter().flatten();
    let tables = tables.map(|known| (known.key, known.setting));
    tables.chain(kuma::annotations::keys())
}

/// The configuration's rules for which pods are captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// By their annotations.
    pub pods: Pods,
    /// Namespaces whose pods are bypassed.
    pub exclude: Vec<String>,
    /// The only namespaces whose pods are captured; all where it is empty.
    pub include: Vec<String>,
    /// How the meshes' pods are set up, if configured.
    pub meshes: BTreeMap<Mesh, MeshMode>,
}

impl Policy {
    fn mode(&self, mesh: Mesh) -> Option<MeshMode> {
        self.meshes.get(&mesh).copied()
    }

    /// The decision by namespace, if it decides.
    fn by_namespace(&self, namespace: Option<&str>) -> Option<Decision> {
        let is_in = |names: &[String]| names.iter().any(|name| Some(name.as_str()) == namespace);
        // A namespace that is unknown is not excluded: its pod may be one that should be captured.
        if is_in(&self.exclude) {
            return Some(Decision::bypass(Reason::NamespaceExcluded));
        }
        match namespace {
            _ if self.include.is_empty() => None,
            None => Some(Decision::undetermined(Reason::NamespaceUnknown, Vec::new())),
            Some(_) if is_in(&self.include) => None,
            Some(_) => Some(Decision::bypass(Reason::NamespaceNotIncluded)),
        }
    }
}

/// A decision on a pod.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The outcome.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// The mesh that injected it.
    pub mesh: Option<Mesh>,
    /// Further messages for the log.
    pub remarks: Vec<Remark>,
}

/// The outcome for a pod.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Captured with these options, unless they have errors.
    Capture(Box<PodOptions>),
    /// Not captured: nothing is changed in it.
    Bypass,
    /// Undetermined, because of these errors if there are any.
    Undetermined(Vec<OptionError>),
}

impl Decision {
    fn new(outcome: Outcome, reason: Reason) -> Self {
        Self {
            outcome,
            reason,
            mesh: None,
            remarks: Vec::new(),
        }
    }

    fn bypass(reason: Reason) -> Self {
        Self::new(Outcome::Bypass, reason)
    }

    fn undetermined(reason: Reason, errors: Vec<OptionError>) -> Self {
        Self::new(Outcome::Undetermined(errors), reason)
    }
}

/// Decides whether the pod is captured. The first line that applies decides.
#[must_use]
pub fn decide(facts: &PodFacts, policy: &Policy) -> Decision {
    if policy.pods == Pods::None {
        return Decision::bypass(Reason::PolicyNone);
    }
    if let Some(decision) = policy.by_namespace(facts.namespace.as_deref()) {
        return decision;
    }
    let mut remarks = switch_remarks(facts);
    let mut claims: Vec<(Mesh, Claim)> = Vec::new();
    for mesh in Mesh::ALL {
        match mesh.claim(facts, policy, &mut remarks) {
            Some(claim) => claims.push((mesh, claim)),
            None => remarks.extend(leftovers(facts, mesh)),
        }
    }
    let mut decision = by_marks(facts, policy, &claims, &mut remarks);
    decision.mesh = match claims.as_slice() {
        [(mesh, _)] => Some(*mesh),
        _ => None,
    };
    decision.remarks = remarks;
    decision
}

fn by_marks(
    facts: &PodFacts,
    policy: &Policy,
    claims: &[(Mesh, Claim)],
    remarks: &mut Vec<Remark>,
) -> Decision {
    let asked = match own::asks(facts) {
        Err(error) => return Decision::undetermined(Reason::CaptureUnreadable, vec![error]),
        Ok(Some((false, reason))) => return Decision::bypass(reason),
        Ok(Some((true, reason))) => Some(reason),
        Ok(None) => None,
    };
    let claim = match claims {
        [] => None,
        [claim] => Some(claim),
        [(first, _), (second, _), ..] => {
            let problem = OptionErrorKind::TwoMeshes(first.mark());
            let error = annotation_error(second.mark(), problem);
            return Decision::undetermined(Reason::TwoMeshes, vec![error]);
        }
    };
    let capture = |reason, remarks: &mut Vec<Remark>| {
        if let Some((mesh @ Mesh::Linkerd, Claim::Capture(_))) = claim {
            remarks.extend(linkerd::decision::init_warning(facts, policy.mode(*mesh)));
        }
        let mut options = claim.map_or_else(PodOptions::default, |(mesh, _)| {
            mesh.options(facts, remarks)
        });
        let (own, mut errors) = own::options(facts);
        errors.append(&mut options.errors);
        (options.own, options.errors) = (own, errors);
        Decision::new(Outcome::Capture(Box::new(options)), reason)
    };
    if let Some(reason) = asked {
        return capture(reason, remarks);
    }
    match claim {
        Some((mesh, _)) if policy.mode(*mesh) == Some(MeshMode::Off) => {
            Decision::bypass(Reason::MeshOff)
        }
        Some((_, Claim::Bypass(reason))) => Decision::bypass(*reason),
        Some((_, Claim::Broken(reason, errors))) => Decision::undetermined(*reason, errors.clone()),
        // Known containers settle what the configuration can only assume for all pods.
        Some((mesh, Claim::Capture(_)))
            if facts.containers.is_none() && policy.mode(*mesh) == Some(MeshMode::Init) =>
        {
            Decision::bypass(Reason::MeshInit)
        }
        Some((_, Claim::Capture(reason))) => capture(*reason, remarks),
        None if policy.pods == Pods::All => capture(Reason::PolicyAll, remarks),
        None if facts.annotations.is_none() => {
            Decision::undetermined(Reason::AnnotationsUnknown, Vec::new())
        }
        None => Decision::bypass(Reason::NoMesh),
    }
}

/// Annotations of a mesh that did not inject the pod.
fn leftovers(facts: &PodFacts, mesh: Mesh) -> Option<Remark> {
    let keys = facts.annotations.iter().flat_map(BTreeMap::keys);
    let keys = keys.filter(|key| mesh.has_annotation(key));
    let keys: Vec<_> = keys.map(String::as_str).collect();
    (!keys.is_empty()).then(|| {
        Remark::Info(format!(
            "ignored annotations of a mesh that did not inject the pod: {}",
            keys.join(", ")
        ))
    })
}

/// Warnings about unknown values of switches.
fn switch_remarks(facts: &PodFacts) -> Vec<Remark> {
    let errors = [
        own::unknown_word(facts),
        istio::decision::unknown_word(facts),
        linkerd::decision::unknown_word(facts),
    ];
    let errors = errors.into_iter().flatten();
    let warning = |error: OptionError| Remark::Warning(format!("{error}; ignored"));
    errors.map(warning).collect()
}
