//! The decision on every kind of pod, at each level of knowledge.
//!
//! More knowledge settles what was undetermined. What it overrules is listed in the row, so that no other change goes
//! unnoticed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use netweir::meshes::claim::{MeshMode, Remark};
use netweir::meshes::decision::{Mesh, Outcome, Pods, Policy, decide};
use netweir::meshes::pod::{Container, NomadFacts, PodFacts};
use netweir::meshes::reason::Reason;

type Pairs = &'static [(&'static str, &'static str)];

/// What a pod has, and what is decided of it.
struct Row {
    kind: &'static str,
    annotations: Pairs,
    labels: Pairs,
    /// Name, arguments, and environment of each container.
    containers: &'static [(&'static str, &'static [&'static str], Pairs)],
    /// By the annotations alone.
    expected: (Verdict, Reason),
    /// What labels overrule it with.
    by_labels: Option<(Verdict, Reason)>,
    /// What the names of the containers overrule it with.
    by_containers: Option<(Verdict, Reason)>,
    /// What their arguments and environment overrule it with.
    by_everything: Option<(Verdict, Reason)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Capture,
    Bypass,
    Undetermined,
}

use Verdict::{Bypass, Capture, Undetermined};

const STATUS: &str = "sidecar.istio.io/status";
const ROW: Row = Row {
    kind: "",
    annotations: &[],
    labels: &[],
    containers: &[("app", &[], &[])],
    expected: (Bypass, Reason::NoMesh),
    by_labels: None,
    by_containers: None,
    by_everything: None,
};
const SIDECAR: &[&str] = &["proxy", "sidecar", "--domain", "shop.svc.cluster.local"];
const ROUTER: &[&str] = &["proxy", "router", "--domain", "shop.svc.cluster.local"];
const LINKERD: (&str, &str) = ("linkerd.io/proxy-version", "edge-26.8.3");
const KUMA: (&str, &str) = ("kuma.io/sidecar-injected", "true");
const KUMA_NETWORK: (&str, &str) = ("k8s.v1.cni.cncf.io/networks", "kuma-cni");
const KUMA_CONFIG: &str = "traffic.kuma.io/transparent-proxy-config";
const CONSUL: (&str, &str) = ("consul.hashicorp.com/connect-inject-status", "injected");
const CONSUL_TRANSPARENT: (&str, &str) =
    ("consul.hashicorp.com/transparent-proxy-status", "enabled");
const CONSUL_CONFIG: (&str, &str) = (
    "consul.hashicorp.com/redirect-traffic-config",
    r#"{"ConsulDNSIP":"","ConsulDNSPort":0,"ProxyUserID":"5995","ProxyInboundPort":20000,"ProxyOutboundPort":15001,
        "ExcludeInboundPorts":["20200"],"ExcludeOutboundPorts":null,"ExcludeOutboundCIDRs":null,"ExcludeUIDs":["5996"],
        "NetNS":"","IptablesProvider":null}"#,
);

