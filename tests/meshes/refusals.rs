//! What is refused, and in what words.

use netweir::meshes::{CompatCommand, Flag, FlagValues, Istio, IstioFlag, Linkerd, LinkerdFlag};

use crate::fates::{SomeNames, read};

/// What is said of the flag, or of the variable that stands for it.
fn refused<P: CompatCommand>(flag: P::Flag, text: &str) -> String {
    let mut texts = FlagValues::default();
    texts.set(flag, text.to_owned());
    let mut said = Vec::new();
    if let Err(errors) = P::read(&texts, &SomeNames) {
        said.extend(errors);
    }
    if let Err(errors) = P::log_options(&texts) {
        said.extend(errors);
    }
    let name = texts.name(flag);
    said.retain(|error| error.option == name);
    let said: Vec<_> = said.iter().map(|error| error.problem.to_string()).collect();
    assert!(
        !said.is_empty(),
        "{flag:?} {text:?} is accepted",
        flag = flag.spec().about
    );
    said.join("; ")
}

const ISTIO: &[(IstioFlag, &str, &str)] = &[
    (IstioFlag::EnvoyPort, "0", "\"0\" is not a port (1-65535)"),
    (
        IstioFlag::InboundCapturePort,
        "",
        "\"\" is not a port (1-65535)",
    ),
    (
        IstioFlag::InboundTunnelPort,
        "65536",
        "\"65536\" is not a port (1-65535)",
    ),
    (
        IstioFlag::ProxyUid,
        "1000-1001",
        "\"1000-1001\" is a range; accepted are single user ids (0-4294967294) and names",
    ),
    (
        IstioFlag::ProxyUid,
        ",",
        "names nobody, and neither does --proxy-gid: the proxy's own connections would be captured again, without end; accepted is at least one user or group",
    ),
    (
        IstioFlag::Mode,
        "NONE",
        "\"NONE\" is not one of REDIRECT, TPROXY",
    ),
    (
        IstioFlag::Mode,
        "tproxy",
        "\"tproxy\" is not one of REDIRECT, TPROXY",
    ),
    (
        IstioFlag::InboundPorts,
        "http",
        "\"http\" is not a port (1-65535)",
    ),
    (
        IstioFlag::InboundPorts,
        "*,80",
        "\"*\" means everything and stands alone",
    ),
    (
        IstioFlag::InboundPorts,
        " *",
        "\"*\" means everything and stands alone",
    ),
    (
        IstioFlag::InboundPortsExclude,
        "*",
        "\"*\" is not a port (1-65535)",
    ),
    (
        IstioFlag::InboundPorts,
        "0,9-8,1:2:3",
        "\"0\" is not a port (1-65535); \"9-8\" runs backwards; did you mean 8-9; \"1:2:3\" is not a range of ports (such as 8000-8999, within 1-65535)",
    ),
    (
        IstioFlag::PortsExclude,
        "010",
        "\"010\" has a leading zero, with which iptables reads an octal number; accepted are decimal numbers without",
    ),
    (
        IstioFlag::PortsInclude,
        "80/tcp",
        "\"80/tcp\" is not a port (1-65535)",
    ),
    (
        IstioFlag::RangesInclude,
        "10.0.0.1",
        "\"10.0.0.1\" is not a CIDR: an IPv4 or IPv6 address, a slash and a prefix length (such as 10.0.0.0/8)",
    ),
    (
        IstioFlag::RangesInclude,
        "10.0.0.0/8, 11.0.0.0/8",
        "\" 11.0.0.0/8\" is neither an IPv4 or IPv6 address nor a CIDR (such as 10.0.0.0/8)",
    ),
    (
        IstioFlag::RangesInclude,
        "*,10.0.0.0/8",
        "\"*\" means everything and stands alone",
    ),
    (
        IstioFlag::RangesExclude,
        "*",
        "\"*\" is not a CIDR: an IPv4 or IPv6 address, a slash and a prefix length (such as 10.0.0.0/8)",
    ),
    (
        IstioFlag::RangesExclude,
        "10.0.0.0/33",
        "\"10.0.0.0/33\" has no valid prefix length (0-32)",
    ),
    (
        IstioFlag::ExcludeInterfaces,
        "eth*",
        "\"eth*\" ends in a star, which is no wildcard to iptables; a + is",
    ),
    (
        IstioFlag::RerouteInterfaces,
        "a234567890123456",
        "\"a234567890123456\" is longer than 15 bytes; accepted is an interface name of up to 15 bytes, or a prefix with + or *",
    ),
    (
        IstioFlag::GroupsInclude,
        "*,202",
        "there is no group \"*\" in /etc/group; accepted are ids (0-4294967294) and names",
    ),
    (
        IstioFlag::GroupsExclude,
        "nobody-here",
        "there is no group \"nobody-here\" in /etc/group; accepted are ids (0-4294967294) and names",
    ),
    (
        IstioFlag::LoopbackCidr,
        "10.0.0.0/8",
        "\"10.0.0.0/8\" is not an IPv4 address or CIDR inside 127.0.0.0/8",
    ),
    (
        IstioFlag::LoopbackCidr,
        "127.0.0.1/7",
        "\"127.0.0.1/7\" is not an IPv4 address or CIDR inside 127.0.0.0/8",
    ),
    (
        IstioFlag::LoopbackCidr,
        "127.0.0.1",
        "\"127.0.0.1\" is not a CIDR: an IPv4 or IPv6 address, a slash and a prefix length (such as 10.0.0.0/8)",
    ),
    (
        IstioFlag::LoopbackCidr,
        "::1/128",
        "\"::1/128\" is not an IPv4 address or CIDR inside 127.0.0.0/8",
    ),
    (
        IstioFlag::LoopbackCidr,
        "",
        "\"\" is not a CIDR: an IPv4 or IPv6 address, a slash and a prefix length (such as 10.0.0.0/8)",
    ),
    (
        IstioFlag::TproxyMark,
        "0",
        "0 is the mark of every packet that nobody marked: all of them would be for this pod, which would reach nobody any more; accepted is 1-4294967295",
    ),
    (
        IstioFlag::TproxyMark,
        "01337",
        "\"01337\" has a leading zero, with which iptables reads an octal number; accepted are decimal numbers without",
    ),
    (
        IstioFlag::TproxyTable,
        "main",
        "\"main\" is not a routing table (1-4294967295, or as hexadecimal 0x1-0xffffffff)",
    ),
    (
        IstioFlag::RedirectDns,
        "yes",
        "\"yes\" is not one of true, t, 1, false, f, 0",
    ),
    (
        IstioFlag::DryRun,
        "",
        "\"\" is not one of true, t, 1, false, f, 0",
    ),
    (
        IstioFlag::ProbePort,
        "65536",
        "\"65536\" is not a port (1-65535)",
    ),
    (
        IstioFlag::ProbeTimeout,
        "5",
        "\"5\" is not a time (such as 5s, 1m30s or 500ms)",
    ),
    (
        IstioFlag::NetworkNamespace,
        "..",
        "\"..\" is neither a path, nor a name under /run/netns, nor a process id",
    ),
    (
        IstioFlag::Format,
        "json",
        "\"json\" is of use with --dry-run alone, which prints the rules",
    ),
    (
        IstioFlag::NativeNftables,
        "maybe",
        "\"maybe\" is not one of true, t, 1, false, f, 0",
    ),
    (
        IstioFlag::Vklog,
        "high",
        "\"high\" is not a number (0-4294967295)",
    ),
    (
        IstioFlag::LogOutputLevel,
        "default:loud",
        "\"loud\" is not one of debug, info, warn, error, fatal, none",
    ),
    (
        IstioFlag::LogAsJson,
        "json",
        "\"json\" is not one of true, t, 1, false, f, 0",
    ),
];

