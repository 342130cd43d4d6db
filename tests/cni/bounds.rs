//! The writer of a pod's annotations, the configuration or the variables does not decide how long the answer is.

use serde_json::{Value, json};

use crate::runtime::{Answer, Call, annotated, config};

/// The longest answer, in bytes.
const LONGEST: usize = 32 << 10;

/// 20,000 wrong ports.
fn wrong_ports() -> String {
    vec!["x"; 20_000].join(",")
}

fn assert_bounded(answer: &Answer) {
    let length = answer.stdout.len();
    assert!(length <= LONGEST, "{length} bytes");
    let length = answer.stderr.len();
    assert!(length <= 2 * LONGEST, "{length} bytes");
}

fn refused(command: &str, config: &Value) -> String {
    let answer = Call::new(command, config).run();
    assert_bounded(&answer);
    let (_, _, details) = answer.error();
    details
}

#[test]
fn wrong_values_are_twenty_errors_and_a_count() {
    let annotations = json!({
        "netweir.io/capture": "enabled",
        "netweir.io/exclude-outbound-ports": wrong_ports(),
    });
    let configs = [
        annotated(&annotations, &json!({})),
        config(&json!({"policy": "all", "capture": {"exclude-outbound-ports": wrong_ports()}})),
    ];
    for config in configs {
        for command in ["ADD", "CHECK"] {
            let details = refused(command, &config);
            let errors = details.matches(": expected a port").count();
            assert_eq!(errors, 20, "{details}");
            assert!(details.ends_with("; and 19980 more errors"), "{details}");
        }
        // DEL never fails for what a pod says, so that the pod can go.
        let answer = Call::new("DEL", &config).variable("CNI_NETNS", "").run();
        assert_bounded(&answer);
        assert_eq!(answer.result(), "");
    }
}

#[test]
fn wrong_keys_and_long_values_have_a_bounded_answer() {
    let many = |prefix: &str| -> Value {
        let keys = (0..1000).map(|number| (format!("{prefix}{number}"), json!("\u{1}\"")));
        keys.collect::<serde_json::Map<_, _>>().into()
    };
    let long = "\"\u{7}\\".repeat(20_000);
    let mut unknown = annotated(&many("netweir.io/unknown-"), &json!({}));
    unknown["runtimeConfig"]["io.kubernetes.cri.pod-annotations"]["netweir.io/capture"] =
        json!("enabled");
    let mut keys = config(&json!({"policy": "all"}));
    for (key, value) in many("unknown").as_object().unwrap() {
        keys[key] = value.clone();
    }
    for config in [
        unknown,
        keys,
        annotated(&json!({"netweir.io/capture": long}), &json!({})),
        annotated(
            &json!({"netweir.io/capture": "enabled", "netweir.io/proxy-uid": long}),
            &json!({}),
        ),
        annotated(&json!({"sidecar.istio.io/status": long}), &json!({})),
        config(&json!({"cniVersion": long})),
        config(&json!({"name": long})),
        config(&json!({"policy": long})),
        config(&json!({"logFile": long})),
        config(&json!({"excludeNamespaces": [long]})),
    ] {
        for command in ["ADD", "CHECK"] {
            assert_bounded(&Call::new(command, &config).run());
        }
    }
    let arguments = format!("IgnoreUnknown=1;{}", "x".repeat(100_000));
    for (name, value) in [
        ("CNI_ARGS", arguments.as_str()),
        ("CNI_CONTAINERID", &"/".repeat(100_000)),
        ("CNI_COMMAND", &"x".repeat(100_000)),
        ("CNI_IFNAME", &"x".repeat(100_000)),
        ("CNI_NETNS", &"/x".repeat(50_000)),
    ] {
        let config = config(&json!({"policy": "all"}));
        let answer = Call::new("ADD", &config).variable(name, value).run();
        assert_bounded(&answer);
        assert!(!answer.succeeded, "{name}");
    }
}

#[test]
fn names_of_pods_are_escaped_on_standard_error() {
    let annotations = json!({"netweir.io/capture": "enabled", "netweir.io/proxy-uid": "x"});
    let arguments = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=a\u{1b}[2J\nerror: b";
    let answer = Call::new("ADD", &annotated(&annotations, &json!({})))
        .variable("CNI_ARGS", arguments)
        .run();
    assert!(!answer.succeeded);
    let escaped = "pod shop/a\\u{1b}[2J\\nerror: b cannot be captured";
    assert!(answer.stderr.contains(escaped), "{}", answer.stderr);
    let one_line = answer.stderr.strip_suffix('\n').unwrap();
    assert!(!one_line.contains(char::is_control), "{one_line:?}");
}