/// Every kind of pod that the injectors make.
const TABLE: &[Row] = &[
    Row {
        kind: "not injected",
        ..ROW
    },
    Row {
        kind: "Istio, native sidecar with CNI",
        annotations: &[(
            STATUS,
            r#"{"initContainers":["istio-validation","istio-proxy"],"containers":null,"volumes":[],"imagePullSecrets":null,"revision":"default"}"#,
        )],
        containers: &[
            ("istio-validation", &["istio-iptables"], &[]),
            ("istio-proxy", SIDECAR, &[]),
            ("app", &[], &[]),
        ],
        expected: (Capture, Reason::IstioValidation),
        ..ROW
    },
    Row {
        kind: "Istio, classic sidecar with CNI",
        annotations: &[(
            STATUS,
            r#"{"initContainers":["istio-validation"],"containers":["istio-proxy"],"volumes":[],"revision":"default"}"#,
        )],
        containers: &[
            ("istio-validation", &["istio-iptables"], &[]),
            ("istio-proxy", SIDECAR, &[]),
            ("app", &[], &[]),
        ],
        expected: (Capture, Reason::IstioValidation),
        ..ROW
    },
    Row {
        kind: "Istio, native sidecar with istio-init",
        annotations: &[(
            STATUS,
            r#"{"initContainers":["istio-init","istio-proxy"],"containers":null}"#,
        )],
        containers: &[
            ("istio-init", &["istio-iptables"], &[]),
            ("istio-proxy", SIDECAR, &[]),
        ],
        expected: (Bypass, Reason::IstioInit),
        ..ROW
    },
    Row {
        kind: "Istio, two templates with istio-init",
        annotations: &[(
            STATUS,
            r#"{"initContainers":["istio-init","istio-proxy"],"containers":["istio-proxy"]}"#,
        )],
        containers: &[("istio-init", &[], &[]), ("istio-proxy", SIDECAR, &[])],
        expected: (Bypass, Reason::IstioInit),
        ..ROW
    },
    Row {
        kind: "Istio, classic sidecar with istio-init and core dumps",
        annotations: &[(
            STATUS,
            r#"{"initContainers":["istio-init","enable-core-dump"],"containers":["istio-proxy"]}"#,
        )],
        containers: &[
            ("istio-init", &[], &[]),
            ("enable-core-dump", &[], &[]),
            ("istio-proxy", SIDECAR, &[]),
        ],
        expected: (Bypass, Reason::IstioInit),
        ..ROW
    },
    Row {
        kind: "Istio, native sidecar without interception",
        annotations: &[(
            STATUS,
            r#"{"initContainers":["istio-proxy"],"containers":null}"#,
        )],
        containers: &[("istio-proxy", SIDECAR, &[])],
        expected: (Bypass, Reason::IstioNoSidecar),
        ..ROW
    },
    Row {
        kind: "Istio, gateway, or classic sidecar without interception",
        annotations: &[(
            STATUS,
            r#"{"initContainers":null,"containers":["istio-proxy"]}"#,
        )],
        containers: &[("istio-proxy", ROUTER, &[])],
        expected: (Bypass, Reason::IstioNoSidecar),
        ..ROW
    },
    Row {
        kind: "Istio, gateway template that changes no container",
        annotations: &[
            ("inject.istio.io/templates", "gateway"),
            (
                STATUS,
                r#"{"initContainers":null,"containers":null,"volumes":["workload-socket"],"revision":"default"}"#,
            ),
        ],
        containers: &[("istio-proxy", ROUTER, &[])],
        expected: (Bypass, Reason::IstioNoSidecar),
        ..ROW
    },
    Row {
        kind: "Istio, gRPC with an agent",
        annotations: &[(
            STATUS,
            r#"{"initContainers":null,"containers":["istio-proxy","app"]}"#,
        )],
        containers: &[("istio-proxy", SIDECAR, &[]), ("app", &[], &[])],
        expected: (Bypass, Reason::IstioNoSidecar),
        ..ROW
    },
    Row {
        kind: "Istio, gRPC without an agent",
        annotations: &[(
            STATUS,
            r#"{"initContainers":["grpc-bootstrap-init"],"containers":["app"]}"#,
        )],
        containers: &[("grpc-bootstrap-init", &[], &[]), ("app", &[], &[])],
        expected: (Bypass, Reason::IstioNoSidecar),
        ..ROW
    },
    Row {
        kind: "Istio, custom template",
        annotations: &[(STATUS, r#"{"initContainers":null,"containers":["app"]}"#)],
        containers: &[("app", &[], &[])],
        expected: (Bypass, Reason::IstioNoSidecar),
        ..ROW
    },
    Row {
        kind: "Istio, status without containers",
        annotations: &[(STATUS, "{}")],
        containers: &[("istio-proxy", SIDECAR, &[]), ("app", &[], &[])],
        expected: (Capture, Reason::IstioStatusUnreadable),
        ..ROW
    },
    Row {
        kind: "Istio, status that is no object",
        annotations: &[(STATUS, "true")],
        containers: &[
            ("istio-validation", &[], &[]),
            ("istio-proxy", SIDECAR, &[]),
        ],
        expected: (Capture, Reason::IstioStatusUnreadable),
        by_containers: Some((Capture, Reason::IstioValidation)),
        ..ROW
    },
    Row {
        kind: "Istio, empty status of a pod with istio-init",
        annotations: &[(STATUS, "")],
        containers: &[("istio-init", &[], &[]), ("istio-proxy", SIDECAR, &[])],
        expected: (Capture, Reason::IstioStatusUnreadable),
        by_containers: Some((Bypass, Reason::IstioInit)),
        ..ROW
    },
    Row {
        kind: "Istio, unreadable status of a gateway",
        annotations: &[(STATUS, "not JSON")],
        containers: &[("istio-proxy", ROUTER, &[])],
        expected: (Capture, Reason::IstioStatusUnreadable),
        by_everything: Some((Bypass, Reason::IstioNoSidecar)),
        ..ROW
    },
    Row {
        kind: "Istio, unreadable status of a pod without a proxy",
        annotations: &[(STATUS, r#"{"initContainers":"istio-init"}"#)],
        containers: &[("app", &[], &[])],
        expected: (Capture, Reason::IstioStatusUnreadable),
        by_containers: Some((Bypass, Reason::IstioNoSidecar)),
        ..ROW
    },
    Row {
        kind: "Istio, annotated against injection, and a label for it",
        annotations: &[
            (
                STATUS,
                r#"{"initContainers":["istio-validation"],"containers":["istio-proxy"]}"#,
            ),
            ("sidecar.istio.io/inject", "false"),
        ],
        labels: &[("sidecar.istio.io/inject", "true")],
        containers: &[
            ("istio-validation", &[], &[]),
            ("istio-proxy", SIDECAR, &[]),
        ],
        expected: (Bypass, Reason::IstioInjectFalse),
        by_labels: Some((Capture, Reason::IstioValidation)),
        ..ROW
    },
    Row {
        kind: "Istio, labelled against injection",
        annotations: &[(
            STATUS,
            r#"{"initContainers":["istio-validation"],"containers":["istio-proxy"]}"#,
        )],
        labels: &[("sidecar.istio.io/inject", "false")],
        containers: &[
            ("istio-validation", &[], &[]),
            ("istio-proxy", SIDECAR, &[]),
        ],
        expected: (Capture, Reason::IstioValidation),
        by_labels: Some((Bypass, Reason::IstioInjectFalse)),
        ..ROW
    },
    Row {
        kind: "Istio, interception switched off with validation",
        annotations: &[
            (
                STATUS,
                r#"{"initContainers":["istio-validation"],"containers":["istio-proxy"]}"#,
            ),
            ("sidecar.istio.io/interceptionMode", "NONE"),
        ],
        containers: &[
            ("istio-validation", &[], &[]),
            ("istio-proxy", SIDECAR, &[]),
        ],
        expected: (Bypass, Reason::IstioInterceptionNone),
        ..ROW
    },
    Row {
        kind: "Istio, Envoy disabled by the proxy configuration",
        annotations: &[
            (
                STATUS,
                r#"{"initContainers":["istio-validation"],"containers":["istio-proxy"]}"#,
            ),
            (
                "proxy.istio.io/config",
                "proxyMetadata:\n  DISABLE_ENVOY: \"true\"\n",
            ),
        ],
        containers: &[
            ("istio-validation", &[], &[]),
            ("istio-proxy", SIDECAR, &[("DISABLE_ENVOY", "true")]),
        ],
        expected: (Bypass, Reason::IstioEnvoyDisabled),
        ..ROW
    },
    Row {
        kind: "Istio, Envoy disabled by the mesh's configuration",
        annotations: &[(
            STATUS,
            r#"{"initContainers":["istio-validation"],"containers":["istio-proxy"]}"#,
        )],
        containers: &[
            ("istio-validation", &[], &[]),
            ("istio-proxy", SIDECAR, &[("DISABLE_ENVOY", "true")]),
        ],
        expected: (Capture, Reason::IstioValidation),
        by_everything: Some((Bypass, Reason::IstioEnvoyDisabled)),
        ..ROW
    },
    Row {
        kind: "Istio, ambient",
        annotations: &[("ambient.istio.io/redirection", "enabled")],
        expected: (Bypass, Reason::IstioAmbient),
        ..ROW
    },
    Row {
        kind: "Istio, gateway of the Gateway API or waypoint",
        annotations: &[("prometheus.io/scrape", "true")],
        labels: &[("sidecar.istio.io/inject", "false")],
        containers: &[("istio-proxy", ROUTER, &[])],
        ..ROW
    },
    Row {
        kind: "Linkerd, linkerd-network-validator",
        annotations: &[LINKERD, ("linkerd.io/inject", "enabled")],
        containers: &[
            ("linkerd-network-validator", &[], &[]),
            ("linkerd-proxy", &[], &[]),
            ("app", &[], &[]),
        ],
        expected: (Capture, Reason::LinkerdProxy),
        ..ROW
    },
    Row {
        kind: "Linkerd, linkerd-init",
        annotations: &[LINKERD, ("linkerd.io/inject", "enabled")],
        containers: &[
            ("linkerd-init", &[], &[]),
            ("linkerd-proxy", &[], &[]),
            ("app", &[], &[]),
        ],
        expected: (Capture, Reason::LinkerdProxy),
        by_containers: Some((Bypass, Reason::LinkerdInit)),
        ..ROW
    },
    Row {
        kind: "Linkerd, ingress mode",
        annotations: &[LINKERD, ("linkerd.io/inject", "ingress")],
        containers: &[
            ("linkerd-network-validator", &[], &[]),
            ("linkerd-proxy", &[], &[]),
        ],
        expected: (Capture, Reason::LinkerdProxy),
        ..ROW
    },
    Row {
        kind: "Linkerd, control plane",
        annotations: &[
            LINKERD,
            ("linkerd.io/created-by", "linkerd/helm edge-26.8.3"),
        ],
        labels: &[("linkerd.io/control-plane-component", "destination")],
        containers: &[
            ("linkerd-network-validator", &[], &[]),
            ("linkerd-proxy", &[], &[]),
        ],
        expected: (Capture, Reason::LinkerdProxy),
        ..ROW
    },
    Row {
        kind: "Linkerd, annotated but without a proxy",
        annotations: &[LINKERD],
        containers: &[("app", &[], &[])],
        expected: (Capture, Reason::LinkerdProxy),
        by_containers: Some((Bypass, Reason::LinkerdNoProxy)),
        ..ROW
    },
    Row {
        kind: "Linkerd, leftover annotations of Istio",
        annotations: &[
            LINKERD,
            ("sidecar.istio.io/inject", "false"),
            ("sidecar.istio.io/interceptionMode", "NONE"),
        ],
        labels: &[("sidecar.istio.io/inject", "false")],
        containers: &[
            ("linkerd-network-validator", &[], &[]),
            ("linkerd-proxy", &[], &[]),
        ],
        expected: (Capture, Reason::LinkerdProxy),
        ..ROW
    },
    Row {
        kind: "Kuma 3 with CNI",
        annotations: &[KUMA, (KUMA_CONFIG, "cniMode: true\nkumaDPUser: \"5678\"\n")],
        containers: &[("kuma-validation", &[], &[]), ("kuma-sidecar", &[], &[])],
        expected: (Capture, Reason::KumaCniMode),
        ..ROW
    },
    Row {
        kind: "Kuma 3 with kuma-init",
        annotations: &[KUMA, (KUMA_CONFIG, "kumaDPUser: \"5678\"\n")],
        containers: &[("kuma-init", &[], &[]), ("kuma-sidecar", &[], &[])],
        expected: (Bypass, Reason::KumaInit),
        ..ROW
    },
    Row {
        kind: "Kuma 2.10 with a configuration and CNI",
        annotations: &[KUMA, (KUMA_CONFIG, "kumaDPUser: \"5678\"\n"), KUMA_NETWORK],
        containers: &[("kuma-validation", &[], &[]), ("kuma-sidecar", &[], &[])],
        expected: (Capture, Reason::KumaNetwork),
        ..ROW
    },
    Row {
        kind: "Kuma 2 with CNI",
        annotations: &[
            KUMA,
            (
                "k8s.v1.cni.cncf.io/networks",
                "kube-system/macvlan@net1, kuma-system/kuma-cni",
            ),
        ],
        containers: &[("kuma-validation", &[], &[]), ("kuma-sidecar", &[], &[])],
        expected: (Capture, Reason::KumaNetwork),
        ..ROW
    },
    Row {
        kind: "Kuma 2 with CNI, networks as JSON",
        annotations: &[
            KUMA,
            (
                "k8s.v1.cni.cncf.io/networks",
                r#"[{"name":"macvlan"},{"name":"kuma-cni","namespace":"x"}]"#,
            ),
        ],
        containers: &[("kuma-sidecar", &[], &[])],
        expected: (Capture, Reason::KumaNetwork),
        ..ROW
    },
    Row {
        kind: "Kuma 2 with kuma-init",
        annotations: &[KUMA],
        containers: &[("kuma-init", &[], &[]), ("kuma-sidecar", &[], &[])],
        expected: (Bypass, Reason::KumaInit),
        ..ROW
    },
    Row {
        kind: "Kuma, delegated gateway",
        annotations: &[KUMA, KUMA_NETWORK, ("kuma.io/gateway", "enabled")],
        containers: &[("kuma-sidecar", &[], &[])],
        expected: (Capture, Reason::KumaNetwork),
        ..ROW
    },
    Row {
        kind: "Kuma, builtin gateway or zone proxy",
        annotations: &[("kuma.io/gateway", "builtin"), ("kuma.io/mesh", "default")],
        containers: &[("kuma-gateway", &[], &[])],
        ..ROW
    },
    Row {
        kind: "Kuma, CNI annotations beside kuma-init",
        annotations: &[KUMA, KUMA_NETWORK],
        containers: &[("kuma-init", &[], &[]), ("kuma-sidecar", &[], &[])],
        expected: (Capture, Reason::KumaNetwork),
        by_containers: Some((Bypass, Reason::KumaInit)),
        ..ROW
    },
    Row {
        kind: "Kuma, unreadable configuration",
        annotations: &[KUMA, (KUMA_CONFIG, "redirect: [")],
        containers: &[("kuma-sidecar", &[], &[])],
        expected: (Undetermined, Reason::KumaConfigUnreadable),
        ..ROW
    },
    Row {
        kind: "Consul with CNI",
        annotations: &[
            CONSUL,
            CONSUL_TRANSPARENT,
            CONSUL_CONFIG,
            ("consul.hashicorp.com/dual-stack", "false"),
        ],
        containers: &[
            ("consul-connect-inject-init", &[], &[]),
            ("consul-dataplane", &[], &[]),
        ],
        expected: (Capture, Reason::ConsulConfig),
        ..ROW
    },
    Row {
        kind: "Consul by the annotation's other name",
        annotations: &[
            ("consul.hashicorp.com/mesh-inject-status", "injected"),
            CONSUL_TRANSPARENT,
            CONSUL_CONFIG,
        ],
        expected: (Capture, Reason::ConsulConfig),
        ..ROW
    },
    Row {
        kind: "Consul with an init container",
        annotations: &[CONSUL, CONSUL_TRANSPARENT],
        expected: (Bypass, Reason::ConsulNoConfig),
        ..ROW
    },
    Row {
        kind: "Consul without transparent proxy",
        annotations: &[CONSUL],
        expected: (Bypass, Reason::ConsulNoConfig),
        ..ROW
    },
    Row {
        kind: "Consul, configuration without a status",
        annotations: &[CONSUL_CONFIG],
        expected: (Bypass, Reason::ConsulStatusMissing),
        ..ROW
    },
    Row {
        kind: "Consul, unreadable configuration",
        annotations: &[
            CONSUL,
            CONSUL_TRANSPARENT,
            ("consul.hashicorp.com/redirect-traffic-config", "{"),
        ],
        expected: (Undetermined, Reason::ConsulConfigUnreadable),
        ..ROW
    },
    Row {
        kind: "Consul, API gateway",
        annotations: &[("consul.hashicorp.com/gateway-kind", "api-gateway")],
        containers: &[("api-gateway", &[], &[])],
        expected: (Bypass, Reason::NoMesh),
        ..ROW
    },
    Row {
        kind: "Consul, control plane",
        annotations: &[("consul.hashicorp.com/mesh-inject", "false")],
        containers: &[("sidecar-injector", &[], &[])],
        expected: (Bypass, Reason::NoMesh),
        ..ROW
    },
    Row {
        kind: "Consul and Linkerd",
        annotations: &[CONSUL, CONSUL_TRANSPARENT, CONSUL_CONFIG, LINKERD],
        containers: &[("consul-dataplane", &[], &[]), ("linkerd-proxy", &[], &[])],
        expected: (Undetermined, Reason::TwoMeshes),
        ..ROW
    },
    Row {
        kind: "two meshes",
        annotations: &[
            LINKERD,
            (
                STATUS,
                r#"{"initContainers":["istio-init"],"containers":["istio-proxy"]}"#,
            ),
        ],
        containers: &[
            ("istio-init", &[], &[]),
            ("istio-proxy", SIDECAR, &[]),
            ("linkerd-proxy", &[], &[]),
        ],
        expected: (Undetermined, Reason::TwoMeshes),
        ..ROW
    },
    Row {
        kind: "two meshes, refused by netweir's annotation",
        annotations: &[LINKERD, (STATUS, "{}"), ("netweir.io/capture", "disabled")],
        containers: &[("istio-proxy", SIDECAR, &[]), ("linkerd-proxy", &[], &[])],
        expected: (Bypass, Reason::CaptureDisabled),
        ..ROW
    },
    Row {
        kind: "gateway that netweir's annotation captures",
        annotations: &[
            (
                STATUS,
                r#"{"initContainers":null,"containers":["istio-proxy"]}"#,
            ),
            ("netweir.io/capture", "enabled"),
        ],
        containers: &[("istio-proxy", ROUTER, &[])],
        expected: (Capture, Reason::CaptureEnabled),
        ..ROW
    },
    Row {
        kind: "unknown word of netweir's annotation",
        annotations: &[("netweir.io/capture", "true")],
        expected: (Undetermined, Reason::CaptureUnreadable),
        ..ROW
    },
    Row {
        kind: "netweir's init container",
        annotations: &[("netweir.io/injected", "init")],
        containers: &[("netweir", &["apply"], &[]), ("app", &[], &[])],
        expected: (Bypass, Reason::InjectedInit),
        ..ROW
    },
    Row {
        kind: "netweir's injector, captured on the node",
        annotations: &[
            ("netweir.io/inject", "enabled"),
            ("netweir.io/injected", "node"),
        ],
        expected: (Capture, Reason::InjectedNode),
        ..ROW
    },
];

fn map(pairs: Pairs) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn policy() -> Policy {
    Policy {
        pods: Pods::Annotated,
        exclude: vec!["kube-system".to_owned()],
        include: Vec::new(),
        meshes: BTreeMap::new(),
    }
}

fn decided(facts: &PodFacts, policy: &Policy) -> (Verdict, Reason) {
    let decision = decide(facts, policy);
    let verdict = match decision.outcome {
        Outcome::Capture(_) => Capture,
        Outcome::Bypass => Bypass,
        Outcome::Undetermined(_) => Undetermined,
    };
    (verdict, decision.reason)
}

fn facts(annotations: Pairs) -> PodFacts {
    PodFacts {
        namespace: Some("shop".to_owned()),
        name: Some("web-0".to_owned()),
        annotations: Some(map(annotations)),
        ..PodFacts::default()
    }
}

#[test]
fn every_kind_of_pod_at_each_level_of_knowledge() {
    for row in TABLE {
        let mut known = facts(row.annotations);
        let mut expected = row.expected;
        assert_eq!(decided(&known, &policy()), expected, "{}", row.kind);

        known.labels = Some(map(row.labels));
        expected = row.by_labels.unwrap_or(expected);
        assert_eq!(decided(&known, &policy()), expected, "{}, labels", row.kind);

        let containers = row.containers.iter();
        let names = containers.clone().map(|(name, _, _)| Container {
            name: (*name).to_owned(),
            ..Container::default()
        });
        known.containers = Some(names.collect());
        expected = row.by_containers.unwrap_or(expected);
        assert_eq!(
            decided(&known, &policy()),
            expected,
            "{}, containers",
            row.kind
        );

        let whole = containers.map(|(name, args, env)| Container {
            name: (*name).to_owned(),
            args: Some(args.iter().map(|arg| (*arg).to_owned()).collect()),
            env: Some(
                map(env)
                    .into_iter()
                    .map(|(key, value)| (key, Some(value)))
                    .collect(),
            ),
            uid: Some(1000),
            gid: Some(1000),
        });
        known.containers = Some(whole.collect());
        expected = row.by_everything.unwrap_or(expected);
        assert_eq!(
            decided(&known, &policy()),
            expected,
            "{}, everything",
            row.kind
        );
    }
}

/// Nothing that the row lists as overruled is what was decided anyway.
#[test]
fn listed_overrulings_overrule() {
    for row in TABLE {
        let mut before = row.expected;
        for overruling in [row.by_labels, row.by_containers, row.by_everything]
            .into_iter()
            .flatten()
        {
            assert_ne!(overruling, before, "{}", row.kind);
            before = overruling;
        }
    }
}

#[test]
fn every_mesh_can_be_switched_off() {
    for row in TABLE {
        let mut policy = policy();
        for mesh in Mesh::ALL {
            policy.meshes.insert(mesh, MeshMode::Off);
        }
        let (verdict, reason) = decided(&facts(row.annotations), &policy);
        let own = [
            Reason::CaptureEnabled,
            Reason::InjectedNode,
            Reason::TwoMeshes,
            Reason::CaptureUnreadable,
        ];
        if !own.contains(&reason) {
            assert_eq!(verdict, Bypass, "{}", row.kind);
        }
    }
}

#[test]
fn containers_settle_what_the_configuration_presumes_of_a_mesh() {
    let mut policy = policy();
    policy.meshes.insert(Mesh::Linkerd, MeshMode::Init);
    let mut known = facts(&[LINKERD]);
    assert_eq!(decided(&known, &policy), (Bypass, Reason::MeshInit));
    let proxy = |name: &str| Container {
        name: name.to_owned(),
        ..Container::default()
    };
    known.containers = Some(vec![
        proxy("linkerd-network-validator"),
        proxy("linkerd-proxy"),
    ]);
    assert_eq!(decided(&known, &policy), (Capture, Reason::LinkerdProxy));
}

#[test]
fn allocations_of_nomad_are_decided_by_their_arguments() {
    let nomad = |config: Option<&str>| PodFacts {
        nomad: Some(NomadFacts {
            consul_config: config.map(str::to_owned),
        }),
        ..PodFacts::default()
    };
    let decide = |config| decided(&nomad(config), &policy());
    assert_eq!(
        decide(Some(CONSUL_CONFIG.1)),
        (Capture, Reason::NomadConfig)
    );
    assert_eq!(
        decide(Some("{}")),
        (Undetermined, Reason::NomadConfigUnreadable)
    );
    assert_eq!(decide(None), (Bypass, Reason::NomadNoConfig));
    // A release that does not name itself.
    let unknown = PodFacts::default();
    assert_eq!(
        decided(&unknown, &policy()),
        (Undetermined, Reason::AnnotationsUnknown)
    );
    let mut configured = policy();
    configured.meshes.insert(Mesh::Nomad, MeshMode::Cni);
    assert_eq!(
        decided(&unknown, &configured),
        (Bypass, Reason::NomadNoConfig)
    );
}

#[test]
fn namespaces_and_policies_decide_before_any_mark() {
    let mut excluded = facts(&[LINKERD, ("netweir.io/capture", "enabled")]);
    excluded.namespace = Some("kube-system".to_owned());
    assert_eq!(
        decided(&excluded, &policy()),
        (Bypass, Reason::NamespaceExcluded)
    );
    let none = Policy {
        pods: Pods::None,
        ..policy()
    };
    assert_eq!(decided(&excluded, &none), (Bypass, Reason::PolicyNone));
    let included = Policy {
        include: vec!["bank".to_owned()],
        ..policy()
    };
    let known = facts(&[LINKERD]);
    assert_eq!(
        decided(&known, &included),
        (Bypass, Reason::NamespaceNotIncluded)
    );
    let nowhere = PodFacts {
        namespace: None,
        ..known.clone()
    };
    assert_eq!(
        decided(&nowhere, &included),
        (Undetermined, Reason::NamespaceUnknown)
    );
    let all = Policy {
        pods: Pods::All,
        ..policy()
    };
    assert_eq!(decided(&facts(&[]), &all), (Capture, Reason::PolicyAll));
    assert_eq!(
        decided(&PodFacts::default(), &all),
        (Capture, Reason::PolicyAll)
    );
    let init = facts(&[(STATUS, r#"{"initContainers":["istio-init"]}"#)]);
    assert_eq!(decided(&init, &all), (Bypass, Reason::IstioInit));
}

#[test]
fn leftovers_name_the_annotations() {
    let decision = decide(
        &facts(&[
            LINKERD,
            ("sidecar.istio.io/inject", "false"),
            ("kuma.io/mesh", "default"),
        ]),
        &policy(),
    );
    assert_eq!(decision.mesh, Some(Mesh::Linkerd));
    for key in ["sidecar.istio.io/inject", "kuma.io/mesh"] {
        let text = format!("ignored annotations of a mesh that did not inject the pod: {key}");
        assert!(
            decision.remarks.contains(&Remark::Info(text)),
            "{:?}",
            decision.remarks
        );
    }
}

/// Every reason has a pod in these tests.
#[test]
fn reasons_have_distinct_codes() {
    let mut codes: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    codes.sort_unstable();
    let count = codes.len();
    codes.dedup();
    assert_eq!(codes.len(), count);
}

/// A pod's author chooses the text, and the node's runtime waits for the plugin.
#[test]
fn hostile_configurations_cost_little_time() {
    let units = [
        "[",
        "{",
        "- ",
        "? ",
        "a,",
        "a: b\n",
        "&a ",
        "!!str ",
        "!",
        "\"",
        "'",
        "\n",
        "# x\n",
        "\t",
        "|\n",
        "a ",
        ":",
        "a: ",
        "%a b\n",
        "---\n",
        "{a",
        "[a,",
        "*a ",
        "\r",
        "a: &a [*a,*a]\n",
    ];
    for unit in units {
        for head in ["", "[", "\"", "k: |\n ", "a: "] {
            for bytes in [60 << 10, 200 << 10] {
                let text = format!("{head}{}", unit.repeat(bytes / unit.len()));
                let mut known = facts(&[KUMA]);
                let annotations = known.annotations.as_mut().unwrap();
                annotations.insert(KUMA_CONFIG.to_owned(), text);
                let started = Instant::now();
                let (verdict, _) = decided(&known, &policy());
                let taken = started.elapsed();
                assert_ne!(verdict, Capture, "{head:?} {unit:?}");
                assert!(
                    taken < Duration::from_secs(10),
                    "{head:?} {unit:?}: {taken:?}"
                );
            }
        }
    }
}
