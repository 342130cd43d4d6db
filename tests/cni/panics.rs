//! A panic of the plugin reaches the runtime as an error of the specification.

use std::process::Command;

use serde_json::Value;

/// Set for the process that panics: this test, run again.
const PANICS: &str = "NETWEIR_TEST_PANICS";

#[test]
fn a_panic_is_an_error_of_the_specification() {
    if std::env::var_os(PANICS).is_some() {
        netweir::cni::report_panics();
        panic!("as it should");
    }
    let name = "panics::a_panic_is_an_error_of_the_specification";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(PANICS, "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("as it should"), "{stderr}");
    // The test harness says something before.
    let stdout = String::from_utf8(output.stdout).unwrap();
    let error: Value = serde_json::from_str(&stdout[stdout.find('{').unwrap()..]).unwrap();
    assert_eq!(error["code"], 199);
    assert_eq!(error["cniVersion"], "1.1.0");
    let message = error["msg"].as_str().unwrap();
    assert!(
        message.contains(env!("CARGO_PKG_REPOSITORY")),
        "no address to report it at: {message}"
    );
    assert!(
        error["details"].as_str().unwrap().contains("panics.rs"),
        "{error}"
    );
}
