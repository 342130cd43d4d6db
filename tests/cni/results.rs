//! Results: what is printed when all is well.

use netweir::cni::SpecVersion;
use netweir::named::Named;
use serde_json::{Value, json};

use crate::runtime::{Call, config};

/// Everything that a JSON library would like to change: order, spaces, numbers, escapes, unknown and repeated keys.
const PREVIOUS: &str = r#"{ "cniVersion" : "1.1.0","zeta":1.10,"alpha":1e2 ,
  "ips":[{"address":"10.1.0.2/24","big":123456789012345678901234567890,"n":-0.0}],
  "text":"\u0041\/ä\ud83d\ude00", "empty":{}, "routes" : [ ], "zeta":null}"#;

#[test]
fn the_previous_result_is_passed_on_byte_for_byte() {
    let stdin = format!(
        r#"{{"prevResult": {PREVIOUS}, "cniVersion":"1.1.0","name":"pods","type":"netweir","policy":"none"}}"#
    );
    let answer = Call::with_text("ADD", stdin).run();
    assert_eq!(answer.result(), format!("{PREVIOUS}\n"));
}

#[test]
fn deepest_results_are_passed_on() {
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let previous = format!(r#"{{"cniVersion":"1.1.0","deep":{deep}}}"#);
    let stdin = format!(
        r#"{{"cniVersion":"1.1.0","name":"pods","type":"netweir","policy":"none","prevResult":{previous}}}"#
    );
    let answer = Call::with_text("ADD", stdin).run();
    assert_eq!(answer.result(), format!("{previous}\n"));
}

#[test]
fn answer_has_the_version_of_the_request() {
    for version in SpecVersion::ALL.map(SpecVersion::text) {
        let previous = json!({"cniVersion": version, "ips": []});
        let keys = json!({"cniVersion": version, "prevResult": previous});
        let answer = Call::new("ADD", &config(&keys)).run();
        let result: Value = serde_json::from_str(answer.result()).unwrap();
        assert_eq!(result, previous);
        // Its error is of the same version.
        let wrong = config(&json!({"cniVersion": version, "policy": "some"}));
        let answer = Call::new("ADD", &wrong).run();
        assert!(
            answer
                .stdout
                .starts_with(&format!("{{\"cniVersion\":{version:?},"))
        );
    }
}

#[test]
fn unsupported_version_is_an_error() {
    for version in [
        json!("0.2.0"),
        json!("1.2.0"),
        json!("0.3"),
        json!(1),
        json!(""),
    ] {
        for command in ["ADD", "CHECK", "STATUS", "GC"] {
            let mut config = config(&json!({}));
            config["cniVersion"] = version.clone();
            let (code, _, details) = Call::new(command, &config).run().error();
            assert_eq!(code, 1);
            assert_eq!(
                details,
                format!("cniVersion is {version}; supported: 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0")
            );
        }
    }
    let missing = config(&json!({"cniVersion": null}));
    let (code, _, details) = Call::new("ADD", &missing).run().error();
    assert_eq!(code, 1);
    assert!(details.starts_with("cniVersion is missing; "));
}

#[test]
fn command_needs_the_version_that_introduced_it() {
    let first = [("CHECK", "0.4.0"), ("STATUS", "1.1.0"), ("GC", "1.1.0")];
    for (command, since) in first {
        for version in SpecVersion::ALL {
            let config = config(&json!({"cniVersion": version.text(), "policy": "none"}));
            let answer = Call::new(command, &config).run();
            if version >= SpecVersion::named(since).unwrap() {
                assert_eq!(answer.result(), "", "{command} {version}");
            } else {
                let (code, message, _) = answer.error();
                assert_eq!(code, 1);
                assert!(message.ends_with(&format!("needs {since}")), "{message}");
            }
        }
    }
}

#[test]
fn version_lists_all_versions_for_any_request() {
    let supported = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];
    for (stdin, version) in [
        (r#"{"cniVersion":"1.0.0"}"#, "1.0.0"),
        (r#"{"cniVersion":"0.2.0"}"#, "0.2.0"),
        ("{}", "1.1.0"),
        ("", "1.1.0"),
    ] {
        let call = Call::with_text("VERSION", stdin);
        let call = call
            .variable("CNI_CONTAINERID", "")
            .variable("CNI_ARGS", "x");
        let result: Value = serde_json::from_str(call.run().result()).unwrap();
        assert_eq!(
            result,
            json!({"cniVersion": version, "supportedVersions": supported})
        );
    }
}

#[test]
fn del_succeeds_with_any_input() {
    let good = config(&json!({})).to_string();
    let inputs: [&[u8]; 7] = [
        good.as_bytes(),
        b"",
        b"{",
        b"[]",
        b"\xff",
        br#"{"cniVersion":"9.9.9","policy":1,"prevResult":7,"capture":[],"logFile":"relative"}"#,
        br#"{"logFile":"/nonexistent/log"}"#,
    ];
    for stdin in inputs {
        for namespace in [
            "",
            "/nonexistent/netns",
            "/proc/self/ns/net",
            "/dev/null",
            "/",
        ] {
            let call = Call::with_text("DEL", stdin).variable("CNI_NETNS", namespace);
            for call in [
                call.variable("CNI_ARGS", "broken"),
                Call::with_text("DEL", stdin),
            ] {
                assert_eq!(call.run().result(), "");
            }
        }
    }
    let bare = Call::with_text("DEL", "").variable("CNI_CONTAINERID", "");
    assert_eq!(bare.variable("CNI_IFNAME", "").run().result(), "");
}

#[test]
fn gc_has_nothing_to_do() {
    let keys = json!({
        "cni.dev/valid-attachments": [{"containerID": "4711abc", "ifname": "eth0"}],
        "cni.dev/attachments": [],
        "prevResult": null,
        "runtimeConfig": null,
    });
    let call = Call::new("GC", &config(&keys));
    let call = call
        .variable("CNI_CONTAINERID", "")
        .variable("CNI_NETNS", "");
    assert_eq!(call.variable("CNI_IFNAME", "").run().result(), "");
}
