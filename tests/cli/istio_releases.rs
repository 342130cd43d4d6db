//! The flags and variables of every release of Istio's programs, from 1.2 to 1.31.

use std::collections::HashMap;

use crate::program::{netweir, run};

/// The latest release whose flags are listed, as the number after `1.`.
const LATEST: u8 = 31;

/// A flag of `istio-iptables`, with the first and the last release that has it.
struct Flag {
    long: &'static str,
    short: Option<char>,
    since: u8,
    until: u8,
    value: &'static str,
    effect: Effect,
}

/// What the flag does with its value.
#[derive(Clone, Copy)]
enum Effect {
    /// It prints this for `--print-options`, beside these flags.
    Prints(&'static str, &'static [&'static str]),
    /// It says this, beside these flags.
    Says(&'static str, &'static [&'static str]),
    /// It is ignored, and says so in a debug message.
    Ignored,
    /// It is accepted; what it does is tested in a network namespace (`netns-tests/meshes.rs`).
    Accepted,
}

use Effect::{Accepted, Ignored, Prints, Says};

const fn flag(
    long: &'static str,
    short: Option<char>,
    releases: (u8, u8),
    value: &'static str,
    effect: Effect,
) -> Flag {
    Flag {
        long,
        short,
        since: releases.0,
        until: releases.1,
        value,
        effect,
    }
}

const ALL_IN: &[&str] = &["-b", "*"];
const ALL_OUT: &[&str] = &["-i", "*"];
const TPROXY: &[&str] = &["-b", "*", "-m", "TPROXY"];
const DNS: &[&str] = &["--redirect-dns"];

/// Read from the sources of the last patch release of each minor release.
const FLAGS: &[Flag] = &[
    flag(
        "envoy-port",
        Some('p'),
        (2, 31),
        "4",
        Prints("--outbound-port=4", ALL_OUT),
    ),
    flag(
        "inbound-capture-port",
        Some('z'),
        (3, 31),
        "5",
        Prints("--inbound-port=5", ALL_IN),
    ),
    flag(
        "inbound-tunnel-port",
        Some('e'),
        (7, 31),
        "6",
        Prints("--tunnel-port=6", ALL_IN),
    ),
    flag(
        "proxy-uid",
        Some('u'),
        (2, 31),
        "7",
        Prints("--proxy-uid=7", ALL_OUT),
    ),
    flag(
        "proxy-gid",
        Some('g'),
        (2, 31),
        "8",
        Prints("--proxy-gid=8", ALL_OUT),
    ),
    flag(
        "istio-inbound-interception-mode",
        Some('m'),
        (2, 31),
        "TPROXY",
        Prints("--inbound-mode=tproxy", ALL_IN),
    ),
    flag(
        "istio-inbound-tproxy-mark",
        Some('t'),
        (4, 31),
        "9",
        Prints("--tproxy-mark=9", TPROXY),
    ),
    flag(
        "istio-inbound-tproxy-route-table",
        Some('r'),
        (4, 31),
        "10",
        Prints("--tproxy-table=10", TPROXY),
    ),
    flag(
        "istio-inbound-ports",
        Some('b'),
        (2, 31),
        "80,81",
        Prints("--include-inbound-ports=80-81", &[]),
    ),
    flag(
        "istio-local-exclude-ports",
        Some('d'),
        (2, 31),
        "15020",
        Prints("--exclude-inbound-ports=15020", ALL_IN),
    ),
    flag(
        "istio-exclude-interfaces",
        Some('c'),
        (11, 31),
        "eth1",
        Prints("--exclude-interfaces=eth1", ALL_IN),
    ),
    flag(
        "istio-service-cidr",
        Some('i'),
        (2, 31),
        "10.0.0.0/8",
        Prints("--include-outbound-ip-ranges=10.0.0.0/8", &[]),
    ),
    flag(
        "istio-service-exclude-cidr",
        Some('x'),
        (2, 31),
        "10.1.0.0/16",
        Prints("--exclude-outbound-ip-ranges=10.1.0.0/16", ALL_OUT),
    ),
    flag(
        "istio-outbound-ports",
        Some('q'),
        (7, 31),
        "443",
        Prints("--include-outbound-ports=443", &[]),
    ),
    flag(
        "istio-local-outbound-ports-exclude",
        Some('o'),
        (2, 31),
        "3306",
        Prints("--exclude-outbound-ports=3306", ALL_OUT),
    ),
    flag(
        "kube-virt-interfaces",
        Some('k'),
        (2, 31),
        "k6t0",
        Prints("--reroute-interfaces=k6t0", ALL_IN),
    ),
    flag(
        "redirect-dns",
        None,
        (9, 31),
        "true",
        Prints("--dns=all", &["--capture-all-dns"]),
    ),
    flag(
        "capture-all-dns",
        None,
        (11, 31),
        "true",
        Prints("--dns=all", DNS),
    ),
    flag(
        "drop-invalid",
        None,
        (12, 31),
        "true",
        Prints("--drop-invalid", &[]),
    ),
    flag("dual-stack", None, (18, 31), "true", Accepted),
    flag("dry-run", Some('n'), (4, 31), "true", Accepted),
    flag("restore-format", Some('f'), (4, 23), "true", Accepted),
    flag("output-paths", None, (11, 18), "/dev/null", Accepted),
    flag(
        "iptables-trace-logging",
        None,
        (12, 25),
        "true",
        Says("warning: NAME: no message is logged for a packet; ", &[]),
    ),
    flag("iptables-version", None, (18, 21), "1.8.7", Ignored),
    flag("host-nsenter-exec", None, (15, 19), "true", Ignored),
    flag("iptables-probe-port", None, (4, 31), "15003", Accepted),
    flag("probe-timeout", None, (5, 31), "2s", Accepted),
    flag(
        "skip-rule-apply",
        None,
        (4, 31),
        "true",
        Says("info: dry run: there are no rules to print", &["--dry-run"]),
    ),
    flag(
        "run-validation",
        None,
        (4, 31),
        "true",
        Prints("--verify", &[]),
    ),
    flag(
        "network-namespace",
        None,
        (11, 31),
        "/proc/self/ns/net",
        Prints(
            "netweir remove --netns=/proc/self/ns/net",
            &["--cleanup-only"],
        ),
    ),
    flag("cni-mode", None, (11, 31), "true", Ignored),
    flag("reconcile", None, (24, 31), "true", Ignored),
    flag(
        "cleanup-only",
        None,
        (24, 31),
        "true",
        Prints("netweir remove", &[]),
    ),
    flag("force-apply", None, (24, 31), "true", Ignored),
    flag("native-nftables", None, (27, 31), "true", Ignored),
    flag("force-iptables-binary", None, (28, 31), "legacy", Ignored),
];

/// Variables without a flag, or with another name than their flag, with the releases that read them.
const VARIABLES: &[(&str, (u8, u8), &str, Effect)] = &[
    (
        "ENVOY_USER",
        (2, 31),
        "root",
        Prints("--proxy-uid=0", ALL_OUT),
    ),
    (
        "ISTIO_META_DNS_CAPTURE",
        (8, 31),
        "true",
        Prints("--dns=all", &["--capture-all-dns"]),
    ),
    ("ISTIO_META_DNS_CONNTRACK_ZONE", (10, 10), "true", Ignored),
    (
        "INVALID_DROP",
        (12, 31),
        "true",
        Prints("--drop-invalid", &[]),
    ),
    (
        "ISTIO_OUTBOUND_OWNER_GROUPS",
        (14, 31),
        "202",
        Prints("--include-outbound-gids=202", ALL_OUT),
    ),
    (
        "ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE",
        (14, 31),
        "203",
        Prints("--exclude-outbound-gids=203", ALL_OUT),
    ),
    ("ISTIO_AGENT_DUAL_STACK", (17, 18), "true", Accepted),
    ("ISTIO_DUAL_STACK", (19, 31), "true", Accepted),
    (
        "ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR",
        (21, 31),
        "127.0.0.0/8",
        Prints("--loopback-range=127.0.0.0/8", ALL_OUT),
    ),
];

/// Variables that ask for what netweir does not do.
const REFUSED: &[(&str, (u8, u8))] = &[
    ("DISABLE_REDIRECTION_ON_LOCAL_LOOPBACK", (2, 4)),
    ("ISTIO_SIDECAR_CONFIG", (2, 4)),
    ("ISTIO_CLUSTER_CONFIG", (2, 4)),
    ("DNS_CAPTURE", (6, 6)),
    ("DNS_AGENT", (7, 7)),
];

/// The flags of `istio-clean-iptables`, none of which changes what is removed.
const CLEAN: &[Flag] = &[
    flag("dry-run", Some('n'), (5, 24), "true", Accepted),
    flag("proxy-uid", Some('u'), (10, 24), "7", Accepted),
    flag("proxy-gid", Some('g'), (10, 24), "8", Accepted),
    flag("redirect-dns", None, (10, 24), "true", Accepted),
    flag(
        "istio-inbound-interception-mode",
        Some('m'),
        (17, 24),
        "TPROXY",
        Accepted,
    ),
    flag(
        "istio-inbound-tproxy-mark",
        Some('t'),
        (17, 24),
        "9",
        Accepted,
    ),
    flag("capture-all-dns", None, (21, 24), "true", Accepted),
];

fn in_release((since, until): (u8, u8), release: u8) -> bool {
    (since..=until).contains(&release)
}

/// What is printed and said, with exit code 0. Runs of the same arguments are made once.
#[derive(Default)]
struct Runs(HashMap<String, String>);

impl Runs {
    fn output(&mut self, arguments: &[&str], variable: Option<(&str, &str)>) -> String {
        let key = format!("{arguments:?} {variable:?}");
        let output = self.0.entry(key).or_insert_with(|| {
            let mut command = netweir(arguments);
            command.envs(variable);
            let run = run(&mut command);
            assert_eq!(
                run.code,
                Some(0),
                "{arguments:?} {variable:?}: {}",
                run.stderr
            );
            run.stdout + &run.stderr
        });
        output.clone()
    }

    /// The flag, or the variable in its place, has the effect.
    fn assert_effect(
        &mut self,
        name: &str,
        spelled: &[&str],
        variable: Option<(&str, &str)>,
        effect: Effect,
    ) {
        let (beside, expected) = match effect {
            Prints(text, beside) => (beside, text.to_owned()),
            Says(text, beside) => (beside, text.replace("NAME", name)),
            Ignored => (&[][..], format!("debug: {name}: ignored: ")),
            Accepted => (&[][..], String::new()),
        };
        let print: &[&str] = if beside.contains(&"--dry-run") {
            &[]
        } else {
            &["--print-options"]
        };
        let command = ["istio-iptables", "--log_output_level=debug"];
        let line = [&command[..], beside, spelled, print].concat();
        let output = self.output(&line, variable);
        assert!(
            output.contains(&expected),
            "{line:?} {variable:?}: {output}"
        );
    }
}

impl Flag {
    /// The ways to write it: with the value in an argument of its own, unless it is a switch.
    fn spellings(&self, release: u8) -> Vec<Vec<String>> {
        let is_switch = self.value == "true";
        let joined = |flag: String| vec![format!("{flag}={}", self.value)];
        let apart = |flag: String| {
            let value = (!is_switch).then(|| self.value.to_owned());
            [flag].into_iter().chain(value).collect()
        };
        let long = (release >= 4).then(|| format!("--{}", self.long));
        // Istio 1.11 to 1.14 has the interfaces without a short flag.
        let short = self.short.filter(|&short| short != 'c' || release >= 15);
        let short = short.map(|short| format!("-{short}"));
        let names = long.into_iter().chain(short);
        names
            .flat_map(|name| [joined(name.clone()), apart(name)])
            .collect()
    }
}

#[test]
fn flags_and_variables_of_each_release_have_their_effect() {
    let mut runs = Runs::default();
    for release in 2..=LATEST {
        let flags = FLAGS
            .iter()
            .filter(|flag| in_release((flag.since, flag.until), release));
        for flag in flags {
            for spelling in flag.spellings(release) {
                let spelled: Vec<_> = spelling.iter().map(String::as_str).collect();
                let name = format!("--{}", flag.long);
                runs.assert_effect(&name, &spelled, None, flag.effect);
            }
            let variable = flag.long.to_uppercase().replace('-', "_");
            // Up to 1.3 there are fewer variables; since 1.19 there is none for the outbound port.
            if release >= 4 && !(release >= 19 && flag.long == "envoy-port") {
                runs.assert_effect(&variable, &[], Some((&variable, flag.value)), flag.effect);
            }
        }
        for (name, releases, value, effect) in VARIABLES {
            if in_release(*releases, release) {
                runs.assert_effect(name, &[], Some((name, value)), *effect);
            }
        }
    }
}

#[test]
fn all_flags_of_a_release_are_accepted_together() {
    for release in 2..=LATEST {
        let mut words = vec!["istio-iptables".to_owned()];
        for flag in FLAGS
            .iter()
            .filter(|flag| in_release((flag.since, flag.until), release))
        {
            words.extend(flag.spellings(release).pop().expect("a spelling"));
        }
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let run = run(&mut netweir(&words));
        assert_eq!(run.code, Some(0), "1.{release} {words:?}: {}", run.stderr);
    }
}

#[test]
fn variables_for_what_is_not_done_are_refused() {
    for (name, _) in REFUSED {
        let run = run(netweir(&["istio-iptables", "-n"]).env(name, "x"));
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{name}");
        let expected = format!("error: {name}: not supported: ");
        assert!(run.stderr.starts_with(&expected), "{}", run.stderr);
    }
    // What Kubernetes sets for a service called envoy is no port.
    let mut command = netweir(&["istio-iptables", "-i", "*", "--print-options"]);
    let run = run(command.env("ENVOY_PORT", "tcp://10.0.0.1:80"));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(!run.stdout.contains("--outbound-port"), "{}", run.stdout);
}

#[test]
fn restore_format_prints_rules_for_iptables_restore() {
    for line in [
        &["-n", "-f"][..],
        &["-nf"],
        &["--dry-run", "--restore-format=true"],
    ] {
        let line = [&["istio-iptables", "-b", "*"], line].concat();
        let printed = crate::program::rules(&mut netweir(&line));
        assert!(printed.contains("\nCOMMIT\n"), "{printed}");
    }
    let line = ["istio-iptables", "-b", "*", "-n", "-f=false"];
    let printed = crate::program::rules(&mut netweir(&line));
    assert!(printed.contains("table inet netweir"), "{printed}");
}

#[test]
fn output_paths_gets_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules");
    let paths = format!("--output-paths={}", file.display());
    let line = ["istio-iptables", "-b", "*", "-n", &paths];
    let printed = crate::program::rules(&mut netweir(&line));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), printed);
    let run = run(&mut netweir(&[
        "istio-iptables",
        "-b",
        "*",
        "-n",
        "--output-paths=/no/such/folder",
    ]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""));
    let expected = "error: cannot write the rules to /no/such/folder: ";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
}

/// Up to 1.3 `clean` is a word; the flag `-dryRun` is one of 1.3, and of 1.4's program that only removes.
#[test]
fn words_and_flags_of_the_oldest_releases_are_accepted() {
    for line in [
        &["istio-iptables", "clean", "--print-options"][..],
        &["istio-iptables", "--print-options", "-p", "15001", "clean"],
        &["istio-iptables", "--clean", "--print-options"],
        &["istio-iptables", "--clean=true", "--print-options"],
        &["istio-clean-iptables", "--print-options"],
    ] {
        let printed = crate::program::rules(&mut netweir(line));
        assert_eq!(printed, "netweir remove\n", "{line:?}");
    }
    // The value of a flag is no word.
    let line = [
        "istio-iptables",
        "--print-options",
        "-b",
        "80",
        "-c",
        "clean",
    ];
    let printed = crate::program::rules(&mut netweir(&line));
    assert!(printed.contains("--exclude-interfaces=clean"), "{printed}");
    for flag in ["-dryRun", "--dryRun", "-dryRun=true"] {
        let printed = crate::program::rules(&mut netweir(&["istio-iptables", "-b", "*", flag]));
        assert!(printed.contains("table inet netweir"), "{printed}");
        let said = run(&mut netweir(&["istio-clean-iptables", flag]));
        assert_eq!(
            (said.code, said.stderr.as_str()),
            (Some(0), "info: dry run: there are no rules to print\n")
        );
    }
}

#[test]
fn clean_accepts_the_flags_of_each_release_and_removes_everything() {
    let mut runs = Runs::default();
    for release in 5..=24 {
        let mut line = vec![
            "istio-clean-iptables".to_owned(),
            "--print-options".to_owned(),
        ];
        for flag in CLEAN
            .iter()
            .filter(|flag| in_release((flag.since, flag.until), release))
        {
            line.extend(flag.spellings(release).concat());
            let variable = flag.long.to_uppercase().replace('-', "_");
            let alone = ["istio-clean-iptables", "--print-options"];
            assert_eq!(
                runs.output(&alone, Some((&variable, flag.value))),
                "netweir remove\n"
            );
        }
        let line: Vec<_> = line.iter().map(String::as_str).collect();
        assert_eq!(runs.output(&line, None), "netweir remove\n", "1.{release}");
    }
    // Other flags of istio-iptables, and its variables, are none of this program.
    let wrong = run(&mut netweir(&["istio-clean-iptables", "-b", "*"]));
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
    let alone = ["istio-clean-iptables", "--print-options"];
    assert_eq!(
        runs.output(&alone, Some(("ISTIO_INBOUND_PORTS", "http"))),
        "netweir remove\n"
    );
}
