//! `netweir explain` of many connections: one a line, and all typical ones.

use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};

use crate::explain::explained;
use crate::program::{file, within};

#[test]
fn table_shows_typical_connections() {
    let table = explained(&[
        "--table",
        "--exclude-outbound-ports=3306",
        "--exclude-outbound-ip-ranges=169.254.169.254,fd00:1::/64",
        "--exclude-outbound-uids=2000-2999",
        "--exclude-inbound-ports=9090-9100",
        "--exclude-inbound-ip-ranges=10.8.0.0/16",
        "--exclude-interfaces=net+",
        "--dns=resolvers",
        "--dns-servers=10.96.0.10",
    ]);
    assert_data_eq!(
        table,
        str![[r#"
outbound                                      app, uid 1000  root, uid 0   proxy, uid 1337  excluded, uid 2000  proxy, gid 1337
tcp to elsewhere:80                           15001          15001         not captured     not captured        not captured
tcp to elsewhere:53        DNS                15001          15001         not captured     not captured        not captured
tcp to elsewhere:3306      an excluded port   not captured   not captured  not captured     not captured        not captured
tcp to elsewhere:15008     the tunnel port    15001          15001         not captured     not captured        not captured
udp to 10.96.0.10:53       a DNS server       15053          15053         not captured     not captured        not captured
tcp to 169.254.169.254:80  an excluded range  not captured   not captured  not captured     not captured        not captured
tcp to [fd00:1::]:80       an excluded range  not captured   not captured  not captured     not captured        not captured
tcp to elsewhere:80        on net0            not captured   not captured  not captured     not captured        not captured
tcp to the pod:80                             not captured   not captured  15006            not captured        not captured
tcp to the pod:80          from 127.0.0.6     not captured   not captured  not captured     not captured        not captured
tcp to the pod:80          from ::6           not captured   not captured  not captured     not captured        not captured
tcp to loopback:80                            not captured   not captured  not captured     not captured        not captured
udp to elsewhere:53        DNS                not captured   not captured  not captured     not captured        not captured

inbound                                                  goes to
tcp to the pod:80                                        15006
tcp to the pod:15008  the tunnel port                    not captured
tcp to the pod:9090   an excluded port                   not captured
tcp to the pod:80     from an excluded source, 10.8.0.0  not captured
tcp to the pod:80     on net0                            not captured
udp to the pod:53                                        not captured

15001 is the proxy's outbound port, 15006 the proxy's inbound port, 15053 the proxy's DNS port

"#]]
    );
    let ipv4 = explained(&["--table", "--ip-families=ipv4", "--inbound-mode=tproxy"]);
    assert_data_eq!(
        ipv4,
        str![[r#"
outbound                                       app, uid 1000  root, uid 0   proxy, uid 1337  proxy, gid 1337
tcp to elsewhere:80, ipv4                      15001          15001         not captured     not captured
tcp to elsewhere:80, ipv6                      not captured   not captured  not captured     not captured
tcp to elsewhere:15008, ipv4  the tunnel port  15001          15001         not captured     not captured
tcp to elsewhere:15008, ipv6  the tunnel port  not captured   not captured  not captured     not captured
tcp to the pod:80, ipv4                        not captured   not captured  15006            tproxy 15006
tcp to the pod:80, ipv6                        not captured   not captured  not captured     not captured
tcp to the pod:80             from 127.0.0.6   not captured   not captured  not captured     not captured
tcp to loopback:80                             not captured   not captured  not captured     not captured
udp to elsewhere:53           DNS              not captured   not captured  not captured     not captured

inbound                  goes to
tcp to the pod:80, ipv4  tproxy 15006
tcp to the pod:80, ipv6  not captured
udp to the pod:53        not captured

15001 is the proxy's outbound port, 15006 the proxy's inbound port

"#]]
    );
}

#[test]
fn table_agrees_with_single_connections() {
    let table = explained(&["--table", "--format=json", "--dns=all"]);
    let table: Value = serde_json::from_str(&table).unwrap();
    let answers = table["connections"].as_array().unwrap();
    assert!(answers.len() > 40, "{}", answers.len());
    let lines = answers
        .iter()
        .map(|answer| format!("{}\n", answer["connection"]["text"].as_str().unwrap()));
    let file = file(&lines.collect::<String>());
    let alone = explained(&[
        &format!("--connections={}", file.path().display()),
        "--dns=all",
    ]);
    for (answer, alone) in answers.iter().zip(alone.lines()) {
        let mut alone: Value = serde_json::from_str(alone).unwrap();
        alone.as_object_mut().unwrap().remove("line");
        assert_eq!(*answer, alone);
    }
    assert_eq!(alone.lines().count(), answers.len());
}

#[test]
fn answers_line_by_line() {
    let file = file(
        "in tcp 10.0.0.2:80 from=10.0.0.3 dev=eth0\n\n# a remark\nout \u{fffd}\n out tcp 10.0.0.5:443 from=10.0.0.2 dev=eth0",
    );
    let named = format!("--connections={}", file.path().display());
    let run = within("", &["explain", &named]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(2), ""));
    let answers: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let part = |part: &str| {
        answers
            .iter()
            .map(|answer| answer[part].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(part("line"), [1, 4, 5]);
    assert_eq!(
        part("verdict"),
        [json!("redirect"), json!(null), json!("redirect")]
    );
    assert_eq!(part("port"), [json!(15006), json!(null), json!(15001)]);
    let text = within("", &["explain", &named, "--format=text"]);
    let lines: Vec<_> = text.stdout.lines().collect();
    assert_eq!((text.code, lines.len()), (Some(2), 3));
    assert!(
        lines[1].starts_with("line 4: \u{fffd}: not understood"),
        "{}",
        lines[1]
    );
    assert_eq!(
        lines[2],
        "out tcp 10.0.0.5:443 from=10.0.0.2:40000 dev=eth0 uid=1000 gid=1000: redirected to port 15001, the proxy's \
         outbound port: it is TCP and matches no exclusion"
    );
    let errors = answers[1]["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0]
            .as_str()
            .unwrap()
            .starts_with("\u{fffd}: not understood")
    );
}
