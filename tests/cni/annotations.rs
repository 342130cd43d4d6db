//! What annotations mean, and the errors in wrong ones.

use std::path::Path;

use netweir::cni::{Command, Environment, Request, read};
use netweir::intent::{Capture, Families};
use netweir::options::{self, OptionSet, OptionValues, Origin, Setting};
use netweir_testkit::fakes::{NoFiles, NoUsers};
use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};

use crate::runtime::{Call, annotated};

fn environment() -> Environment {
    let variables = |name: &str| {
        let value = match name {
            "CNI_COMMAND" => "ADD",
            "CNI_NETNS" => "/nonexistent/netns",
            "CNI_IFNAME" => "eth0",
            "CNI_CONTAINERID" => "4711abc",
            _ => return None,
        };
        Some(value.into())
    };
    Environment::read(&variables).unwrap()
}

/// What is captured of a pod.
fn captured(annotations: &Value, config: &Value) -> Capture {
    let environment = environment();
    assert_eq!(environment.command, Command::Add);
    let text = annotated(annotations, config).to_string();
    match read(&environment, &text, &NoFiles).unwrap() {
        Request::Add(attachment) => {
            assert_eq!(attachment.namespace, Path::new("/nonexistent/netns"));
            attachment.capture.unwrap().capture_of(Families::Both)
        }
        other => panic!("{other:?}"),
    }
}

/// The same, where the runtime names the pod's resolvers.
fn captured_with_resolvers(annotations: &Value, keys: &Value) -> Capture {
    let mut config = annotated(annotations, keys);
    config["runtimeConfig"]["dns"] =
        json!({"servers": ["10.96.0.10", "fd00::a"], "searches": ["svc.cluster.local"]});
    match read(&environment(), &config.to_string(), &NoFiles).unwrap() {
        Request::Add(attachment) => attachment.capture.unwrap().capture_of(Families::Both),
        other => panic!("{other:?}"),
    }
}

/// What the same options are on the command line.
fn given(options: &[(&str, &str)]) -> Capture {
    let mut given = OptionValues::default();
    for (name, text) in options {
        given.set(
            Setting::named(name).unwrap(),
            Origin::Flag,
            (*text).to_owned(),
        );
    }
    options::capture(&given, &NoUsers, &NoFiles)
        .unwrap()
        .capture_of(Families::Both)
}

#[test]
fn every_option_of_what_to_capture_is_one() {
    let mut tried = 0;
    for &setting in Setting::ALL {
        let spec = setting.spec();
        let key = format!("netweir.io/{}", spec.name);
        let annotations = json!({"netweir.io/capture": "enabled", (key): spec.example});
        let answer = Call::new("ADD", &annotated(&annotations, &json!({}))).run();
        let (code, _, details) = answer.error();
        if code == 4 {
            tried += 1;
        } else if spec.name == "dns" {
            assert!(details.contains("needs dns-servers"), "{details}");
        } else if spec.name.ends_with("ids") || spec.name.ends_with("id") {
            assert!(details.contains("names are the pod's own"), "{details}");
        } else {
            assert_eq!(code, 103);
            assert!(
                details.contains("not an option for pods; expected one that says"),
                "{details}"
            );
        }
    }
    assert!(tried > 20, "{tried}");
}

#[test]
fn own_annotations_are_the_options_of_the_same_name() {
    let annotations = json!({
        "netweir.io/capture": "enabled",
        "netweir.io/exclude-outbound-ports": "22, 3306",
        "netweir.io/inbound-mode": "tproxy",
        "netweir.io/proxy-uid": "1000,2000",
        "example.org/other": "x",
    });
    assert_eq!(
        captured(&annotations, &json!({})),
        given(&[
            ("exclude-outbound-ports", "22,3306"),
            ("inbound-mode", "tproxy"),
            ("proxy-uid", "1000,2000"),
        ])
    );
}

#[test]
fn the_configuration_has_defaults_for_all_pods() {
    let config = json!({"capture": {
        "exclude-outbound-ports": "22,3306",
        "exclude-inbound-ports": [9000, "9100-9200"],
        "drop-invalid": true,
        "inbound-port": 16006,
    }});
    let annotations =
        json!({"netweir.io/capture": "enabled", "netweir.io/exclude-outbound-ports": ""});
    assert_eq!(
        captured(&annotations, &config),
        given(&[
            ("exclude-inbound-ports", "9000,9100-9200"),
            ("drop-invalid", "true"),
            ("inbound-port", "16006"),
        ])
    );
}

#[test]
fn an_istio_pod_has_istios_defaults() {
    let annotations = json!({"sidecar.istio.io/status": "{}"});
    assert_eq!(
        captured(&annotations, &json!({})),
        given(&[
            ("exclude-inbound-ports", "15020,15021,15090"),
            ("exclude-outbound-ports", "15020"),
        ])
    );
}

