//! `netweir explain --from-kernel`: installed rules with other programs' changes.

use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};

use crate::program::within;

/// Rules with other programs' changes.
const CHANGED: &str = "\"$0\" apply --quiet
    nft insert rule inet netweir outbound tcp dport 7070 meta cgroup 5 drop
    nft insert rule inet netweir outbound tcp dport 7071 drop
    nft 'add set inet netweir odd { type inet_service; elements = { 7072, 7074 }; }'
    nft insert rule inet netweir outbound tcp dport @odd meta skuid 5 drop
    nft insert rule inet netweir outbound tcp dport 7080-7089 drop
    nft insert rule inet netweir inbound ip saddr 10.9.0.1 ip ttl 7 drop comment '\"near\"'
    nft add table ip other
    nft 'add chain ip other output { type nat hook output priority -101; }'";

fn explained(asked: &str) -> String {
    let arguments = ["explain", "--from-kernel", asked];
    let run = within(CHANGED, &arguments);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    run.stdout
}

#[test]
fn unknown_rule_matters_if_its_known_part_matches() {
    assert_data_eq!(
        explained("out tcp 10.0.0.5:443 from=10.0.0.2 dev=eth0 uid=1 gid=1"),
        str![[r#"
out tcp 10.0.0.5:443 from=10.0.0.2:40000 dev=eth0 uid=1 gid=1
assumed: the source port

undetermined: a rule that netweir cannot evaluate may decide
  in outbound, before a rule without a comment: a rule without a comment: a rule with an expression that netweir does not know there (cmp)
otherwise redirected to port 15001, the proxy's outbound port: it is TCP and matches no exclusion
  by outbound/redirect: meta l4proto tcp counter redirect to :15001

earlier rules that did not match:
  a rule without a comment                     its uid 1 is not 5
  a rule without a comment                     its destination port 443 is not 7071
  a rule without a comment                     its destination port 443 is not 7070
  outbound/leave-not-tcp                       it is tcp
  outbound/leave-passthrough-source/127.0.0.6  it leaves on eth0, not on lo
  outbound/leave-passthrough-source/::6        it leaves on eth0, not on lo
  outbound/redirect-own-pod-uid-ipv4/1337      it leaves on eth0, not on lo
  outbound/redirect-own-pod-uid-ipv6/1337      it leaves on eth0, not on lo
  outbound/leave-loopback-not-uid/1337         it leaves on eth0, not on lo
  outbound/leave-proxy-uid/1337                its uid 1 is not 1337
  outbound/redirect-own-pod-gid-ipv4/1337      it leaves on eth0, not on lo
  outbound/redirect-own-pod-gid-ipv6/1337      it leaves on eth0, not on lo
  outbound/leave-loopback-not-gid/1337         it leaves on eth0, not on lo
  outbound/leave-proxy-gid/1337                its gid 1 is not 1337
  outbound/leave-loopback-range-ipv4           its destination 10.0.0.5 is not in 127.0.0.1/32
  outbound/leave-loopback-range-ipv6           it is ipv4

chains of other tables on its path, not evaluated:
  ip other output: type nat hook output priority -101

"#]]
    );
    assert_data_eq!(
        explained("out tcp 10.0.0.5:7070 from=10.0.0.2 dev=eth0 uid=1 gid=1"),
        str![[r#"
out tcp 10.0.0.5:7070 from=10.0.0.2:40000 dev=eth0 uid=1 gid=1
assumed: the source port

undetermined: a rule that netweir cannot evaluate may decide
  in outbound, before a rule without a comment: a rule without a comment: a rule with an expression that netweir does not know there (cmp)
  in outbound, before outbound/leave-not-tcp: a rule without a comment: a rule with an expression that netweir does not know there (meta)
otherwise redirected to port 15001, the proxy's outbound port: it is TCP and matches no exclusion
  by outbound/redirect: meta l4proto tcp counter redirect to :15001

earlier rules that did not match:
  a rule without a comment                     its uid 1 is not 5
  a rule without a comment                     its destination port 7070 is not 7071
  outbound/leave-not-tcp                       it is tcp
  outbound/leave-passthrough-source/127.0.0.6  it leaves on eth0, not on lo
  outbound/leave-passthrough-source/::6        it leaves on eth0, not on lo
  outbound/redirect-own-pod-uid-ipv4/1337      it leaves on eth0, not on lo
  outbound/redirect-own-pod-uid-ipv6/1337      it leaves on eth0, not on lo
  outbound/leave-loopback-not-uid/1337         it leaves on eth0, not on lo
  outbound/leave-proxy-uid/1337                its uid 1 is not 1337
  outbound/redirect-own-pod-gid-ipv4/1337      it leaves on eth0, not on lo
  outbound/redirect-own-pod-gid-ipv6/1337      it leaves on eth0, not on lo
  outbound/leave-loopback-not-gid/1337         it leaves on eth0, not on lo
  outbound/leave-proxy-gid/1337                its gid 1 is not 1337
  outbound/leave-loopback-range-ipv4           its destination 10.0.0.5 is not in 127.0.0.1/32
  outbound/leave-loopback-range-ipv6           it is ipv4

chains of other tables on its path, not evaluated:
  ip other output: type nat hook output priority -101

"#]]
    );
    assert_data_eq!(
        explained("out tcp 10.0.0.5:7071 from=10.0.0.2 dev=eth0 uid=1 gid=1"),
        str![[r#"
out tcp 10.0.0.5:7071 from=10.0.0.2:40000 dev=eth0 uid=1 gid=1
assumed: the source port

undetermined: a rule that netweir cannot evaluate may decide
  in outbound, before a rule without a comment: a rule without a comment: a rule with an expression that netweir does not know there (cmp)
otherwise dropped: it matches a rule that netweir did not make
  by a rule without a comment: tcp dport 7071 counter drop

earlier rules that did not match:
  a rule without a comment  its uid 1 is not 5

chains of other tables on its path, not evaluated:
  ip other output: type nat hook output priority -101

"#]]
    );
}

#[test]
fn names_unknown_rules() {
    let unknown = |asked: &str| {
        let answer = explained(asked);
        let lines = answer
            .lines()
            .skip_while(|line| !line.starts_with("not known"));
        lines.skip(1).take(2).collect::<Vec<_>>().join("\n")
    };
    assert_data_eq!(
        unknown("out tcp 10.0.0.5:7072 from=10.0.0.2 dev=eth0 uid=5 gid=1"),
        str![""]
    );
    assert_data_eq!(
        explained("in tcp 10.0.0.2:80 from=10.9.0.1 dev=eth0"),
        str![[r#"
in tcp 10.0.0.2:80 from=10.9.0.1:40000 dev=eth0
assumed: the source port

undetermined: a rule that netweir cannot evaluate may decide
  in inbound, before inbound/leave-not-tcp: near: a rule with an expression that netweir does not know there (payload)
otherwise redirected to port 15006, the proxy's inbound port: it goes to a captured port
  by inbound/redirect: meta l4proto tcp counter redirect to :15006

earlier rules that did not match:
  inbound/leave-not-tcp      it is tcp
  inbound/leave-tunnel-port  its destination port 80 is not 15008

"#]]
    );
    assert_data_eq!(
        explained("in tcp 10.0.0.2:80 from=10.9.0.2 dev=eth0"),
        str![[r#"
in tcp 10.0.0.2:80 from=10.9.0.2:40000 dev=eth0
assumed: the source port

redirected to port 15006, the proxy's inbound port: it goes to a captured port
  by inbound/redirect: meta l4proto tcp counter redirect to :15006

earlier rules that did not match:
  near                       its source 10.9.0.2 is not in 10.9.0.1/32
  inbound/leave-not-tcp      it is tcp
  inbound/leave-tunnel-port  its destination port 80 is not 15008

"#]]
    );
}

#[test]
fn lists_undetermined_rules_in_json() {
    let asked = "in tcp 10.0.0.2:80 from=10.9.0.1:40000 dev=eth0";
    let run = within(
        CHANGED,
        &["explain", "--from-kernel", "--format=json", asked],
    );
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(answer["verdict"], "unknown");
    assert_eq!(answer["port"], json!(null));
    assert_eq!(answer["rule"], json!(null));
    assert_eq!(answer["unjudged"][0]["name"], "near");
    assert_eq!(answer["unjudged"][0]["before"], "inbound/leave-not-tcp");
    assert_eq!(answer["otherwise"]["verdict"], "redirect");
    assert_eq!(answer["otherwise"]["port"], 15006);
}

#[test]
fn fails_if_nothing_is_installed() {
    let run = within("", &["explain", "--from-kernel", "out"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""));
    assert_data_eq!(
        run.stderr,
        str![[r"
error: no table inet netweir is installed in this network namespace: nothing is captured

"]]
    );
}
