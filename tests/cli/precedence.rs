//! Flag over variable over file over default.

use crate::program::{file, netweir, rules, run};

/// An option whose value shows in the rules.
struct Shown {
    name: &'static str,
    /// A value, for a number.
    value: fn(u16) -> String,
    /// What the rules have for that value.
    rule: fn(u16) -> String,
}

const SHOWN: [Shown; 4] = [
    Shown {
        name: "inbound-port",
        value: |n| n.to_string(),
        rule: |n| format!("redirect to :{n} comment \"inbound/redirect\""),
    },
    Shown {
        name: "outbound-port",
        value: |n| n.to_string(),
        rule: |n| format!("redirect to :{n} comment \"outbound/redirect\""),
    },
    Shown {
        name: "proxy-uid",
        value: |n| n.to_string(),
        rule: |n| format!("comment \"outbound/leave-proxy-uid/{n}\""),
    },
    Shown {
        name: "exclude-interfaces",
        value: |n| format!("eth{n}"),
        rule: |n| format!("comment \"outbound/leave-interface/eth{n}\""),
    },
];

#[test]
fn flag_over_variable_over_file() {
    for Shown { name, value, rule } in SHOWN {
        let variable = format!("NETWEIR_{}", name.to_uppercase().replace('-', "_"));
        let config = file(&format!("{name} = \"{}\"\n", value(3)));
        let flag = format!("--{name}={}", value(1));
        let config = format!("--config={}", config.path().display());
        let with = |with_flag: bool, with_variable: bool| {
            let mut command = netweir(&["apply", "--dry-run", &config]);
            if with_flag {
                command.arg(&flag);
            }
            if with_variable {
                command.env(&variable, value(2));
            }
            rules(&mut command)
        };
        for (number, printed) in [
            (1, with(true, true)),
            (1, with(true, false)),
            (2, with(false, true)),
            (3, with(false, false)),
        ] {
            for candidate in 1..=3 {
                let has = printed.contains(&rule(candidate));
                assert_eq!(
                    has,
                    candidate == number,
                    "{name} {candidate} {number}\n{printed}"
                );
            }
        }
    }
}

#[test]
fn an_empty_flag_or_variable_wins_as_well() {
    let config = file("exclude-outbound-ports = [3306]\n");
    let config = format!("--config={}", config.path().display());
    let set = "outbound_exclude_ports";
    let arguments = ["apply", "--dry-run", &config];
    assert!(rules(&mut netweir(&arguments)).contains(set));
    let variable = rules(netweir(&arguments).env("NETWEIR_EXCLUDE_OUTBOUND_PORTS", ""));
    assert!(!variable.contains(set));
    let flag = rules(netweir(&arguments).args(["--exclude-outbound-ports", ""]));
    assert!(!flag.contains(set));
}

#[test]
fn switches_can_be_turned_off_again() {
    let config = file("drop-invalid = true\n");
    let config = format!("--config={}", config.path().display());
    let arguments = ["apply", "--dry-run", &config];
    let invalid = "ct state invalid";
    assert!(rules(&mut netweir(&arguments)).contains(invalid));
    assert!(!rules(netweir(&arguments).arg("--drop-invalid=false")).contains(invalid));
    let bare = netweir(&["apply", "--dry-run", "--drop-invalid"]);
    assert!(rules(&mut { bare }).contains(invalid));
}

#[test]
fn lists_are_joined_and_the_last_of_the_others_counts() {
    let printed = rules(&mut netweir(&[
        "apply",
        "--dry-run",
        "--exclude-outbound-ports=80",
        "--exclude-outbound-ports=",
        "--exclude-outbound-ports",
        "443, 8000-8010",
        "--inbound-port=1",
        "--inbound-port=2",
    ]));
    assert!(printed.contains("80, 443, 8000-8010"), "{printed}");
    assert!(printed.contains("redirect to :2 "), "{printed}");
}