#[test]
fn all_of_istios_annotations_have_their_meaning() {
    let annotations = json!({
        "sidecar.istio.io/status": "{}",
        "sidecar.istio.io/inject": "true",
        "sidecar.istio.io/interceptionMode": "TPROXY",
        "traffic.sidecar.istio.io/includeInboundPorts": "*",
        "traffic.sidecar.istio.io/excludeInboundPorts": "80, 81,",
        "traffic.sidecar.istio.io/includeOutboundPorts": "443,",
        "traffic.sidecar.istio.io/excludeOutboundPorts": "3306",
        "traffic.sidecar.istio.io/includeOutboundIPRanges": "10.0.0.1/8, fd00::1/8",
        "traffic.sidecar.istio.io/excludeOutboundIPRanges": "10.1.2.3/16",
        "traffic.sidecar.istio.io/excludeInterfaces": "eth1,tun+",
        "traffic.sidecar.istio.io/kubevirtInterfaces": "tap0",
        "istio.io/reroute-virtual-interfaces": "tap1",
    });
    let expected = given(&[
        ("inbound-mode", "tproxy"),
        ("exclude-inbound-ports", "80,81,15020,15021,15090"),
        ("include-outbound-ports", "443"),
        ("exclude-outbound-ports", "3306"),
        ("include-outbound-ip-ranges", "10.0.0.0/8,fd00::/8"),
        ("exclude-outbound-ip-ranges", "10.1.0.0/16"),
        ("exclude-interfaces", "eth1,tun+"),
        // The deprecated annotation counts only without the other.
        ("reroute-interfaces", "tap1"),
    ]);
    assert_eq!(captured(&annotations, &json!({})), expected);
}

#[test]
fn istios_lists_may_be_empty_or_everything() {
    let annotations = json!({
        "sidecar.istio.io/status": "{}",
        "traffic.sidecar.istio.io/includeInboundPorts": "",
        "traffic.sidecar.istio.io/includeOutboundIPRanges": "",
        "traffic.sidecar.istio.io/excludeOutboundPorts": "",
    });
    assert_eq!(
        captured(&annotations, &json!({})),
        given(&[
            ("include-inbound-ports", ""),
            ("include-outbound-ip-ranges", ""),
        ])
    );
}

#[test]
fn a_linkerd_pod_has_linkerds_defaults() {
    let linkerd = [
        ("inbound-port", "4143"),
        ("outbound-port", "4140"),
        ("tunnel-port", "none"),
        ("proxy-uid", "2102"),
        ("proxy-gid", ""),
        ("exclude-interfaces", "lo"),
        ("passthrough-source", ""),
        ("exclude-inbound-ports", "4190,4191,4567,4568"),
        ("exclude-outbound-ports", "4567,4568"),
    ];
    let annotations = json!({"linkerd.io/proxy-version": "edge-26.7.1"});
    assert_eq!(captured(&annotations, &json!({})), given(&linkerd));
}

#[test]
fn all_of_linkerds_annotations_have_their_meaning() {
    let annotations = json!({
        "linkerd.io/proxy-version": "edge-26.7.1",
        "linkerd.io/inject": "enabled",
        "config.linkerd.io/inbound-port": "5143",
        "config.linkerd.io/outbound-port": "5140",
        "config.linkerd.io/control-port": "5190",
        "config.linkerd.io/admin-port": "5191",
        "config.linkerd.io/proxy-uid": "2103",
        "config.linkerd.io/proxy-gid": "2104",
        "config.linkerd.io/skip-inbound-ports": "80,8000-8010",
        "config.linkerd.io/skip-outbound-ports": "3306",
        "config.linkerd.io/skip-subnets": "10.0.0.1/8,fd00::/8",
    });
    let expected = given(&[
        ("inbound-port", "5143"),
        ("outbound-port", "5140"),
        ("tunnel-port", "none"),
        ("proxy-uid", "2103"),
        ("proxy-gid", "2104"),
        ("exclude-interfaces", "lo"),
        ("passthrough-source", ""),
        ("exclude-inbound-ports", "80,8000-8010,5190,5191,4567,4568"),
        ("exclude-inbound-ip-ranges", "10.0.0.0/8,fd00::/8"),
        ("exclude-outbound-ports", "3306"),
    ]);
    assert_eq!(captured(&annotations, &json!({})), expected);
}

#[test]
fn the_closer_source_wins() {
    let config = json!({"capture": {"exclude-outbound-ports": "1", "exclude-inbound-ports": "1"}});
    let pod = |annotations: Value| captured(&annotations, &config);
    let istio = "sidecar.istio.io/status";
    let inbound = ("exclude-inbound-ports", "1,15020,15021,15090");
    // The configuration, over what the mesh does by itself; but its health checks stay reachable.
    assert_eq!(
        pod(json!({(istio): ""})),
        given(&[("exclude-outbound-ports", "1"), inbound])
    );
    // The mesh's annotation, over the configuration.
    let key = "traffic.sidecar.istio.io/excludeOutboundPorts";
    assert_eq!(
        pod(json!({(istio): "", (key): "2"})),
        given(&[("exclude-outbound-ports", "2"), inbound])
    );
    // Our own annotation, over all of them, and to the letter.
    let all = json!({
        (istio): "",
        (key): "2",
        "netweir.io/exclude-outbound-ports": "3",
        "netweir.io/exclude-inbound-ports": "3",
    });
    assert_eq!(
        pod(all),
        given(&[
            ("exclude-outbound-ports", "3"),
            ("exclude-inbound-ports", "3")
        ])
    );
}

