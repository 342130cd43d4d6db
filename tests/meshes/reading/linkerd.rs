//! What Linkerd's flags mean.

use netweir::intent::{
    Capture, Families, Family, InboundPorts, InterfacePattern, Interval, OwnerSelection,
    PassthroughSources,
};
use netweir::meshes::{Action, Linkerd, LinkerdFlag, Notice, Request, Show};
use netweir::options::Format;
use netweir::parse::NetworkNamespace;

use super::{captured, port};
use crate::istio_changes::Change;
use crate::outcomes::read;

/// The arguments that Linkerd's injector gives.
const LINKERDS_INJECTOR: [(LinkerdFlag, &str); 8] = [
    (LinkerdFlag::FirewallBinPath, "iptables-nft"),
    (LinkerdFlag::FirewallSaveBinPath, "iptables-nft-save"),
    (LinkerdFlag::Ipv6, "false"),
    (LinkerdFlag::IncomingProxyPort, "4143"),
    (LinkerdFlag::OutgoingProxyPort, "4140"),
    (LinkerdFlag::ProxyUid, "2102"),
    (LinkerdFlag::InboundPortsToIgnore, "4190,4191,4567,4568"),
    (LinkerdFlag::OutboundPortsToIgnore, "4567,4568"),
];

fn linkerd(flags: &[(LinkerdFlag, &str)]) -> Request {
    read::<Linkerd>(flags, &[]).unwrap_or_else(|errors| panic!("{flags:?}: {errors:?}"))
}

fn linkerds_capture() -> Capture {
    let default = Capture::default();
    let mut capture = Capture {
        families: Families::Only(Family::Ipv4),
        exclude_interfaces: vec![InterfacePattern::loopback()],
        passthrough: PassthroughSources::default(),
        ..default
    };
    capture.proxy.outbound_port = port(4140);
    capture.proxy.inbound_port = port(4143);
    capture.proxy.tunnel_port = None;
    capture.proxy.uids = vec![2102];
    capture.proxy.gids = vec![];
    let ports = [4190, 4191, 4567, 4568].into_iter().collect();
    capture.inbound.ports = InboundPorts::AllExcept(ports);
    capture.outbound.exclude_ports = [4567, 4568].into_iter().collect();
    capture
}

#[test]
fn captures_what_linkerds_injector_asks_for() {
    let request = linkerd(&LINKERDS_INJECTOR);
    assert_eq!(captured(&request), linkerds_capture());
    assert_eq!(request.action, Action::Install);
    assert_eq!((request.show, request.close_wait_timeout), (None, None));
    assert!(!request.needs_addresses() && !request.needs_name_servers());
}

#[test]
fn linkerd_flags_have_their_effect() {
    let changed = |flag, text| {
        let mut flags = LINKERDS_INJECTOR.to_vec();
        flags.retain(|(own, _)| *own != flag);
        flags.push((flag, text));
        linkerd(&flags)
    };
    let expect = |flag, text, change: Change| {
        let mut expected = linkerds_capture();
        change(&mut expected);
        assert_eq!(captured(&changed(flag, text)), expected, "{flag:?}");
    };
    expect(LinkerdFlag::Ipv6, "true", |own| {
        own.families = Families::Both;
    });
    expect(LinkerdFlag::ProxyUid, "0", |own| own.proxy.uids.clear());
    expect(LinkerdFlag::ProxyUid, "-1", |own| own.proxy.uids.clear());
    expect(LinkerdFlag::ProxyGid, "7", |own| own.proxy.gids = vec![7]);
    expect(LinkerdFlag::PortsToRedirect, "80,4190-4200", |own| {
        let ports = [Interval::single(80), Interval::between(4192, 4200)];
        own.inbound.ports = InboundPorts::Only(ports.into_iter().collect());
    });
    expect(LinkerdFlag::InboundPortsToIgnore, "", |own| {
        own.inbound.ports = InboundPorts::AllExcept([0u16; 0].into_iter().collect());
    });
    expect(LinkerdFlag::InboundPortsToIgnore, "25,587-600,", |own| {
        let ports = [Interval::single(25), Interval::between(587, 600)];
        own.inbound.ports = InboundPorts::AllExcept(ports.into_iter().collect());
    });
    expect(
        LinkerdFlag::SubnetsToIgnore,
        "10.1.2.3/8, fd00::/8",
        |own| {
            let networks = ["10.0.0.0/8", "fd00::/8"].map(|text| text.parse().unwrap());
            own.inbound.exclude_sources = networks.into_iter().collect();
        },
    );
    expect(LinkerdFlag::UseWaitFlag, "true", |_| {});
    expect(LinkerdFlag::IptablesMode, "legacy", |_| {});
    assert_eq!(
        changed(LinkerdFlag::TimeoutCloseWait, "3600").close_wait_timeout,
        Some(3600)
    );
    assert_eq!(
        changed(LinkerdFlag::Simulate, "true").show,
        Some(Show::Rules(Format::Nft))
    );
    assert_eq!(
        changed(LinkerdFlag::PrintOptions, "true").show,
        Some(Show::Options)
    );
    assert_eq!(
        changed(LinkerdFlag::Netns, "pod").namespace,
        Some(NetworkNamespace::Name("pod".to_owned()))
    );
    let alone = changed(LinkerdFlag::ProxyUid, "0").notices;
    let warned = |notice: &&Notice| matches!(notice, Notice::Warning(_));
    assert_eq!(alone.iter().filter(warned).count(), 1, "{alone:?}");
    let without = [
        (LinkerdFlag::IncomingProxyPort, "4143"),
        (LinkerdFlag::OutgoingProxyPort, "4140"),
    ];
    assert_eq!(captured(&linkerd(&without)).families, Families::Both);
    let owners = OwnerSelection::default();
    assert_eq!(captured(&linkerd(&without)).outbound.uids, owners);
}
