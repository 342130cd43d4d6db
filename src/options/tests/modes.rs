//! Tproxy mode, reroute interfaces, DNS capture and excluded ports of users.

use super::*;
use crate::intent::{Dns, InboundMode, Owners, Port, PortsForUids, Protocol, Tproxy};

use Setting as S;

/// Text for every file but one.
pub(super) struct FileWith(pub(super) &'static str);

impl Files for FileWith {
    fn read(&self, name: &str) -> Result<String, String> {
        match name {
            "missing" => Err("no such file".to_owned()),
            _ => Ok(self.0.to_owned()),
        }
    }
}

fn with_resolv_conf(text: &'static str, texts: &[(S, &str)]) -> Result<Option<Dns>, String> {
    let mut given = flags(texts);
    given.set(S::Dns, Origin::Flag, "resolvers".to_owned());
    match capture(&given, &NoNames, &FileWith(text)) {
        Ok(parsed) => Ok(parsed.capture_of(Families::Both).dns),
        Err(errors) => Err(lines(&errors)),
    }
}

fn addresses(texts: &[&str]) -> RangeSelection {
    let networks = texts
        .iter()
        .map(|text| crate::parse::network(text).unwrap());
    RangeSelection::Only(networks.collect())
}

#[test]
fn tproxy_mode_has_the_meshes_marks_and_table() {
    let mode = |texts| captured(texts).inbound.mode;
    assert_eq!(
        mode(&[(S::InboundMode, "tproxy")]),
        InboundMode::Tproxy(Tproxy {
            mark: 1337,
            outbound_mark: 1338,
            table: 133,
        })
    );
    let other = [
        (S::InboundMode, "tproxy"),
        (S::TproxyMark, "0x10"),
        (S::OutboundMark, "17"),
        (S::TproxyTable, "0x100"),
    ];
    assert_eq!(
        mode(&other),
        InboundMode::Tproxy(Tproxy {
            mark: 16,
            outbound_mark: 17,
            table: 256,
        })
    );
}

#[test]
fn dns_is_captured_to_resolvers_or_all() {
    let dns = |port, servers| {
        let port = Port::new(port).unwrap();
        Ok(Some(Dns::new(port, servers)))
    };
    let file = "nameserver 127.0.0.53\nnameserver fd00::53\n";
    assert_eq!(
        with_resolv_conf(file, &[]),
        dns(15_053, addresses(&["127.0.0.53", "fd00::53"]))
    );
    assert_eq!(
        with_resolv_conf("nameserver 10.0.0.1\n", &[(S::DnsPort, "5353")]),
        dns(5353, addresses(&["10.0.0.1"]))
    );
    assert_eq!(captured(&[(S::Dns, "off")]).dns, None);
    let all = captured(&[(S::Dns, "all")]).dns.unwrap();
    assert_eq!(all.servers, RangeSelection::All);
}

#[test]
fn resolv_conf_is_read_only_for_resolvers() {
    let missing = [(S::ResolvConf, "missing"), (S::Dns, "all")];
    let parsed = capture(&flags(&missing), &NoNames, &FileWith(""));
    assert!(parsed.is_ok());
}

#[test]
fn requires_a_name_server_to_capture_dns() {
    let errors = [
        with_resolv_conf("search a.b\n", &[]),
        with_resolv_conf(
            "nameserver ::1\n",
            &[(S::IpFamilies, "ipv4"), (S::ResolvConf, "f")],
        ),
        with_resolv_conf("", &[(S::ResolvConf, "missing")]),
        with_resolv_conf("nameserver dns\nnameserver ::1\nnameserver 10.1\n", &[]),
    ];
    assert_data_eq!(
        errors.map(Result::unwrap_err).join("\n"),
        str![[r#"
--resolv-conf: "/etc/resolv.conf" has no name server of a captured family, so that queries would bypass the proxy; add a nameserver line, or set --dns to all or off
--resolv-conf: "f" has no name server of a captured family, so that queries would bypass the proxy; add a nameserver line, or set --dns to all or off
--resolv-conf: cannot read "missing": no such file
--resolv-conf: "/etc/resolv.conf", line 1: expected the IPv4 or IPv6 address of a name server, found "dns"
--resolv-conf: "/etc/resolv.conf", line 3: expected the IPv4 or IPv6 address of a name server, found "10.1"
"#]]
    );
}

#[test]
fn exclusions_of_users_are_separated_by_semicolons() {
    let exclusion = |protocol, port, (first, last)| PortsForUids {
        protocol,
        ports: Ports::from_iter([Interval::single(port)]),
        uids: Owners::from_iter([Interval::between(first, last)]),
    };
    let excluded = captured(&[(
        S::ExcludeOutboundPortsForUids,
        "tcp:3306:999; 22:0-99;tcp:3306:999",
    )]);
    assert_eq!(
        excluded.outbound.exclude_ports_for_uids,
        [
            exclusion(Some(Protocol::Tcp), 3306, (999, 999)),
            exclusion(None, 22, (0, 99)),
        ]
    );
    assert_data_eq!(
        mistaken(&[(S::ExcludeOutboundPortsForUids, "0:1;2:x;3:4;")]),
        str![[r#"
--exclude-outbound-ports-for-uids: expected a port (1-65535), found "0"
--exclude-outbound-ports-for-uids: there is no user "x" in /etc/passwd; expected an id (0-4294967294) or a name
--exclude-outbound-ports-for-uids: expected [tcp:|udp:]PORTS:UIDS (such as tcp:3306,6000-6999:999,2000-2999), found ""
"#]]
    );
}

#[test]
fn refuses_marks_and_tables_that_cut_the_pod_off() {
    let errors = mistaken(&[
        (S::InboundMode, "tproxy"),
        (S::TproxyMark, "0"),
        (S::TproxyTable, "254"),
    ]);
    assert_data_eq!(
        errors,
        str![[r#"
--tproxy-mark: expected a mark of 1-4294967295, found 0; every packet without a mark has it, and all would be delivered to this pod
--tproxy-table: expected a routing table of 1-252 or 256-4294967295, found 254; every packet uses that table, and all would be delivered to this pod
"#]]
    );
}

#[test]
fn warns_about_modes_with_the_consequence() {
    const TPROXY: (S, &str) = (S::InboundMode, "tproxy");
    const ALL: (S, &str) = (S::Dns, "all");
    let cases: &[&[(S, &str)]] = &[
        &[TPROXY, (S::OutboundMark, "1337")],
        &[TPROXY, (S::OutboundMark, "0")],
        &[TPROXY, (S::IncludeInboundPorts, "")],
        &[TPROXY, (S::RerouteInterfaces, "tap0")],
        &[
            (S::RerouteInterfaces, "tap0,tap1"),
            (S::ExcludeInterfaces, "tap1"),
        ],
        &[(S::TproxyMark, "7")],
        &[(S::DnsPort, "5353")],
        &[(S::ResolvConf, "f")],
        &[ALL, (S::DnsPort, "15001")],
        &[ALL, (S::ExcludeOutboundPorts, "50-60")],
        &[(S::ExcludeOutboundPortsForUids, "udp:53:7")],
        &[ALL, (S::ExcludeOutboundPortsForUids, "udp:123:7")],
    ];
    assert_data_eq!(
        warnings_of(cases),
        str![[r#"
[(InboundMode, "tproxy"), (OutboundMark, "1337")]
  --outbound-mark: also the mark of --tproxy-mark: the proxy's connections to its own pod do not pass its inbound side
[(InboundMode, "tproxy"), (OutboundMark, "0")]
  --outbound-mark: 0 is the mark of every packet without a mark: connections between processes of the pod are captured, too
[(InboundMode, "tproxy"), (IncludeInboundPorts, "")]
  --inbound-mode: tproxy has no effect: --include-inbound-ports is empty, so that no connection reaches the proxy
[(InboundMode, "tproxy"), (RerouteInterfaces, "tap0")]
  --reroute-interfaces: only used for ports that are not captured inbound: in tproxy mode connections to the others go to the inbound port on every interface, unless --exclude-interfaces contains the interface, too
[(RerouteInterfaces, "tap0,tap1"), (ExcludeInterfaces, "tap1")]
  --reroute-interfaces: contains an interface that is also in --exclude-interfaces: traffic that arrives there is captured
[(TproxyMark, "7")]
  --tproxy-mark: no effect without --inbound-mode tproxy
[(DnsPort, "5353")]
  --dns-port: no effect without --dns
[(ResolvConf, "f")]
  --resolv-conf: no effect without --dns
[(Dns, "all"), (DnsPort, "15001")]
  --dns-port: also the proxy's outbound port: the proxy cannot tell DNS over TCP from other connections there
[(Dns, "all"), (ExcludeOutboundPorts, "50-60")]
  --exclude-outbound-ports: contains port 53: DNS is not captured, although --dns asks for it
[(ExcludeOutboundPortsForUids, "udp:53:7")]
  --exclude-outbound-ports-for-uids: excludes UDP ports, which has no effect: UDP is captured only to port 53, and only with --dns
[(Dns, "all"), (ExcludeOutboundPortsForUids, "udp:123:7")]
  --exclude-outbound-ports-for-uids: excludes UDP ports, which has no effect: UDP is captured only to port 53, and only with --dns

"#]]
    );
}

#[test]
fn does_not_warn_about_common_modes() {
    let cases: &[&[(S, &str)]] = &[
        &[
            (S::InboundMode, "tproxy"),
            (S::TproxyMark, "1"),
            (S::TproxyTable, "100"),
        ],
        &[
            (S::Dns, "resolvers"),
            (S::ResolvConf, "f"),
            (S::DnsPort, "5353"),
        ],
        &[
            (S::Dns, "all"),
            (S::ExcludeOutboundPortsForUids, "udp:1-100:7"),
        ],
        &[
            (S::Dns, "all"),
            (S::IncludeInboundPorts, ""),
            (S::IncludeOutboundIpRanges, ""),
        ],
        &[(S::ExcludeOutboundPortsForUids, "22:7")],
        &[
            (S::RerouteInterfaces, "tap0"),
            (S::IncludeInboundPorts, ""),
            (S::IncludeOutboundIpRanges, ""),
        ],
        &[
            (S::InboundMode, "tproxy"),
            (S::RerouteInterfaces, "tap0"),
            (S::ExcludeInterfaces, "tap0"),
        ],
    ];
    for texts in cases {
        assert_eq!(warned(texts), "", "{texts:?}");
    }
}

#[test]
fn listed_servers_replace_the_file() {
    let listed = |servers| {
        captured(&[(Setting::Dns, "resolvers"), (Setting::DnsServers, servers)])
            .dns
            .unwrap()
            .servers
    };
    let networks = ["10.0.0.2/32", "fd00::/64"];
    let expected = networks.iter().map(|text| text.parse().unwrap()).collect();
    assert_eq!(listed("10.0.0.2,fd00::/64"), RangeSelection::Only(expected));
    assert_data_eq!(
        mistaken(&[(Setting::Dns, "resolvers"), (Setting::DnsServers, "")]),
        str![
            "--dns-servers: expected at least one address, since queries would bypass the proxy otherwise; to capture no DNS, set --dns to off"
        ]
    );
    let servers = (Setting::DnsServers, "10.0.0.2");
    assert_data_eq!(
        warned(&[(Setting::Dns, "all"), servers]),
        str!["--dns-servers: no effect without --dns resolvers"]
    );
    assert_data_eq!(
        warned(&[servers]),
        str!["--dns-servers: no effect without --dns"]
    );
    let file = (Setting::ResolvConf, "/etc/resolv.conf");
    assert_data_eq!(
        warned(&[(Setting::Dns, "resolvers"), servers, file]),
        str!["--resolv-conf: not read: --dns-servers has the name servers"]
    );
}

#[test]
fn another_server_is_one_host() {
    let dns = |text| captured(&[(Setting::Dns, "all"), (Setting::DnsTo, text)]).dns;
    let to = |text| dns(text).unwrap().to;
    assert_eq!(to("10.96.0.20"), Some("10.96.0.20".parse().unwrap()));
    assert_eq!(to("fd00::a"), Some("fd00::a".parse().unwrap()));
    assert_eq!(to(""), None);
    assert_data_eq!(
        mistaken(&[
            (Setting::Dns, "all"),
            (Setting::DnsTo, "0.0.0.0"),
            (Setting::DnsOf, "all")
        ]),
        str![[r#"
--dns-to: expected the address of one host, found 0.0.0.0
--dns-of: expected one of apps, everyone, found "all"
"#]]
    );
    assert_data_eq!(
        warned(&[(Setting::DnsTo, "10.0.0.2"), (Setting::DnsOf, "everyone")]),
        str![[r#"
--dns-to: no effect without --dns
--dns-of: no effect without --dns
"#]]
    );
}

#[test]
fn proxy_may_have_no_user() {
    let none = (Setting::ProxyUid, "none");
    let proxy = captured(&[none]).proxy;
    assert_eq!((proxy.uids, proxy.gids), (vec![], vec![]));
    assert_data_eq!(
        warned(&[none]),
        str![
            "--proxy-uid: no user or group is the proxy: its own connections are captured again, in a loop, unless another option excludes them"
        ]
    );
    assert_eq!(captured(&[none, (Setting::ProxyGid, "7")]).proxy.gids, [7]);
    assert_eq!(warned(&[none, (Setting::ProxyGid, "7")]), "");
}

#[test]
fn loopback_is_captured_if_ranges_contain_it() {
    let over_loopback = |ranges, word| {
        let ranges = (Setting::IncludeOutboundIpRanges, ranges);
        let word = (Setting::CaptureOverLoopback, word);
        captured(&[ranges, word]).outbound.capture_over_loopback
    };
    assert!(over_loopback("127.0.0.0/8", "auto"));
    assert!(!over_loopback("127.0.0.0/8", "never"));
    assert!(!over_loopback("*", "auto"));
    assert!(over_loopback("*", "always"));
    assert!(over_loopback("10.0.0.0/8", "always"));
    let always = (Setting::CaptureOverLoopback, "always");
    assert_eq!(warned(&[always]), "");
}
