mod properties;

use snapbox::{assert_data_eq, str};

use super::*;
use crate::intent::{Families, Family, Interval, Port, Ports};

/// Two accounts.
struct Known;

impl Accounts for Known {
    fn id_of(&self, kind: OwnerKind, name: &str) -> Result<OwnerId, NameError> {
        match (kind, name) {
            (OwnerKind::User, "istio-proxy") => Ok(1337),
            (OwnerKind::Group, "istio-proxy") => Ok(1338),
            (_, "minus-one") => Ok(OwnerId::MAX),
            (_, "unreadable") => Err(NameError::Unreadable("Permission denied".into())),
            _ => Err(NameError::Unknown),
        }
    }
}

fn user(text: &str) -> Result<Interval<OwnerId>, ValueError> {
    owners(text, OwnerKind::User, &Known)
}

fn tcp_ports(text: &str) -> Result<Ports, Vec<ValueError>> {
    list(text, |entry| ports(entry, '-'))
}

/// What is wrong with the text, in words.
fn wrong<T: std::fmt::Debug>(result: Result<T, ValueError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn port_is_a_plain_number_above_zero() {
    assert_eq!(port("1"), Ok(Port::new(1).unwrap()));
    assert_eq!(port("65535"), Ok(Port::new(65535).unwrap()));
    for text in [
        "0", "65536", "70000", "-1", "+80", "8 0", "", "http", "0x50", "８０",
    ] {
        assert_eq!(port(text), Err(ValueError::Port(text.into())));
    }
}

#[test]
fn port_range_ascends() {
    assert_eq!(ports("80", '-'), Ok(Interval::single(80)));
    assert_eq!(ports("8000-8999", '-'), Ok(Interval::between(8000, 8999)));
    assert_eq!(ports("8000:8999", ':'), Ok(Interval::between(8000, 8999)));
    assert_eq!(ports("80-80", '-'), Ok(Interval::single(80)));
    assert_data_eq!(
        wrong(ports("8999-8000", '-')),
        str![[r#""8999-8000" is a reversed range; did you mean 8000-8999"#]]
    );
    for text in [
        "-", "80-", "-80", "0-80", "80-65536", "1-2-3", "80 - 90", "a-b",
    ] {
        let error = ValueError::PortRange(text.into());
        assert_eq!(ports(text, '-'), Err(error));
    }
}

#[test]
fn tunnel_port_may_be_none() {
    assert_eq!(optional_port("none"), Ok(None));
    assert_eq!(optional_port("15008"), Ok(Port::new(15008)));
    assert_data_eq!(
        wrong(optional_port("0")),
        str![[r#"expected a port (1-65535) or none, found "0""#]]
    );
}

#[test]
fn list_reports_every_bad_entry() {
    let errors = tcp_ports("80, 70000 ,,9-8,443").unwrap_err();
    assert_eq!(
        errors,
        [
            ValueError::Port("70000".into()),
            ValueError::EmptyEntry,
            ValueError::Backwards("9-8".into(), 9, 8),
        ]
    );
}

#[test]
fn white_space_around_entries_is_ignored() {
    let expected: Ports = [80, 443, 8080].into_iter().collect();
    assert_eq!(tcp_ports(" 80,\t443,\n8080\n"), Ok(expected));
    assert_eq!(tcp_ports(""), Ok(Ports::default()));
    assert_eq!(tcp_ports(" \n"), Ok(Ports::default()));
}

#[test]
fn star_is_everything_and_must_be_alone() {
    let select = |text: &str| selection::<_, Ports>(text, |entry| ports(entry, '-'));
    assert_eq!(select("*"), Ok(Selection::All));
    assert_eq!(select(" * "), Ok(Selection::All));
    assert_eq!(select(""), Ok(Selection::Only(Ports::default())));
    assert_eq!(select("80,*"), Err(vec![ValueError::StarNotAlone]));
    assert_eq!(tcp_ports("*"), Err(vec![ValueError::Port("*".into())]));
}

#[test]
fn network_has_no_host_bits() {
    assert_eq!(network("10.0.0.0/8").unwrap().to_string(), "10.0.0.0/8");
    assert_eq!(network("10.0.0.1").unwrap().to_string(), "10.0.0.1/32");
    assert_eq!(network("fd00::1").unwrap().to_string(), "fd00::1/128");
    assert_eq!(network("0.0.0.0/0").unwrap().to_string(), "0.0.0.0/0");
    assert_eq!(network("::/0").unwrap().to_string(), "::/0");
    assert_data_eq!(
        wrong(network("10.0.0.1/8")),
        str!["10.0.0.1/8: host bits are set; did you mean 10.0.0.0/8"]
    );
    assert_data_eq!(
        wrong(network("fd00::1/64")),
        str!["fd00::1/64: host bits are set; did you mean fd00::/64"]
    );
}

#[test]
fn refuses_text_that_is_not_a_network() {
    for text in [
        "",
        "foo",
        "10.0.0",
        "10.0.0.0.0/8",
        "010.0.0.0/8",
        "1.2.3.4-1.2.3.9",
        "fe80::1%eth0",
        "*",
    ] {
        assert_eq!(
            network(text),
            Err(ValueError::Network(text.into())),
            "{text:?}"
        );
    }
    for (text, longest) in [
        ("10.0.0.0/33", 32),
        ("::/129", 128),
        ("10.0.0.0/", 32),
        ("10.0.0.0/+8", 32),
        ("10.0.0.0/8/8", 32),
    ] {
        let text = text.to_owned();
        assert_eq!(
            network(&text),
            Err(ValueError::PrefixLength(text.clone(), longest))
        );
    }
}

#[test]
fn refuses_ipv4_mapped_addresses_with_their_ipv4_form() {
    for (text, ipv4) in [
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("::ffff:a00:1", "10.0.0.1"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
    ] {
        let expected = ValueError::Ipv4Mapped(text.into(), ipv4.into());
        assert_eq!(network(text), Err(expected));
    }
    assert!(address("::ffff:127.0.0.6").is_err());
    // More than the mapped addresses is in here.
    assert!(network("::/80").is_ok());
}

#[test]
fn passthrough_source_is_the_address_of_one_host() {
    assert_eq!(
        passthrough_source("127.0.0.6"),
        Ok("127.0.0.6".parse().unwrap())
    );
    assert_eq!(passthrough_source("::6"), Ok("::6".parse().unwrap()));
    for text in ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"] {
        assert!(
            matches!(passthrough_source(text), Err(ValueError::Source(_))),
            "{text}"
        );
    }
    assert_data_eq!(
        wrong(passthrough_source("127.0.0.6/32")),
        str![[r#"expected an IPv4 or IPv6 address, found "127.0.0.6/32""#]]
    );
}

#[test]
fn loopback_range_is_inside_127_0_0_0_8() {
    assert_eq!(
        loopback_range("127.0.0.1").unwrap().to_string(),
        "127.0.0.1/32"
    );
    assert_eq!(
        loopback_range("127.0.0.0/8").unwrap().to_string(),
        "127.0.0.0/8"
    );
    for text in [
        "126.0.0.0/7",
        "0.0.0.0/0",
        "10.0.0.1",
        "::1",
        "128.0.0.0/32",
        // Without its host bits it would not be inside, either.
        "127.0.0.1/7",
        "localhost",
        "",
    ] {
        assert_eq!(
            loopback_range(text),
            Err(ValueError::LoopbackRange(text.into()))
        );
    }
    assert_data_eq!(
        loopback_range("127.0.0.1/8").unwrap_err().to_string(),
        str!["127.0.0.1/8: host bits are set; did you mean 127.0.0.0/8"]
    );
    assert_data_eq!(
        loopback_range("127.0.0.0/33").unwrap_err().to_string(),
        str![[r#"expected a prefix length of 0-32, found "127.0.0.0/33""#]]
    );
}

#[test]
fn owner_is_an_id_or_a_name() {
    assert_eq!(owner("0", OwnerKind::User, &Known), Ok(0));
    assert_eq!(
        owner("4294967294", OwnerKind::User, &Known),
        Ok(4_294_967_294)
    );
    assert_eq!(owner("istio-proxy", OwnerKind::User, &Known), Ok(1337));
    assert_eq!(owner("istio-proxy", OwnerKind::Group, &Known), Ok(1338));
    assert_data_eq!(
        wrong(owner("1000-1999", OwnerKind::User, &Known)),
        str![[r#"expected single user ids (0-4294967294) and names, found the range "1000-1999""#]]
    );
}

#[test]
fn refuses_text_that_is_not_an_owner() {
    let wrong_texts = [
        "4294967295",
        "minus-one",
        "4294967296",
        "-1",
        "+1",
        "a b",
        "root:x",
        "nosuch",
        "1000-",
        "unreadable",
    ];
    let errors = wrong_texts.map(|text| wrong(user(text)));
    assert_data_eq!(
        errors.join("\n"),
        str![[r#"
4294967295 is not a user id for the kernel; the largest is 4294967294
4294967295 is not a user id for the kernel; the largest is 4294967294
expected a user id (0-4294967294) or name, found "4294967296"
expected a user id (0-4294967294) or name, found "-1"
expected a user id (0-4294967294) or name, found "+1"
expected a user id (0-4294967294) or name, found "a b"
expected a user id (0-4294967294) or name, found "root:x"
there is no user "nosuch" in /etc/passwd; expected an id (0-4294967294) or a name
there is no user "1000-" in /etc/passwd; expected an id (0-4294967294) or a name
cannot look up the user "unreadable" in /etc/passwd: Permission denied; an id (0-4294967294) needs no lookup
"#]]
    );
}

#[test]
fn owners_may_be_ranges_of_ids() {
    assert_eq!(user("1000-1999"), Ok(Interval::between(1000, 1999)));
    assert_eq!(
        user("0-4294967294"),
        Ok(Interval::between(0, LARGEST_OWNER))
    );
    assert_eq!(user("istio-proxy"), Ok(Interval::single(1337)));
    assert_data_eq!(
        wrong(user("1999-1000")),
        str![[r#""1999-1000" is a reversed range; did you mean 1000-1999"#]]
    );
    assert_data_eq!(
        wrong(user("1-4294967295")),
        str!["4294967295 is not a user id for the kernel; the largest is 4294967294"]
    );
}

#[test]
fn words_are_exact() {
    let only = |family| Ok(FamilyChoice::Fixed(Families::Only(family)));
    assert_eq!(families("ipv4"), only(Family::Ipv4));
    assert_eq!(families("ipv6"), only(Family::Ipv6));
    assert_eq!(families("both"), Ok(FamilyChoice::Fixed(Families::Both)));
    assert_eq!(families("auto"), Ok(FamilyChoice::Auto));
    assert_data_eq!(
        wrong(families("IPv4")),
        str![[r#"expected one of ipv4, ipv6, both, auto, found "IPv4""#]]
    );
    assert_eq!(switch("true"), Ok(true));
    assert_eq!(switch("0"), Ok(false));
    assert_data_eq!(
        wrong(switch("yes")),
        str![[r#"expected one of true, 1, false, 0, found "yes""#]]
    );
    assert_eq!(count("2"), Ok(2));
    assert_data_eq!(
        wrong(count("256")),
        str![[r#"expected a number (0-255), found "256""#]]
    );
}

#[test]
fn network_namespace_is_a_path_a_name_or_a_process() {
    use NetworkNamespace as N;
    assert_eq!(
        network_namespace("/proc/1/ns/net"),
        Ok(N::Path("/proc/1/ns/net".into()))
    );
    assert_eq!(network_namespace("./pod"), Ok(N::Path("./pod".into())));
    assert_eq!(network_namespace("pod-1"), Ok(N::Name("pod-1".into())));
    assert_eq!(
        network_namespace("4711"),
        Ok(N::Process(4711.try_into().unwrap()))
    );
    for text in [
        "",
        "0",
        "2147483648",
        "4294967296",
        ".",
        "..",
        "a\0b",
        "/a\0",
    ] {
        assert_eq!(
            network_namespace(text),
            Err(ValueError::NetworkNamespace(text.into()))
        );
    }
}

#[test]
fn interface_error_has_its_reason() {
    assert_data_eq!(
        wrong(interface("eth0/1")),
        str![[
            r#"expected an interface name (up to 15 bytes) or a prefix with + or *, found "eth0/1", which has a character that an interface name cannot have: '/'"#
        ]]
    );
}
