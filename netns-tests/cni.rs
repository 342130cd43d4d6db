//! The plugin among the reference plugins, driven command by command, as the specification tells a runtime.

mod cost;
mod pods;
mod runtime;

use std::path::Path;

use netweir::cni::SpecVersion;
use netweir::drift::compare;
use netweir::intent::Capture;
use netweir::nftables;
use netweir::plan::plan;
use serde_json::{Value, json};

use crate::sandbox::{NetnsTest, fresh, install, run};
use runtime::{Answer, PLUGINS, Runtime, VERSION_OF_PLUGINS};

pub(crate) fn tests() -> Vec<NetnsTest> {
    let mut tests = vec![
        NetnsTest::alone("cni::alone-in-every-version", || {
            for version in SpecVersion::ALL {
                alone(version);
            }
        }),
        NetnsTest::alone("cni::check-reports-drift-by-rule-id", || {
            check_tells_the_drift();
        }),
        NetnsTest::alone("cni::check-of-other-modes", check_of_other_modes),
        NetnsTest::alone("cni::lo-may-come-up-later", lo_may_come_up_later),
        NetnsTest::alone("cni::bypasses-pod-without-any-change", bypassed_pod),
        NetnsTest::alone("cni::a-failed-add-leaves-nothing", || {
            failed_add_leaves_nothing();
        }),
        NetnsTest::alone("cni::del-takes-from-the-pod-alone", || {
            del_takes_from_the_pod_alone();
        }),
        NetnsTest::alone("cni::status-tests-capture-and-leaves-nothing", status),
    ];
    tests.extend(pods::tests());
    tests.extend(cost::tests());
    tests.extend(SpecVersion::ALL.into_iter().filter_map(|version| {
        let name = format!("cni::behind-the-reference-plugins-{version}");
        let test = NetnsTest::alone(name, move || behind_the_reference_plugins(version));
        // The plugins of the distribution do not speak what is younger.
        let supported = version <= VERSION_OF_PLUGINS;
        supported.then(|| test.only_as_root().with(&PLUGINS))
    }));
    tests
}

/// What should be in a pod whose annotations ask for this.
fn assert_captured(runtime: &Runtime, capture: &Capture) {
    let wanted = plan(capture);
    let installed = runtime.in_pod(|| nftables::dump().expect("dumped").expect("installed"));
    assert_eq!(compare(&wanted, Some(&installed)), []);
}

fn assert_nothing_installed(runtime: &Runtime) {
    let (table, addresses) = runtime.in_pod(|| {
        let addresses = run("ip", &["-6", "address", "show", "dev", "lo"], "");
        (nftables::dump().expect("dumped"), addresses)
    });
    assert_eq!(table, None);
    assert!(!addresses.contains("::6/128"), "{addresses}");
}

fn ours() -> Value {
    json!({
        "type": "netweir",
        "capabilities": {"io.kubernetes.cri.pod-annotations": true},
        "capture": {"exclude-outbound-ports": "22,3306"},
    })
}

fn asks() -> Value {
    json!({"netweir.io/capture": "enabled", "netweir.io/exclude-inbound-ports": "9090"})
}

/// What [`asks`] asks for under the defaults of [`ours`].
fn asked() -> Capture {
    let mut capture = Capture::default();
    capture.outbound.exclude_ports = [22, 3306].into_iter().collect();
    capture.inbound.ports = netweir::intent::InboundPorts::AllExcept([9090].into_iter().collect());
    capture
}

/// Where the plugin stands in the list is the same to it, and to the plugin behind it.
fn behind_the_reference_plugins(version: SpecVersion) {
    for place in [3, 4] {
        let mut runtime = Runtime::new(version);
        let mut plugins = runtime.reference_plugins();
        let place = place.min(plugins.len());
        plugins.insert(place, ours());
        runtime.annotations = asks();
        let results = runtime.add(&plugins).expect("added");
        let (before, own) = (&results[place - 1], &results[place]);
        assert_eq!(own, before, "the result went through another than it was");
        assert_captured(&runtime, &asked());
        assert_nothing_installed_here();
        // The other plugins did what they do.
        let addresses = runtime.in_pod(|| run("ip", &["address", "show", "dev", "eth0"], ""));
        assert!(addresses.contains("inet 10.89."), "{addresses}");

        let checked = runtime.check(&plugins);
        if version < SpecVersion::V0_4_0 {
            // The runtime does not call CHECK for such a pod. A direct call reports an error.
            let error = runtime.call(&plugins[place], "CHECK", results.last());
            assert_eq!(error.code(), 1);
        } else {
            checked.expect("captured as expected");
            runtime.in_pod(|| {
                run(
                    "nft",
                    &["flush", "chain", "inet", "netweir", "outbound"],
                    "",
                )
            });
            let details = runtime.check(&plugins).expect_err("drift").details();
            assert!(
                details.contains("rule outbound/redirect of chain outbound is missing"),
                "{details}"
            );
        }
        for _ in 0..2 {
            runtime.del(&plugins).expect("deleted");
            assert_nothing_installed(&runtime);
        }
    }
}

