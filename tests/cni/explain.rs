//! `netweir cni explain`: the decision on a pod before there is one.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};

use crate::runtime::{annotated, config};

/// What is printed for the text on standard input, and the exit code.
fn run(stdin: &str, arguments: &[&str]) -> (String, Option<i32>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_netweir"))
        .env_clear()
        .args(["cni", "explain", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(stdin.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).unwrap(), output.status.code())
}

fn explained(input: &Value, arguments: &[&str]) -> String {
    let (text, code) = run(&input.to_string(), arguments);
    assert_eq!(code, Some(0), "{text}");
    text
}

#[test]
fn explains_annotations_alone() {
    let status = r#"{"initContainers":["istio-validation"],"containers":["istio-proxy"]}"#;
    let annotations = json!({
        "sidecar.istio.io/status": status,
        "traffic.sidecar.istio.io/excludeOutboundPorts": "3306",
        "proxy.istio.io/config": "proxyMetadata:\n  ISTIO_META_DNS_CAPTURE: \"true\"\n",
        "linkerd.io/inject": "enable",
    });
    assert_data_eq!(
        explained(&annotations, &[]),
        str![[r#"
decision: capture
reason:   istio-validation (sidecar.istio.io/status has istio-validation: a sidecar that relies on a CNI plugin)
mesh:     istio
note:     annotation linkerd.io/inject: expected one of enabled, ingress, disabled, found "enable"; ignored
note:     ignored annotations of a mesh that did not inject the pod: linkerd.io/inject
command:  netweir apply --exclude-inbound-ports=15020-15021,15090 --exclude-outbound-ports=3306 --dns-port=15053 --dns=all

"#]]
    );
}

#[test]
fn explains_a_saved_standard_input() {
    let input = annotated(
        &json!({"linkerd.io/proxy-version": "edge-26.8.3"}),
        &json!({"capture": {"exclude-outbound-ports": "22"}}),
    );
    let pod = "--args=K8S_POD_NAMESPACE=linkerd;K8S_POD_NAME=web";
    assert_data_eq!(
        explained(&input, &[pod]),
        str![[r#"
decision: capture
reason:   linkerd-proxy (linkerd.io/proxy-version is set: the pod has Linkerd's proxy)
mesh:     linkerd
note:     no annotation shows whether Linkerd's pods have the init container linkerd-init; assuming that they do not: if they do, set "meshes": {"linkerd": "init"}, otherwise "cni"
command:  netweir apply --outbound-port=4140 --inbound-port=4143 --tunnel-port=none --proxy-uid=2102 --proxy-gid= --exclude-inbound-ports=4190-4191,4567-4568 --exclude-outbound-ports=22 --exclude-interfaces=lo --passthrough-source=

"#]]
    );
    let system = "--args=K8S_POD_NAMESPACE=kube-system;K8S_POD_NAME=web";
    assert_data_eq!(
        explained(&input, &[system]),
        str![[r"
decision: bypass
reason:   namespace-excluded (the namespace is in excludeNamespaces)

"]]
    );
}

#[test]
fn explains_an_allocation_of_nomad() {
    let consul = json!({"ProxyUserID": "101", "ProxyInboundPort": 25000, "ExcludeInboundPorts": ["9090"],
            "ConsulDNSIP": "192.168.1.117", "ConsulDNSPort": 8600});
    let arguments = format!("--args=IgnoreUnknown=true;CONSUL_IPTABLES_CONFIG={consul}");
    let input = config(&json!({"runtimeConfig": null}));
    assert_data_eq!(
        explained(&input, &[&arguments]),
        str![[r#"
decision: capture
reason:   nomad-config (CNI_ARGS has CONSUL_IPTABLES_CONFIG)
mesh:     nomad
command:  netweir apply --inbound-port=25000 --tunnel-port=none --proxy-uid=none --exclude-inbound-ports=9090 --exclude-outbound-uids=101 --passthrough-source= --ip-families=ipv4 --dns-port=8600 --dns-to=192.168.1.117 --dns-of=everyone --dns-zones=false --dns=resolvers --dns-servers=192.168.1.117/32

"#]]
    );
}

#[test]
fn pods_that_would_not_start_are_failures() {
    let broken = json!({
        "linkerd.io/proxy-version": "edge-26.8.3",
        "config.linkerd.io/proxy-uid": "nobody",
        "netweir.io/exclude-inbound-port": "80",
    });
    let (text, code) = run(&broken.to_string(), &[]);
    assert_eq!(code, Some(1));
    assert_data_eq!(
        text,
        str![[r#"
decision: fail: the pod would not start
reason:   linkerd-proxy (linkerd.io/proxy-version is set: the pod has Linkerd's proxy)
mesh:     linkerd
note:     no annotation shows whether Linkerd's pods have the init container linkerd-init; assuming that they do not: if they do, set "meshes": {"linkerd": "init"}, otherwise "cni"
error:    annotation netweir.io/exclude-inbound-port, which is "80": unknown option; did you mean exclude-inbound-ports
error:    annotation config.linkerd.io/proxy-uid: expected a user id (0-4294967294), found "nobody"; names are the pod's own, and not known to the plugin

"#]]
    );
    let (text, code) = run(&json!({"netweir.io/capture": "yes"}).to_string(), &[]);
    assert_eq!(code, Some(1));
    assert_data_eq!(
        text,
        str![[r#"
decision: fail: the pod would not start
reason:   capture-unreadable (netweir.io/capture has an unknown value)
error:    annotation netweir.io/capture: expected one of enabled, disabled, found "yes"

"#]]
    );
    let (text, code) = run("not JSON", &[]);
    assert_eq!(code, Some(1));
    assert_data_eq!(
        text,
        str![[r#"
error: expected a JSON object: a pod's annotations, or what a runtime wrote to the plugin file="standard input" details="expected ident at line 1 column 2"

"#]]
    );
}

#[test]
fn whole_pod_is_an_error_and_not_a_pod_without_annotations() {
    let details = |stdin: &str| {
        let (text, code) = run(stdin, &[]);
        assert_eq!(code, Some(1), "{text}");
        text.split_once(" details=").unwrap().1.to_owned()
    };
    let pod = json!({
        "kind": "Pod",
        "metadata": {"annotations": {"linkerd.io/proxy-version": "edge-26.8.3"}},
    });
    assert_eq!(
        details(&pod.to_string()),
        "\"annotation metadata: expected a string, found an object; of a whole pod, pass .metadata.annotations alone\"\n"
    );
    assert_eq!(
        details("[]"),
        "\"the input: expected an object, found an array\"\n"
    );
    assert_eq!(
        details(""),
        "\"it is empty; for a pod without annotations, pass {}\"\n"
    );
}

#[test]
fn errors_name_the_file() {
    let output = Command::new(env!("CARGO_BIN_EXE_netweir"))
        .env_clear()
        .args(["cni", "explain", "Cargo.toml"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains(" file=Cargo.toml "), "{text}");
}
