//! Standard input that is wrong.

use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};

use crate::runtime::{Call, config};

fn complaint(keys: &Value) -> (u64, String) {
    let (code, message, details) = Call::new("ADD", &config(keys)).run().error();
    let beginning = "the plugin's configuration is wrong";
    // The specification wants keys that are not supported in the message, with their values.
    let unknown = details
        .split("; ")
        .filter_map(|error| error.split_once(": unknown key"));
    let unknown: Vec<_> = unknown.map(|(key, _)| key).collect();
    if code == 2 {
        assert_eq!(
            message,
            format!("{beginning}: not supported: {}", unknown.join("; "))
        );
    } else {
        assert_eq!(message, beginning);
    }
    (code, details)
}

#[test]
fn invalid_json_is_an_error() {
    for (stdin, expected) in [
        ("", "standard input is not a JSON object"),
        ("{\"cniVersion\":", "standard input is not a JSON object"),
        ("[]", "standard input is not a JSON object"),
        ("null", "standard input is not a JSON object"),
        ("{} {}", "standard input is not a JSON object"),
    ] {
        let (code, message, details) = Call::with_text("ADD", stdin).run().error();
        assert_eq!((code, message.as_str()), (6, expected), "{stdin}");
        assert!(!details.is_empty());
    }
    let (code, message, _) = Call::with_text("ADD", b"{\"name\":\"\xff\"}").run().error();
    assert_eq!((code, message.as_str()), (6, "standard input is not UTF-8"));
}

#[test]
fn first_plugin_of_a_list_is_an_error() {
    for command in ["ADD", "CHECK"] {
        let alone = config(&json!({"prevResult": null}));
        let (code, message, details) = Call::new(command, &alone).run().error();
        assert_eq!((code, message.as_str()), (7, "prevResult is missing"));
        assert_eq!(
            details,
            format!(
                "{command} without prevResult: netweir makes no network of its own; put it behind the plugins that do, or \
                 where Multus calls it for the interface eth0, set \"standalone\": true"
            )
        );
    }
    let mut null = config(&json!({}));
    null["prevResult"] = Value::Null;
    assert_eq!(
        Call::new("ADD", &null).run().error().1,
        "prevResult is missing"
    );
    let (code, details) = complaint(&json!({"prevResult": [1]}));
    assert_eq!(
        (code, details.as_str()),
        (7, "prevResult: expected an object, found an array")
    );
}

#[test]
fn a_further_interface_needs_no_result() {
    let bypassed = json!({"prevResult": null});
    for version in ["0.3.1", "1.0.0", "1.1.0"] {
        let keys = json!({"prevResult": null, "cniVersion": version});
        let call = Call::new("ADD", &config(&keys)).variable("CNI_IFNAME", "net1");
        let empty = format!("{{\"cniVersion\":\"{version}\"}}\n");
        assert_eq!(call.run().result(), empty);
        let standalone = json!({"prevResult": null, "cniVersion": version, "standalone": true});
        let answer = Call::new("ADD", &config(&standalone)).run();
        assert_eq!(answer.result(), empty);
    }
    let answer = Call::new("CHECK", &config(&bypassed)).variable("CNI_IFNAME", "net1");
    answer.run().result();
    // Another plugin's result is passed on as well.
    let answer = Call::new("ADD", &config(&json!({"standalone": true}))).run();
    assert_eq!(
        answer.result(),
        "{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"10.1.0.2/24\"}]}\n"
    );
}

#[test]
fn meshes_have_known_names_and_modes() {
    let (code, details) = complaint(&json!({
        "meshes": {"linkred": "cni", "istio": "auto", "kuma": true, "osm": "off"},
        "standalone": "yes",
    }));
    assert_eq!(code, 7);
    assert_eq!(
        details,
        "meshes.istio: expected one of cni, init, off, found \"auto\"; meshes.kuma: expected a string, found a boolean; \
         meshes.linkred: unknown mesh; did you mean linkerd; meshes.osm: unknown mesh; expected one of \
         istio, linkerd, kuma, consul, nomad; standalone: expected true or false, found a string"
    );
    let (_, details) = complaint(&json!({"meshes": ["linkerd"]}));
    assert_eq!(details, "meshes: expected an object, found an array");
}

