//! The written form of a connection.

use snapbox::{assert_data_eq, str};

use super::*;
use crate::intent::Port;
use crate::parse::{Accounts, NameError, OwnerKind};

/// Knows no names.
struct NoNames;

impl Accounts for NoNames {
    fn id_of(&self, _: OwnerKind, _: &str) -> Result<u32, NameError> {
        Err(NameError::Unknown)
    }
}

#[test]
fn reports_every_invalid_word_with_what_is_expected() {
    let errors_of = |text: &str| {
        let errors = ConnectionSpec::parse(text, &NoNames).unwrap_err();
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
        texts.map(errors_of).concat(),
        str![[r#"
out tcp 10.0.0.5:0 from=10.0.0 dev=a/b uid=nobody gid=-1 mark=x ctmark=4294967296 state=old
  10.0.0.5:0: expected a port (1-65535), found "0"
  from=10.0.0: expected an IPv4 or IPv6 address, found "10.0.0"
  dev=a/b: expected an interface name (up to 15 bytes) or a prefix with + or *, found "a/b", which has a character that an interface name cannot have: '/'
  uid=nobody: there is no user "nobody" in /etc/passwd; expected an id (0-4294967294) or a name
  gid=-1: expected a group id (0-4294967294) or name, found "-1"
  mark=x: expected a mark (0-4294967295, or hexadecimal 0x0-0xffffffff), found "x"
  ctmark=4294967296: expected a mark (0-4294967295, or hexadecimal 0x0-0xffffffff), found "4294967296"
  state=old: expected one of new, midstream, established, invalid, found "old"
inn tpc 443 [fd00::a]443 [fd00::a 10.0.0.5:https frm=1 protocol=300 dev=eth+
  inn: not understood; expected out, in, tcp, udp, icmp, a destination (10.0.0.5:443, [fd00::a]:53, 10.0.0.5, :8080) or one of from=, dev=, uid=, gid=, mark=, ctmark=, state=, protocol=
  tpc: not understood; expected out, in, tcp, udp, icmp, a destination (10.0.0.5:443, [fd00::a]:53, 10.0.0.5, :8080) or one of from=, dev=, uid=, gid=, mark=, ctmark=, state=, protocol=
  443: not understood; for a port write :443
  [fd00::a]443: expected an IPv4 or IPv6 address, found "[fd00::a]443"
  [fd00::a: expected an IPv4 or IPv6 address, found "[fd00::a"
  10.0.0.5:https: expected a port (1-65535), found "https"
  frm=1: unknown key; expected from=, dev=, uid=, gid=, mark=, ctmark=, state= or protocol=
  protocol=300: expected a number (0-255), found "300"
  dev=eth+: expected an interface name without a wildcard, found "eth+"
out in tcp udp 10.0.0.1 10.0.0.2 uid=1 uid=2
  in: the direction is specified twice
  udp: the protocol is specified twice
  10.0.0.2: the destination is specified twice
  uid=2: the user is specified twice
  uid=1: an incoming connection has no owner in this namespace; only out takes uid= and gid=
in tcp :80 uid=0
  uid=0: an incoming connection has no owner in this namespace; only out takes uid= and gid=
out tcp 10.0.0.5:80 from=fd00::a
  from=fd00::a: the source is ipv6, the destination is not; both must be of one family
out icmp 10.0.0.5:80
  icmp: only tcp and udp have ports
out tcp :80 uid=none gid=0
  gid=0: contradicts uid=; a packet without a socket has neither a uid nor a gid
out tcp ::ffff:10.0.0.5
  ::ffff:10.0.0.5: ::ffff:10.0.0.5 is an IPv4-mapped IPv6 address, which no packet has; write the IPv4 form 10.0.0.5

"#]]
    );
}

#[test]
fn has_only_the_specified_parts() {
    assert_eq!(
        ConnectionSpec::parse("", &NoNames),
        Ok(ConnectionSpec::default())
    );
    assert_eq!(
        ConnectionSpec::parse("tcp :443", &NoNames),
        Ok(ConnectionSpec {
            protocol: Some(ProtocolSpec::Ported(Protocol::Tcp)),
            destination: EndpointSpec {
                address: None,
                port: Port::new(443),
            },
            ..ConnectionSpec::default()
        })
    );
}
