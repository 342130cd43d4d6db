//! `netweir explain`, in network namespaces with and without addresses.

use serde_json::Value;
use snapbox::{assert_data_eq, str};

use crate::program::{netweir, run, within};

pub(crate) fn explained(arguments: &[&str]) -> String {
    let run = within("", &[&["explain"], arguments].concat());
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    run.stdout
}

#[test]
fn shows_the_outcome_and_why() {
    let words = "out tcp 10.0.0.5:443 uid=1000".split(' ');
    let asked: Vec<_> = words.chain(["--exclude-outbound-ports=3306"]).collect();
    assert_data_eq!(
        explained(&asked),
        str![[r#"
out tcp 10.0.0.5:443 from=192.0.2.2:40000 dev=eth0 uid=1000 gid=1000
assumed: the source address, the source port, the interface, the group

redirected to port 15001, the proxy's outbound port: it is TCP and matches no exclusion
  by outbound/redirect: meta l4proto tcp counter redirect to :15001

earlier rules that did not match:
  outbound/leave-not-tcp                       it is tcp
  outbound/leave-excluded-port-tcp             its destination port 443 is not in the set outbound_exclude_ports (3306)
  outbound/leave-passthrough-source/127.0.0.6  it leaves on eth0, not on lo
  outbound/leave-passthrough-source/::6        it leaves on eth0, not on lo
  outbound/redirect-own-pod-uid-ipv4/1337      it leaves on eth0, not on lo
  outbound/redirect-own-pod-uid-ipv6/1337      it leaves on eth0, not on lo
  outbound/leave-loopback-not-uid/1337         it leaves on eth0, not on lo
  outbound/leave-proxy-uid/1337                its uid 1000 is not 1337
  outbound/redirect-own-pod-gid-ipv4/1337      it leaves on eth0, not on lo
  outbound/redirect-own-pod-gid-ipv6/1337      it leaves on eth0, not on lo
  outbound/leave-loopback-not-gid/1337         it leaves on eth0, not on lo
  outbound/leave-proxy-gid/1337                its gid 1000 is not 1337
  outbound/leave-loopback-range-ipv4           its destination 10.0.0.5 is not in 127.0.0.1/32
  outbound/leave-loopback-range-ipv6           it is ipv4

"#]]
    );
}

#[test]
fn shows_the_port_and_effects_on_the_path() {
    let query = explained(&["out udp [fd00::a]:53 dev=eth0 uid=0 gid=0", "--dns=all"]);
    assert_data_eq!(
        query,
        str![[r#"
out udp [fd00::a]:53 from=[2001:db8::2]:40000 dev=eth0 uid=0 gid=0
assumed: the source address, the source port

redirected to port 15053, the proxy's DNS port: it is a DNS query over UDP
  by outbound/redirect-dns-udp: udp dport 53 counter redirect to :15053

earlier rules that did not match:
  outbound-raw/zone-proxy-query-uid/1337       its uid 0 is not 1337
  outbound-raw/zone-proxy-query-gid/1337       its gid 0 is not 1337
  outbound/leave-neither-tcp-nor-udp           it is udp
  outbound/leave-passthrough-source/127.0.0.6  it leaves on eth0, not on lo
  outbound/leave-passthrough-source/::6        it leaves on eth0, not on lo
  outbound/redirect-own-pod-uid-ipv4/1337      it leaves on eth0, not on lo
  outbound/redirect-own-pod-uid-ipv6/1337      it leaves on eth0, not on lo
  outbound/leave-loopback-not-uid/1337         it leaves on eth0, not on lo
  outbound/leave-proxy-uid/1337                its uid 0 is not 1337
  outbound/redirect-own-pod-gid-ipv4/1337      it leaves on eth0, not on lo
  outbound/redirect-own-pod-gid-ipv6/1337      it leaves on eth0, not on lo
  outbound/leave-loopback-not-gid/1337         it leaves on eth0, not on lo
  outbound/leave-proxy-gid/1337                its gid 0 is not 1337
  outbound/redirect-dns-tcp                    it is udp

also matched:
  outbound-raw/zone-query: udp dport 53 counter ct original zone set 2 accept

"#]]
    );
    let arriving = "in tcp :8080 from=10.1.2.3 dev=eth0";
    let kept = explained(&[arriving, "--inbound-mode=tproxy"]);
    assert_data_eq!(
        kept,
        str![[r#"
in tcp 192.0.2.2:8080 from=10.1.2.3:40000 dev=eth0
assumed: the destination address, the source port

handed to the transparent listener on port 15006, the proxy's inbound port: it goes to a captured port
  by inbound-packet/tproxy-ipv4: meta l4proto tcp ip daddr != 127.0.0.1 counter tproxy ip to :15006 meta mark set 0x00000539 accept

earlier rules that did not match:
  inbound-packet/leave-not-tcp                       it is tcp
  inbound-packet/save-mark                           its mark 0x0 is not 0x539
  inbound-packet/leave-passthrough-source/127.0.0.6  it arrives on eth0, not on lo
  inbound-packet/leave-passthrough-source/::6        it arrives on eth0, not on lo
  inbound-packet/leave-loopback                      it arrives on eth0, not on lo
  inbound-packet/divert-tracked                      its state is new

"#]]
    );
}

#[test]
fn prints_a_json_object() {
    let object = explained(&[
        "in tcp :8080 from=10.1.2.3 dev=eth0",
        "--exclude-inbound-ports=8080",
        "--format=json",
    ]);
    assert_eq!(object.lines().count(), 1);
    let object: Value = serde_json::from_str(&object).unwrap();
    let pretty = serde_json::to_string_pretty(&object).unwrap();
    assert_data_eq!(
        pretty,
        str![[r#"
{
  "because": "goes to an excluded port",
  "beside": [],
  "connection": {
    "assumed": [
      "destination",
      "from_port"
    ],
    "ctmark": 0,
    "destination": "192.0.2.2",
    "dev": "eth0",
    "direction": "in",
    "family": "ipv4",
    "from": "10.1.2.3",
    "from_port": 40000,
    "gid": null,
    "mark": 0,
    "port": 8080,
    "protocol": "tcp",
    "state": "new",
    "text": "in tcp 192.0.2.2:8080 from=10.1.2.3:40000 dev=eth0",
    "uid": null
  },
  "ctmark": 0,
  "mark": 0,
  "on_the_way": [],
  "otherwise": null,
  "port": null,
  "rule": "inbound/leave-excluded-port",
  "tried": [
    {
      "because": "it is tcp",
      "chain": "inbound",
      "rule": "inbound/leave-not-tcp"
    },
    {
      "because": "its destination port 8080 is not 15008",
      "chain": "inbound",
      "rule": "inbound/leave-tunnel-port"
    }
  ],
  "unjudged": [],
  "verdict": "leave",
  "version": 1,
  "zone": null
}
"#]]
    );
}

#[test]
fn takes_interface_and_own_address_from_the_namespace() {
    let setup = "ip link set lo up
        ip link add net7 type veth peer name peer7
        ip link set peer7 up
        ip address add 10.7.0.2/24 dev net7
        ip link set net7 up
        ip route add default via 10.7.0.1";
    let text = |asked| {
        let run = within(setup, &["explain", "--format=json", asked]);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        let object: Value = serde_json::from_str(&run.stdout).unwrap();
        object["connection"]["text"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        text("out tcp 10.0.0.5:443"),
        "out tcp 10.0.0.5:443 from=10.7.0.2:40000 dev=net7 uid=1000 gid=1000"
    );
    assert_eq!(
        text("out tcp 10.7.0.2:443"),
        "out tcp 10.7.0.2:443 from=10.7.0.2:40000 dev=lo uid=1000 gid=1000"
    );
    assert_eq!(
        text("out tcp 10.7.0.2:443 from=127.0.0.6"),
        "out tcp 10.7.0.2:443 from=127.0.0.6:40000 dev=lo uid=1000 gid=1000"
    );
    assert_eq!(
        text("in tcp :80"),
        "in tcp 10.7.0.2:80 from=192.0.2.1:40000 dev=net7"
    );
}

#[test]
fn reports_all_errors_at_once() {
    let mut command = netweir(&[
        "explain",
        "out tcp 10.0.0.5:https dev=a/b",
        "--format=xml",
        "--outbound-port=0",
    ]);
    let run = run(&mut command);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert_data_eq!(
        run.stderr,
        str![[r#"
error: --outbound-port: expected a port (1-65535), found "0"
error: --format: expected one of text, json, found "xml"
error: 10.0.0.5:https: expected a port (1-65535), found "https"
error: dev=a/b: expected an interface name (up to 15 bytes) or a prefix with + or *, found "a/b", which has a character that an interface name cannot have: '/'

"#]]
    );
}

#[test]
fn requires_a_connection() {
    let run = run(&mut netweir(&["explain"]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert_data_eq!(
        run.stderr,
        str![[r#"
error: CONNECTION: expected a connection, such as out tcp 10.0.0.5:443 uid=1000, or --connections or --table

"#]]
    );
}

#[test]
fn refuses_several_questions_and_sources() {
    for arguments in [
        ["out", "--table"],
        ["--connections=-", "--table"],
        ["out", "--connections=-"],
    ] {
        let run = run(netweir(&["explain"]).args(arguments));
        assert_eq!(run.code, Some(2));
        let error = "expected one of CONNECTION, --connections and --table";
        assert!(run.stderr.contains(error), "{}", run.stderr);
    }
    let asked = [
        "explain",
        "out",
        "--from-kernel",
        "--outbound-port=1",
        "--dns=all",
    ];
    let run = run(netweir(&asked).env("NETWEIR_INBOUND_PORT", "none"));
    assert_eq!(run.code, Some(2));
    assert_data_eq!(
        run.stderr,
        str![[r#"
error: --outbound-port: cannot be combined with --from-kernel
error: --dns: cannot be combined with --from-kernel

"#]]
    );
}

#[test]
fn redirect_of_link_local_destination_never_reaches_the_proxy() {
    let verdict = |destination: &str, more: &[&str]| {
        let asked = [
            "explain",
            "out",
            "tcp",
            destination,
            "from=[fd00::2]:40000",
            "dev=eth0",
            "uid=1000",
        ];
        let run = run(netweir(&asked).args(more));
        run.stdout
            .lines()
            .find(|line| line.contains(": it "))
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        verdict("[fe80::1]:80", &[]),
        "redirected to port 15001, the proxy's outbound port: it is TCP and matches no exclusion; but its destination is \
         link-local, so it still leaves on eth0 and never reaches the proxy"
    );
    assert_eq!(
        verdict("[fe80::1]:80", &["--exclude-outbound-ip-ranges=fe80::/10"]),
        "not captured: it goes to an excluded range"
    );
    assert_eq!(
        verdict("[fd00::1]:80", &[]),
        "redirected to port 15001, the proxy's outbound port: it is TCP and matches no exclusion"
    );
}