#[test]
fn every_error_names_the_pod_the_annotation_the_value_and_what_is_accepted() {
    let annotations = json!({
        "sidecar.istio.io/status": "{}",
        "netweir.io/exclude-inbound-ports": "70000,22,9-8",
        "netweir.io/exclude-outbound-port": "80",
        "netweir.io/netns": "/proc/1/ns/net",
        "netweir.io/resolv-conf": "/etc/shadow",
        "sidecar.istio.io/interceptionMode": "tproxy",
        "traffic.sidecar.istio.io/excludeInterfaces": "eth*",
        "config.linkerd.io/proxy-uid": 2102,
    });
    let (code, message, details) = Call::new("ADD", &annotated(&annotations, &json!({})))
        .run()
        .error();
    assert_eq!(code, 103);
    assert_eq!(
        message,
        "pod shop/web cannot be captured: its annotations are wrong"
    );
    assert_data_eq!(
        details.replace("; ", "\n"),
        str![[r#"
annotation config.linkerd.io/proxy-uid, which is 2102: expected a string, found not a string
annotation netweir.io/exclude-outbound-port, which is "80": unknown option
did you mean exclude-outbound-ports
annotation netweir.io/netns, which is "/proc/1/ns/net": not an option for pods
expected one that says what to capture, such as exclude-outbound-ports
annotation netweir.io/resolv-conf, which is "/etc/shadow": not an option for pods
expected one that says what to capture, such as exclude-outbound-ports
annotation sidecar.istio.io/interceptionMode: expected one of REDIRECT, TPROXY, NONE, found "tproxy"
annotation traffic.sidecar.istio.io/excludeInterfaces: "eth*" ends in *, which is not a wildcard in iptables
use +
annotation netweir.io/exclude-inbound-ports: expected a port (1-65535), found "70000"
annotation netweir.io/exclude-inbound-ports: "9-8" is a reversed range
did you mean 8-9
"#]]
    );
}

/// The details of the error with which ADD fails.
fn failure(annotations: &Value) -> String {
    let (code, _, details) = Call::new("ADD", &annotated(annotations, &json!({})))
        .run()
        .error();
    assert_eq!(code, 103, "{details}");
    details
}

#[test]
fn capture_annotation_has_two_words() {
    assert_eq!(
        failure(&json!({"netweir.io/capture": "true"})),
        "annotation netweir.io/capture: expected one of enabled, disabled, found \"true\""
    );
}

#[test]
fn bypassed_ports_are_checked() {
    let wrong = json!({"linkerd.io/proxy-version": "x", "config.linkerd.io/admin-port": "http"});
    let (_, _, details) = Call::new("ADD", &annotated(&wrong, &json!({})))
        .run()
        .error();
    assert_data_eq!(
        details,
        str![[
            r#"annotation config.linkerd.io/admin-port: expected a port (1-65535), found "http""#
        ]]
    );
}

#[test]
fn capture_annotation_wins_over_interception_mode() {
    let annotations = json!({
        "netweir.io/capture": "enabled",
        "sidecar.istio.io/status": "{}",
        "sidecar.istio.io/interceptionMode": "NONE",
    });
    assert_eq!(
        captured(&annotations, &json!({})),
        captured(&json!({"sidecar.istio.io/status": "{}"}), &json!({}))
    );
}

#[test]
fn annotations_of_another_mesh_are_not_read() {
    let annotations = json!({
        "linkerd.io/proxy-version": "x",
        "traffic.sidecar.istio.io/excludeOutboundPorts": "http",
        "sidecar.istio.io/interceptionMode": "TPROXY",
    });
    assert_eq!(
        captured(&annotations, &json!({})),
        captured(&json!({"linkerd.io/proxy-version": "x"}), &json!({}))
    );
    let asked = json!({
        "netweir.io/capture": "enabled",
        "traffic.sidecar.istio.io/excludeOutboundPorts": "3306",
    });
    assert_eq!(captured(&asked, &json!({})), given(&[]));
}

#[test]
fn two_injected_meshes_are_an_error() {
    let status = r#"{"initContainers":["istio-validation"],"containers":["istio-proxy"]}"#;
    for capture in [None, Some("enabled")] {
        let mut both = json!({"sidecar.istio.io/status": status, "linkerd.io/proxy-version": "x"});
        if let Some(word) = capture {
            both["netweir.io/capture"] = word.into();
        }
        assert_eq!(
            failure(&both),
            "annotation linkerd.io/proxy-version: contradicts sidecar.istio.io/status: both meshes injected a proxy"
        );
    }
}

const ISTIO: &str = r#"{"initContainers":["istio-validation"],"containers":["istio-proxy"]}"#;

/// What is captured of a pod with a sidecar of Istio's and this configuration of its proxy.
fn with_proxy_config(config: &str, plugin: &Value) -> Capture {
    let annotations = json!({"sidecar.istio.io/status": ISTIO, "proxy.istio.io/config": config});
    captured(&annotations, plugin)
}

fn istio(options: &[(&str, &str)]) -> Capture {
    let defaults = [
        ("exclude-inbound-ports", "15020,15021,15090"),
        ("exclude-outbound-ports", "15020"),
    ];
    given(&[&defaults, options].concat())
}

#[test]
fn istios_proxy_config_gives_dns_families_and_invalid_packets() {
    let all = [("dns", "all"), ("drop-invalid", "true")];
    let yaml = "proxyMetadata:\n  ISTIO_META_DNS_CAPTURE: \"true\"\n  INVALID_DROP: '1'\n  ISTIO_DUAL_STACK: \"true\"\n";
    let json = json!({"concurrency": 2, "proxyMetadata": {
        "ISTIO_META_DNS_CAPTURE": "true", "INVALID_DROP": "1", "ISTIO_DUAL_STACK": "true",
    }});
    // The pod's own dual stack wins over the node's configuration.
    let plugin = json!({"capture": {"ip-families": "ipv4"}});
    for text in [yaml, &json.to_string()] {
        assert_eq!(with_proxy_config(text, &plugin), istio(&all), "{text}");
    }
}

#[test]
fn settings_that_istios_proxy_config_omits_come_from_the_configuration() {
    let plugin = json!({"capture": {"dns": "all", "drop-invalid": true}});
    let all = [("dns", "all"), ("drop-invalid", "true")];
    for text in ["", "concurrency: 2\n", "proxyMetadata: {}\n"] {
        assert_eq!(with_proxy_config(text, &plugin), istio(&all), "{text}");
    }
    let off = "proxyMetadata:\n  ISTIO_META_DNS_CAPTURE: \"false\"\n";
    assert_eq!(
        with_proxy_config(off, &plugin),
        istio(&[("drop-invalid", "true")])
    );
    // To Istio an unknown word is false.
    let unknown = "proxyMetadata:\n  ISTIO_META_DNS_CAPTURE: \"yes\"\n";
    assert_eq!(
        with_proxy_config(unknown, &plugin),
        istio(&[("drop-invalid", "true")])
    );
}

#[test]
fn istios_overrides_give_user_group_and_environment() {
    let with = |container: Value| {
        let overrides = json!({"containers": [{"name": "app"}], "initContainers": [container]});
        let annotations = json!({
            "sidecar.istio.io/status": ISTIO,
            "proxy.istio.io/config": "proxyMetadata:\n  ISTIO_META_DNS_CAPTURE: \"true\"\n",
            "proxy.istio.io/overrides": overrides.to_string(),
        });
        captured(&annotations, &json!({}))
    };
    let dns = ("dns", "all");
    assert_eq!(
        with(
            json!({"name": "istio-proxy", "securityContext": {"runAsUser": 2000, "runAsGroup": 3000}})
        ),
        istio(&[dns, ("proxy-uid", "2000"), ("proxy-gid", "3000")])
    );
    // Root and nothing stand for 1337.
    assert_eq!(
        with(
            json!({"name": "istio-proxy", "securityContext": {"runAsUser": 0, "runAsGroup": 3000}})
        ),
        istio(&[dns, ("proxy-uid", "1337"), ("proxy-gid", "3000")])
    );
    assert_eq!(
        with(
            json!({"name": "istio-proxy", "env": [{"name": "ISTIO_META_DNS_CAPTURE", "value": "false"}]})
        ),
        istio(&[])
    );
    // A value from elsewhere is unknown.
    let elsewhere = json!({"name": "ISTIO_META_DNS_CAPTURE", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "y"}}});
    assert_eq!(
        with(json!({"name": "istio-proxy", "env": [elsewhere]})),
        istio(&[])
    );
}