fn assert_nothing_installed_here() {
    assert_eq!(nftables::dump().expect("dumped"), None);
}

fn alone(version: SpecVersion) {
    let mut runtime = Runtime::new(version);
    runtime.annotations = asks();
    let previous = format!("{{\"cniVersion\":\"{version}\", \"ips\":[ ], \"x\":1.0}}");
    let answer = runtime.call(&ours(), "ADD", Some(&previous));
    assert_eq!(answer.result(), previous);
    let previous = Some(&previous);
    assert_captured(&runtime, &asked());
    // Again, as some runtimes do, with other options.
    runtime.annotations = json!({"sidecar.istio.io/status": "{}"});
    runtime.call(&ours(), "ADD", previous).result();
    let check = runtime.call(&ours(), "CHECK", previous);
    if version < SpecVersion::V0_4_0 {
        assert_eq!(check.code(), 1);
    } else {
        assert_eq!(check.result(), "");
    }
    for _ in 0..2 {
        // Without what the specification wants to be given, as containerd does the second time.
        assert_eq!(runtime.call(&ours(), "DEL", None).result(), "");
        assert_nothing_installed(&runtime);
    }
    if version >= SpecVersion::V1_1_0 {
        assert_eq!(runtime.call(&ours(), "GC", None).result(), "");
    }
}

const RESULT: &str = r#"{"cniVersion":"1.0.0","ips":[]}"#;

fn checked(runtime: &Runtime) -> Answer {
    runtime.call(&ours(), "CHECK", Some(&RESULT.to_owned()))
}

fn added(annotations: Value) -> Runtime {
    let mut runtime = Runtime::new(SpecVersion::V1_0_0);
    runtime.annotations = annotations;
    let answer = runtime.call(&ours(), "ADD", Some(&RESULT.to_owned()));
    assert_eq!(answer.result(), RESULT);
    assert_eq!(checked(&runtime).result(), "");
    runtime
}

/// Changes in the pod, and what CHECK reports.
fn check_tells_the_drift() {
    let redirect = "\"meta l4proto tcp counter redirect to :15001\"";
    let damages = [
        (
            "nft delete table inet netweir",
            "the table inet netweir is missing, with all of its rules".to_owned(),
        ),
        (
            "nft delete rule inet netweir outbound handle HANDLE",
            "rule outbound/redirect of chain outbound is missing".to_owned(),
        ),
        (
            "nft replace rule inet netweir outbound handle HANDLE meta l4proto tcp counter redirect to :1 comment \"outbound/redirect\"",
            format!(
                "rule outbound/redirect of chain outbound is {} and should be {redirect}",
                "\"meta l4proto tcp counter redirect to :1\""
            ),
        ),
        (
            "nft insert rule inet netweir outbound counter accept comment \"mine\"",
            "rule mine of chain outbound is \"counter accept\" and should not be there".to_owned(),
        ),
        (
            "nft delete element inet netweir outbound_exclude_ports { 3306 }",
            "set outbound_exclude_ports lacks 3306".to_owned(),
        ),
        (
            "ip address del ::6/128 dev lo",
            "what \"ip -6 address add ::6/128 dev lo nodad\" adds is missing".to_owned(),
        ),
    ];
    for (damage, expected) in damages {
        let runtime = added(asks());
        runtime.in_pod(|| damaged(damage));
        let answer = checked(&runtime);
        assert_eq!(answer.code(), 105, "{damage}");
        assert_eq!(
            answer.message(),
            "the rules of pod shop/web differ from those that ADD installs"
        );
        assert_eq!(answer.details(), expected);
        // ADD repairs what CHECK found.
        runtime
            .call(&ours(), "ADD", Some(&RESULT.to_owned()))
            .result();
        assert_eq!(checked(&runtime).result(), "", "{damage}");
    }
}

fn damaged(command: &str) {
    let listing = run(
        "nft",
        &["--handle", "list", "chain", "inet", "netweir", "outbound"],
        "",
    );
    let line = listing
        .lines()
        .find(|line| line.contains("\"outbound/redirect\""));
    let handle = line
        .and_then(|line| line.rsplit(' ').next())
        .expect("a handle");
    let command = command.replace("HANDLE", handle);
    match command.split_once(' ').expect("a program") {
        ("nft", command) => run("nft", &["-f", "-"], command),
        (program, arguments) => run(program, &arguments.split(' ').collect::<Vec<_>>(), ""),
    };
}

fn check_of_other_modes() {
    let runtime = added(json!({
        "sidecar.istio.io/status": "{}",
        "sidecar.istio.io/interceptionMode": "TPROXY",
        "netweir.io/dns": "all",
    }));
    let delete = ["-4", "rule", "del", "fwmark", "1337", "lookup", "133"];
    runtime.in_pod(|| run("ip", &delete, ""));
    let details = checked(&runtime).details();
    assert!(details.contains("ip rule add fwmark"), "{details}");
    // Of families that are found out by the addresses, those at the time.
    let runtime = added(json!({"netweir.io/capture": "enabled", "netweir.io/ip-families": "auto"}));
    assert_eq!(checked(&runtime).result(), "");
    // A pod without IPv6 can have no address for it, and lacks none.
    let mut runtime = Runtime::new(SpecVersion::V1_0_0);
    runtime.annotations = asks();
    let all = Path::new("/proc/sys/net/ipv6/conf/all/disable_ipv6");
    if std::fs::metadata(all).is_ok() {
        runtime.in_pod(|| std::fs::write(all, "1").expect("a sysctl"));
        runtime
            .call(&ours(), "ADD", Some(&RESULT.to_owned()))
            .result();
        assert_eq!(checked(&runtime).result(), "");
    }
}

