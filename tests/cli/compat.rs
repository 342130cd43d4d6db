//! The meshes' command lines, as their images are started.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use snapbox::{assert_data_eq, str};

use crate::program::{netweir, rules, run};

const ISTIO: [&str; 18] = [
    "-p",
    "15001",
    "-z",
    "15006",
    "-u",
    "1337",
    "-m",
    "REDIRECT",
    "-i",
    "*",
    "-x",
    "",
    "-b",
    "*",
    "-d",
    "15090,15021,15020",
    "--log_output_level=default:info",
    "-n",
];
const OLD_ISTIO: [&str; 15] = [
    "-p", "15001", "-u", "1337", "-m", "REDIRECT", "-i", "*", "-x", "", "-b", "8080", "-d",
    "15020", "-n",
];
const LINKERD: [&str; 16] = [
    "--firewall-bin-path",
    "iptables-nft",
    "--firewall-save-bin-path",
    "iptables-nft-save",
    "--ipv6=false",
    "--incoming-proxy-port",
    "4143",
    "--outgoing-proxy-port",
    "4140",
    "--proxy-uid",
    "2102",
    "--inbound-ports-to-ignore",
    "4190,4191,4567,4568",
    "--outbound-ports-to-ignore",
    "4567,4568",
    "--simulate",
];

/// The program under another name.
fn called(name: &str, arguments: &[&str]) -> Command {
    let mut command = netweir(arguments);
    command.arg0(name);
    command
}

/// The rules that the command prints for the arguments.
fn of_command(command: &str, arguments: &[&str]) -> String {
    rules(&mut netweir(&[&[command], arguments].concat()))
}