#[test]
fn values_with_commas_are_given_again_or_separated_by_semicolons() {
    let exclusions = |arguments: &[&str], variable: Option<&str>| {
        let mut command = netweir(&[&["apply", "--dry-run"], arguments].concat());
        if let Some(value) = variable {
            command.env("NETWEIR_EXCLUDE_OUTBOUND_PORTS_FOR_UIDS", value);
        }
        rules(&mut command)
    };
    let flag = "--exclude-outbound-ports-for-uids";
    let printed = exclusions(&[flag, "tcp:22,80:7,8-9", flag, "443:0"], None);
    for expected in ["{ 0 . 443, 7-9 . 22, 7-9 . 80 }", "of-uid-tcp\""] {
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
    assert_eq!(printed, exclusions(&[], Some("tcp:22,80:7,8-9; 443:0")));
}

#[test]
fn the_resolvers_are_those_of_the_file_that_is_named() {
    let servers = file("nameserver 127.0.0.53\nnameserver fe80::53%eth0\n");
    let option = format!("--resolv-conf={}", servers.path().display());
    let printed = rules(&mut netweir(&[
        "apply",
        "--dry-run",
        "--dns=resolvers",
        &option,
    ]));
    for expected in ["127.0.0.53", "fe80::53"] {
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
}

#[test]
fn the_configuration_file_can_be_named_by_a_variable() {
    let config = file("inbound-port = 4143\ndry-run = true\n");
    let printed = rules(netweir(&["apply"]).env("NETWEIR_CONFIG", config.path()));
    assert!(printed.contains("redirect to :4143 "), "{printed}");
}

#[test]
fn ten_thousand_ranges_fit_into_a_file() {
    let ranges: Vec<_> = (0..10_000u32)
        .map(|n| format!("\"10.{}.{}.0/25\"", n >> 8, n & 255))
        .collect();
    let config = file(&format!(
        "exclude-outbound-ip-ranges = [\n{}]\n",
        ranges.join(",\n")
    ));
    let config = format!("--config={}", config.path().display());
    let printed = rules(&mut netweir(&["apply", "--dry-run", &config]));
    assert_eq!(printed.matches("/25").count(), 10_000);
}

/// Kubernetes sets these for services named netweir-cni, netweir-dns and netweir-inbound.
#[test]
fn variables_of_kubernetes_services_are_ignored() {
    let printed = rules(&mut netweir(&["apply", "--dry-run", "--dns=all"]));
    let mut command = netweir(&["apply", "--dry-run", "--dns=all"]);
    command.envs([
        ("NETWEIR_CNI_SERVICE_HOST", "10.96.5.5"),
        ("NETWEIR_CNI_SERVICE_PORT", "15097"),
        ("NETWEIR_CNI_PORT", "tcp://10.96.5.5:15097"),
        ("NETWEIR_CNI_PORT_15097_TCP", "tcp://10.96.5.5:15097"),
        ("NETWEIR_DNS_PORT", "tcp://10.0.0.1:53"),
        ("NETWEIR_INBOUND_PORT", "udp://10.0.0.1:80"),
        // Similar to NETWEIR_OUTBOUND_PORT.
        ("NETWEIR_OUTBOUND2_SERVICE_HOST", "10.96.5.6"),
        ("NETWEIR_OUTBOUND2_PORT", "80"),
    ]);
    assert_eq!(rules(&mut command), printed);
    // Without the service's own variables the last one is a misspelled option.
    let run = run(netweir(&["apply", "--dry-run"]).env("NETWEIR_OUTBOUND2_PORT", "80"));
    assert_eq!(run.code, Some(2));
    // An option's own variable may be set beside a service of that name.
    let mut command = netweir(&["apply", "--dry-run"]);
    command.env("NETWEIR_INBOUND_SERVICE_HOST", "10.0.0.1");
    let printed = rules(command.env("NETWEIR_INBOUND_PORT", "4143"));
    assert!(printed.contains("redirect to :4143 "), "{printed}");
}
