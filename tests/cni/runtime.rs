//! A runtime that calls the plugin.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// What the plugin answered.
pub(crate) struct Answer {
    pub(crate) succeeded: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    /// The error, which is all of standard output. Its message and details are on standard error, too.
    pub(crate) fn error(&self) -> (u64, String, String) {
        assert!(!self.succeeded, "no error: {}", self.stdout);
        let error: Value = serde_json::from_str(&self.stdout).expect("an error is JSON");
        assert_eq!(self.stdout.matches('\n').count(), 1, "{}", self.stdout);
        let keys: Vec<_> = error.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["cniVersion", "code", "details", "msg"]);
        let text = |key: &str| error[key].as_str().unwrap().to_owned();
        assert!(self.stderr.contains(&text("msg")), "{}", self.stderr);
        (
            error["code"].as_u64().unwrap(),
            text("msg"),
            text("details"),
        )
    }

    /// The result; it must be one.
    pub(crate) fn result(&self) -> &str {
        assert!(self.succeeded, "{}\n{}", self.stdout, self.stderr);
        &self.stdout
    }
}

/// A call: variables and standard input.
pub(crate) struct Call {
    variables: Vec<(String, String)>,
    stdin: Vec<u8>,
}

impl Call {
    /// A call for the pod shop/web, whose namespace there is no need to enter.
    pub(crate) fn new(command: &str, config: &Value) -> Self {
        Self::with_text(command, config.to_string())
    }

    /// The same with this text on standard input.
    pub(crate) fn with_text(command: &str, stdin: impl AsRef<[u8]>) -> Self {
        let variables = [
            ("CNI_COMMAND", command),
            ("CNI_CONTAINERID", "4711abc"),
            ("CNI_NETNS", "/nonexistent/netns"),
            ("CNI_IFNAME", "eth0"),
            (
                "CNI_ARGS",
                "IgnoreUnknown=1;K8S_POD_NAME=web;K8S_POD_NAMESPACE=shop;K8S_POD_INFRA_CONTAINER_ID=4711abc",
            ),
            ("CNI_PATH", "/opt/cni/bin"),
        ];
        Self {
            variables: variables
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            stdin: stdin.as_ref().to_vec(),
        }
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn run(self) -> Answer {
        let mut child = Command::new(env!("CARGO_BIN_EXE_netweir"))
            .env_clear()
            .envs(self.variables)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        // A plugin that fails for its variables does not read this.
        drop(child.stdin.take().unwrap().write_all(&self.stdin));
        let output = child.wait_with_output().unwrap();
        assert!(output.status.code().is_some(), "killed by a signal");
        Answer {
            succeeded: output.status.success(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A configuration as containerd passes it on, changed by these keys; null removes a key.
pub(crate) fn config(keys: &Value) -> Value {
    let mut config = json!({
        "cniVersion": "1.1.0",
        "name": "pods",
        "type": "netweir",
        "capabilities": {"io.kubernetes.cri.pod-annotations": true},
        "runtimeConfig": {"io.kubernetes.cri.pod-annotations": null},
        "prevResult": {"cniVersion": "1.1.0", "ips": [{"address": "10.1.0.2/24"}]},
    });
    for (key, value) in keys.as_object().unwrap() {
        if value.is_null() {
            config.as_object_mut().unwrap().remove(key);
        } else {
            config[key] = value.clone();
        }
    }
    config
}

/// The same with these annotations of the pod.
pub(crate) fn annotated(annotations: &Value, keys: &Value) -> Value {
    let mut config = config(keys);
    config["runtimeConfig"] = json!({"io.kubernetes.cri.pod-annotations": annotations});
    config
}