/// Some runtimes take it up behind the plugins.
fn lo_may_come_up_later() {
    for mode in ["redirect", "tproxy"] {
        let mut runtime = Runtime::new(SpecVersion::V1_0_0);
        runtime.annotations =
            json!({"netweir.io/capture": "enabled", "netweir.io/inbound-mode": mode});
        runtime.in_pod(|| run("ip", &["link", "set", "lo", "down"], ""));
        let answer = runtime.call(&ours(), "ADD", Some(&RESULT.to_owned()));
        assert_eq!(answer.result(), RESULT, "{mode}");
        runtime.in_pod(|| run("ip", &["link", "set", "lo", "up"], ""));
        assert_eq!(checked(&runtime).result(), "", "{mode}");
    }
}

fn bypassed_pod() {
    let mut runtime = Runtime::new(SpecVersion::V1_0_0);
    for annotations in [
        Value::Null,
        json!({}),
        json!({"netweir.io/capture": "disabled"}),
    ] {
        runtime.annotations = annotations;
        let answer = runtime.call(&ours(), "ADD", Some(&RESULT.to_owned()));
        assert_eq!(answer.result(), RESULT);
        assert_nothing_installed(&runtime);
        assert_eq!(checked(&runtime).result(), "");
    }
}

fn failed_add_leaves_nothing() {
    let mut runtime = Runtime::new(SpecVersion::V1_0_0);
    let add = |runtime: &Runtime| runtime.call(&ours(), "ADD", Some(&RESULT.to_owned()));
    runtime.annotations = json!({"netweir.io/capture": "enabled", "netweir.io/proxy-uid": "x"});
    assert_eq!(add(&runtime).code(), 103);
    assert_nothing_installed(&runtime);
    // Of what the kernel refuses nothing stays, either.
    runtime.annotations = asks();
    let mut owner = runtime.in_pod(|| {
        let mut owner = std::process::Command::new("nft")
            .arg("-i")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("nft");
        let input = owner.stdin.as_mut().expect("a pipe");
        std::io::Write::write_all(
            input,
            b"add table inet netweir { flags owner; }\nlist tables\n",
        )
        .expect("written");
        let mut line = String::new();
        let output = owner.stdout.take().expect("a pipe");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).expect("read");
        owner
    });
    let answer = add(&runtime);
    assert_eq!(answer.code(), 101);
    assert_eq!(answer.message(), "pod shop/web cannot be captured");
    assert!(
        answer.details().contains("another program owns"),
        "{}",
        answer.details()
    );
    let addresses = runtime.in_pod(|| run("ip", &["-6", "address", "show", "dev", "lo"], ""));
    assert!(!addresses.contains("::6/128"), "{addresses}");
    // DEL also succeeds if the rules cannot be removed.
    assert_eq!(runtime.call(&ours(), "DEL", None).result(), "");
    owner.kill().expect("killed");
    owner.wait().expect("waited for");
}

/// The plugin never changes the runtime's own namespace, even if `CNI_NETNS` names it.
fn del_takes_from_the_pod_alone() {
    let runtime = added(asks());
    install(&Capture::default());
    runtime.call(&ours(), "DEL", None).result();
    assert_nothing_installed(&runtime);
    let is_there = || nftables::dump().expect("dumped").is_some();
    assert!(is_there());
    let own = runtime.call_in("/proc/self/ns/net", &ours(), "DEL", None);
    assert_eq!(own.result(), "");
    assert!(is_there());
    let own = runtime.call_in(
        "/proc/self/ns/net",
        &ours(),
        "ADD",
        Some(&RESULT.to_owned()),
    );
    assert_eq!(own.code(), 4);
}

fn status() {
    fresh();
    let runtime = Runtime::new(SpecVersion::V1_1_0);
    assert_eq!(runtime.call(&ours(), "STATUS", None).result(), "");
    let mut tproxy = ours();
    tproxy["capture"] = json!({"inbound-mode": "tproxy", "dns": "all"});
    assert_eq!(runtime.call(&tproxy, "STATUS", None).result(), "");
    assert_nothing_installed_here();
    let answer = runtime.without_privileges(&ours(), "STATUS");
    assert_eq!(answer.code(), 50);
    assert!(
        answer.details().starts_with("CAP_NET_ADMIN is missing"),
        "{}",
        answer.details()
    );
    // Who captures nothing can always go on doing so.
    let mut none = ours();
    none["policy"] = "none".into();
    assert_eq!(runtime.without_privileges(&none, "STATUS").result(), "");
}
