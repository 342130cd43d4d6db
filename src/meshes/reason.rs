//! Why a pod is captured or bypassed.

use std::fmt;

macro_rules! reasons {
    ($($reason:ident $code:literal $text:literal;)*) => {
        /// Why a pod is captured or bypassed, or why that cannot be decided.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            $(#[doc = concat!("`", $code, "`")] $reason,)*
        }

        impl Reason {
            /// All reasons, in the order of the decision.
            pub const ALL: &[Self] = &[$(Self::$reason),*];

            /// A stable name for logs and scripts.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$reason => $code,)*
                }
            }

            /// The reason in words.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$reason => $text,)*
                }
            }
        }
    };
}

reasons! {
    PolicyNone "policy-none" "the policy is none";
    NamespaceExcluded "namespace-excluded" "the namespace is in excludeNamespaces";
    NamespaceNotIncluded "namespace-not-included" "the namespace is not in includeNamespaces";
    NamespaceUnknown "namespace-unknown" "includeNamespaces is set, and CNI_ARGS has no K8S_POD_NAMESPACE";
    CaptureEnabled "capture-enabled" "netweir.io/capture is enabled";
    CaptureDisabled "capture-disabled" "netweir.io/capture is disabled";
    CaptureUnreadable "capture-unreadable" "netweir.io/capture has an unknown value";
    InjectedInit "injected-init" "netweir.io/injected is init: the pod has an init container that captures it";
    InjectedNode "injected-node" "netweir.io/injected is node";
    TwoMeshes "two-meshes" "two meshes injected the pod";
    MeshOff "mesh-off" "the configuration's meshes has off for the pod's mesh";
    MeshInit "mesh-init" "the configuration's meshes has init for the pod's mesh: its init containers capture the pods";
    IstioAmbient "istio-ambient" "ambient.istio.io/redirection is set: Istio's node agent redirects the pod";
    IstioInit "istio-init" "the init container istio-init captures the pod";
    IstioEnvoyDisabled "istio-envoy-disabled" "DISABLE_ENVOY is true: the pod has no proxy";
    IstioInjectFalse "istio-inject-false" "sidecar.istio.io/inject is false";
    IstioInterceptionNone "istio-interception-none" "sidecar.istio.io/interceptionMode is NONE";
    IstioValidation "istio-validation" "sidecar.istio.io/status has istio-validation: a sidecar that relies on a CNI plugin";
    IstioNoSidecar "istio-no-sidecar" "a gateway, proxyless gRPC, or a template without interception: the pod has no istio-validation";
    IstioStatusUnreadable "istio-status-unreadable" "sidecar.istio.io/status names no containers; Istio's own plugin captures such a pod";
    LinkerdInit "linkerd-init" "the init container linkerd-init captures the pod";
    LinkerdNoProxy "linkerd-no-proxy" "the pod has no container linkerd-proxy";
    LinkerdInjectDisabled "linkerd-inject-disabled" "linkerd.io/inject is disabled";
    LinkerdProxy "linkerd-proxy" "linkerd.io/proxy-version is set: the pod has Linkerd's proxy";
    KumaConfigUnreadable "kuma-config-unreadable" "traffic.kuma.io/transparent-proxy-config cannot be read";
    KumaNotInjected "kuma-not-injected" "kuma.io/sidecar-injected is not true";
    KumaInit "kuma-init" "the init container kuma-init captures the pod";
    KumaNoSidecar "kuma-no-sidecar" "the pod has no container kuma-sidecar";
    KumaCniMode "kuma-cni-mode" "traffic.kuma.io/transparent-proxy-config has cniMode: true";
    KumaNetwork "kuma-network" "k8s.v1.cni.cncf.io/networks names kuma-cni";
    ConsulNoConfig "consul-no-config" "consul.hashicorp.com/redirect-traffic-config is absent: an init container captures the pod, or nothing should";
    ConsulStatusMissing "consul-status-missing" "connect-inject-status or transparent-proxy-status is empty";
    ConsulConfigUnreadable "consul-config-unreadable" "consul.hashicorp.com/redirect-traffic-config cannot be read";
    ConsulConfig "consul-config" "consul.hashicorp.com/redirect-traffic-config is set";
    NomadNoConfig "nomad-no-config" "CNI_ARGS has no CONSUL_IPTABLES_CONFIG: no transparent proxy";
    NomadConfigUnreadable "nomad-config-unreadable" "CONSUL_IPTABLES_CONFIG cannot be read";
    NomadConfig "nomad-config" "CNI_ARGS has CONSUL_IPTABLES_CONFIG";
    PolicyAll "policy-all" "the policy is all";
    AnnotationsUnknown "annotations-unknown" "the policy is annotated, and the runtime passes no annotations";
    NoMesh "no-mesh" "no mesh injected the pod, and no annotation asks for capture";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
