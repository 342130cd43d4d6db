mod files;
mod modes;

use std::rc::Rc;

use snapbox::{assert_data_eq, str};

use super::*;
use crate::intent::{
    Capture, Families, Family, InboundPorts, Interval, IpRanges, Ports, RangeSelection,
};
use crate::parse::{Accounts, FamilyChoice, NameError, OwnerKind};

struct NoNames;

impl Accounts for NoNames {
    fn id_of(&self, _: OwnerKind, _: &str) -> Result<u32, NameError> {
        Err(NameError::Unknown)
    }
}

/// A name server of each family, whatever the file.
struct OneFile;

impl Files for OneFile {
    fn read(&self, _: &str) -> Result<String, String> {
        Ok("nameserver 10.96.0.10\nnameserver fd00:10::a\n".to_owned())
    }
}

fn flags(texts: &[(Setting, &str)]) -> OptionValues {
    let mut given = OptionValues::default();
    for &(setting, text) in texts {
        given.set(setting, Origin::Flag, text.to_owned());
    }
    given
}

fn parsed(texts: &[(Setting, &str)]) -> Parsed {
    capture(&flags(texts), &NoNames, &OneFile).unwrap()
}

fn captured(texts: &[(Setting, &str)]) -> Capture {
    parsed(texts).capture_of(Families::Both)
}

/// The warnings, a line each.
fn warned(texts: &[(Setting, &str)]) -> String {
    lines(&parsed(texts).warnings)
}

fn lines<T: ToString>(messages: &[T]) -> String {
    let texts: Vec<_> = messages.iter().map(ToString::to_string).collect();
    texts.join("\n")
}

/// The warnings of cases that have one each.
fn warnings_of(cases: &[&[(Setting, &str)]]) -> String {
    let warnings = cases.iter().map(|texts| {
        let warning = warned(texts);
        assert_eq!(warning.lines().count(), 1, "{texts:?}: {warning}");
        format!("{texts:?}\n  {warning}\n")
    });
    warnings.collect()
}

/// The errors, a line each.
fn mistaken(texts: &[(Setting, &str)]) -> String {
    lines(&capture(&flags(texts), &NoNames, &OneFile).unwrap_err())
}

#[test]
fn defaults_capture_what_meshes_expect() {
    let parsed = parsed(&[]);
    assert_eq!(parsed.families, FamilyChoice::Fixed(Families::Both));
    assert!(parsed.warnings.is_empty());
    assert_eq!(parsed.capture_of(Families::Both), Capture::default());
}

#[test]
fn variable_is_the_name_in_capitals() {
    for setting in Setting::ALL {
        let spec = setting.spec();
        let variable = spec.name.to_uppercase().replace('-', "_");
        assert_eq!(spec.variables, [format!("NETWEIR_{variable}")]);
        assert_eq!(Setting::named(spec.name), Some(*setting));
    }
}

#[test]
fn every_default_and_every_example_is_a_valid_value() {
    for &setting in Setting::ALL {
        let spec = setting.spec();
        let texts = [spec.default.text(), Some(spec.example)];
        for text in texts.into_iter().flatten() {
            // A format is for dry runs, a verification for others.
            let dry_run = if setting == Setting::Verify {
                "false"
            } else {
                "true"
            };
            let given = flags(&[(setting, text), (Setting::DryRun, dry_run)]);
            let others = [
                network_namespace(&given).err(),
                output(&given).err(),
                log_options(&given).err(),
                capture(&given, &AnyName, &OneFile).err(),
            ];
            assert!(
                others.iter().all(Option::is_none),
                "{setting:?} {text:?}: {others:?}"
            );
        }
    }
}

struct AnyName;

impl Accounts for AnyName {
    fn id_of(&self, _: OwnerKind, _: &str) -> Result<u32, NameError> {
        Ok(7)
    }
}

#[test]
fn proxy_groups_default_to_its_users() {
    let proxy = |texts| captured(texts).proxy;
    let one = proxy(&[(Setting::ProxyUid, "5,3,5")]);
    assert_eq!((one.uids, one.gids), (vec![5, 3], vec![5, 3]));
    let none = proxy(&[(Setting::ProxyUid, "5"), (Setting::ProxyGid, "")]);
    assert_eq!((none.uids, none.gids), (vec![5], vec![]));
}

