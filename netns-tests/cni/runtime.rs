//! A fake runtime: calls plugins with variables and JSON, and passes each result to the next.

use std::fmt;
use std::path::Path;
use std::process::Command;

use netweir::cni::SpecVersion;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::sandbox::{Namespace, fresh, output_of, run};

/// Where Debian puts the reference plugins.
const FOLDER: &str = "/usr/lib/cni";
/// The reference plugins of a list.
pub(super) const PLUGINS: [&str; 5] = [
    "/usr/lib/cni/bridge",
    "/usr/lib/cni/host-local",
    "/usr/lib/cni/tuning",
    "/usr/lib/cni/portmap",
    "iptables",
];
/// The latest version that the reference plugins (1.1.1) of the oldest supported distribution support.
pub(super) const VERSION_OF_PLUGINS: SpecVersion = SpecVersion::V1_0_0;

/// A plugin's answer.
pub(super) struct Answer {
    succeeded: bool,
    stdout: String,
    stderr: String,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.stdout, self.stderr)
    }
}

impl Answer {
    /// Its output, without the newline. Panics unless the call succeeded.
    pub(super) fn result(&self) -> &str {
        assert!(self.succeeded, "{self:?}");
        self.stdout.trim_end_matches('\n')
    }

    fn error(&self) -> Value {
        assert!(!self.succeeded, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(super) fn code(&self) -> u64 {
        self.error()["code"].as_u64().expect("a code")
    }

    pub(super) fn message(&self) -> String {
        self.error()["msg"].as_str().expect("a message").to_owned()
    }

    pub(super) fn details(&self) -> String {
        self.error()["details"]
            .as_str()
            .expect("details")
            .to_owned()
    }
}

/// A runtime with one pod, in the calling thread's namespace.
pub(super) struct Runtime {
    /// The pod's annotations.
    pub(super) annotations: Value,
    version: SpecVersion,
    home: Namespace,
    pod: Namespace,
    state: TempDir,
    result: Option<String>,
}

impl Runtime {
    /// The pod is new and has nothing but `lo`; so is the namespace that the thread is in afterwards.
    pub(super) fn new(version: SpecVersion) -> Self {
        fresh();
        let pod = Namespace::current();
        let home = Namespace::enter_new();
        Self {
            annotations: Value::Null,
            version,
            home,
            pod,
            state: tempfile::tempdir().expect("a folder"),
            result: None,
        }
    }

    pub(super) fn in_pod<T>(&self, body: impl FnOnce() -> T) -> T {
        self.pod.within(&self.home, body)
    }

    /// A bridge with an address for the pod, a sysctl and a port of the node's.
    pub(super) fn reference_plugins(&self) -> Vec<Value> {
        run("ip", &["link", "set", "lo", "up"], "");
        let folder = |name: &str| self.state.path().join(name);
        vec![
            json!({
                "type": "bridge",
                "bridge": "cni-test0",
                "isGateway": true,
                "ipam": {
                    "type": "host-local",
                    "dataDir": folder("addresses"),
                    "ranges": [[{"subnet": "10.89.7.0/24"}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            }),
            json!({
                "type": "tuning",
                "dataDir": folder("tuning"),
                "sysctl": {"net.ipv4.tcp_syncookies": "1"},
            }),
            json!({"type": "portmap", "capabilities": {"portMappings": true}}),
        ]
    }

    /// ADD of all plugins in their order, each with the result of the one before.
    pub(super) fn add(&mut self, plugins: &[Value]) -> Result<Vec<String>, Answer> {
        let mut results: Vec<String> = Vec::new();
        for plugin in plugins {
            let answer = self.call(plugin, "ADD", results.last());
            if !answer.succeeded {
                return Err(answer);
            }
            results.push(answer.result().to_owned());
        }
        self.result = results.last().cloned();
        Ok(results)
    }

    /// CHECK of all plugins in their order, each with the last result.
    pub(super) fn check(&self, plugins: &[Value]) -> Result<(), Answer> {
        if self.version < SpecVersion::V0_4_0 {
            return Ok(());
        }
        self.all(plugins.iter(), "CHECK")
    }

    /// DEL of all plugins in the other order, each with the last result.
    pub(super) fn del(&self, plugins: &[Value]) -> Result<(), Answer> {
        self.all(plugins.iter().rev(), "DEL")
    }

    fn all<'a>(
        &self,
        plugins: impl Iterator<Item = &'a Value>,
        command: &str,
    ) -> Result<(), Answer> {
        for plugin in plugins {
            let answer = self.call(plugin, command, self.result.as_ref());
            if !answer.succeeded {
                return Err(answer);
            }
            assert_eq!(answer.result(), "", "{command} has no result");
        }
        Ok(())
    }

    /// One call.
    pub(super) fn call(&self, plugin: &Value, command: &str, previous: Option<&String>) -> Answer {
        let namespace = self.pod.path();
        self.call_in(namespace.to_str().expect("text"), plugin, command, previous)
    }

    /// One call, for another network namespace.
    pub(super) fn call_in(
        &self,
        namespace: &str,
        plugin: &Value,
        command: &str,
        previous: Option<&String>,
    ) -> Answer {
        let name = plugin["type"].as_str().expect("a type");
        let program = match name {
            "netweir" => Path::new(env!("CARGO_BIN_EXE_netweir")).to_owned(),
            other => Path::new(FOLDER).join(other),
        };
        self.answer(
            &mut Command::new(program),
            namespace,
            plugin,
            command,
            previous,
        )
    }

    /// A call of netweir by a user without privileges.
    pub(super) fn without_privileges(&self, plugin: &Value, command: &str) -> Answer {
        let mut program = Command::new("setpriv");
        program.args(["--bounding-set=-all", "--inh-caps=-all"]);
        program.arg(env!("CARGO_BIN_EXE_netweir"));
        self.answer(&mut program, "", plugin, command, None)
    }

    fn answer(
        &self,
        program: &mut Command,
        namespace: &str,
        plugin: &Value,
        command: &str,
        previous: Option<&String>,
    ) -> Answer {
        let variables = [
            ("CNI_COMMAND", command),
            ("CNI_CONTAINERID", "4711abc"),
            ("CNI_NETNS", namespace),
            ("CNI_IFNAME", "eth0"),
            ("CNI_PATH", FOLDER),
            (
                "CNI_ARGS",
                "K8S_POD_NAME=web;IgnoreUnknown=1;K8S_POD_NAMESPACE=shop",
            ),
        ];
        let path = std::env::var_os("PATH").unwrap_or_default();
        program.env_clear().env("PATH", path).envs(variables);
        let output = output_of(program, &self.input(plugin, command, previous));
        Answer {
            succeeded: output.status.success(),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }

    /// The plugin's configuration as libcni passes it, with the previous result unchanged.
    fn input(&self, plugin: &Value, command: &str, previous: Option<&String>) -> String {
        let mut config = plugin.clone();
        config["cniVersion"] = self.version.text().into();
        config["name"] = "test".into();
        let declared = |capability: &str| plugin["capabilities"][capability] == true;
        let mut runtime = json!({});
        if declared("io.kubernetes.cri.pod-annotations") {
            runtime["io.kubernetes.cri.pod-annotations"] = self.annotations.clone();
        }
        // Asked to check a mapping, portmap 1.1.1 looks for the IPv4 rules in the table of IPv6, and fails.
        if declared("portMappings") && command != "CHECK" {
            let mapping = json!({"hostPort": 8080, "containerPort": 80, "protocol": "tcp"});
            runtime["portMappings"] = json!([mapping]);
        }
        if runtime != json!({}) {
            config["runtimeConfig"] = runtime;
        }
        let text = config.to_string();
        match previous {
            None => text,
            Some(previous) => {
                let head = text.strip_suffix('}').expect("an object");
                format!("{head},\"prevResult\":{previous}}}")
            }
        }
    }
}
