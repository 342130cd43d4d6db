//! Which pods are captured.

use super::config::Annotations;

/// The pods that are captured, as far as their namespaces do not say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pods {
    /// Those whose annotations say so.
    Annotated,
    /// Those whose annotations do not say otherwise.
    All,
    /// None.
    None,
}

/// Which pods are captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    /// By their annotations.
    pub(super) pods: Pods,
    /// Namespaces whose pods are left alone.
    pub(super) exclude: Vec<String>,
    /// The namespaces of all others; every one when empty.
    pub(super) include: Vec<String>,
}

/// What the annotations say of capture as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Capture.
    Capture,
    /// Leave alone, by the annotation with this key.
    Leave(&'static str),
    /// Nothing.
    Unsaid,
}

/// What becomes of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is captured.
    Capture,
    /// It is left alone.
    Leave(Reason),
    /// That cannot be told.
    Undecidable(&'static str),
}

/// Why a pod is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// All are.
    #[error("the policy is none")]
    Policy,
    /// Its namespace is excluded.
    #[error("its namespace is in excludeNamespaces")]
    Excluded,
    /// Its namespace is not included.
    #[error("its namespace is not in includeNamespaces")]
    NotIncluded,
    /// Its annotation with this key says so.
    #[error("its annotation {0} says so")]
    Annotation(&'static str),
    /// Nothing asks for capture.
    #[error("no annotation asks for capture")]
    Unsaid,
}

const NO_NAMESPACE: &str = "includeNamespaces names the namespaces, and the runtime does not tell the pod's: \
K8S_POD_NAMESPACE is missing in CNI_ARGS";
const NO_ANNOTATIONS: &str = "the policy is annotated, and the runtime does not hand over the pod's annotations: \
let the configuration declare \"capabilities\": {\"io.kubernetes.cri.pod-annotations\": true}, which containerd \
and CRI-O understand; with other runtimes accepted are the policies all and none";

impl Policy {
    /// What the namespace decides, before the annotations are looked at; `None` where it decides nothing.
    #[must_use]
    pub(super) fn by_namespace(&self, namespace: Option<&str>) -> Option<Decision> {
        if self.pods == Pods::None {
            return Some(Decision::Leave(Reason::Policy));
        }
        let is_in = |names: &[String]| names.iter().any(|name| Some(name.as_str()) == namespace);
        // A namespace that is not known is not excluded: its pod may be one that should be captured.
        if is_in(&self.exclude) {
            return Some(Decision::Leave(Reason::Excluded));
        }
        match namespace {
            _ if self.include.is_empty() => None,
            None => Some(Decision::Undecidable(NO_NAMESPACE)),
            Some(_) if is_in(&self.include) => None,
            Some(_) => Some(Decision::Leave(Reason::NotIncluded)),
        }
    }

    /// What the annotations decide.
    #[must_use]
    pub(super) fn by_annotations(&self, annotations: &Annotations, wish: Wish) -> Decision {
        match (self.pods, annotations, wish) {
            (Pods::None, _, _) => Decision::Leave(Reason::Policy),
            (Pods::Annotated, Annotations::NotGiven, _) => Decision::Undecidable(NO_ANNOTATIONS),
            (_, _, Wish::Leave(key)) => Decision::Leave(Reason::Annotation(key)),
            (_, _, Wish::Capture) | (Pods::All, _, Wish::Unsaid) => Decision::Capture,
            (Pods::Annotated, Annotations::OptionValues(_), Wish::Unsaid) => {
                Decision::Leave(Reason::Unsaid)
            }
        }
    }
}
