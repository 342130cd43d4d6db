//! Which pods are captured. The namespace does not exist: a pod to capture fails for that, a bypassed one does not need
//! it.

use serde_json::{Value, json};

use crate::runtime::{Answer, Call, annotated, config};

/// Whether the pod would be captured.
pub(crate) fn is_captured(answer: &Answer) -> bool {
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
const ENABLED: (&str, &str) = ("netweir.io/capture", "enabled");
const DISABLED: (&str, &str) = ("netweir.io/capture", "disabled");

fn annotations(pairs: &[(&str, &str)]) -> Value {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Value::from(*value)))
        .collect()
}

type Annotations = &'static [(&'static str, &'static str)];

#[test]
fn annotations_decide_within_the_policy() {
    // Whether the pod is captured under annotated, all and none.
    let table: &[(Annotations, [bool; 3])] = &[
        (&[], [false, true, false]),
        (&[("example.org/team", "shop")], [false, true, false]),
        (&[ENABLED], [true, true, false]),
        (&[DISABLED], [false, false, false]),
        (&[ISTIO], [true, true, false]),
        (&[LINKERD], [true, true, false]),
        (&[ISTIO, DISABLED], [false, false, false]),
        (
            &[ISTIO, ("sidecar.istio.io/inject", "false")],
            [false, false, false],
        ),
        (
            &[ISTIO, ("sidecar.istio.io/interceptionMode", " NONE ")],
            [false, false, false],
        ),
        (
            &[LINKERD, ("linkerd.io/inject", "disabled")],
            [false, false, false],
        ),
        // Annotations of a mesh that did not inject the pod decide nothing.
        (
            &[("sidecar.istio.io/inject", "false")],
            [false, true, false],
        ),
        (&[("linkerd.io/inject", "enabled")], [false, true, false]),
        (
            &[LINKERD, ("sidecar.istio.io/inject", "false")],
            [true, true, false],
        ),
        (
            &[LINKERD, ("sidecar.istio.io/interceptionMode", "NONE")],
            [true, true, false],
        ),
        (
            &[ENABLED, ISTIO, ("sidecar.istio.io/inject", "false")],
            [true, true, false],
        ),
        (&[("netweir.io/injected", "init")], [false, false, false]),
        (&[("netweir.io/injected", "node")], [true, true, false]),
        (
            &[ISTIO, ("netweir.io/injected", "init")],
            [false, false, false],
        ),
        (&[("netweir.io/inject", "enabled")], [false, true, false]),
        (
            &[ENABLED, ("netweir.io/injected", "init")],
            [true, true, false],
        ),
    ];
    for (annotated, expected) in table {
        for (policy, expected) in ["annotated", "all", "none"].into_iter().zip(expected) {
            let captured = with(&json!({"policy": policy}), &annotations(annotated));
            assert_eq!(captured, *expected, "{policy}: {annotated:?}");
        }
    }
}

#[test]
fn policy_is_annotated_by_default_and_null_means_no_annotations() {
    assert!(with(&json!({}), &annotations(&[ENABLED])));
    assert!(!with(&json!({}), &Value::Null));
    assert!(with(&json!({"policy": "all"}), &Value::Null));
}

#[test]
fn namespaces_decide_first() {
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
        let config = annotated(&annotations(&[ENABLED]), &policy);
        let arguments = format!("K8S_POD_NAMESPACE={namespace};K8S_POD_NAME=web");
        let call = Call::new("ADD", &config).variable("CNI_ARGS", &arguments);
        assert_eq!(is_captured(&call.run()), expected, "{policy} {namespace}");
    }
}

#[test]
fn annotations_of_a_bypassed_pod_may_be_wrong() {
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
    assert!(!with(
        &json!({}),
        &annotations(&[DISABLED, ("netweir.io/nonsense", "1")])
    ));
}

#[test]
fn unknown_words_of_switches_are_warnings() {
    for (key, word) in [
        ("linkerd.io/inject", "false"),
        ("linkerd.io/inject", "enable"),
        ("linkerd.io/inject", "Enabled"),
        ("sidecar.istio.io/inject", "no"),
        ("sidecar.istio.io/inject", ""),
        ("sidecar.istio.io/inject", "True "),
        ("netweir.io/injected", "maybe"),
    ] {
        let answer = Call::new("ADD", &annotated(&json!({ key: word }), &json!({}))).run();
        answer.result();
        let warning = format!("warning: annotation {key}: expected one of ");
        assert!(answer.stderr.contains(&warning), "{}", answer.stderr);
        let found = format!("found {word:?}");
        assert!(answer.stderr.contains(&found), "{}", answer.stderr);
    }
}

