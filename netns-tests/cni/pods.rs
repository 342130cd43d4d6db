//! What becomes of real connections of the pods that injectors make.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

use netweir::connection::Owner;
use netweir::intent::Protocol;
use serde_json::{Value, json};

use crate::sandbox::{
    Attempt, BEYOND_POD, ConnectionOutcome, Direction, Listener, Namespace, NetnsTest, PEER, POD,
    POD_SECOND, Sandbox, output_of, owned_by, run,
};

const APP: Owner = Owner {
    uid: 1000,
    gid: 1000,
};
const STATUS: &str = "sidecar.istio.io/status";

/// How long an answer may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(10);

/// A test in a sandbox of its own.
type Test = fn(&Sandbox);

pub(super) fn tests() -> Vec<NetnsTest> {
    let tests: [(&str, Test); 9] = [
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
        ("nomad-dns-goes-to-the-node", nomad_dns_goes_to_the_node),
    ];
    let tests = tests
        .into_iter()
        .map(|(name, test)| NetnsTest::new(format!("cni::pods::{name}"), test));
    let name = "cni::pods::consul-dns-is-answered-on-its-own-port";
    let with_server = NetnsTest::new(name, consul_dns_is_answered_on_its_own_port);
    tests
        .chain([with_server.with(&["dnsmasq"])])
        // Connections need owners of their own.
        .map(NetnsTest::only_as_root)
        .collect()
}

/// ADD for the sandbox's pod, called from the peer as from a node.
fn add(sandbox: &Sandbox, annotations: &Value, namespace: &str) {
    let arguments = format!("K8S_POD_NAMESPACE={namespace};K8S_POD_NAME=web-0");
    add_with(sandbox, annotations, &arguments);
}

/// The same with the text of `CNI_ARGS`.
fn add_with(sandbox: &Sandbox, annotations: &Value, arguments: &str) {
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
            .env("CNI_ARGS", arguments);
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
    let config = "cniMode: true\nkumaDPUser: \"5678\"\nredirect:\n  outbound: {excludePorts: [3306], excludePortsForUIDs: ['tcp:80:1001'], excludePortsForIPs: [10.9.0.1/16]}\n  vnet: {networks: ['eth1:10.2.0.0/24']}\n";
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
    let excluded: IpAddr = [10, 9, 8, 7].into();
    let attempt = Attempt::tcp(Direction::Out, APP, SocketAddr::new(excluded, 80));
    assert_eq!(listener(sandbox, &attempt), Listener::Peer);
    // From a container behind eth1, to the world and to the pod.
    let beyond = SocketAddr::new(BEYOND_POD[0], 80);
    let attempt = Attempt::tcp(Direction::In, APP, beyond);
    assert_eq!(listener(sandbox, &attempt), Listener::Pod(15_001));
    let own = SocketAddr::new(POD_SECOND[0], 80);
    let attempt = Attempt::tcp(Direction::In, APP, own);
    assert_eq!(listener(sandbox, &attempt), Listener::Pod(15_006));
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

/// With a port of its own, Consul's DNS server on loopback gets everyone's queries to its address: also those of the proxy
/// and of excluded users. Other servers are not affected.
fn consul_dns_is_answered_on_its_own_port(sandbox: &Sandbox) {
    let config = json!({
        "ConsulDNSPort": 8600,
        "ProxyUserID": "5995",
        "ProxyInboundPort": 15_006,
        "ExcludeUIDs": ["5996"],
        "ExcludeOutboundPorts": ["53"],
    });
    let annotations = json!({
        "consul.hashicorp.com/connect-inject-status": "injected",
        "consul.hashicorp.com/transparent-proxy-status": "enabled",
        "consul.hashicorp.com/dual-stack": "true",
        "consul.hashicorp.com/redirect-traffic-config": config.to_string(),
    });
    add(sandbox, &annotations, "shop");
    let _server = Dnsmasq::start(8600);
    for loopback in [
        IpAddr::from(Ipv4Addr::LOCALHOST),
        Ipv6Addr::LOCALHOST.into(),
    ] {
        let server = SocketAddr::new(loopback, 53);
        for uid in [1000, 5995, 5996, 0] {
            let owner = Owner { uid, gid: uid };
            for answer in [ask_over_udp(owner, server), ask_over_tcp(owner, server)] {
                assert!(answer.ends_with(&ANSWER), "{server}, uid {uid}: {answer:?}");
            }
        }
    }
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        assert_eq!(query(sandbox, APP, protocol), Listener::Peer);
    }
}

