//! Completion of connections whose missing parts are assumed.

use std::net::IpAddr;

use snapbox::{assert_data_eq, str};

use super::*;
use crate::connection::ConnectionSpec;
use crate::intent::Family;
use crate::parse::{Accounts, NameError, OwnerKind};

/// Knows one user, `istio-proxy` with uid 1337.
struct OneName;

impl Accounts for OneName {
    fn id_of(&self, _: OwnerKind, name: &str) -> Result<u32, NameError> {
        (name == "istio-proxy")
            .then_some(1337)
            .ok_or(NameError::Unknown)
    }
}

/// A network of which nothing is known.
struct NoNetwork;

impl Network for NoNetwork {
    fn route_to(&self, _: IpAddr, _: Option<IpAddr>, _: u32) -> Option<Route> {
        None
    }

    fn interface_of(&self, _: IpAddr) -> Option<String> {
        None
    }

    fn has_address(&self, _: &str, _: Family) -> Option<bool> {
        None
    }
}

/// A pod with 10.1.0.2 and `fd01::2` on `eth0`, 10.2.0.2 on `net1`, and a default route by `eth0`.
struct Pod;

impl Network for Pod {
    fn route_to(&self, destination: IpAddr, source: Option<IpAddr>, _: u32) -> Option<Route> {
        let own = |text: &str| Some(text.parse().unwrap());
        let (interface, address): (_, Option<IpAddr>) = match destination.to_string().as_str() {
            text @ ("10.1.0.2" | "10.2.0.2" | "fd01::2" | "127.0.0.1" | "::1") => ("lo", own(text)),
            text if text.starts_with("10.2.0.") => ("net1", own("10.2.0.2")),
            text if text.contains(':') => ("eth0", own("fd01::2")),
            _ => ("eth0", own("10.1.0.2")),
        };
        Some(Route {
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

    fn has_address(&self, interface: &str, family: Family) -> Option<bool> {
        match (interface, family) {
            ("eth0" | "lo", _) | ("net1", Family::Ipv4) => Some(true),
            ("net1", Family::Ipv6) => Some(false),
            _ => None,
        }
    }
}

/// Each spec, its completed connection and the names of the assumed parts.
fn completed(network: &dyn Network, asked: &[&str]) -> String {
    let line = |text: &&str| {
        let spec = ConnectionSpec::parse(text, &OneName).unwrap();
        let Completed {
            connection,
            assumed,
            ..
        } = complete(&spec, network);
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
fn missing_parts_come_from_the_namespace() {
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
fn missing_parts_default_to_a_typical_pod() {
    assert_data_eq!(
        completed(&NoNetwork, &ASKED),
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

proptest::proptest! {
    #[test]
    fn parse_either_round_trips_or_blames_words_of_the_text(text in "([a-z0-9.:=\\[\\]/ ]|out |tcp |from=|dev=|uid=|::1){0,12}|\\PC{0,40}") {
        match ConnectionSpec::parse(&text, &OneName) {
            Ok(question) => {
                let completed = complete(&question, &Pod);
                let said = completed.connection.to_string();
                let again = ConnectionSpec::parse(&said, &OneName).map(|question| complete(&question, &Pod).connection);
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