#[test]
fn unreadable_proxy_config_is_an_error() {
    for (key, text) in [
        ("proxy.istio.io/config", "proxyMetadata: ["),
        ("proxy.istio.io/config", "- 1"),
        ("proxy.istio.io/overrides", "proxyMetadata: x"),
    ] {
        let details = failure(&json!({"sidecar.istio.io/status": ISTIO, key: text}));
        let expected = format!("annotation {key}: cannot be read: ");
        assert!(details.starts_with(&expected), "{details}");
    }
}

#[test]
fn resolvers_come_from_the_runtime() {
    let annotations = json!({"netweir.io/capture": "enabled", "netweir.io/dns": "resolvers"});
    let with = |keys: Value| captured_with_resolvers(&annotations, &keys);
    let expected = |servers| given(&[("dns", "resolvers"), ("dns-servers", servers)]);
    assert_eq!(with(json!({})), expected("10.96.0.10,fd00::a"));
    // An option wins.
    let configured = json!({"capture": {"dns-servers": "10.0.0.53"}});
    assert_eq!(with(configured), expected("10.0.0.53"));
    let details = failure(&annotations);
    assert!(details.contains("needs dns-servers"), "{details}");
}

const LINKERD: &[(&str, &str)] = &[
    ("inbound-port", "4143"),
    ("outbound-port", "4140"),
    ("tunnel-port", "none"),
    ("proxy-uid", "2102"),
    ("proxy-gid", ""),
    ("exclude-interfaces", "lo"),
    ("passthrough-source", ""),
    ("exclude-inbound-ports", "4190,4191,4567,4568"),
];

