//! `netweir diff`, in network namespaces of its own.

use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};

use crate::program::{Run, within};

const APPLY: &str = "\"$0\" apply -q --exclude-outbound-ports=3306,8080";

/// What is said after the commands of a shell, in which `$0` is the program.
fn diff(setup: &str, arguments: &[&str]) -> Run {
    within(setup, &[&["diff"], arguments].concat())
}

#[test]
fn prints_nothing_where_nothing_differs() {
    let run = diff(APPLY, &["--exclude-outbound-ports=8080,3306"]);
    let words = "info: nothing differs: these rules are installed\n";
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), words));
    assert_eq!(run.stdout, "");
}

#[test]
fn shows_removed_and_added_lines() {
    let setup = format!(
        "{APPLY}\n\
         nft add rule inet netweir inbound ip ttl 7 drop\n\
         nft flush chain inet netweir outbound\n\
         nft add rule inet netweir outbound meta l4proto tcp counter redirect to :4140 comment '\"outbound/redirect\"'\n\
         nft add set inet netweir other '{{ type ipv4_addr; flags interval; elements = {{ 10.0.0.0/8, 192.0.2.1 }}; }}'\n\
         ip -6 address del ::6/128 dev lo"
    );
    let run = diff(
        &setup,
        &[
            "--exclude-outbound-ports=3306,9000-9010",
            "--proxy-gid=",
            "--passthrough-source=::6",
        ],
    );
    assert_eq!((run.code, run.stderr.as_str()), (Some(3), ""));
    assert_data_eq!(
        run.stdout,
        str![[r#"
--- installed
+++ these options
@@ set outbound_exclude_ports @@
-8080
+9000-9010
@@ set other @@
-type ipv4_addr; flags interval;
-10.0.0.0/8
-192.0.2.1
@@ chain outbound @@
+outbound/leave-not-tcp: meta l4proto != tcp counter accept
+outbound/leave-excluded-port-tcp: tcp dport @outbound_exclude_ports counter accept
+outbound/leave-passthrough-source/::6: oifname "lo" ip6 saddr ::6 counter accept
+outbound/redirect-own-pod-uid-ipv4/1337: oifname "lo" ip daddr != 127.0.0.1 tcp dport != 15008 meta skuid 1337 counter redirect to :15006
+outbound/redirect-own-pod-uid-ipv6/1337: oifname "lo" ip6 daddr != ::1 tcp dport != 15008 meta skuid 1337 counter redirect to :15006
+outbound/leave-loopback-not-uid/1337: oifname "lo" meta skuid != 1337 counter accept
+outbound/leave-proxy-uid/1337: meta skuid 1337 counter accept
+outbound/leave-loopback-range-ipv4: ip daddr 127.0.0.1 counter accept
+outbound/leave-loopback-range-ipv6: ip6 daddr ::1 counter accept
-outbound/redirect: meta l4proto tcp counter redirect to :4140
+outbound/redirect: meta l4proto tcp counter redirect to :15001
@@ chain inbound @@
-a rule without a comment: unmanaged: a rule with an expression that netweir does not know there (payload)
@@ addresses and routes @@
+ip -6 address add ::6/128 dev lo nodad

"#]]
    );
}

#[test]
fn shows_all_rules_without_a_table() {
    let run = diff("", &[]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(3), ""));
    let mut lines = run.stdout.lines();
    let head = [
        "--- installed",
        "+++ these options",
        "@@ table inet netweir: not installed @@",
    ];
    assert_eq!(lines.by_ref().take(3).collect::<Vec<_>>(), head);
    let rest: Vec<_> = lines.collect();
    assert!(rest.len() > 17);
    for line in rest {
        assert!(line.starts_with(['+', '@']), "{line}");
    }
}

#[test]
fn is_json_for_programs() {
    let run = diff(APPLY, &["--format=json", "--exclude-outbound-ports=3306"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(3), ""));
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    let set = json!({
        "kind": "set", "name": "outbound_exclude_ports", "change": "elements", "type": "inet_service",
        "installed": ["8080"], "wanted": [],
    });
    assert_eq!(
        found,
        json!({"version": 1, "equal": false, "differences": [set]})
    );
}

#[test]
fn is_coloured_only_on_terminals_that_want_it() {
    let on_terminal = |environment: &str| {
        let script = format!(
            "{environment} script -qec '\"{}\" diff' /dev/null",
            env!("CARGO_BIN_EXE_netweir")
        );
        let run = within(&script, &["--version"]);
        assert!(run.stdout.contains("--- installed"), "{}", run.stdout);
        run.stdout.contains("\x1b[31m--- installed\x1b[0m")
    };
    assert!(on_terminal("TERM=xterm"));
    assert!(on_terminal("TERM=xterm NO_COLOR="));
    assert!(!on_terminal("TERM=xterm NO_COLOR=1"));
    assert!(!on_terminal("TERM=dumb"));
    let script = format!(
        "TERM=xterm script -qec '\"{}\" explain out tcp :80' /dev/null",
        env!("CARGO_BIN_EXE_netweir")
    );
    let explained = within(&script, &["--version"]).stdout;
    assert!(
        explained.contains("\n\x1b[36mredirected to port 15001"),
        "{explained}"
    );
    let piped = within("TERM=xterm \"$0\" explain out tcp :80", &["--version"]);
    assert!(piped.stdout.contains("\nredirected to port 15001"));
    let piped = within("TERM=xterm \"$0\" diff || true", &["--version"]);
    assert!(piped.stdout.contains("--- installed"));
    assert!(!piped.stdout.contains('\x1b'));
}

#[test]
fn ignores_addresses_of_others_and_disabled_ipv6() {
    let others = "ip -6 address add ::6/128 dev lo; \"$0\" apply -q";
    let run = diff(others, &[]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""));
    let without_ipv6 = "sysctl -qw net.ipv6.conf.lo.disable_ipv6=1; \"$0\" apply -q";
    let run = diff(without_ipv6, &[]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""));
}