#[test]
fn an_unknown_key_is_refused_with_its_value_and_the_nearest() {
    let (code, details) = complaint(&json!({"polcy": "all", "excludeNamespace": ["a"], "xyz": 1}));
    assert_eq!(code, 2);
    assert_data_eq!(
        details,
        str![[
            r#"excludeNamespace, which is ["a"]: unknown key; did you mean excludeNamespaces; polcy, which is "all": unknown key; did you mean policy; xyz, which is 1: unknown key; netweir's keys are capture, excludeNamespaces, includeNamespaces, logFile, logLevel, meshes, policy, standalone"#
        ]]
    );
    // The administrator writes some of the runtime's keys, too.
    for (key, nearest) in [
        ("capabilites", "capabilities"),
        ("prevresult", "prevResult"),
        ("POLICY", "policy"),
        ("exclude-namespaces", "excludeNamespaces"),
    ] {
        let (code, details) = complaint(&json!({(key): {"a": true}}));
        let expected =
            format!("{key}, which is {{\"a\":true}}: unknown key; did you mean {nearest}");
        assert_eq!((code, details), (2, expected));
    }
}

#[test]
fn long_values_are_quoted_in_part() {
    let (_, details) = complaint(&json!({"xyz": "a".repeat(3_000_000)}));
    assert!(
        details.starts_with("xyz, which is \"aaaa"),
        "{}",
        details.len()
    );
    assert!(details.len() < 400, "{}", details.len());
    let (code, message, details) = Call::with_text("ADD", vec![b' '; (16 << 20) + 1])
        .run()
        .error();
    assert_eq!((code, message.as_str()), (6, "standard input is too long"));
    assert_eq!(details, "expected at most 16777216 bytes");
}

#[test]
fn keys_of_the_runtime_are_ignored() {
    let keys = json!({
        "args": {"cni": {"ips": []}},
        "cni.dev/attachments": 1,
        "example.org/anything": {"at": "all"},
        "deviceID": "0000:00:00.0",
        "dns": {},
        "ipam": {"type": "host-local"},
        "runtimeConfig": {
            "io.kubernetes.cri.pod-annotations": {},
            "portMappings": [{"hostPort": 80}],
        },
    });
    let answer = Call::new("ADD", &config(&keys)).run();
    assert_eq!(
        answer.result(),
        "{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"10.1.0.2/24\"}]}\n"
    );
}