#[test]
fn linkerds_control_plane_reaches_the_api_server() {
    let control_plane = given(&[LINKERD, &[("exclude-outbound-ports", "443,6443")]].concat());
    let other = given(&[LINKERD, &[("exclude-outbound-ports", "4567,4568")]].concat());
    let policy = "config.linkerd.io/default-inbound-policy";
    let pod = |created_by: &str, policy_value: Option<&str>, inject: bool| {
        let mut annotations = json!({
            "linkerd.io/proxy-version": "edge-26.8.3",
            "linkerd.io/created-by": created_by,
        });
        if let Some(value) = policy_value {
            annotations[policy] = value.into();
        }
        if inject {
            annotations["linkerd.io/inject"] = "enabled".into();
        }
        captured(&annotations, &json!({}))
    };
    let open = Some("all-unauthenticated");
    assert_eq!(pod("linkerd/helm edge-26.8.3", open, false), control_plane);
    assert_eq!(
        pod("linkerd/cli stable-2.14.10", open, false),
        control_plane
    );
    // Pods that the injector changed, and extensions.
    assert_eq!(
        pod("linkerd/proxy-injector edge-26.8.3", open, false),
        other
    );
    assert_eq!(pod("linkerd/helm edge-26.8.3", open, true), other);
    assert_eq!(pod("linkerd/cli edge-26.8.3", None, false), other);
}

#[test]
fn linkerds_control_plane_is_known_by_name() {
    let annotations = json!({
        "linkerd.io/proxy-version": "edge-26.8.3",
        "linkerd.io/created-by": "linkerd/cli edge-26.8.3",
        "config.linkerd.io/skip-outbound-ports": "25",
    });
    let text = annotated(&annotations, &json!({})).to_string();
    let mut environment = environment();
    environment.pod.name = Some("linkerd-destination-6f4c9d".to_owned());
    let Ok(Request::Add(attachment)) = read(&environment, &text, &NoFiles) else {
        panic!("not read");
    };
    assert_eq!(
        attachment.capture.unwrap().capture_of(Families::Both),
        given(&[LINKERD, &[("exclude-outbound-ports", "25,443,6443")]].concat())
    );
}

const KUMA: &[(&str, &str)] = &[
    ("tunnel-port", "none"),
    ("proxy-uid", "5678"),
    ("proxy-gid", ""),
];

#[test]
fn kumas_resolvers_come_from_the_runtime() {
    let annotations = kuma_config("redirect: {dns: {enabled: true}}");
    let details = failure(&annotations);
    assert!(details.contains("redirect.dns.captureAll: "), "{details}");
    let resolvers = [
        ("dns", "resolvers"),
        ("dns-tcp", "bypass"),
        ("dns-servers", "10.96.0.10,fd00::a"),
    ];
    assert_eq!(
        captured_with_resolvers(&annotations, &json!({})),
        given(&[KUMA, &resolvers].concat())
    );
}

fn kuma_config(yaml: &str) -> Value {
    json!({
        "kuma.io/sidecar-injected": "true",
        "traffic.kuma.io/transparent-proxy-config": format!("cniMode: true\n{yaml}"),
    })
}

