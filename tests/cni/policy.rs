//! Which pods are captured. Here the namespace does not exist: a pod that is to be captured fails for that, one that
//! is left alone does not need it.

use serde_json::{Value, json};

use crate::runtime::{Answer, Call, annotated, config};

/// Whether the pod would be captured.
fn is_captured(answer: &Answer) -> bool {
    if answer.succeeded {
        assert!(answer.stderr.contains("not captured"), "{}", answer.stderr);
        return false;
    }
    let (code, message, details) = answer.error();
    assert_eq!(
        (code, message.as_str()),
        (4, "CNI_NETNS is wrong"),
        "{details}"
    );
    true
}

fn with(policy: &Value, annotations: &Value) -> bool {
    is_captured(&Call::new("ADD", &annotated(annotations, policy)).run())
}

const ISTIO: (&str, &str) = ("sidecar.istio.io/status", "{\"revision\":\"default\"}");
const LINKERD: (&str, &str) = ("linkerd.io/proxy-version", "edge-26.7.1");
const ASKS: (&str, &str) = ("netweir.io/capture", "enabled");
const REFUSES: (&str, &str) = ("netweir.io/capture", "disabled");

fn annotations(pairs: &[(&str, &str)]) -> Value {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Value::from(*value)))
        .collect()
}

/// Annotations of a pod.
type Bears = &'static [(&'static str, &'static str)];

#[test]
fn by_annotations() {
    // What a pod bears, and whether it is captured under annotated, all and none.
    let table: &[(Bears, [bool; 3])] = &[
        (&[], [false, true, false]),
        (&[("example.org/team", "shop")], [false, true, false]),
        (&[ASKS], [true, true, false]),
        (&[REFUSES], [false, false, false]),
        (&[ISTIO], [true, true, false]),
        (&[LINKERD], [true, true, false]),
        (&[ISTIO, REFUSES], [false, false, false]),
        (
            &[ISTIO, ("sidecar.istio.io/inject", "false")],
            [false, false, false],
        ),
        (
            &[ISTIO, ("sidecar.istio.io/inject", "true")],
            [true, true, false],
        ),
        (&[("sidecar.istio.io/inject", "true")], [false, true, false]),
        (
            &[ISTIO, ("sidecar.istio.io/interceptionMode", "NONE")],
            [false, false, false],
        ),
        (
            &[ISTIO, ("sidecar.istio.io/interceptionMode", " NONE ")],
            [false, false, false],
        ),
        (
            &[LINKERD, ("linkerd.io/inject", "ingress")],
            [true, true, false],
        ),
        (
            &[ISTIO, ("sidecar.istio.io/interceptionMode", "TPROXY")],
            [true, true, false],
        ),
        (
            &[LINKERD, ("linkerd.io/inject", "disabled")],
            [false, false, false],
        ),
        (&[("linkerd.io/inject", "enabled")], [false, true, false]),
        (
            &[ASKS, ("sidecar.istio.io/inject", "false")],
            [true, true, false],
        ),
    ];
    for (bears, expected) in table {
        for (policy, expected) in ["annotated", "all", "none"].into_iter().zip(expected) {
            let captured = with(&json!({"policy": policy}), &annotations(bears));
            assert_eq!(captured, *expected, "{policy}: {bears:?}");
        }
    }
}

#[test]
fn annotated_is_the_default_and_null_is_no_annotation() {
    assert!(with(&json!({}), &annotations(&[ASKS])));
    assert!(!with(&json!({}), &Value::Null));
    assert!(with(&json!({"policy": "all"}), &Value::Null));
}

#[test]
fn by_namespace() {
    let table = [
        (json!({}), "shop", true),
        (json!({}), "kube-system", false),
        (json!({"excludeNamespaces": []}), "kube-system", true),
        (json!({"excludeNamespaces": ["shop", "x"]}), "shop", false),
        (json!({"excludeNamespaces": ["shop"]}), "kube-system", true),
        (json!({"includeNamespaces": ["shop"]}), "shop", true),
        (json!({"includeNamespaces": ["shop"]}), "other", false),
        (json!({"includeNamespaces": ["shop"]}), "kube-system", false),
        (json!({"policy": "none"}), "shop", false),
    ];
    for (policy, namespace, expected) in table {
        let config = annotated(&annotations(&[ASKS]), &policy);
        let arguments = format!("K8S_POD_NAMESPACE={namespace};K8S_POD_NAME=web");
        let call = Call::new("ADD", &config).variable("CNI_ARGS", &arguments);
        assert_eq!(is_captured(&call.run()), expected, "{policy} {namespace}");
    }
}

#[test]
fn an_excluded_pod_may_bear_what_it_likes() {
    let wrong = annotations(&[
        ("netweir.io/capture", "maybe"),
        ("netweir.io/nonsense", "1"),
    ]);
    for policy in [
        json!({"excludeNamespaces": ["shop"]}),
        json!({"policy": "none"}),
    ] {
        assert!(!with(&policy, &wrong));
    }
    // And whatever is wrong with how much to capture in a pod that is left alone.
    assert!(!with(
        &json!({}),
        &annotations(&[REFUSES, ("netweir.io/nonsense", "1")])
    ));
}

#[test]
fn a_pod_whose_namespace_is_not_told_is_not_excluded() {
    let call = |policy: &Value| {
        let config = annotated(&annotations(&[ASKS]), policy);
        Call::new("ADD", &config)
            .variable("CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAME=web")
            .run()
    };
    assert!(is_captured(&call(&json!({"excludeNamespaces": ["shop"]}))));
    let (code, message, details) = call(&json!({"includeNamespaces": ["shop"]})).error();
    assert_eq!(code, 104);
    assert_eq!(message, "cannot tell whether to capture pod web");
    assert!(
        details.contains("K8S_POD_NAMESPACE is missing in CNI_ARGS"),
        "{details}"
    );
}

#[test]
fn without_annotations_from_the_runtime_only_some_policies_decide() {
    for runtime in [json!(null), json!({"portMappings": []})] {
        let ask = |policy: &str| {
            let keys = json!({"policy": policy, "runtimeConfig": runtime});
            Call::new("ADD", &config(&keys)).run()
        };
        assert!(is_captured(&ask("all")));
        assert!(!is_captured(&ask("none")));
        let (code, _, details) = ask("annotated").error();
        assert_eq!(code, 104);
        assert!(
            details.contains("\"capabilities\": {\"io.kubernetes.cri.pod-annotations\": true}"),
            "{details}"
        );
    }
}

#[test]
fn check_decides_as_add_did() {
    for (bears, expected) in [(&[ASKS], true), (&[REFUSES], false)] {
        let config = annotated(&annotations(bears), &json!({}));
        assert_eq!(is_captured(&Call::new("CHECK", &config).run()), expected);
    }
}
