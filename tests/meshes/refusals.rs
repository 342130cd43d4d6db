//! Refused values, and the messages.

use netweir::meshes::{CompatCommand, Consul, ConsulFlag, Istio, IstioFlag, Linkerd, LinkerdFlag};
use netweir::options::{OptionSet, OptionValues, Origin};
use netweir_testkit::fakes::NoFiles;

use snapbox::{assert_data_eq, file, str};

use crate::outcomes::{SomeNames, read};

/// The errors that name the flag, or the variable without a flag.
fn refused<P: CompatCommand>(flag: P::Flag, text: &str) -> String {
    let mut texts = OptionValues::default();
    texts.set(flag, Origin::Flag, text.to_owned());
    let name = texts.name(flag);
    let mut errors = P::read(&texts, &SomeNames, &NoFiles)
        .1
        .err()
        .unwrap_or_default();
    errors.retain(|error| error.option == name);
    let messages: Vec<_> = errors
        .iter()
        .map(|error| error.problem.to_string())
        .collect();
    assert!(
        !messages.is_empty(),
        "{flag:?} {text:?} is accepted",
        flag = flag.spec().about
    );
    messages.join("; ")
}

/// The error for each value.
fn refusals<P: CompatCommand>(cases: &[(P::Flag, &str)]) -> String {
    let lines = cases.iter().map(|&(flag, text)| {
        let name = OptionValues::default().name(flag);
        format!("{name} {text:?}\n  {}\n", refused::<P>(flag, text))
    });
    lines.collect()
}

const ISTIO: &[(IstioFlag, &str)] = &[
    (IstioFlag::EnvoyPort, "0"),
    (IstioFlag::InboundCapturePort, ""),
    (IstioFlag::InboundTunnelPort, "65536"),
    (IstioFlag::ProxyUid, "1000-1001"),
    (IstioFlag::ProxyUid, ","),
    (IstioFlag::Mode, "NONE"),
    (IstioFlag::Mode, "tproxy"),
    (IstioFlag::InboundPorts, "http"),
    (IstioFlag::InboundPorts, "*,80"),
    (IstioFlag::InboundPorts, " *"),
    (IstioFlag::InboundPortsExclude, "*"),
    (IstioFlag::InboundPorts, "0,9-8,1:2:3"),
    (IstioFlag::PortsExclude, "010"),
    (IstioFlag::PortsInclude, "80/tcp"),
    (IstioFlag::RangesInclude, "10.0.0.1"),
    (IstioFlag::RangesInclude, "10.0.0.0/8, 11.0.0.0/8"),
    (IstioFlag::RangesInclude, "*,10.0.0.0/8"),
    (IstioFlag::RangesExclude, "*"),
    (IstioFlag::RangesExclude, "10.0.0.0/33"),
    (IstioFlag::ExcludeInterfaces, "eth*"),
    (IstioFlag::RerouteInterfaces, "a234567890123456"),
    (IstioFlag::GroupsInclude, "*,202"),
    (IstioFlag::GroupsExclude, "no-such-group"),
    (IstioFlag::LoopbackCidr, "10.0.0.0/8"),
    (IstioFlag::LoopbackCidr, "127.0.0.1/7"),
    (IstioFlag::LoopbackCidr, "127.0.0.1"),
    (IstioFlag::LoopbackCidr, "::1/128"),
    (IstioFlag::LoopbackCidr, ""),
    (IstioFlag::TproxyMark, "0"),
    (IstioFlag::TproxyMark, "01337"),
    (IstioFlag::TproxyTable, "main"),
    (IstioFlag::RedirectDns, "yes"),
    (IstioFlag::OldDns, "ALL"),
    (IstioFlag::NoOwnPod, "1"),
    (IstioFlag::ConfigScripts, "/var/lib/istio/envoy/sidecar.env"),
    (IstioFlag::DryRun, ""),
    (IstioFlag::ProbePort, "65536"),
    (IstioFlag::ProbeTimeout, "5"),
    (IstioFlag::NetworkNamespace, ".."),
    (IstioFlag::Format, "json"),
    (IstioFlag::NativeNftables, "maybe"),
    (IstioFlag::Vklog, "high"),
    (IstioFlag::LogOutputLevel, "default:loud"),
    (IstioFlag::LogAsJson, "json"),
];

#[test]
fn refuses_values_that_istio_refuses_or_misreads() {
    assert_data_eq!(refusals::<Istio>(ISTIO), file!["refusals/istio.txt"]);
}