#[test]
fn kumas_configuration_is_read_from_one_annotation() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("", &[]),
        (
            "kumaDPUser: 6000\nipFamilyMode: ipv4\n",
            &[("proxy-uid", "6000"), ("ip-families", "ipv4")],
        ),
        (
            "kumaDPUser: \"\"\nipFamilyMode: dualstack\ndropInvalidPackets: true\n",
            &[("drop-invalid", "true")],
        ),
        (
            "redirect: {inbound: {port: 16006, excludePorts: [9901, 9001]}, outbound: {port: '16001', excludePorts: 9901}}",
            &[
                ("inbound-port", "16006"),
                ("outbound-port", "16001"),
                ("exclude-inbound-ports", "9901,9001"),
                ("exclude-outbound-ports", "9901"),
            ],
        ),
        (
            "redirect: {inbound: {includePorts: '80,443', excludePorts: [1]}, outbound: {includePorts: [443], excludePorts: [1]}}",
            &[
                ("include-inbound-ports", "80,443"),
                ("include-outbound-ip-ranges", ""),
                ("include-outbound-ports", "443"),
            ],
        ),
        (
            "redirect:\n  inbound: {enabled: false, port: 0}\n  outbound: {enabled: false, port: 0}\n  dns: {enabled: false, port: 0}\n",
            &[
                ("include-inbound-ports", ""),
                ("exclude-outbound-ports", "1-65535"),
            ],
        ),
        (
            "redirect: {inbound: {excludePortsForIPs: [10.0.0.1, fd00::/64]}, outbound: {excludePortsForUIDs: ['udp:53:1000', '22,80-90:1-99', '7', 'tcp:*:8']}}",
            &[
                ("exclude-inbound-ip-ranges", "10.0.0.1,fd00::/64"),
                (
                    "exclude-outbound-ports-for-uids",
                    "udp:53:1000;22,80-90:1-99;*:7;tcp:*:8",
                ),
            ],
        ),
        (
            "redirect: {dns: {enabled: true, captureAll: true}}",
            &[("dns", "all"), ("dns-tcp", "bypass")],
        ),
        (
            "redirect: {outbound: {enabled: false, insertRedirectInsteadOfAppend: true}, dns: {enabled: true, captureAll: true, port: 16053, skipConntrackZoneSplit: true}}",
            &[
                ("exclude-outbound-ports", "1-65535"),
                ("dns", "all"),
                ("dns-tcp", "outbound"),
                ("dns-port", "16053"),
                ("dns-zones", "false"),
            ],
        ),
        (
            "redirect: {inbound: {excludePortsForIPs: ['10.1.2.3/8']}, outbound: {excludePortsForIPs: [10.0.0.1, 'fd00::1/64,fd01::/64'], excludePortsForUIDs: ['tcp,UDP:53:1']}}",
            &[
                ("exclude-inbound-ip-ranges", "10.0.0.0/8"),
                (
                    "exclude-outbound-ip-ranges-first",
                    "10.0.0.1,fd00::/64,fd01::/64",
                ),
                ("exclude-outbound-ports-for-uids", "53:1"),
            ],
        ),
        (
            "redirect: {vnet: {networks: ['br+:10.0.0.1/8', 'docker0:172.17.0.0/16', 'docker0:fd00::1/64', 'br+:10.9.0.0/16']}, dns: {port: 16053}}",
            &[
                (
                    "virtual-networks",
                    "docker0:172.17.0.0/16,docker0:fd00::/64,br+:10.9.0.0/16",
                ),
                ("dns-port", "16053"),
            ],
        ),
        // Without DNS capture, the rest of it has no meaning.
        (
            "redirect: {outbound: {insertRedirectInsteadOfAppend: true}, dns: {captureAll: true, port: 0, skipConntrackZoneSplit: true}}",
            &[],
        ),
        // Without a meaning for a plugin.
        (
            "wait: 5\nretry: {maxRetries: 4}\nlog: {enabled: true}\nverbose: true\niptablesExecutables: {iptables: /x}\n",
            &[],
        ),
    ];
    for (yaml, options) in cases {
        let expected = given(&[KUMA, options].concat());
        assert_eq!(captured(&kuma_config(yaml), &json!({})), expected, "{yaml}");
    }
}

#[test]
fn unsupported_settings_of_kuma_are_errors() {
    for (yaml, field) in [
        (
            "redirect: {inbound: {excludePortsForUIDs: ['1']}}",
            "redirect.inbound.excludePortsForUIDs",
        ),
        ("ebpf: {enabled: true}", "ebpf.enabled"),
        ("dryRun: true", "dryRun"),
    ] {
        let details = failure(&kuma_config(yaml));
        let expected = format!(
            "annotation traffic.kuma.io/transparent-proxy-config, {field}: not supported: "
        );
        assert!(details.starts_with(&expected), "{details}");
    }
}

#[test]
fn every_error_in_kumas_configuration_is_reported() {
    let yaml = "kumaDPUser: kuma-dp\nipFamilyMode: ipv6\nredirect: {inbound: {enabled: 1, port: 70000}, outbound: \
                {excludePorts: {a: 1}, excludePortsForUIDs: ['sctp:1:2', '70000', '1:2:3:4']}}";
    let details = failure(&kuma_config(yaml));
    let at = "annotation traffic.kuma.io/transparent-proxy-config";
    for expected in [
        format!("{at}, kumaDPUser: expected a user id"),
        format!("{at}, ipFamilyMode: expected one of dualstack, ipv4, found \"ipv6\""),
        format!("{at}, redirect.inbound.enabled: expected true or false, found a number"),
        format!("{at}, redirect.inbound.port: expected a port"),
        format!(
            "{at}, redirect.outbound.excludePorts: expected an array of strings and integers, found an object"
        ),
        format!("{at}, redirect.outbound.excludePortsForUIDs: expected [tcp:|udp:][PORTS:]UID"),
    ] {
        assert!(details.contains(&expected), "{expected}\n{details}");
    }
    let unreadable = failure(&kuma_config("redirect: ["));
    assert!(
        unreadable.starts_with(&format!("{at}: cannot be read: ")),
        "{unreadable}"
    );
}