#[test]
fn proxy_needs_a_user_or_group() {
    let error = mistaken(&[(Setting::ProxyUid, "")]);
    let both = [(Setting::ProxyUid, ""), (Setting::ProxyGid, " ")];
    assert_eq!(mistaken(&both), error);
    assert_data_eq!(
        error,
        str![
            "--proxy-uid: expected a user, or a group in --proxy-gid; without either, the proxy's own connections would be captured again, in a loop"
        ]
    );
    assert_eq!(
        captured(&[(Setting::ProxyUid, ""), (Setting::ProxyGid, "7")])
            .proxy
            .gids,
        [7]
    );
}

#[test]
fn stars_and_empty_values_are_everything_and_nothing() {
    let some = |texts: &[(Setting, &str)]| captured(texts);
    let inbound = |text| some(&[(Setting::IncludeInboundPorts, text)]).inbound.ports;
    assert_eq!(inbound("*"), InboundPorts::AllExcept(Ports::default()));
    assert_eq!(inbound(""), InboundPorts::Only(Ports::default()));
    let ranges = |text| {
        some(&[(Setting::IncludeOutboundIpRanges, text)])
            .outbound
            .include_ranges
    };
    assert_eq!(ranges("*"), RangeSelection::All);
    assert_eq!(ranges(""), RangeSelection::Only(IpRanges::default()));
    let uids = |text| {
        some(&[(Setting::IncludeOutboundUids, text)])
            .outbound
            .uids
            .include
    };
    assert_eq!(uids("*"), None);
    assert!(uids("").unwrap().is_empty());
    let excluded = some(&[
        (Setting::ExcludeInboundPorts, "*"),
        (Setting::ExcludeOutboundIpRanges, "*"),
        (Setting::ExcludeOutboundGids, "*"),
    ]);
    let every_port: Ports = [Interval::between(1, u16::MAX)].into_iter().collect();
    assert_eq!(excluded.inbound.ports, InboundPorts::AllExcept(every_port));
    assert!(
        excluded
            .outbound
            .exclude_ranges
            .contains("192.0.2.1".parse().unwrap())
    );
    assert!(
        excluded
            .outbound
            .exclude_ranges
            .contains("2001:db8::1".parse().unwrap())
    );
    assert!(excluded.outbound.gids.exclude.contains(4_294_967_294));
}

#[test]
fn included_loopback_is_captured() {
    let over = |text| {
        captured(&[(Setting::IncludeOutboundIpRanges, text)])
            .outbound
            .capture_over_loopback
    };
    assert!(!over("*"));
    assert!(!over("10.0.0.0/8"));
    assert!(over("10.0.0.0/8,127.0.0.8/29"));
    assert!(over("::/0"));
}

#[test]
fn auto_leaves_the_families_to_the_namespace() {
    let parsed = parsed(&[(Setting::IpFamilies, "auto")]);
    assert_eq!(parsed.families, FamilyChoice::Auto);
    let ipv6 = Families::Only(Family::Ipv6);
    assert_eq!(parsed.capture_of(ipv6).families, ipv6);
}