#[test]
fn every_wrong_value_is_reported_at_once() {
    let (code, details) = complaint(&json!({
        "name": "my network",
        "policy": "some",
        "excludeNamespaces": "kube-system",
        "includeNamespaces": ["a", 1],
        "logLevel": "loud",
        "logFile": "netweir.log",
        "capture": {
            "exclude-outbound-prots": "22",
            "netns": "x",
            "proxy-uid": 1.5,
            "exclude-inbound-ports": [22, true],
            "drop-invalid": "yes",
        },
    }));
    assert_eq!(code, 7);
    assert_data_eq!(
        details.replace("; ", "\n"),
        str![[r#"
name: expected a network name (a letter or digit, then letters, digits, _ . -), found "my network"
logFile: expected an absolute path, found "netweir.log"
logLevel: expected one of trace, debug, info, warning, error, found "loud"
policy: expected one of annotated, all, none, found "some"
excludeNamespaces: expected an array of strings, found a string
includeNamespaces: expected an array of strings, found an array
capture.drop-invalid: expected true or false, found a string
capture.exclude-inbound-ports: entry 2: expected a string or an integer
capture.exclude-outbound-prots: unknown option
did you mean exclude-outbound-ports
capture.netns: not an option for pods
expected one that says what to capture, such as exclude-outbound-ports
capture.proxy-uid: expected an array or a comma-separated string, found a float
"#]]
    );
}

#[test]
fn a_namespace_cannot_be_included_and_excluded() {
    let (_, details) = complaint(&json!({"includeNamespaces": ["shop", "kube-system"]}));
    assert_data_eq!(
        details,
        str![[
            r#"includeNamespaces: "kube-system" is also excluded; name it in one of the two lists only (excludeNamespaces is kube-system by default)"#
        ]]
    );
}

#[test]
fn defaults_are_tried_before_there_is_a_pod() {
    let keys = json!({"capture": {"inbound-port": 70000, "dns": "resolvers"}});
    let (code, message, details) = Call::new("STATUS", &config(&keys)).run().error();
    assert_eq!(
        (code, message.as_str()),
        (7, "the plugin's configuration is wrong")
    );
    assert_data_eq!(
        details,
        str![[
            r#"capture.dns: "resolvers" needs dns-servers, or resolv-conf in the plugin's own configuration, since the plugin does not know the pod's name servers; "all" needs neither"#
        ]]
    );
    let keys = json!({"capture": {"inbound-port": 70000, "proxy-uid": "istio-proxy"}});
    let (_, _, details) = Call::new("STATUS", &config(&keys)).run().error();
    assert_data_eq!(
        details,
        str![[
            r#"capture.inbound-port: expected a port (1-65535), found "70000"; capture.proxy-uid: expected a user id (0-4294967294), found "istio-proxy"; names are the pod's own, and not known to the plugin"#
        ]]
    );
}

#[test]
fn annotations_are_an_object_or_null() {
    for (given, found) in [(json!([]), "an array"), (json!("x"), "a string")] {
        let runtime = json!({"io.kubernetes.cri.pod-annotations": given});
        let (code, details) = complaint(&json!({"runtimeConfig": runtime}));
        assert_eq!(code, 7);
        assert_eq!(
            details,
            format!(
                "runtimeConfig[\"io.kubernetes.cri.pod-annotations\"]: expected an object or null, found {found}"
            )
        );
    }
}

#[test]
fn messages_go_to_the_file_with_the_pods_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("netweir.log");
    let keys = json!({"logFile": path, "logLevel": "info"});
    Call::new("ADD", &config(&keys)).run().result();
    Call::new("ADD", &config(&json!({"logFile": path, "policy": "x"})))
        .run()
        .error();
    Call::new(
        "ADD",
        &config(&json!({"logFile": path, "logLevel": "error"})),
    )
    .run()
    .result();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let logged: Vec<_> = lines
        .iter()
        .map(|line| (&line["level"], &line["message"]))
        .collect();
    assert_eq!(
        logged,
        [
            (&json!("info"), &json!("not captured")),
            (
                &json!("error"),
                &json!("the plugin's configuration is wrong")
            ),
        ]
    );
    for line in &lines {
        for (key, value) in [
            ("command", "ADD"),
            ("namespace", "shop"),
            ("pod", "web"),
            ("container", "4711abc"),
        ] {
            assert_eq!(line[key], value);
        }
    }
}

#[test]
fn an_error_of_the_runtime_is_in_the_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("netweir.log");
    let answer = Call::new(
        "ADD",
        &config(&json!({"logFile": path, "cniVersion": "0.4.0"})),
    )
    .variable("CNI_NETNS", "")
    .run();
    assert_eq!(answer.error().2, "CNI_NETNS is missing");
    assert!(
        answer.stdout.starts_with(r#"{"cniVersion":"0.4.0","#),
        "{}",
        answer.stdout
    );
    let line: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(line["details"], "CNI_NETNS is missing");
    assert_eq!(line["pod"], "web");
}

#[test]
fn standard_output_is_no_log_file() {
    for path in ["/dev/stdout", "/proc/self/fd/1", "/dev/fd/1"] {
        let keys = json!({"logFile": path, "logLevel": "trace"});
        let answer = Call::new("ADD", &config(&keys)).run();
        let expected = config(&keys)["prevResult"].to_string();
        assert_eq!(answer.result(), format!("{expected}\n"), "{path}");
        assert!(
            answer
                .stderr
                .contains("it is standard output, which is for the result"),
            "{}",
            answer.stderr
        );
    }
}

#[test]
fn a_log_file_that_cannot_be_written_fails_no_pod() {
    let keys = json!({"logFile": "/nonexistent/folder/log"});
    let answer = Call::new("ADD", &config(&keys)).run();
    answer.result();
    assert!(
        answer.stderr.contains("cannot write the log file"),
        "{}",
        answer.stderr
    );
}