#[test]
fn kumas_values_are_read_from_annotations_of_their_own() {
    let network = ("k8s.v1.cni.cncf.io/networks", "kuma-cni");
    let injected = ("kuma.io/sidecar-injected", "true");
    let pod = |own: &[(&str, &str)]| -> Value {
        let all = [&[network, injected], own].concat();
        all.iter()
            .map(|(key, value)| ((*key).to_owned(), Value::from(*value)))
            .collect()
    };
    let bare = [
        ("exclude-inbound-ports", "9901,9001"),
        ("exclude-outbound-ports", "9901"),
    ];
    assert_eq!(
        captured(&pod(&[]), &json!({})),
        given(&[KUMA, &bare].concat())
    );
    let all = pod(&[
        ("traffic.kuma.io/exclude-inbound-ports", "80, 81"),
        ("traffic.kuma.io/exclude-outbound-ports", "3306"),
        ("traffic.kuma.io/exclude-inbound-ips", "10.0.0.1"),
        (
            "traffic.kuma.io/exclude-outbound-ips",
            "10.0.0.2/8, fd00::1",
        ),
        (
            "traffic.kuma.io/exclude-outbound-ports-for-uids",
            "tcp:22:1000;7",
        ),
        ("traffic.kuma.io/drop-invalid-packets", "true"),
        ("traffic.kuma.io/iptables-logs", "true"),
        ("kuma.io/transparent-proxying-inbound-port", "16006"),
        ("kuma.io/transparent-proxying-outbound-port", "16001"),
        ("kuma.io/transparent-proxying-ip-family-mode", "ipv4"),
        ("kuma.io/sidecar-uid", "6000"),
        ("kuma.io/application-probe-proxy-port", "0"),
        ("kuma.io/builtin-dns", "disabled"),
    ]);
    let expected = [
        ("exclude-inbound-ports", "80,81"),
        ("exclude-outbound-ip-ranges-first", "10.0.0.0/8,fd00::1"),
        ("exclude-outbound-ports", "3306"),
        ("exclude-inbound-ip-ranges", "10.0.0.1"),
        ("exclude-outbound-ports-for-uids", "tcp:22:1000;*:7"),
        ("drop-invalid", "true"),
        ("inbound-port", "16006"),
        ("outbound-port", "16001"),
        ("ip-families", "ipv4"),
        ("proxy-uid", "6000"),
        ("tunnel-port", "none"),
        ("proxy-gid", ""),
    ];
    assert_eq!(captured(&all, &json!({})), given(&expected));
    let gateway = pod(&[("kuma.io/gateway", "enabled")]);
    let expected = [
        ("include-inbound-ports", ""),
        ("exclude-outbound-ports", "9901"),
    ];
    assert_eq!(
        captured(&gateway, &json!({})),
        given(&[KUMA, &expected].concat())
    );
    let dns = pod(&[
        ("kuma.io/builtin-dns", "enabled"),
        ("kuma.io/builtin-dns-port", "16053"),
    ]);
    let expected = [("dns", "all"), ("dns-tcp", "bypass"), ("dns-port", "16053")];
    assert_eq!(
        captured(&dns, &json!({})),
        given(&[KUMA, &bare, &expected].concat())
    );
    for (key, value) in [
        ("traffic.kuma.io/exclude-inbound-ports", ""),
        ("kuma.io/builtin-dns", "maybe"),
        ("traffic.kuma.io/exclude-outbound-ips", "10.0.0.0/33"),
        ("traffic.kuma.io/exclude-outbound-ports-for-uids", "a:b"),
    ] {
        let details = failure(&pod(&[(key, value)]));
        assert!(
            details.starts_with(&format!("annotation {key}: ")),
            "{details}"
        );
    }
}

fn consul(config: &Value, dual_stack: &str) -> Value {
    json!({
        "consul.hashicorp.com/connect-inject-status": "injected",
        "consul.hashicorp.com/transparent-proxy-status": "enabled",
        "consul.hashicorp.com/dual-stack": dual_stack,
        "consul.hashicorp.com/redirect-traffic-config": config.to_string(),
    })
}

const CONSUL: &[(&str, &str)] = &[
    ("inbound-port", "20000"),
    ("tunnel-port", "none"),
    ("proxy-uid", "none"),
    ("proxy-gid", ""),
    ("passthrough-source", ""),
];

#[test]
fn consuls_configuration_is_read_from_one_annotation() {
    let whole = json!({
        "ConsulDNSIP": "", "ConsulDNSPort": 0, "ProxyUserID": "5995", "ProxyInboundPort": 20000,
        "ProxyOutboundPort": 0, "ExcludeInboundPorts": ["20200", "21000:21010", "http"],
        "ExcludeOutboundPorts": ["22", "8000-8010"], "ExcludeOutboundCIDRs": ["10.0.0.1/8", "1.2.3.4", "fd00::1/8"],
        "ExcludeUIDs": ["5996", "100-200"], "NetNS": "/x", "IptablesProvider": null, "NftablesProvider": null,
    });
    let options = [
        ("exclude-inbound-ports", "20200,21000-21010,80"),
        ("exclude-outbound-ports", "22,8000-8010"),
        ("exclude-outbound-ip-ranges", "10.0.0.0/8,1.2.3.4,fd00::/8"),
        ("exclude-outbound-uids", "5995,5996,100-200"),
    ];
    for (dual_stack, families) in [("false", "ipv4"), ("true", "both"), ("True", "ipv4")] {
        let families = [("ip-families", families)];
        assert_eq!(
            captured(&consul(&whole, dual_stack), &json!({})),
            given(&[CONSUL, &options, &families].concat())
        );
    }
    let least = json!({"ProxyUserID": "5995", "ProxyInboundPort": 20000, "ExcludeUIDs": null});
    let options = [("exclude-outbound-uids", "5995"), ("ip-families", "ipv4")];
    assert_eq!(
        captured(
            &consul(&least, ""),
            &json!({"capture": {"proxy-uid": 1337}})
        ),
        given(&[CONSUL, &options].concat())
    );
}

