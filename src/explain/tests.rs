//! What is said of a connection, and what is assumed.

use std::net::IpAddr;

use snapbox::{assert_data_eq, str};

use super::*;
use crate::parse::{Accounts, NameError, OwnerKind};

/// `istio-proxy` is 1337, and nobody else is known.
struct OneName;

impl Accounts for OneName {
    fn id_of(&self, _: OwnerKind, name: &str) -> Result<u32, NameError> {
        (name == "istio-proxy")
            .then_some(1337)
            .ok_or(NameError::Unknown)
    }
}

/// A pod with 10.1.0.2 and `fd01::2` on `eth0`, 10.2.0.2 on `net1`, and a default route by `eth0`.
struct Pod;

impl Surroundings for Pod {
    fn way_to(&self, destination: IpAddr, source: Option<IpAddr>, _: u32) -> Option<Way> {
        let own = |text: &str| Some(text.parse().unwrap());
        let (interface, address): (_, Option<IpAddr>) = match destination.to_string().as_str() {
            text @ ("10.1.0.2" | "10.2.0.2" | "fd01::2" | "127.0.0.1" | "::1") => ("lo", own(text)),
            text if text.starts_with("10.2.0.") => ("net1", own("10.2.0.2")),
            text if text.contains(':') => ("eth0", own("fd01::2")),
            _ => ("eth0", own("10.1.0.2")),
        };
        Some(Way {
            interface: interface.to_owned(),
            source: source.or(address)?,
        })
    }

    fn interface_of(&self, address: IpAddr) -> Option<String> {
        let interface = match address.to_string().as_str() {
            "10.1.0.2" | "fd01::2" => "eth0",
            "10.2.0.2" => "net1",
            _ => return None,
        };
        Some(interface.to_owned())
    }
}

/// Each connection as asked and as evaluated, in the surroundings.
fn completed(surroundings: &dyn Surroundings, asked: &[&str]) -> String {
    let line = |text: &&str| {
        let question = Question::parse(text, &OneName).unwrap();
        let Completed {
            connection,
            assumed,
        } = complete(&question, surroundings);
        let assumed: Vec<_> = assumed.iter().map(|part| part.name()).collect();
        format!("{text}\n  {connection}\n  {}\n", assumed.join(" "))
    };
    asked.iter().map(line).collect()
}

const ASKED: [&str; 14] = [
    "out tcp 10.0.0.5:443 uid=1000 gid=1000",
    "in tcp :8080 from=10.1.2.3 dev=eth0",
    "out udp [fd00::a]:53 dev=lo mark=0x539",
    "out",
    "in",
    "out tcp 10.1.0.2:8080 uid=istio-proxy",
    "out tcp 127.0.0.1:80",
    "out udp ::1",
    "out icmp fd00::a",
    "in udp from=[2001:db8::53]:53 state=established ctmark=7",
    "in tcp 10.2.0.2:80",
    "in tcp 10.1.0.2:80 from=10.2.0.9",
    "in tcp 127.0.0.1:80",
    "out protocol=47 10.0.0.5 uid=none",
];

