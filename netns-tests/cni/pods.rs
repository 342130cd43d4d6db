//! What becomes of real connections of the pods that injectors make.

use std::net::SocketAddr;
use std::process::Command;

use netweir::connection::Owner;
use netweir::intent::Protocol;
use serde_json::{Value, json};

use crate::sandbox::{
    Attempt, ConnectionOutcome, Direction, Listener, Namespace, NetnsTest, PEER, POD, Sandbox,
    output_of,
};

const APP: Owner = Owner {
    uid: 1000,
    gid: 1000,
};
const STATUS: &str = "sidecar.istio.io/status";

/// A test in a sandbox of its own.
type Test = fn(&Sandbox);

pub(super) fn tests() -> Vec<NetnsTest> {
    let tests: [(&str, Test); 8] = [
        ("istio-gateway-is-bypassed", istio_gateway_is_bypassed),
        (
            "istio-sidecar-with-cni-is-captured",
            istio_sidecar_is_captured,
        ),
        (
            "istio-opt-out-does-not-steer-linkerd",
            opt_out_of_istio_does_not_steer_linkerd,
        ),
        (
            "linkerd-control-plane-reaches-the-api-server",
            linkerd_control_plane_reaches_the_api_server,
        ),
        ("istio-proxy-config-captures-dns", proxy_config_captures_dns),
        ("kuma-without-dns-is-captured", kuma_is_captured),
        ("kuma-dns-over-udp-is-captured", kuma_dns_is_captured),
        (
            "consul-captures-over-loopback",
            consul_captures_over_loopback,
        ),
    ];
    tests
        .into_iter()
        // Connections need owners of their own.
        .map(|(name, test)| NetnsTest::new(format!("cni::pods::{name}"), test).only_as_root())
        .collect()
}

/// ADD for the sandbox's pod, called from the peer as from a node.
fn add(sandbox: &Sandbox, annotations: &Value, namespace: &str) {
    let pod = Namespace::current();
    let input = json!({
        "cniVersion": "1.0.0",
        "name": "pods",
        "type": "netweir",
        "runtimeConfig": {"io.kubernetes.cri.pod-annotations": annotations},
        "prevResult": {"cniVersion": "1.0.0"},
    });
    let output = sandbox.within_peer(|| {
        let mut plugin = Command::new(env!("CARGO_BIN_EXE_netweir"));
        plugin
            .env_clear()
            .env("CNI_COMMAND", "ADD")
            .env("CNI_CONTAINERID", "4711abc")
            .env("CNI_NETNS", pod.path())
            .env("CNI_IFNAME", "eth0")
            .env(
                "CNI_ARGS",
                format!("K8S_POD_NAMESPACE={namespace};K8S_POD_NAME=web-0"),
            );
        output_of(&mut plugin, &input.to_string())
    });
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
}

/// Who takes the connection.
fn listener(sandbox: &Sandbox, attempt: &Attempt) -> Listener {
    match sandbox.try_out(attempt).1 {
        ConnectionOutcome::Accepted { by, .. } => by,
        other => panic!("{attempt}: {other}"),
    }
}

fn outbound(sandbox: &Sandbox, owner: Owner, port: u16) -> Listener {
    let destination = SocketAddr::new(PEER[0], port);
    listener(sandbox, &Attempt::tcp(Direction::Out, owner, destination))
}

fn inbound(sandbox: &Sandbox, port: u16) -> Listener {
    let destination = SocketAddr::new(POD[0], port);
    listener(sandbox, &Attempt::tcp(Direction::In, APP, destination))
}

fn istio_gateway_is_bypassed(sandbox: &Sandbox) {
    let status = r#"{"initContainers":null,"containers":null,"volumes":["workload-socket"],"revision":"default"}"#;
    add(
        sandbox,
        &json!({"inject.istio.io/templates": "gateway", (STATUS): status}),
        "shop",
    );
    assert_eq!(inbound(sandbox, 8080), Listener::Pod(8080));
    assert_eq!(outbound(sandbox, APP, 80), Listener::Peer);
}

fn istio_sidecar_is_captured(sandbox: &Sandbox) {
    let status = r#"{"initContainers":["istio-validation","istio-proxy"],"containers":null}"#;
    add(sandbox, &json!({(STATUS): status}), "shop");
    assert_eq!(inbound(sandbox, 8080), Listener::Pod(15_006));
    assert_eq!(outbound(sandbox, APP, 80), Listener::Pod(15_001));
}

fn opt_out_of_istio_does_not_steer_linkerd(sandbox: &Sandbox) {
    let annotations = json!({
        "linkerd.io/inject": "enabled",
        "sidecar.istio.io/inject": "false",
        "linkerd.io/proxy-version": "stable-2.14.10",
    });
    add(sandbox, &annotations, "shop");
    assert_eq!(inbound(sandbox, 8080), Listener::Pod(4143));
    assert_eq!(outbound(sandbox, APP, 80), Listener::Pod(4140));
}