#[test]
fn recognised_by_command_name_and_flags_alone() {
    let istio = of_command("istio-iptables", &ISTIO);
    assert!(istio.contains("redirect to :15006"), "{istio}");
    let linkerd = of_command("linkerd-init", &LINKERD);
    assert!(linkerd.contains("redirect to :4143"), "{linkerd}");
    let old = of_command("istio-iptables", &OLD_ISTIO);
    assert!(old.contains("8080") && !old.contains("15020"), "{old}");
    for name in [
        "istio-iptables",
        "/usr/local/bin/istio-iptables",
        "istio-init",
    ] {
        assert_eq!(rules(&mut called(name, &ISTIO)), istio, "{name}");
    }
    for name in ["linkerd-init", "/usr/lib/proxy-init", "linkerd2-proxy-init"] {
        assert_eq!(rules(&mut called(name, &LINKERD)), linkerd, "{name}");
    }
    assert_eq!(rules(&mut netweir(&ISTIO)), istio);
    let old_image = run(&mut netweir(&OLD_ISTIO));
    assert_eq!((old_image.code, old_image.stdout), (Some(0), old));
    let warnings = |log: &str| {
        let warnings = log.lines().filter(|line| line.contains("-port: "));
        warnings.collect::<Vec<_>>().join("\n")
    };
    assert_data_eq!(
        warnings(&old_image.stderr),
        str![[r#"
warning: --inbound-capture-port: inbound connections go to port 15006, the proxy's port since Istio 1.3; an older proxy expects them on its outbound port
"#]]
    );
    assert_eq!(warnings(&run(&mut netweir(&ISTIO)).stderr), "");
    assert_eq!(rules(&mut netweir(&LINKERD)), linkerd);
    let pilot_agent = [&["istio-iptables"][..], &ISTIO].concat();
    assert_eq!(rules(&mut called("pilot-agent", &pilot_agent)), istio);
}

const CONSUL: [&str; 10] = [
    "-proxy-uid",
    "5995",
    "-proxy-inbound-port=20000",
    "--exclude-uid",
    "5996",
    "-exclude-uid=5997",
    "-exclude-inbound-port",
    "20200",
    "-consul-dns-port=8600",
    "-dry-run",
];

#[test]
fn consuls_command_has_three_words_and_flags_with_one_dash() {
    let words = ["consul", "connect", "redirect-traffic"];
    let consul = rules(&mut netweir(&[&words[..], &CONSUL].concat()));
    for expected in [
        "5995-5997",
        "20200",
        "redirect to :8600",
        "redirect to :20000",
    ] {
        assert!(consul.contains(expected), "{expected}\n{consul}");
    }
    let by_name = [&words[1..], &CONSUL].concat();
    for name in ["consul", "/bin/consul"] {
        assert_eq!(rules(&mut called(name, &by_name)), consul, "{name}");
    }
    let other = run(&mut called("consul", &["connect", "envoy"]));
    assert_eq!(other.code, Some(2));
    assert!(other.stderr.contains("error: envoy: "), "{}", other.stderr);
    for group in [&["consul"][..], &words[..2]] {
        let shown = run(&mut netweir(group));
        assert_eq!(shown.code, Some(2), "{group:?}");
        assert!(shown.stderr.starts_with("Commands of "), "{}", shown.stderr);
    }
}

#[test]
fn kumactl_merges_files_variables_and_flags() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    let yaml = "kumaDPUser: \"1\"\nredirect:\n  inbound: {port: 1, excludePorts: [9901]}\n  outbound: {port: 1}\n";
    fs::write(&file, yaml).unwrap();
    let file = file.to_str().unwrap();
    let words = ["install", "transparent-proxy", "--print-options"];
    let own = [
        "--config",
        file,
        "--config",
        "redirect: {outbound: {excludePorts: 3306}}",
        "--kuma-dp-user=5678",
        "--ip-family-mode=ipv4",
        "--wait=5",
        "--store-firewalld",
    ];
    let variables = |command: &mut Command| {
        command.env("KUMA_TRANSPARENT_PROXY_KUMA_DP_USER", "2");
        command.env("KUMA_TRANSPARENT_PROXY_REDIRECT_INBOUND_PORT", "15007");
        run(command)
    };
    let named = variables(&mut called(
        "/usr/bin/kumactl",
        &[&words[..], &own].concat(),
    ));
    assert_eq!(named.code, Some(0), "{}", named.stderr);
    assert_data_eq!(
        named.stdout.as_str(),
        str![[r#"
netweir apply --outbound-port=1 --inbound-port=15007 --tunnel-port=none --proxy-uid=5678 --proxy-gid= --exclude-inbound-ports=9901 --exclude-outbound-ports=3306 --ip-families=ipv4

"#]]
    );
    assert_data_eq!(
        named.stderr.as_str(),
        str![[r#"
info: --store-firewalld: ignored: rules are not stored with firewalld
info: --wait: ignored: there is no lock to wait for

"#]]
    );
    let by_hand = [&["kumactl"][..], &words, &own].concat();
    assert_eq!(variables(&mut netweir(&by_hand)).stdout, named.stdout);
}

#[test]
fn kumactl_reports_every_error() {
    let wrong = [
        "install",
        "transparent-proxy",
        "--config",
        "redirect: {inbound: {port: x}}",
        "--redirect-dns",
        "--redirect-all-dns-traffic",
        "--ebpf-enabled",
        "--exclude-outbound-ips=10.0.0.0/33",
        "--exclude-outbound-ports-for-uids=sctp:1:2",
        "--vnet=docker0",
        "--ip-family-mode=ipv6",
    ];
    let refused = run(&mut called("kumactl", &wrong));
    assert_eq!(refused.code, Some(2));
    assert_data_eq!(
        refused.stderr.as_str(),
        str![[r#"
error: --redirect-dns: cannot be combined with --redirect-all-dns-traffic
error: --ebpf-enabled: not supported: netweir redirects with nf_tables only
error: --ip-family-mode: expected one of dualstack, ipv4, found "ipv6"
error: --exclude-outbound-ports-for-uids: expected [tcp:|udp:][PORTS:]UID or a range of user ids up to 65535, found "sctp:1:2"
error: redirect.inbound.port in --config: expected a port (1-65535), found "x"
error: --vnet: expected INTERFACE:CIDR (such as docker0:172.17.0.0/16), found "docker0"
error: --exclude-outbound-ips: expected a prefix length of 0-32, found "10.0.0.0/33"

"#]]
    );
}

#[test]
fn print_the_equal_apply_command_line() {
    let tproxy = [
        "istio-iptables",
        "-b",
        "80,8000-8010",
        "-i",
        "127.0.0.5/30,10.0.0.0/8,fd00::/8",
        "-m",
        "TPROXY",
        "-c",
        "it's,a b",
        "-k",
        "k6t+",
        "-o",
        "3306",
        "-q",
        "443",
        "--redirect-dns",
        "--capture-all-dns",
        "--drop-invalid",
        "-t",
        "7",
        "-r",
        "8",
        "-u",
        "5,6",
        "-g",
        "7",
        "-x",
        "10.1.0.0/16",
    ];
    let lines: [&[&str]; 6] = [
        &[&["istio-iptables"], &ISTIO[..ISTIO.len() - 1]].concat(),
        &OLD_ISTIO[..OLD_ISTIO.len() - 1],
        &tproxy[..],
        &["istio-iptables", "-i", "0.0.0.0/0"],
        &LINKERD[..LINKERD.len() - 1],
        &[
            "linkerd-init",
            "-p",
            "1",
            "-o",
            "2",
            "--subnets-to-ignore",
            "10.0.0.0/8,fd00::/8",
        ],
    ];
    for line in lines {
        // Interface names have no spaces.
        let line: Vec<_> = line.iter().map(|text| text.replace(",a b", "")).collect();
        let line: Vec<_> = line.iter().map(String::as_str).collect();
        let linkerd = line.contains(&"--incoming-proxy-port") || line[0] == "linkerd-init";
        let dry_run = if linkerd { "--simulate" } else { "--dry-run" };
        let printed = rules(&mut netweir(&[&line[..], &["--print-options"]].concat()));
        let script = printed.replace("netweir apply", "exec \"$NETWEIR\" apply --dry-run");
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &script])
            .env("NETWEIR", env!("CARGO_BIN_EXE_netweir"));
        let expected = rules(&mut netweir(&[&line[..], &[dry_run]].concat()));
        assert_eq!(rules(&mut shell), expected, "{printed}");
    }
    let removal = [
        "istio-iptables",
        "--cleanup-only",
        "--network-namespace",
        "/proc/1/ns/net",
    ];
    assert_eq!(
        rules(&mut netweir(&[&removal[..], &["--print-options"]].concat())),
        "netweir remove --netns=/proc/1/ns/net\n"
    );
}

#[test]
fn report_every_error_at_once() {
    let errors_of = |mut command: Command| {
        let run = run(&mut command);
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (Some(2), ""),
            "{}",
            run.stderr
        );
        run.stderr
    };
    let mut istio = netweir(&[
        "istio-iptables",
        "-p",
        "0",
        "-b",
        "http",
        "--nonsense",
        "stray",
        "-n",
        "false",
        "-z",
    ]);
    istio.env("ISTIO_META_DNS_CAPTURE", "enabled");
    assert_data_eq!(
        errors_of(istio),
        str![[r#"
error: --nonsense: unknown option; did you mean --host-nsenter-exec
error: false: unexpected argument; separate list values with commas (80,443), give switches a value with =
error: --inbound-capture-port: expected a value: PORT, such as 15006
error: --envoy-port: expected a port (1-65535), found "0"
error: --istio-inbound-ports: expected a port (1-65535), found "http"
error: ISTIO_META_DNS_CAPTURE: expected one of true, t, 1, false, f, 0, found "enabled"

"#]]
    );
    assert_data_eq!(
        errors_of(netweir(&["linkerd-init", "-p", "4143", "--proxy-uid", "x"])),
        str![[r#"
error: --outgoing-proxy-port: missing; expected PORT, such as 4140
error: --proxy-uid: expected a user id (0-4294967294), found "x"

"#]]
    );
}

#[test]
fn ignore_netweirs_own_variables() {
    let mut istio = netweir(&[&["istio-iptables"], &ISTIO[..]].concat());
    istio
        .env("NETWEIR_INBOUND_PORT", "7")
        .env("NETWEIR_PROXY_UID", "x");
    assert_eq!(rules(&mut istio), of_command("istio-iptables", &ISTIO));
}

#[test]
fn log_ignored_flags_at_debug_level() {
    let accepted = [
        "--native-nftables",
        "--force-iptables-binary=nft",
        "--reconcile",
        "--force-apply=true",
        "--log_target=stdout",
        "--log_caller",
        "default",
        "--vklog=6",
    ];
    let run_with = |more: &[&str]| {
        let base = [&["istio-iptables"], &ISTIO[..], &accepted, more].concat();
        run(&mut netweir(&base))
    };
    let quiet = run_with(&["--log_output_level=default:error"]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));
    let log = run_with(&["--log_output_level=all:debug"]).stderr;
    let notices = log.lines().filter(|line| line.contains(": ignored:"));
    assert_data_eq!(
        notices.collect::<Vec<_>>().join("\n"),
        str![[r#"
debug: --native-nftables: ignored: the rules are nf_tables rules anyway
debug: --force-iptables-binary: ignored: no such program is run
debug: --reconcile: ignored: rules of an earlier run are replaced anyway, in one change
debug: --force-apply: ignored: rules of an earlier run are replaced anyway, in one change
debug: --log_target: ignored: messages go to standard error
debug: --log_caller: ignored: messages do not name a place in the source
debug: --vklog: ignored: netweir has no Kubernetes client
"#]]
    );
    assert_eq!(quiet.stdout, of_command("istio-iptables", &ISTIO));
    let json = run_with(&["--log_output_level=all:debug", "--log_as_json"]).stderr;
    assert!(
        json.lines().all(|line| line.starts_with("{\"time\"")),
        "{json}"
    );
}

#[test]
fn dry_run_in_a_pod_of_the_host_network_is_not_refused() {
    for arguments in [
        &["apply", "--dry-run"][..],
        &["istio-iptables", "-n"],
        &["linkerd-init", "-p", "4143", "-o", "4140", "--simulate"],
    ] {
        let mut command = netweir(arguments);
        let run = run(command.env("KUBERNETES_SERVICE_HOST", "10.96.0.1"));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    }
}

/// The image has links at the paths of the meshes' programs, by which containers start them.
#[test]
fn links_of_the_image_are_the_meshes_programs() {
    let commands = [
        (
            "/usr/lib/linkerd/linkerd2-network-validator",
            "linkerd-network-validator",
        ),
        ("/usr/lib/linkerd/linkerd2-proxy-init", "linkerd-init"),
        (
            "/usr/local/bin/istio-clean-iptables",
            "istio-clean-iptables",
        ),
        ("/usr/local/bin/istio-iptables", "istio-iptables"),
        ("/usr/local/bin/istio-iptables.sh", "istio-iptables"),
    ];
    let links = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/links");
    let links = fs::read_to_string(links).unwrap();
    for (path, command) in commands {
        assert!(links.lines().any(|link| link == path), "{path}");
        assert_eq!(
            rules(&mut called(path, &["--help"])),
            rules(&mut netweir(&[command, "--help"])),
            "{path}"
        );
        let version = rules(&mut called(path, &["--version"]));
        assert!(version.starts_with("netweir "), "{version}");
    }
}