#[test]
fn warns_with_the_consequence() {
    use Setting as S;
    let cases: &[&[(Setting, &str)]] = &[
        &[(S::InboundPort, "15001")],
        &[(S::TunnelPort, "15006")],
        &[(S::TunnelPort, "15001")],
        &[(S::ProxyUid, "0")],
        &[(S::ProxyGid, "0,1337")],
        &[(S::ExcludeInboundPorts, "15000-15001")],
        &[(S::ExcludeOutboundPorts, "15006")],
        &[
            (S::IncludeInboundPorts, "80"),
            (S::ExcludeInboundPorts, "81"),
        ],
        &[
            (S::IncludeOutboundPorts, "80-90"),
            (S::ExcludeOutboundPorts, "85"),
        ],
        &[(S::IncludeOutboundUids, "")],
        &[
            (S::IncludeOutboundGids, "5"),
            (S::ExcludeOutboundGids, "1-9"),
        ],
        &[
            (S::IncludeInboundPorts, ""),
            (S::IncludeOutboundIpRanges, ""),
        ],
        &[(S::IncludeOutboundIpRanges, "0.0.0.0/0")],
        &[(S::ExcludeOutboundIpRanges, "127.0.0.0/8")],
        &[(S::ExcludeInterfaces, "l+")],
        &[(S::PassthroughSource, "127.0.0.6")],
        &[
            (S::IpFamilies, "ipv4"),
            (S::ExcludeInboundIpRanges, "fd00::/8"),
        ],
    ];
    assert_data_eq!(
        warnings_of(cases),
        str![[r#"
[(InboundPort, "15001")]
  --inbound-port: also the proxy's outbound port: the proxy cannot tell inbound from outbound connections
[(TunnelPort, "15006")]
  --tunnel-port: also the proxy's inbound port: captured connections arrive where the proxy expects its own mutual TLS
[(TunnelPort, "15001")]
  --tunnel-port: also the proxy's outbound port: other pods can connect to it, and through it to everything that this pod can reach
[(ProxyUid, "0")]
  --proxy-uid: contains id 0: no connection of a process that runs as root is captured, including the application's
[(ProxyGid, "0,1337")]
  --proxy-gid: contains id 0: no connection of a process that runs as root is captured, including the application's
[(ExcludeInboundPorts, "15000-15001")]
  --exclude-inbound-ports: contains the proxy's own port 15001: other pods can connect to that listener directly, past the proxy's inbound side
[(ExcludeOutboundPorts, "15006")]
  --exclude-outbound-ports: contains the proxy's own port 15006: connections to that port on any host bypass the proxy
[(IncludeInboundPorts, "80"), (ExcludeInboundPorts, "81")]
  --exclude-inbound-ports: not used: --include-inbound-ports lists ports, and only those are captured
[(IncludeOutboundPorts, "80-90"), (ExcludeOutboundPorts, "85")]
  --include-outbound-ports: contains ports that are also in --exclude-outbound-ports: connections to them are not captured
[(IncludeOutboundUids, "")]
  --include-outbound-uids: no outbound connection is captured: all users or groups are excluded
[(IncludeOutboundGids, "5"), (ExcludeOutboundGids, "1-9")]
  --include-outbound-gids: no outbound connection is captured: all users or groups are excluded
[(IncludeInboundPorts, ""), (IncludeOutboundIpRanges, "")]
  --include-inbound-ports: no connection of the pod is captured, neither inbound nor outbound
[(IncludeOutboundIpRanges, "0.0.0.0/0")]
  --include-outbound-ip-ranges: contains loopback addresses: connections between processes of the pod are captured, except to the loopback range; * does not capture them
[(ExcludeOutboundIpRanges, "127.0.0.0/8")]
  --exclude-outbound-ip-ranges: contains loopback addresses, which has no effect: connections between processes of the pod are not captured anyway
[(ExcludeInterfaces, "l+")]
  --exclude-interfaces: contains the loopback interface: the proxy's connections to its own pod do not pass its inbound side
[(PassthroughSource, "127.0.0.6")]
  --passthrough-source: has no ipv6 address: the proxy's connections to its own application may be captured again, in a loop
[(IpFamilies, "ipv4"), (ExcludeInboundIpRanges, "fd00::/8")]
  --exclude-inbound-ip-ranges: contains ipv6 entries, which have no effect: --ip-families does not capture that family

"#]]
    );
}

#[test]
fn does_not_warn_about_common_options() {
    use Setting as S;
    let cases: &[&[(Setting, &str)]] = &[
        &[(S::ProxyUid, "1337,1338"), (S::ProxyGid, "")],
        &[(S::TunnelPort, "none")],
        &[(S::IncludeInboundPorts, "")],
        &[(S::IncludeOutboundIpRanges, "10.0.0.0/8")],
        &[(S::IpFamilies, "ipv4"), (S::PassthroughSource, "127.0.0.6")],
        &[(S::ExcludeInterfaces, "eth1,tun+")],
        &[
            (S::IncludeOutboundUids, "1000-1999"),
            (S::ExcludeOutboundUids, "1500"),
        ],
        &[(S::ExcludeInboundPorts, "15020,15021,15090")],
    ];
    for texts in cases {
        assert_eq!(warned(texts), "", "{texts:?}");
    }
}

#[test]
fn error_names_the_option_as_written() {
    let mut given = flags(&[(Setting::InboundPort, "0")]);
    given.set(
        Setting::OutboundPort,
        Origin::Variable("NETWEIR_OUTBOUND_PORT"),
        "x".into(),
    );
    given.set(
        Setting::TunnelPort,
        Origin::File(Rc::from("/etc/n.toml")),
        "y".into(),
    );
    let errors = capture(&given, &NoNames, &OneFile).unwrap_err();
    assert_data_eq!(
        lines(&errors),
        str![[r#"
NETWEIR_OUTBOUND_PORT: expected a port (1-65535), found "x"
--inbound-port: expected a port (1-65535), found "0"
tunnel-port in /etc/n.toml: expected a port (1-65535) or none, found "y"
"#]]
    );
}

#[test]
fn format_requires_dry_run() {
    let errors = output(&flags(&[(Setting::Format, "json")])).unwrap_err();
    assert_data_eq!(lines(&errors), str!["--format: requires --dry-run"]);
    let both = flags(&[(Setting::Format, "json"), (Setting::DryRun, "true")]);
    assert_eq!(output(&both), Ok(Output::Print(Format::Json)));
    // A file may have the format for the dry runs to come.
    let mut file = OptionValues::default();
    file.set(Setting::Format, Origin::File(Rc::from("f")), "json".into());
    assert_eq!(output(&file), Ok(INSTALL));
}

const INSTALL: Output = Output::Install {
    verify: false,
    host: false,
};

#[test]
fn verify_is_not_for_dry_runs() {
    let verify = (Setting::Verify, "true");
    assert_eq!(
        output(&flags(&[verify])),
        Ok(Output::Install {
            verify: true,
            host: false
        })
    );
    let errors = output(&flags(&[verify, (Setting::DryRun, "true")])).unwrap_err();
    assert_data_eq!(
        lines(&errors),
        str!["--verify: cannot be combined with --dry-run"]
    );
    // A variable may be set for every run, dry or not.
    let mut dry = flags(&[(Setting::DryRun, "true")]);
    dry.set(
        Setting::Verify,
        Origin::Variable("NETWEIR_VERIFY"),
        "true".into(),
    );
    assert_eq!(output(&dry), Ok(Output::Print(Format::Nft)));
}

#[test]
fn verbosity_has_levels() {
    let level = |texts: &[(Setting, &str)]| log_options(&flags(texts)).map(|options| options.level);
    assert_eq!(level(&[]), Ok(Level::Info));
    assert_eq!(level(&[(Setting::Verbose, "1")]), Ok(Level::Debug));
    assert_eq!(level(&[(Setting::Verbose, "9")]), Ok(Level::Trace));
    assert_eq!(level(&[(Setting::Quiet, "true")]), Ok(Level::Error));
    assert!(level(&[(Setting::Quiet, "true"), (Setting::Verbose, "1")]).is_err());
}

#[test]
fn options_that_are_set_by_key_are_named_without_dashes() {
    let objects = [
        r#"{"proxy-uid": ""}"#,
        r#"{"dns": "resolvers", "dns-servers": ""}"#,
        r#"{"dns": "resolvers", "ip-families": "ipv4", "resolv-conf": "f"}"#,
        r#"{"tproxy-mark": 7, "dns-port": 5353, "exclude-outbound-ports-for-uids": "udp:53:7"}"#,
        r#"{"ip-families": "ipv4", "exclude-inbound-ip-ranges": "fd00::/8", "passthrough-source": ""}"#,
        r#"{"inbound-mode": "tproxy", "include-inbound-ports": "", "outbound-mark": 1337, "reroute-interfaces": "tap0"}"#,
        r#"{"reroute-interfaces": "tap0", "exclude-interfaces": "tap0,lo", "include-inbound-ports": 80, "exclude-inbound-ports": 81}"#,
        r#"{"dns": "all", "dns-servers": "10.0.0.1", "exclude-outbound-ports": 53, "include-outbound-ports": 53}"#,
        r#"{"dns": "resolvers", "dns-servers": "10.0.0.1", "resolv-conf": "f"}"#,
    ];
    let mut messages = String::new();
    for object in objects {
        let object: serde_json::Map<_, _> = serde_json::from_str(object).unwrap();
        let (given, errors) = read_object(&object, |_| true);
        assert_eq!(errors, []);
        messages += &match capture(&given, &NoNames, &modes::FileWith("nameserver ::1")) {
            Ok(parsed) => lines(&parsed.warnings),
            Err(errors) => lines(&errors),
        };
        messages += "\n";
    }
    assert!(messages.lines().count() >= 14, "{messages}");
    assert!(!messages.contains("--"), "{messages}");
}

/// What costs the kernel time for each element has a limit, and one error.
#[test]
fn lists_that_cannot_be_sets_are_limited() {
    let sources = |count: u32| -> String {
        let texts = (1..=count).map(|n| format!("::1:{n:x}"));
        texts.collect::<Vec<_>>().join(",")
    };
    let messages = |count| match capture(
        &flags(&[(Setting::PassthroughSource, &sources(count))]),
        &NoNames,
        &OneFile,
    ) {
        Ok(_) => String::new(),
        Err(errors) => lines(&errors),
    };
    assert_eq!(messages(16), "");
    let limit = "--passthrough-source: expected at most 16 IPv6 addresses";
    assert_eq!(messages(17), limit);
    assert_eq!(messages(10_000), limit);
    let errors = |setting, text: &str| match capture(&flags(&[(setting, text)]), &NoNames, &OneFile)
    {
        Ok(_) => String::new(),
        Err(errors) => lines(&errors),
    };
    let names = |count: u32, rest: &str| -> String {
        let names = (1..=count).map(|n| format!("i{n}{rest}"));
        names.collect::<Vec<_>>().join(",")
    };
    for (setting, most, rest, limit) in [
        (
            Setting::ExcludeInterfaces,
            4096,
            "",
            "--exclude-interfaces: expected at most 4096 interfaces",
        ),
        (
            Setting::RerouteInterfaces,
            4096,
            "+",
            "--reroute-interfaces: expected at most 4096 interfaces",
        ),
        (
            Setting::VirtualNetworks,
            64,
            ":10.0.0.0/8",
            "--virtual-networks: expected at most 64 networks",
        ),
    ] {
        assert_eq!(errors(setting, &names(most, rest)), "");
        assert_eq!(errors(setting, &names(most + 1, rest)), limit);
    }
    let excluded = |text: &str| errors(Setting::ExcludeOutboundPortsForUids, text);
    let limit = "--exclude-outbound-ports-for-uids: expected at most 1024 combinations of users and ports (each range \
                 counts as one)";
    let one_each = |count: u32| -> String {
        let texts = (1..=count).map(|n| format!("{n}:{n}"));
        texts.collect::<Vec<_>>().join(";")
    };
    assert_eq!(excluded(&one_each(1024)), "");
    assert_eq!(excluded(&one_each(1025)), limit);
    // Few as written, and many without overlaps.
    let nested = (1..=60).map(|n| format!("{}:0-{}", 2 * n, 2 * n));
    assert_eq!(excluded(&nested.collect::<Vec<_>>().join(";")), limit);
    // Many as written; but a single exclusion has no limit.
    let odd = |count: u32| -> String {
        let numbers = (0..count).map(|n| (2 * n + 1).to_string());
        numbers.collect::<Vec<_>>().join(",")
    };
    let product = format!("{}:{}", odd(100), odd(100));
    assert_eq!(excluded(&product), "");
    assert_eq!(excluded(&format!("{product};22:0")), limit);
    assert_eq!(excluded(&format!("tcp:{product};udp:{product}")), "");
}
