//! Whatever stands on standard input, there is an answer, and it is the same answer the second time.

use std::collections::BTreeMap;

use netweir::cni::{Command, Environment, Request, SpecVersion, read};
use netweir::options::{OptionSet, Setting};
use netweir_testkit::effort::effort;
use netweir_testkit::fakes::NoFiles;
use proptest::prelude::*;
use serde_json::{Value, json};

fn environment(command: Command) -> Environment {
    let variable = |name: &str| {
        let value = match name {
            "CNI_COMMAND" => command.text(),
            "CNI_CONTAINERID" => "4711abc",
            "CNI_NETNS" => "/nonexistent/netns",
            "CNI_IFNAME" => "eth0",
            "CNI_ARGS" => "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web",
            _ => return None,
        };
        Some(value.into())
    };
    Environment::read(&variable).unwrap()
}

/// The answer, in words; an error is JSON as the specification wants it.
fn answer(command: Command, text: &str) -> String {
    match read(&environment(command), text, &NoFiles) {
        Ok(request) => format!("{request:?}"),
        Err(error) => {
            let json: Value = serde_json::from_str(&error.to_json(SpecVersion::LATEST)).unwrap();
            assert!(json["code"].as_u64().unwrap() > 0);
            assert!(!json["msg"].as_str().unwrap().is_empty());
            assert!(!json["msg"].as_str().unwrap().contains('\n'));
            assert!(!json["details"].as_str().unwrap().is_empty());
            json.to_string()
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "[0-9*,.:/ -]{0,12}".prop_map(Value::from),
        Just(json!("enabled")),
        Just(json!("1.1.0")),
        Just(json!("all")),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,8}", inner, 0..4).prop_map(object),
        ]
    })
}

/// Values that one option or another refuses, each in its own way.
const WRONG: [&str; 14] = [
    "",
    ",",
    "x",
    "*",
    "0",
    "-1",
    "1-0",
    "10.0.0.1/8",
    "::ffff:1.2.3.4",
    "resolvers",
    "true",
    "none",
    "80:",
    "tproxy",
];

#[test]
fn errors_of_every_option_never_speak_of_flags() {
    let mut errors = 0;
    for setting in Setting::ALL {
        for value in WRONG {
            let name = setting.spec().name;
            let annotations = json!({
                "netweir.io/capture": "enabled",
                format!("netweir.io/{name}"): value,
                "netweir.io/dns": if name == "dns-servers" { "resolvers" } else { "off" },
            });
            for (capture, annotations) in [
                (json!({}), annotations),
                (json!({name: value}), json!({})),
                (json!({format!("{name}x{value}"): value}), json!({})),
            ] {
                let config = json!({
                    "cniVersion": "1.1.0",
                    "name": "pods",
                    "type": "netweir",
                    "capture": capture,
                    "runtimeConfig": {"io.kubernetes.cri.pod-annotations": annotations},
                    "prevResult": {"cniVersion": "1.1.0"},
                });
                let text = config.to_string();
                let Err(error) = read(&environment(Command::Add), &text, &NoFiles) else {
                    continue;
                };
                let said = error.to_json(SpecVersion::LATEST);
                errors += 1;
                assert!(
                    !said.contains("--") && !said.contains("securityContext"),
                    "{said}"
                );
            }
        }
    }
    assert!(errors > 500, "{errors}");
}

fn object(pairs: BTreeMap<String, Value>) -> Value {
    pairs.into_iter().collect()
}

/// Annotations with our names and those of the meshes.
fn annotations() -> impl Strategy<Value = Value> {
    let mut names: Vec<_> = netweir::meshes::annotation_keys()
        .map(|(key, _)| key.to_owned())
        .collect();
    names.extend(
        Setting::ALL
            .iter()
            .map(|setting| format!("netweir.io/{}", setting.spec().name)),
    );
    for name in [
        "netweir.io/capture",
        "sidecar.istio.io/status",
        "linkerd.io/proxy-version",
        "sidecar.istio.io/inject",
        "proxy.istio.io/config",
        "proxy.istio.io/overrides",
        "kuma.io/sidecar-injected",
        "k8s.v1.cni.cncf.io/networks",
        "traffic.kuma.io/transparent-proxy-config",
        "consul.hashicorp.com/connect-inject-status",
        "consul.hashicorp.com/transparent-proxy-status",
        "consul.hashicorp.com/redirect-traffic-config",
    ] {
        names.push(name.to_owned());
    }
    prop::collection::btree_map(prop::sample::select(names), any_json(), 0..8).prop_map(object)
}

/// Something like a configuration.
fn config() -> impl Strategy<Value = Value> {
    let keys = [
        "cniVersion",
        "name",
        "type",
        "policy",
        "capture",
        "prevResult",
        "runtimeConfig",
        "excludeNamespaces",
        "includeNamespaces",
        "logFile",
        "logLevel",
        "meshes",
        "standalone",
        "polcy",
        "args",
    ];
    let key = prop::sample::select(keys.to_vec()).prop_map(str::to_owned);
    let strange = prop::collection::btree_map(key, any_json(), 0..3);
    (annotations(), strange).prop_map(|(annotations, strange)| {
        let mut config = json!({
            "cniVersion": "1.1.0",
            "name": "pods",
            "type": "netweir",
            "policy": "all",
            "runtimeConfig": {"io.kubernetes.cri.pod-annotations": annotations},
            "prevResult": {"cniVersion": "1.1.0"},
        });
        for (key, value) in strange {
            config[key] = value;
        }
        config
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: effort(400, 400 * 20), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_configuration_has_an_answer(config in config()) {
        let text = config.to_string();
        for command in Command::ALL {
            prop_assert_eq!(answer(command, &text), answer(command, &text));
        }
    }

    /// The node's administrator reads these errors, and has neither flags nor an init container.
    #[test]
    fn errors_never_speak_of_flags(config in config()) {
        let text = config.to_string();
        prop_assume!(!text.contains("--"));
        for command in Command::ALL {
            let Err(error) = read(&environment(command), &text, &NoFiles) else { continue };
            let said = error.to_json(SpecVersion::LATEST);
            for word in ["--", "securityContext"] {
                prop_assert!(!said.contains(word), "{}", said);
            }
        }
    }

    #[test]
    fn any_text_has_an_answer(text in "\\PC*") {
        for command in Command::ALL {
            answer(command, &text);
        }
    }

    #[test]
    fn any_previous_result_is_passed_on(
        previous in prop::collection::btree_map(".{0,8}", any_json(), 0..4).prop_map(object),
        annotations in annotations(),
    ) {
        // With the spaces that a library may put anywhere.
        let previous = serde_json::to_string_pretty(&previous).unwrap();
        let text = format!(
            r#"{{"cniVersion":"1.0.0","name":"pods","prevResult":{previous},"runtimeConfig":
               {{"io.kubernetes.cri.pod-annotations":{annotations}}},"policy":"none"}}"#
        );
        match read(&environment(Command::Add), &text, &NoFiles) {
            Ok(Request::Add(attachment)) => prop_assert_eq!(attachment.previous.unwrap().get(), previous),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
