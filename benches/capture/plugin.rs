//! How long the CNI plugin takes for an ADD, alone and among others.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use netweir_testkit::long_annotations::{self, Annotations};
use nix::sched::{CloneFlags, setns, unshare};
use serde_json::{Value, json};
use wait4::Wait4 as _;

/// Pods that are set up.
pub(crate) const PODS: usize = 300;

/// As containerd hands it over for a pod of Istio's, behind the plugins of its network.
const INPUT: &str = r#"{"cniVersion":"1.0.0","name":"pods","type":"netweir",
"capabilities":{"io.kubernetes.cri.pod-annotations":true},
"runtimeConfig":{"io.kubernetes.cri.pod-annotations":{"sidecar.istio.io/status":"{\"revision\":\"default\"}",
"kubernetes.io/config.source":"api","traffic.sidecar.istio.io/excludeOutboundPorts":"3306,6379"}},
"prevResult":{"cniVersion":"1.0.0","interfaces":[{"name":"eth0"}],"ips":[{"address":"10.244.1.5/24","interface":0}]}}"#;

/// What one ADD took, in milliseconds.
pub(crate) struct Took {
    /// From the start of the process to its end.
    pub(crate) elapsed: f64,
    /// On a processor, in the program and in the kernel.
    pub(crate) processor: f64,
    /// Keeps the pod's namespace: deleting one delays the creation of others.
    _pod: File,
}

/// Raises the priority of this process and of what it starts from now on, as the other contenders have it. Without the
/// privilege, `renice` prints an error and nothing changes.
pub(crate) fn raise_priority() -> Result<()> {
    let process = std::process::id().to_string();
    Command::new("renice")
        .args(["-n", "-20", "-p", &process])
        .output()?;
    Ok(())
}

/// Sets [`PODS`] pods up, so many at once, each in a network namespace of its own.
pub(crate) fn add_all(netweir: &Path, at_once: usize) -> Result<Vec<Took>> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut all = Vec::new();
        while next.fetch_add(1, Ordering::Relaxed) < PODS {
            all.push(add(netweir)?);
        }
        Ok(all)
    };
    let results: Vec<Result<_>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(worker)).collect();
        let joined = workers.into_iter().map(|worker| {
            let result = worker.join();
            result.unwrap_or_else(|_| Err(anyhow::anyhow!("a worker panicked")))
        });
        joined.collect()
    });
    let mut all = Vec::with_capacity(PODS);
    for result in results {
        all.extend(result?);
    }
    Ok(all)
}

fn own_namespace() -> Result<File> {
    Ok(File::open("/proc/thread-self/ns/net")?)
}

/// Sets one pod up.
pub(crate) fn add(netweir: &Path) -> Result<Took> {
    let home = own_namespace()?;
    unshare(CloneFlags::CLONE_NEWNET)?;
    let pod = own_namespace()?;
    setns(&home, CloneFlags::CLONE_NEWNET)?;
    let path = format!("/proc/{}/fd/{}", std::process::id(), pod.as_raw_fd());
    let mut command = Command::new(netweir);
    command
        .env_clear()
        .envs([
            ("CNI_COMMAND", "ADD"),
            ("CNI_CONTAINERID", "4711abc"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_PATH", "/opt/cni/bin"),
            (
                "CNI_ARGS",
                "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web",
            ),
            ("CNI_NETNS", &path),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let start = Instant::now();
    let mut plugin = command.spawn()?;
    let mut input = plugin.stdin.take().context("a pipe")?;
    input.write_all(INPUT.as_bytes())?;
    drop(input);
    let ended = plugin.wait4()?;
    let elapsed = start.elapsed();
    ensure!(ended.status.success(), "the plugin: {}", ended.status);
    let processor = ended.rusage.utime + ended.rusage.stime;
    Ok(Took {
        elapsed: elapsed.as_secs_f64() * 1e3,
        processor: processor.as_secs_f64() * 1e3,
        _pod: pod,
    })
}

/// What the calls for a pod with the longest annotations took: the most processor time, in milliseconds, and the most memory,
/// in megabytes.
pub(crate) struct Cost {
    /// What the annotations have much of.
    pub(crate) name: &'static str,
    pub(crate) processor: f64,
    pub(crate) memory: f64,
}

/// Calls the plugin for a pod with each of the longest annotations.
pub(crate) fn long_annotations(netweir: &Path) -> Result<Vec<Cost>> {
    let all = long_annotations::all().into_iter();
    all.map(|(name, annotations, accepted)| cost(netweir, name, &annotations, accepted))
        .collect()
}

fn cost(
    netweir: &Path,
    name: &'static str,
    annotations: &Annotations,
    accepted: bool,
) -> Result<Cost> {
    let home = own_namespace()?;
    unshare(CloneFlags::CLONE_NEWNET)?;
    let pod = own_namespace()?;
    setns(&home, CloneFlags::CLONE_NEWNET)?;
    let path = format!("/proc/{}/fd/{}", std::process::id(), pod.as_raw_fd());
    let mut input: Value = serde_json::from_str(INPUT)?;
    let config = input.as_object_mut().context("an object")?;
    let runtime = json!({"io.kubernetes.cri.pod-annotations": annotations});
    config.insert("runtimeConfig".to_owned(), runtime);
    let input = input.to_string();
    let (mut processor, mut memory): (f64, f64) = (0.0, 0.0);
    for command in ["ADD", "CHECK", "DEL"] {
        let mut plugin = Command::new(netweir)
            .env_clear()
            .envs([
                ("CNI_COMMAND", command),
                ("CNI_CONTAINERID", "4711abc"),
                ("CNI_IFNAME", "eth0"),
                ("CNI_PATH", "/opt/cni/bin"),
                ("CNI_NETNS", &path),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut pipe = plugin.stdin.take().context("a pipe")?;
        pipe.write_all(input.as_bytes())?;
        drop(pipe);
        let ended = plugin.wait4()?;
        let succeeds = accepted || command == "DEL";
        ensure!(ended.status.success() == succeeds, "{name}, {command}");
        let took = ended.rusage.utime + ended.rusage.stime;
        processor = processor.max(took.as_secs_f64() * 1e3);
        let kibibytes = u32::try_from(ended.rusage.maxrss / 1024)?;
        memory = memory.max(f64::from(kibibytes) * 1024.0 / 1e6);
    }
    Ok(Cost {
        name,
        processor,
        memory,
    })
}