fn linkerd_control_plane_reaches_the_api_server(sandbox: &Sandbox) {
    let annotations = json!({
        "linkerd.io/created-by": "linkerd/helm stable-2.14.10",
        "linkerd.io/proxy-version": "stable-2.14.10",
        "config.linkerd.io/opaque-ports": "8443",
        "config.linkerd.io/default-inbound-policy": "all-unauthenticated",
    });
    add(sandbox, &annotations, "linkerd");
    let controller = Owner {
        uid: 2103,
        gid: 2103,
    };
    for port in [443, 6443] {
        assert_eq!(
            outbound(sandbox, controller, port),
            Listener::Peer,
            "{port}"
        );
    }
    assert_eq!(outbound(sandbox, controller, 8086), Listener::Pod(4140));
}

fn proxy_config_captures_dns(sandbox: &Sandbox) {
    let config = "proxyMetadata:\n  ISTIO_META_DNS_CAPTURE: \"true\"\n";
    add(
        sandbox,
        &json!({(STATUS): "{}", "proxy.istio.io/config": config}),
        "shop",
    );
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        assert_eq!(
            query(sandbox, APP, protocol),
            Listener::Pod(15_053),
            "{protocol:?}"
        );
    }
}

/// Where a query to a DNS server outside goes.
fn query(sandbox: &Sandbox, owner: Owner, protocol: Protocol) -> Listener {
    let query = Attempt {
        protocol,
        ..Attempt::tcp(Direction::Out, owner, SocketAddr::new(PEER[0], 53))
    };
    listener(sandbox, &query)
}

fn kuma_dns_is_captured(sandbox: &Sandbox) {
    let config = "cniMode: true\nredirect:\n  outbound: {enabled: false}\n  dns: {enabled: true, captureAll: true}\n";
    let annotations = json!({
        "kuma.io/sidecar-injected": "true",
        "traffic.kuma.io/transparent-proxy-config": config,
    });
    add(sandbox, &annotations, "shop");
    assert_eq!(query(sandbox, APP, Protocol::Udp), Listener::Pod(15_053));
    assert_eq!(query(sandbox, APP, Protocol::Tcp), Listener::Peer);
    assert_eq!(outbound(sandbox, APP, 80), Listener::Peer);
    let proxy = Owner { uid: 5678, ..APP };
    assert_eq!(query(sandbox, proxy, Protocol::Udp), Listener::Peer);
}

fn kuma_is_captured(sandbox: &Sandbox) {
    let config = "cniMode: true\nkumaDPUser: \"5678\"\nredirect:\n  outbound: {excludePorts: [3306], excludePortsForUIDs: ['tcp:80:1001']}\n";
    let annotations = json!({
        "kuma.io/sidecar-injected": "true",
        "traffic.kuma.io/transparent-proxy-config": config,
    });
    add(sandbox, &annotations, "shop");
    assert_eq!(inbound(sandbox, 8080), Listener::Pod(15_006));
    assert_eq!(outbound(sandbox, APP, 80), Listener::Pod(15_001));
    assert_eq!(outbound(sandbox, APP, 3306), Listener::Peer);
    let excluded = Owner { uid: 1001, ..APP };
    assert_eq!(outbound(sandbox, excluded, 80), Listener::Peer);
    let proxy = Owner { uid: 5678, ..APP };
    assert_eq!(outbound(sandbox, proxy, 80), Listener::Peer);
}

/// Consul has no rule for what passes `lo`: the pod's own address is captured like any other, and its proxy's
/// connections to it arrive directly.
fn consul_captures_over_loopback(sandbox: &Sandbox) {
    let config = json!({
        "ProxyUserID": "5995",
        "ProxyInboundPort": 15_006,
        "ExcludeUIDs": ["5996"],
        "ExcludeInboundPorts": ["9090"],
    });
    let annotations = json!({
        "consul.hashicorp.com/connect-inject-status": "injected",
        "consul.hashicorp.com/transparent-proxy-status": "enabled",
        "consul.hashicorp.com/redirect-traffic-config": config.to_string(),
    });
    add(sandbox, &annotations, "shop");
    assert_eq!(inbound(sandbox, 8080), Listener::Pod(15_006));
    assert_eq!(inbound(sandbox, 9090), Listener::Pod(9090));
    assert_eq!(outbound(sandbox, APP, 80), Listener::Pod(15_001));
    let own = |owner| {
        let destination = SocketAddr::new(POD[0], 8080);
        listener(sandbox, &Attempt::tcp(Direction::Out, owner, destination))
    };
    assert_eq!(own(APP), Listener::Pod(15_001));
    for uid in [5995, 5996] {
        let owner = Owner { uid, ..APP };
        assert_eq!(own(owner), Listener::Pod(8080), "{uid}");
        assert_eq!(outbound(sandbox, owner, 80), Listener::Peer, "{uid}");
    }
}