#[test]
fn consuls_dns_is_captured_for_everyone() {
    let to = |address: &str, port: u16, dual_stack: &str| {
        let config = json!({
            "ProxyUserID": "5995", "ProxyInboundPort": 20000, "ConsulDNSIP": address, "ConsulDNSPort": port,
        });
        captured(&consul(&config, dual_stack), &json!({}))
    };
    let ipv4 = [("exclude-outbound-uids", "5995"), ("ip-families", "ipv4")];
    let both = [("exclude-outbound-uids", "5995"), ("ip-families", "both")];
    let everyone = [("dns-of", "everyone"), ("dns-zones", "false")];
    let at = |port, servers| {
        [
            ("dns", "resolvers"),
            ("dns-port", port),
            ("dns-servers", servers),
        ]
    };
    let forwarded = |address| [("dns-to", address)];
    let expected =
        |parts: &[&[(&str, &str)]]| given(&[&[CONSUL, &everyone], parts].concat().concat());
    assert_eq!(
        to("127.0.0.1", 8600, "false"),
        expected(&[&ipv4, &at("8600", "127.0.0.1")])
    );
    assert_eq!(
        to("", 8600, "false"),
        expected(&[&ipv4, &at("8600", "127.0.0.1")])
    );
    assert_eq!(
        to("::1", 8600, "true"),
        expected(&[&both, &at("8600", "::1")])
    );
    assert_eq!(
        to("", 8600, "true"),
        expected(&[&both, &at("8600", "127.0.0.1,::1")])
    );
    assert_eq!(
        to("192.168.1.117", 8600, "false"),
        expected(&[
            &ipv4,
            &at("8600", "192.168.1.117"),
            &forwarded("192.168.1.117")
        ])
    );
    let all = [("dns", "all"), ("dns-port", "53")];
    assert_eq!(
        to("10.96.0.20", 0, "false"),
        expected(&[&ipv4, &all, &forwarded("10.96.0.20")])
    );
    assert_eq!(
        to("fd00::20", 0, "true"),
        expected(&[&both, &all, &forwarded("fd00::20")])
    );
}

#[test]
fn every_error_in_consuls_configuration_is_reported() {
    let at = "annotation consul.hashicorp.com/redirect-traffic-config";
    let wrong = json!({
        "ProxyUserID": "5995", "ProxyInboundPort": 20000, "ConsulDNSIP": "::1", "ConsulDNSPort": 8600,
        "ExcludeInboundPorts": ["htp"], "ExcludeOutboundCIDRs": ["10.0.0.0/33"], "ExcludeUIDs": ["envoy"],
    });
    let details = failure(&consul(&wrong, "false"));
    for expected in [
        format!("{at}, ConsulDNSIP: not supported: "),
        format!("{at}, ExcludeInboundPorts: expected a port"),
        format!("{at}, ExcludeOutboundCIDRs: "),
        "expected a user id (0-4294967294), found \"envoy\"".to_owned(),
    ] {
        assert!(details.contains(&expected), "{expected}\n{details}");
    }
    for (address, dual_stack) in [
        ("127.0.0.1", "true"),
        ("localhost", "false"),
        ("0.0.0.0", "false"),
    ] {
        let config =
            json!({"ProxyUserID": "5995", "ProxyInboundPort": 20000, "ConsulDNSIP": address});
        let details = failure(&consul(&config, dual_stack));
        assert!(
            details.starts_with(&format!("{at}, ConsulDNSIP: ")),
            "{details}"
        );
    }
    let missing = failure(&consul(&json!({"ProxyOutboundPort": "x"}), "false"));
    for field in ["ProxyUserID", "ProxyInboundPort"] {
        assert!(missing.contains(&format!("{at}, {field}: ")), "{missing}");
    }
    for text in ["", "{", "[]"] {
        let mut pod = consul(&json!({}), "false");
        pod["consul.hashicorp.com/redirect-traffic-config"] = text.into();
        let details = failure(&pod);
        assert!(
            details.starts_with(&format!("{at}: cannot be read: ")),
            "{details}"
        );
    }
}

#[test]
fn nomads_configuration_is_an_argument() {
    let config =
        json!({"ProxyUserID": "101", "ProxyInboundPort": 25000, "ProxyOutboundPort": 15001});
    let call = |consul: &str| {
        let arguments = format!("IgnoreUnknown=true;CONSUL_IPTABLES_CONFIG={consul}");
        let input = crate::runtime::config(&json!({"runtimeConfig": null}));
        let call = Call::new("ADD", &input).variable("CNI_ARGS", &arguments);
        call.variable("CNI_IFNAME", "eth0").run()
    };
    assert!(crate::policy::is_captured(&call(&config.to_string())));
    let (code, _, details) = call("{").error();
    assert_eq!(code, 103);
    assert!(
        details.starts_with("CNI_ARGS, CONSUL_IPTABLES_CONFIG: cannot be read: "),
        "{details}"
    );
    let input = crate::runtime::config(&json!({"runtimeConfig": null}));
    let bypassed = Call::new("ADD", &input)
        .variable("CNI_ARGS", "IgnoreUnknown=true;NOMAD_JOB_ID=web")
        .run();
    assert!(!crate::policy::is_captured(&bypassed));
}
