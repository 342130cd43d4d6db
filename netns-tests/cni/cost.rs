//! What a pod's author can have the node do: annotations as long as Kubernetes takes them cost little.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::Duration;

use netweir_testkit::long_annotations::{self, Annotations};
use serde_json::json;
use wait4::Wait4;

use crate::sandbox::{Namespace, NetnsTest, fresh};

pub(super) fn tests() -> Vec<NetnsTest> {
    vec![NetnsTest::alone(
        "cni::long_annotations_cost_little",
        long_annotations_cost_little,
    )]
}

/// The processor time of one call: of an unoptimized build on a busy machine. `make bench` measures the release build.
const LONGEST: Duration = Duration::from_secs(2);
/// The longest answer, in bytes.
const LONGEST_ANSWER: u64 = 32 << 10;

fn long_annotations_cost_little() {
    for (name, annotations, accepted) in long_annotations::all() {
        fresh();
        for command in ["ADD", "CHECK", "DEL"] {
            let (succeeded, took, answer) = call(command, &annotations);
            assert_eq!(succeeded, accepted || command == "DEL", "{name}, {command}");
            assert!(took < LONGEST, "{name}, {command}: {took:?}");
            assert!(
                answer <= LONGEST_ANSWER,
                "{name}, {command}: {answer} bytes"
            );
        }
    }
}

/// A call for the thread's namespace: whether it succeeds, the processor time that it takes, and the length of its answer.
fn call(command: &str, annotations: &Annotations) -> (bool, Duration, u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let [input, output] = ["input", "output"].map(|name| folder.path().join(name));
    let config = json!({
        "cniVersion": "1.0.0",
        "name": "pods",
        "type": "netweir",
        "capabilities": {"io.kubernetes.cri.pod-annotations": true},
        "runtimeConfig": {"io.kubernetes.cri.pod-annotations": annotations},
        "prevResult": {"cniVersion": "1.0.0", "interfaces": [{"name": "eth0"}]},
    });
    fs::write(&input, config.to_string()).expect("written");
    let pod = Namespace::current();
    let namespace = pod.path();
    Namespace::enter_new();
    let mut plugin = Command::new(env!("CARGO_BIN_EXE_netweir"));
    plugin
        .env_clear()
        .envs([
            ("CNI_COMMAND", command),
            ("CNI_CONTAINERID", "4711abc"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_PATH", "/opt/cni/bin"),
            ("CNI_NETNS", namespace.to_str().expect("text")),
        ])
        .stdin(File::open(&input).expect("opened"))
        .stdout(File::create(&output).expect("created"))
        .stderr(Stdio::null());
    let ended = plugin.spawn().expect("started").wait4().expect("it ends");
    pod.enter();
    let answer = fs::metadata(&output).expect("written").len();
    let took = ended.rusage.utime + ended.rusage.stime;
    (ended.status.success(), took, answer)
}