#[test]
fn errors_name_the_variable_that_was_set() {
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

const CONSUL: &[(ConsulFlag, &str)] = &[
    (ConsulFlag::ProxyUid, ""),
    (ConsulFlag::ProxyUid, "no-such-user"),
    (ConsulFlag::ProxyUid, "-1"),
    (ConsulFlag::ProxyInboundPort, "0"),
    (ConsulFlag::ProxyInboundPort, "65536"),
    (ConsulFlag::ProxyOutboundPort, "x"),
    (ConsulFlag::ProxyId, "web"),
    (ConsulFlag::ExcludeInboundPort, "80,81"),
    (ConsulFlag::ExcludeInboundPort, "nonsense"),
    (ConsulFlag::ExcludeOutboundPort, "9-8;0"),
    (ConsulFlag::ExcludeOutboundCidr, "10.0.0.0/33;example.com"),
    (ConsulFlag::ExcludeUid, "no-such-user"),
    (ConsulFlag::ConsulDnsIp, "localhost"),
    (ConsulFlag::ConsulDnsIp, "::1"),
    (ConsulFlag::ConsulDnsIp, "0.0.0.0"),
    (ConsulFlag::ConsulDnsPort, "-1"),
    (ConsulFlag::DualStack, "yes"),
    (ConsulFlag::DualStack, "1"),
    (ConsulFlag::Netns, ".."),
    (ConsulFlag::Format, "json"),
];

#[test]
fn refuses_values_that_consul_refuses_or_misreads() {
    assert_data_eq!(refusals::<Consul>(CONSUL), file!["refusals/consul.txt"]);
    let missing = read::<Consul>(&[], &[]).unwrap_err();
    let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
    assert_data_eq!(
        missing.join("\n"),
        str![[r#"
--proxy-uid: missing; expected a number, such as 5995
--proxy-inbound-port: missing; expected a number, such as 20000
"#]]
    );
    let flags = [
        (ConsulFlag::ProxyUid, "101"),
        (ConsulFlag::ProxyInboundPort, "20000"),
        (ConsulFlag::ConsulDnsIp, "127.0.0.1"),
    ];
    let dual_stack = read::<Consul>(&flags, &[("CONSUL_DUAL_STACK", "true")]).unwrap_err();
    let dual_stack: Vec<_> = dual_stack.iter().map(ToString::to_string).collect();
    assert_data_eq!(
        dual_stack.join("\n"),
        str![
            "--consul-dns-ip: not supported: an IPv4 address in dual stack, where Consul's DNS has an IPv6 address"
        ]
    );
}

const LINKERD: &[(LinkerdFlag, &str)] = &[
    (LinkerdFlag::IncomingProxyPort, "0"),
    (LinkerdFlag::OutgoingProxyPort, "-1"),
    (LinkerdFlag::ProxyUid, "-2"),
    (LinkerdFlag::ProxyUid, "4294967295"),
    (LinkerdFlag::ProxyGid, "envoy"),
    (LinkerdFlag::PortsToRedirect, "http"),
    (LinkerdFlag::InboundPortsToIgnore, "25, 587"),
    (LinkerdFlag::InboundPortsToIgnore, "600-587"),
    (LinkerdFlag::OutboundPortsToIgnore, "25,70000"),
    (LinkerdFlag::SubnetsToIgnore, "10.0.0.1"),
    (LinkerdFlag::SubnetsToIgnore, "10.0.0.0/33"),
    (LinkerdFlag::Ipv6, "maybe"),
    (LinkerdFlag::TimeoutCloseWait, "-5"),
    (LinkerdFlag::IptablesMode, "nftables"),
    (LinkerdFlag::LogFormat, "xml"),
    (LinkerdFlag::LogLevel, "loud"),
    (LinkerdFlag::Format, "json"),
];

#[test]
fn refuses_values_that_linkerd_refuses_or_skips() {
    assert_data_eq!(refusals::<Linkerd>(LINKERD), file!["refusals/linkerd.txt"]);
    let missing = read::<Linkerd>(&[], &[]).unwrap_err();
    let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
    assert_data_eq!(
        missing.join("\n"),
        str![[r"
--incoming-proxy-port: missing; expected PORT, such as 4143
--outgoing-proxy-port: missing; expected PORT, such as 4140
"]]
    );
}
