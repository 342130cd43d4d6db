//! The differences as text and as JSON.

use std::fmt::Write;

use netweir::drift::{Amount, DiffSection, compare, json};
use netweir::intent::{Capture, Port};
use netweir::plan::plan;
use netweir::ruleset::{Installed, Ruleset, Unmanaged, UnmanagedKind};
use snapbox::{assert_data_eq, str};

use crate::installed;

fn wanted() -> Ruleset {
    let mut capture = Capture::default();
    capture.outbound.exclude_ports = [22, 3306].into_iter().collect();
    plan(&capture)
}

/// Rules of other options, edited after their installation.
fn edited() -> Installed {
    let mut capture = Capture::default();
    capture.proxy.outbound_port = Port::new(4140).unwrap();
    capture.outbound.exclude_ports = [3306, 3307, 8080].into_iter().collect();
    capture.outbound.exclude_ranges = std::iter::once("10.0.0.0/8".parse().unwrap()).collect();
    let mut present = installed(&plan(&capture));
    present.ruleset.routing.clear();
    let inbound = &mut present.ruleset.chains[0].rules;
    inbound.swap(0, 2);
    inbound[1].counter = None;
    present.unmanaged.push(Unmanaged {
        chain: Some("inbound".to_owned()),
        position: 0,
        name: "a rule without a comment".to_owned(),
        what: "an unknown expression (log)".to_owned(),
        kind: UnmanagedKind::Rule { known: Vec::new() },
    });
    present
}

fn text(wanted: &Ruleset, present: &Installed, amount: Amount) -> String {
    let differences = compare(wanted, Some(present));
    let mut text = String::new();
    for section in DiffSection::all(&differences, wanted, present, amount) {
        writeln!(text, "@@ {} @@", section.heading).unwrap();
        for (sign, line) in section.lines {
            writeln!(text, "{}{line}", sign.character()).unwrap();
        }
    }
    text
}

#[test]
fn as_lines() {
    assert_data_eq!(
        text(&wanted(), &edited(), Amount::First),
        str![[r#"
@@ set outbound_exclude_ports @@
-3307
-8080
+22
@@ set outbound_exclude_ipv4 @@
-type ipv4_addr; flags interval;
-10.0.0.0/8
@@ chain inbound @@
-inbound/leave-not-tcp: meta l4proto != tcp counter accept # after inbound/leave-tunnel-port
+inbound/leave-not-tcp: meta l4proto != tcp counter accept # first rule
-inbound/leave-tunnel-port: tcp dport 15008 counter accept # without a counter
+inbound/leave-tunnel-port: tcp dport 15008 counter accept
-a rule without a comment: unmanaged: an unknown expression (log)
@@ chain outbound @@
-outbound/redirect: meta l4proto tcp counter redirect to :4140
+outbound/redirect: meta l4proto tcp counter redirect to :15001
-outbound/leave-excluded-range-ipv4: ip daddr @outbound_exclude_ipv4 counter accept
@@ addresses and routes @@
+ip -6 address add ::6/128 dev lo nodad

"#]]
    );
}

#[test]
fn as_json() {
    let (wanted, present) = (wanted(), edited());
    let json = json(&compare(&wanted, Some(&present)), &wanted, &present);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_data_eq!(
        serde_json::to_string_pretty(&value).unwrap(),
        str![[r#"
{
  "differences": [
    {
      "change": "elements",
      "installed": [
        "3307",
        "8080"
      ],
      "kind": "set",
      "name": "outbound_exclude_ports",
      "type": "inet_service",
      "wanted": [
        "22"
      ]
    },
    {
      "change": "foreign",
      "installed": [
        "10.0.0.0/8"
      ],
      "kind": "set",
      "name": "outbound_exclude_ipv4",
      "type": "ipv4_addr",
      "wanted": []
    },
    {
      "chain": "inbound",
      "change": "reordered",
      "id": "inbound/leave-not-tcp",
      "installed": "meta l4proto != tcp counter accept",
      "kind": "rule",
      "wanted": "meta l4proto != tcp counter accept"
    },
    {
      "chain": "inbound",
      "change": "uncounted",
      "id": "inbound/leave-tunnel-port",
      "installed": null,
      "kind": "rule",
      "wanted": "tcp dport 15008 counter accept"
    },
    {
      "chain": "outbound",
      "change": "changed",
      "id": "outbound/redirect",
      "installed": "meta l4proto tcp counter redirect to :4140",
      "kind": "rule",
      "wanted": "meta l4proto tcp counter redirect to :15001"
    },
    {
      "chain": "outbound",
      "change": "foreign",
      "id": "outbound/leave-excluded-range-ipv4",
      "installed": "ip daddr @outbound_exclude_ipv4 counter accept",
      "kind": "rule",
      "wanted": null
    },
    {
      "chain": "inbound",
      "kind": "foreign",
      "name": "a rule without a comment",
      "what": "an unknown expression (log)"
    },
    {
      "change": "missing",
      "command": "ip -6 address add ::6/128 dev lo nodad",
      "kind": "routing"
    }
  ],
  "equal": false,
  "version": 1
}
"#]]
    );
}

#[test]
fn reports_a_missing_table() {
    let text = text(&wanted(), &Installed::default(), Amount::First);
    let lines = text.lines().filter(|line| !line.starts_with("@@"));
    let (come, go): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with('+'));
    assert_eq!(go, [""; 0]);
    // Rules, two chains, the set and its elements, an address.
    assert_eq!(come.len(), wanted().rules().count() + 2 + 3 + 1);
}

#[test]
fn long_sets_are_shown_in_part() {
    let with = |count: u16| {
        let mut capture = Capture::default();
        let odd = (1..).step_by(2).take(count.into());
        capture.outbound.exclude_ports = odd.collect();
        plan(&capture)
    };
    let (wanted, present) = (with(9), installed(&with(1009)));
    let shown = text(&wanted, &present, Amount::First);
    assert_data_eq!(
        shown,
        str![[r#"
@@ set outbound_exclude_ports @@
-19
-21
-23
-25
-27
-29
-31
-33
-and 992 more; -v shows all

"#]]
    );
    let all = text(&wanted, &present, Amount::All);
    assert_eq!(all.lines().count(), 1001);
    // No line is spared by saying that there is one more.
    let shown = text(&with(0), &installed(&with(9)), Amount::First);
    assert!(!shown.contains("more"), "{shown}");
}