/// Nomad's DNS server is the node's: its address stays, and its port is Consul's. Without a port, queries to any server
/// go to the address.
fn nomad_dns_goes_to_the_node(sandbox: &Sandbox) {
    let far = SocketAddr::from(([10, 9, 8, 7], 53));
    let node = |port| SocketAddr::new(PEER[0], port);
    for (port, servers) in [
        (8600, [(node(53), node(8600)), (far, far)]),
        (0, [(node(53), node(53)), (far, node(53))]),
    ] {
        let config = json!({
            "ConsulDNSIP": PEER[0],
            "ConsulDNSPort": port,
            "ProxyUserID": "101",
            "ProxyInboundPort": 15_006,
            "ExcludeOutboundPorts": ["53"],
            "NetNS": "/var/run/docker/netns/x",
            "IptablesProvider": null,
        });
        let arguments = format!("IgnoreUnknown=true;CONSUL_IPTABLES_CONFIG={config}");
        add_with(sandbox, &Value::Null, &arguments);
        for uid in [1000, 101] {
            let owner = Owner { uid, ..APP };
            for (server, expected) in servers {
                let tcp = Attempt::tcp(Direction::Out, owner, server);
                let to_peer = ConnectionOutcome::diverted(Listener::Peer, expected);
                assert_eq!(sandbox.try_out(&tcp).1, to_peer, "{tcp}");
                let udp = Attempt {
                    protocol: Protocol::Udp,
                    ..tcp
                };
                assert_eq!(listener(sandbox, &udp), Listener::Peer, "{udp}");
            }
        }
    }
}

/// What the server answers for every name: the end of its answer is the address.
const ANSWER: [u8; 4] = [192, 0, 2, 7];

/// A query for the address of `web.consul` (RFC 1035, 4.1).
const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03web\x06consul\0\0\x01\0\x01";

/// A name server in the pod, until this is dropped.
struct Dnsmasq(String);

impl Dnsmasq {
    /// Starts it. It goes into the background once it listens.
    fn start(port: u16) -> Self {
        let pid_file = format!("/tmp/netweir-dnsmasq-{}", std::process::id());
        let [first, second, third, last] = ANSWER;
        let options = [
            "--conf-file=/dev/null".to_owned(),
            "--no-resolv".to_owned(),
            "--no-hosts".to_owned(),
            "--user=root".to_owned(),
            "--bind-interfaces".to_owned(),
            "--log-facility=/dev/null".to_owned(),
            "--listen-address=127.0.0.1,::1".to_owned(),
            format!("--port={port}"),
            format!("--address=/consul/{first}.{second}.{third}.{last}"),
            format!("--pid-file={pid_file}"),
        ];
        // In the background, it would keep a pipe open.
        let status = Command::new("dnsmasq")
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        assert!(status.expect("dnsmasq runs").success());
        Self(pid_file)
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(&self.0).expect("its process id");
        run("kill", &[pid.trim()], "");
        // It may have removed the file itself.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn ask_over_udp(owner: Owner, server: SocketAddr) -> Vec<u8> {
    let any = SocketAddr::new(unspecified(server), 0);
    let socket = owned_by(owner, || UdpSocket::bind(any).expect("bind"));
    socket.connect(server).expect("a route");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket.send(QUERY).expect("sent");
    let mut answer = vec![0; 512];
    let length = socket.recv(&mut answer).expect("an answer over UDP");
    answer.truncate(length);
    answer
}

fn ask_over_tcp(owner: Owner, server: SocketAddr) -> Vec<u8> {
    let connect = || TcpStream::connect(server).expect("a connection");
    let mut stream = owned_by(owner, connect);
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let length = u16::try_from(QUERY.len()).expect("short").to_be_bytes();
    stream.write_all(&[&length, QUERY].concat()).expect("sent");
    let mut length = [0; 2];
    stream.read_exact(&mut length).expect("an answer over TCP");
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer).expect("the whole answer");
    answer
}

fn unspecified(server: SocketAddr) -> IpAddr {
    match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}
