//! Standard input and output that are not what a runtime has.

use std::fs::{File, OpenOptions};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::runtime::{Call, config};

/// The program after a shell has opened its streams so.
fn with_streams(command: &str, redirections: &str) -> Output {
    let script = format!("exec \"$0\" --help {redirections}");
    Command::new("/bin/sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_netweir")])
        .env_clear()
        .envs([
            ("CNI_COMMAND", command),
            ("CNI_CONTAINERID", "4711abc"),
            ("CNI_NETNS", "/nonexistent/netns"),
            ("CNI_IFNAME", "eth0"),
        ])
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn unreadable_input_is_an_error() {
    for command in ["ADD", "CHECK", "STATUS", "GC", "VERSION"] {
        let output = with_streams(command, "</");
        assert_eq!(output.status.code(), Some(1), "{command}");
        let error: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(error["code"], 5, "{command}");
        assert_eq!(error["details"], "Is a directory (os error 21)");
    }
    let output = with_streams("DEL", "</");
    assert!(output.status.success());
    assert_eq!(output.stdout, b"");
}

#[test]
fn endless_input_is_an_error() {
    let endless = vec![b' '; (16 << 20) + 1];
    let answer = Call::with_text("DEL", &endless).run();
    assert_eq!(answer.result(), "");
    let (code, _, _) = Call::with_text("ADD", &endless).run().error();
    assert_eq!(code, 6);
}

/// The runtime has to learn that it has no answer.
#[test]
fn unwritable_output_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stdin");
    for keys in [json!({}), json!({"policy": "wrong"})] {
        std::fs::write(&path, config(&keys).to_string()).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_netweir"))
            .env_clear()
            .envs([
                ("CNI_COMMAND", "ADD"),
                ("CNI_CONTAINERID", "4711abc"),
                ("CNI_NETNS", "/nonexistent/netns"),
                ("CNI_IFNAME", "eth0"),
            ])
            .stdin(File::open(&path).unwrap())
            .stdout(OpenOptions::new().write(true).open("/dev/full").unwrap())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            stderr.contains("error: cannot write standard output"),
            "{stderr}"
        );
    }
}

#[test]
fn streams_that_are_closed() {
    for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
        let output = with_streams("DEL", closed);
        assert!(output.status.success(), "{closed}");
        assert_eq!(output.stdout, b"", "{closed}");
    }
    // Of arguments it knows nothing.
    let output = with_streams("VERSION", "<&- 2>&-");
    let versions: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(versions["cniVersion"], "1.1.0");
}