#[test]
fn what_is_not_said_is_as_in_the_namespace() {
    assert_data_eq!(
        completed(&Pod, &ASKED),
        str![[r"
out tcp 10.0.0.5:443 uid=1000 gid=1000
  out tcp 10.0.0.5:443 from=10.1.0.2:40000 dev=eth0 uid=1000 gid=1000
  from from_port dev
in tcp :8080 from=10.1.2.3 dev=eth0
  in tcp 10.1.0.2:8080 from=10.1.2.3:40000 dev=eth0
  destination from_port
out udp [fd00::a]:53 dev=lo mark=0x539
  out udp [fd00::a]:53 from=[fd00::a]:40000 dev=lo uid=1000 gid=1000 mark=0x539
  from from_port uid gid
out
  out tcp 192.0.2.1:80 from=10.1.0.2:40000 dev=eth0 uid=1000 gid=1000
  protocol destination port from from_port dev uid gid
in
  in tcp 10.1.0.2:80 from=192.0.2.1:40000 dev=eth0
  protocol destination port from from_port dev
out tcp 10.1.0.2:8080 uid=istio-proxy
  out tcp 10.1.0.2:8080 from=10.1.0.2:40000 dev=lo uid=1337 gid=1337
  from from_port dev gid
out tcp 127.0.0.1:80
  out tcp 127.0.0.1:80 from=127.0.0.1:40000 dev=lo uid=1000 gid=1000
  from from_port dev uid gid
out udp ::1
  out udp [::1]:53 from=[::1]:40000 dev=lo uid=1000 gid=1000
  port from from_port dev uid gid
out icmp fd00::a
  out protocol=58 fd00::a from=fd01::2 dev=eth0 uid=1000 gid=1000
  from dev uid gid
in udp from=[2001:db8::53]:53 state=established ctmark=7
  in udp [fd01::2]:53 from=[2001:db8::53]:53 dev=eth0 ctmark=0x7 state=established
  destination port dev
in tcp 10.2.0.2:80
  in tcp 10.2.0.2:80 from=192.0.2.1:40000 dev=net1
  from from_port dev
in tcp 10.1.0.2:80 from=10.2.0.9
  in tcp 10.1.0.2:80 from=10.2.0.9:40000 dev=net1
  from_port dev
in tcp 127.0.0.1:80
  in tcp 127.0.0.1:80 from=127.0.0.1:40000 dev=lo
  from from_port dev
out protocol=47 10.0.0.5 uid=none
  out protocol=47 10.0.0.5 from=10.1.0.2 dev=eth0 uid=none
  from dev

"]]
    );
}

#[test]
fn what_is_not_said_is_as_in_any_pod() {
    assert_data_eq!(
        completed(&Unknown, &ASKED),
        str![[r"
out tcp 10.0.0.5:443 uid=1000 gid=1000
  out tcp 10.0.0.5:443 from=192.0.2.2:40000 dev=eth0 uid=1000 gid=1000
  from from_port dev
in tcp :8080 from=10.1.2.3 dev=eth0
  in tcp 192.0.2.2:8080 from=10.1.2.3:40000 dev=eth0
  destination from_port
out udp [fd00::a]:53 dev=lo mark=0x539
  out udp [fd00::a]:53 from=[fd00::a]:40000 dev=lo uid=1000 gid=1000 mark=0x539
  from from_port uid gid
out
  out tcp 192.0.2.1:80 from=192.0.2.2:40000 dev=eth0 uid=1000 gid=1000
  protocol destination port from from_port dev uid gid
in
  in tcp 192.0.2.2:80 from=192.0.2.1:40000 dev=eth0
  protocol destination port from from_port dev
out tcp 10.1.0.2:8080 uid=istio-proxy
  out tcp 10.1.0.2:8080 from=192.0.2.2:40000 dev=eth0 uid=1337 gid=1337
  from from_port dev gid
out tcp 127.0.0.1:80
  out tcp 127.0.0.1:80 from=127.0.0.1:40000 dev=lo uid=1000 gid=1000
  from from_port dev uid gid
out udp ::1
  out udp [::1]:53 from=[::1]:40000 dev=lo uid=1000 gid=1000
  port from from_port dev uid gid
out icmp fd00::a
  out protocol=58 fd00::a from=2001:db8::2 dev=eth0 uid=1000 gid=1000
  from dev uid gid
in udp from=[2001:db8::53]:53 state=established ctmark=7
  in udp [2001:db8::2]:53 from=[2001:db8::53]:53 dev=eth0 ctmark=0x7 state=established
  destination port dev
in tcp 10.2.0.2:80
  in tcp 10.2.0.2:80 from=192.0.2.1:40000 dev=eth0
  from from_port dev
in tcp 10.1.0.2:80 from=10.2.0.9
  in tcp 10.1.0.2:80 from=10.2.0.9:40000 dev=eth0
  from_port dev
in tcp 127.0.0.1:80
  in tcp 127.0.0.1:80 from=127.0.0.1:40000 dev=lo
  from from_port dev
out protocol=47 10.0.0.5 uid=none
  out protocol=47 10.0.0.5 from=192.0.2.2 dev=eth0 uid=none
  from dev

"]]
    );
}

#[test]
fn every_word_that_is_wrong_is_told_with_what_is_accepted() {
    let wrong = |text: &str| {
        let errors = Question::parse(text, &OneName).unwrap_err();
        let lines: Vec<_> = errors.iter().map(|error| format!("  {error}\n")).collect();
        format!("{text}\n{}", lines.concat())
    };
    let texts = [
        "out tcp 10.0.0.5:0 from=10.0.0 dev=a/b uid=nobody gid=-1 mark=x ctmark=4294967296 state=old",
        "inn tpc 443 [fd00::a]443 [fd00::a 10.0.0.5:https frm=1 protocol=300 dev=eth+",
        "out in tcp udp 10.0.0.1 10.0.0.2 uid=1 uid=2",
        "in tcp :80 uid=0",
        "out tcp 10.0.0.5:80 from=fd00::a",
        "out icmp 10.0.0.5:80",
        "out tcp :80 uid=none gid=0",
        "out tcp ::ffff:10.0.0.5",
    ];
    assert_data_eq!(
        texts.map(wrong).concat(),
        str![[r#"
out tcp 10.0.0.5:0 from=10.0.0 dev=a/b uid=nobody gid=-1 mark=x ctmark=4294967296 state=old
  10.0.0.5:0: "0" is not a port (1-65535)
  from=10.0.0: "10.0.0" is not an IPv4 or IPv6 address
  dev=a/b: "a/b" has a character that an interface name cannot have: '/'; accepted is an interface name of up to 15 bytes, or a prefix with + or *
  uid=nobody: there is no user "nobody" in /etc/passwd; accepted are ids (0-4294967294) and names
  gid=-1: "-1" is not a group id (0-4294967294) or name
  mark=x: "x" is not a mark (0-4294967295, or as hexadecimal 0x0-0xffffffff)
  ctmark=4294967296: "4294967296" is not a mark (0-4294967295, or as hexadecimal 0x0-0xffffffff)
  state=old: "old" is not one of new, established, invalid
inn tpc 443 [fd00::a]443 [fd00::a 10.0.0.5:https frm=1 protocol=300 dev=eth+
  inn: is no part of a connection; accepted are out, in, tcp, udp, icmp, a destination (10.0.0.5:443, [fd00::a]:53, 10.0.0.5, :8080), and from=, dev=, uid=, gid=, mark=, ctmark=, state=, protocol=
  tpc: is no part of a connection; accepted are out, in, tcp, udp, icmp, a destination (10.0.0.5:443, [fd00::a]:53, 10.0.0.5, :8080), and from=, dev=, uid=, gid=, mark=, ctmark=, state=, protocol=
  443: is no part of a connection; accepted are out, in, tcp, udp, icmp, a destination (10.0.0.5:443, [fd00::a]:53, 10.0.0.5, :8080), and from=, dev=, uid=, gid=, mark=, ctmark=, state=, protocol=
  [fd00::a]443: "[fd00::a]443" is not an IPv4 or IPv6 address
  [fd00::a: "[fd00::a" is not an IPv4 or IPv6 address
  10.0.0.5:https: "https" is not a port (1-65535)
  frm=1: there is no such key; accepted are from=, dev=, uid=, gid=, mark=, ctmark=, state=, protocol=
  protocol=300: "300" is not a number (0-255)
  dev=eth+: "eth+" is not one of the names of interfaces, which have no wildcards
out in tcp udp 10.0.0.1 10.0.0.2 uid=1 uid=2
  in: says a second time what the direction is
  udp: says a second time what the protocol is
  10.0.0.2: says a second time what the destination is
  uid=2: says a second time what the user is
  uid=1: what arrives has no owner here; accepted with out alone
in tcp :80 uid=0
  uid=0: what arrives has no owner here; accepted with out alone
out tcp 10.0.0.5:80 from=fd00::a
  from=fd00::a: is ipv6, and the destination is not; both ends are of one family
out icmp 10.0.0.5:80
  icmp: names a port, and only tcp and udp have ports
out tcp :80 uid=none gid=0
  gid=0: contradicts the other of uid and gid; a packet without a socket has neither
out tcp ::ffff:10.0.0.5
  ::ffff:10.0.0.5: ::ffff:10.0.0.5 is an IPv4-mapped IPv6 address, which no packet bears; write the IPv4 form 10.0.0.5

"#]]
    );
}

#[test]
fn a_filter_has_the_parts_that_were_said_and_no_others() {
    assert_eq!(Question::parse("", &OneName), Ok(Question::default()));
    let question = Question::parse("tcp :443", &OneName).unwrap();
    assert_eq!(question.direction, None);
    assert_eq!(question.destination.address, None);
    assert_eq!(
        question.destination.port.map(crate::intent::Port::number),
        Some(443)
    );
}

proptest::proptest! {
    #[test]
    fn any_text_is_a_question_or_has_words_to_blame(text in "([a-z0-9.:=\\[\\]/ ]|out |tcp |from=|dev=|uid=|::1){0,12}|\\PC{0,40}") {
        match Question::parse(&text, &OneName) {
            Ok(question) => {
                let completed = complete(&question, &Pod);
                let said = completed.connection.to_string();
                let again = Question::parse(&said, &OneName).map(|question| complete(&question, &Pod).connection);
                proptest::prop_assert_eq!(again, Ok(completed.connection));
            }
            Err(errors) => {
                for error in &errors {
                    proptest::prop_assert!(text.contains(&error.word), "{}", error);
                }
                proptest::prop_assert!(!errors.is_empty());
            }
        }
    }
}
