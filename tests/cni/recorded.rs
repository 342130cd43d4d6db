//! Calls that a real container runtime made, answered as they were recorded.

use std::fs;
use std::path::{Path, PathBuf};

use netweir::cni::{Code, Environment, Request, read};
use netweir_testkit::fakes::NoFiles;

/// Whether the pod is captured and for which reason, or the error.
type Expected = Result<(bool, &'static str), Code>;

/// The recorded calls.
const CALLS: [(&str, Expected); 19] = [
    ("1.1-daemonset", Ok((true, "capture-enabled"))),
    ("1.1-deployment", Ok((true, "capture-enabled"))),
    ("1.1-hostport", Ok((true, "capture-enabled"))),
    ("1.1-job", Ok((true, "capture-enabled"))),
    ("1.1-no-annotations", Ok((false, "no-mesh"))),
    ("1.1-statefulset", Ok((true, "capture-enabled"))),
    ("1.1-static", Ok((true, "capture-enabled"))),
    ("1.1-userns", Ok((true, "capture-enabled"))),
    ("deployment", Ok((true, "capture-enabled"))),
    ("disabled", Ok((false, "capture-disabled"))),
    ("hostport", Ok((true, "capture-enabled"))),
    ("istio", Ok((true, "istio-validation"))),
    ("job", Ok((true, "capture-enabled"))),
    ("linkerd", Ok((true, "linkerd-proxy"))),
    ("options", Ok((true, "capture-enabled"))),
    ("plain", Ok((false, "no-mesh"))),
    ("unknown-word", Err(Code::Annotations)),
    ("userns", Ok((true, "capture-enabled"))),
    ("wrong-values", Err(Code::Annotations)),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cni/calls")
}

fn environment(name: &str) -> Environment {
    let text = fs::read_to_string(folder().join(format!("{name}.env"))).unwrap();
    let variable = |name: &str| {
        let mut pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.into())
    };
    Environment::read(&variable).unwrap()
}

fn input(name: &str) -> String {
    fs::read_to_string(folder().join(format!("{name}.json"))).unwrap()
}

#[test]
fn every_recorded_pod_is_decided_on() {
    for (name, expected) in CALLS {
        let text = input(name);
        let decided = match read(&environment(name), &text, &NoFiles) {
            Ok(Request::Add(attachment)) => {
                assert!(attachment.pod.namespace.is_some(), "{name}");
                assert!(attachment.previous.is_some(), "{name}");
                Ok((attachment.capture.is_some(), attachment.reason.code()))
            }
            Ok(other) => panic!("{name}: {other:?}"),
            Err(error) => Err(error.code()),
        };
        assert_eq!(decided, expected, "{name}");
    }
}

#[test]
fn no_recorded_call_is_left_out() {
    let files = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let calls = files.filter(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    // STATUS is the one call that is no ADD.
    assert_eq!(calls.count(), CALLS.len() + 1);
}

#[test]
fn recorded_status_tries_the_configuration() {
    match read(&environment("status"), &input("status"), &NoFiles) {
        Ok(Request::Status(Some(_))) => {}
        other => panic!("{other:?}"),
    }
}