#[test]
fn what_istio_refuses_or_misreads_is_refused() {
    for &(flag, text, said) in ISTIO {
        assert_eq!(refused::<Istio>(flag, text), said, "{flag:?} {text:?}");
    }
}

#[test]
fn bad_variables_are_refused_by_their_own_names() {
    let errors = read::<Istio>(
        &[],
        &[
            ("ISTIO_META_DNS_CAPTURE", "enabled"),
            ("IPTABLES_PROBE_PORT", "many"),
            ("ISTIO_SERVICE_CIDR", "10.0.0.0"),
        ],
    );
    let mut options: Vec<_> = errors
        .unwrap_err()
        .into_iter()
        .map(|error| error.option)
        .collect();
    options.sort();
    let names = [
        "IPTABLES_PROBE_PORT",
        "ISTIO_META_DNS_CAPTURE",
        "ISTIO_SERVICE_CIDR",
    ];
    assert_eq!(options, names);
}

const LINKERD: &[(LinkerdFlag, &str, &str)] = &[
    (
        LinkerdFlag::IncomingProxyPort,
        "0",
        "\"0\" is not a port (1-65535)",
    ),
    (
        LinkerdFlag::OutgoingProxyPort,
        "-1",
        "\"-1\" is not a port (1-65535)",
    ),
    (
        LinkerdFlag::ProxyUid,
        "-2",
        "\"-2\" is not a user id (0-4294967294)",
    ),
    (
        LinkerdFlag::ProxyUid,
        "4294967295",
        "4294967295 is not a user id to the kernel; the largest is 4294967294",
    ),
    (
        LinkerdFlag::ProxyGid,
        "envoy",
        "\"envoy\" is not a group id (0-4294967294)",
    ),
    (
        LinkerdFlag::PortsToRedirect,
        "http",
        "\"http\" is not a port (1-65535)",
    ),
    (
        LinkerdFlag::InboundPortsToIgnore,
        "25, 587",
        "\" 587\" is not a port (1-65535)",
    ),
    (
        LinkerdFlag::InboundPortsToIgnore,
        "600-587",
        "\"600-587\" runs backwards; did you mean 587-600",
    ),
    (
        LinkerdFlag::OutboundPortsToIgnore,
        "25,70000",
        "\"70000\" is not a port (1-65535)",
    ),
    (
        LinkerdFlag::SubnetsToIgnore,
        "10.0.0.1",
        "\"10.0.0.1\" is not a CIDR: an IPv4 or IPv6 address, a slash and a prefix length (such as 10.0.0.0/8)",
    ),
    (
        LinkerdFlag::SubnetsToIgnore,
        "10.0.0.0/33",
        "\"10.0.0.0/33\" has no valid prefix length (0-32)",
    ),
    (
        LinkerdFlag::Ipv6,
        "maybe",
        "\"maybe\" is not one of true, t, 1, false, f, 0",
    ),
    (
        LinkerdFlag::TimeoutCloseWait,
        "-5",
        "\"-5\" is not a number (0-4294967295)",
    ),
    (
        LinkerdFlag::IptablesMode,
        "nftables",
        "\"nftables\" is not one of legacy, nft, plain",
    ),
    (
        LinkerdFlag::LogFormat,
        "xml",
        "\"xml\" is not one of plain, json",
    ),
    (
        LinkerdFlag::LogLevel,
        "loud",
        "\"loud\" is not one of trace, debug, info, warn, error, fatal, panic",
    ),
    (
        LinkerdFlag::Format,
        "json",
        "\"json\" is of use with --dry-run alone, which prints the rules",
    ),
];

#[test]
fn what_linkerd_refuses_or_skips_is_refused() {
    for &(flag, text, said) in LINKERD {
        assert_eq!(refused::<Linkerd>(flag, text), said, "{flag:?} {text:?}");
    }
    let missing = read::<Linkerd>(&[], &[]).unwrap_err();
    let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
    assert_eq!(
        missing,
        [
            "--incoming-proxy-port: is missing; accepted is PORT, such as 4143",
            "--outgoing-proxy-port: is missing; accepted is PORT, such as 4140",
        ]
    );
}