#[test]
fn leftover_annotations_are_logged() {
    let pod = annotations(&[
        LINKERD,
        ("sidecar.istio.io/inject", "false"),
        ("traffic.sidecar.istio.io/excludeOutboundPorts", "http"),
    ]);
    let answer = Call::new("ADD", &annotated(&pod, &json!({}))).run();
    assert!(is_captured(&answer));
    let keys = annotations(&[DISABLED, ("sidecar.istio.io/inject", "false")]);
    let answer = Call::new("ADD", &annotated(&keys, &json!({}))).run();
    answer.result();
    let line = "info: ignored annotations of a mesh that did not inject the pod: sidecar.istio.io/inject\n";
    assert!(answer.stderr.contains(line), "{}", answer.stderr);
}

#[test]
fn the_log_gives_the_reason_for_a_bypass() {
    let status = r#"{"initContainers":["istio-init"],"containers":["istio-proxy"]}"#;
    let pod = json!({"sidecar.istio.io/status": status});
    let answer = Call::new("ADD", &annotated(&pod, &json!({}))).run();
    let line = "info: not captured reason=istio-init details=\"the init container istio-init captures the pod\"\n";
    assert_eq!(answer.stderr, line);
}

#[test]
fn meshes_are_configured_one_by_one() {
    let capture = |mode: Value, annotations: &Value| with(&json!({"meshes": mode}), annotations);
    let linkerd = annotations(&[LINKERD]);
    assert!(capture(json!({"linkerd": "cni"}), &linkerd));
    assert!(!capture(json!({"linkerd": "init"}), &linkerd));
    assert!(!capture(json!({"linkerd": "off"}), &linkerd));
    let asked = annotations(&[LINKERD, ENABLED]);
    assert!(capture(json!({"linkerd": "init"}), &asked));
    let istio = annotations(&[ISTIO]);
    assert!(capture(json!({"linkerd": "off"}), &istio));
    assert!(!capture(json!({"istio": "off"}), &istio));
}

#[test]
fn unset_mode_of_linkerd_is_a_warning() {
    let warnings = |keys: &Value, marks: &[(&str, &str)]| {
        let config = annotated(&annotations(marks), keys);
        let answer = Call::new("ADD", &config).run();
        let count = answer.stderr.matches("{\"linkerd\": \"init\"}").count();
        (is_captured(&answer), count)
    };
    let (unset, cni) = (json!({}), json!({"meshes": {"linkerd": "cni"}}));
    assert_eq!(warnings(&unset, &[LINKERD]), (true, 1));
    assert_eq!(warnings(&unset, &[LINKERD, ENABLED]), (true, 1));
    assert_eq!(warnings(&cni, &[LINKERD]), (true, 0));
    assert_eq!(warnings(&unset, &[LINKERD, DISABLED]), (false, 0));
}

#[test]
fn pod_in_an_unknown_namespace_is_not_excluded() {
    let call = |policy: &Value| {
        let config = annotated(&annotations(&[ENABLED]), policy);
        Call::new("ADD", &config)
            .variable("CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAME=web")
            .run()
    };
    assert!(is_captured(&call(&json!({"excludeNamespaces": ["shop"]}))));
    let (code, message, details) = call(&json!({"includeNamespaces": ["shop"]})).error();
    assert_eq!(code, 104);
    assert_eq!(message, "cannot tell whether to capture pod web");
    assert_eq!(
        details,
        "includeNamespaces is set, and CNI_ARGS has no K8S_POD_NAMESPACE"
    );
}

#[test]
fn without_annotations_only_some_policies_decide() {
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
fn check_decides_as_add_does() {
    for (annotation, expected) in [(&[ENABLED], true), (&[DISABLED], false)] {
        let config = annotated(&annotations(annotation), &json!({}));
        assert_eq!(is_captured(&Call::new("CHECK", &config).run()), expected);
    }
}
