//! What annotations mean, and what is said of wrong ones.

use std::path::Path;

use netweir::cni::{Command, Environment, ISTIO_KEYS, LINKERD_KEYS, Request, read};
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
            assert!(details.contains("takes dns-servers with it"), "{details}");
        } else if spec.name.ends_with("ids") || spec.name.ends_with("id") {
            assert!(details.contains("names are the pod's own"), "{details}");
        } else {
            assert_eq!(code, 103);
            assert!(
                details
                    .contains("is no option of what to capture in a pod; accepted is one that is"),
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
    let known = ISTIO_KEYS
        .iter()
        .filter(|known| annotations.get(known.key).is_some());
    assert_eq!(known.count(), ISTIO_KEYS.len());
    let expected = given(&[
        ("inbound-mode", "tproxy"),
        ("exclude-inbound-ports", "80,81,15020,15021,15090"),
        ("include-outbound-ports", "443"),
        ("exclude-outbound-ports", "3306"),
        ("include-outbound-ip-ranges", "10.0.0.0/8,fd00::/8"),
        ("exclude-outbound-ip-ranges", "10.1.0.0/16"),
        ("exclude-interfaces", "eth1,tun+"),
        ("reroute-interfaces", "tap0,tap1"),
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
    let known = LINKERD_KEYS
        .iter()
        .filter(|known| annotations.get(known.key).is_some());
    assert_eq!(known.count(), LINKERD_KEYS.len());
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
fn every_mistake_names_the_pod_the_annotation_the_value_and_what_is_accepted() {
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
annotation config.linkerd.io/proxy-uid, which is 2102: is not a string
accepted is a string
annotation netweir.io/exclude-outbound-port, which is "80": unknown option
did you mean exclude-outbound-ports
annotation netweir.io/netns, which is "/proc/1/ns/net": is no option of what to capture in a pod
accepted is one that is, such as exclude-outbound-ports
annotation netweir.io/resolv-conf, which is "/etc/shadow": is no option of what to capture in a pod
accepted is one that is, such as exclude-outbound-ports
annotation sidecar.istio.io/interceptionMode: "tproxy" is not one of REDIRECT, TPROXY, NONE
annotation traffic.sidecar.istio.io/excludeInterfaces: "eth*" ends in a star, which is no wildcard to iptables
a + is
annotation netweir.io/exclude-inbound-ports: "70000" is not a port (1-65535)
annotation netweir.io/exclude-inbound-ports: "9-8" runs backwards
did you mean 8-9
"#]]
    );
}

#[test]
fn what_asks_for_capture_is_one_of_two_words() {
    let wrong = json!({"netweir.io/capture": "true"});
    let (code, _, details) = Call::new("ADD", &annotated(&wrong, &json!({})))
        .run()
        .error();
    assert_eq!(code, 103);
    assert_data_eq!(
        details,
        str![[r#"annotation netweir.io/capture: "true" is not one of enabled, disabled"#]]
    );
    let wrong = json!({"sidecar.istio.io/status": "", "sidecar.istio.io/inject": "no"});
    let (_, _, details) = Call::new("ADD", &annotated(&wrong, &json!({})))
        .run()
        .error();
    assert_data_eq!(
        details,
        str![[r#"annotation sidecar.istio.io/inject: "no" is not one of true, t, 1, false, f, 0"#]]
    );
    let wrong = json!({"linkerd.io/proxy-version": "x", "linkerd.io/inject": "disbled"});
    let (_, _, details) = Call::new("ADD", &annotated(&wrong, &json!({})))
        .run()
        .error();
    assert_data_eq!(
        details,
        str![[
            r#"annotation linkerd.io/inject: "disbled" is not one of enabled, ingress, disabled"#
        ]]
    );
}

#[test]
fn a_port_that_is_only_left_alone_must_be_one() {
    let wrong = json!({"linkerd.io/proxy-version": "x", "config.linkerd.io/admin-port": "http"});
    let (_, _, details) = Call::new("ADD", &annotated(&wrong, &json!({})))
        .run()
        .error();
    assert_data_eq!(
        details,
        str![[r#"annotation config.linkerd.io/admin-port: "http" is not a port (1-65535)"#]]
    );
}

#[test]
fn our_own_wish_comes_before_istios_mode() {
    let annotations =
        json!({"netweir.io/capture": "enabled", "sidecar.istio.io/interceptionMode": "NONE"});
    assert_eq!(captured(&annotations, &json!({})), given(&[]));
}

#[test]
fn a_pod_has_the_proxy_of_one_mesh() {
    let both = json!({"sidecar.istio.io/status": "", "linkerd.io/proxy-version": "x"});
    let (_, _, details) = Call::new("ADD", &annotated(&both, &json!({})))
        .run()
        .error();
    assert_data_eq!(
        details,
        str![
            "annotation linkerd.io/proxy-version: contradicts sidecar.istio.io/status: both meshes gave the pod a proxy"
        ]
    );
}
