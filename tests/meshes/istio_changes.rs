//! The effect of each of Istio's flags on the capture.

use netweir::intent::{
    Capture, Dns, Families, InboundMode, InboundPorts, InterfacePattern, Interval, RangeSelection,
    Tproxy,
};
use netweir::meshes::IstioFlag;

use crate::reading::port;

/// The effect of a value on the capture.
pub(crate) type Change = fn(&mut Capture);

/// Each flag that changes the capture, with its variables.
pub(crate) const CHANGES: &[(IstioFlag, &str, Change)] = &[
    (IstioFlag::EnvoyPort, "1", |own| {
        own.proxy.outbound_port = port(1);
    }),
    (IstioFlag::InboundCapturePort, "2", |own| {
        own.proxy.inbound_port = port(2);
    }),
    (IstioFlag::InboundTunnelPort, "3", |own| {
        own.proxy.tunnel_port = Some(port(3));
    }),
    (IstioFlag::ProxyUid, "7, 8,", |own| {
        own.proxy.uids = vec![7, 8];
        own.proxy.gids = vec![7, 8];
    }),
    (IstioFlag::ProxyUid, "envoy", |own| {
        own.proxy.uids = vec![101];
        own.proxy.gids = vec![102];
    }),
    (IstioFlag::ProxyGid, "7,7,backup", |own| {
        own.proxy.gids = vec![7, 34];
    }),
    (IstioFlag::EnvoyUser, "envoy", |own| {
        own.proxy.uids = vec![101];
        own.proxy.gids = vec![101];
    }),
    (IstioFlag::EnvoyUser, "no-such-user", |_| {}),
    (IstioFlag::Mode, "REDIRECT", |_| {}),
    (IstioFlag::Mode, "", |_| {}),
    (IstioFlag::Mode, "TPROXY", |own| {
        own.inbound.mode = InboundMode::Tproxy(Tproxy {
            mark: 1337,
            outbound_mark: 1338,
            table: 133,
        });
    }),
    (IstioFlag::InboundPorts, "*", |own| {
        own.inbound.ports = InboundPorts::AllExcept([0u16; 0].into_iter().collect());
    }),
    (
        IstioFlag::InboundPorts,
        "80, 8000-8010,9000:9001,,",
        |own| {
            let ports = [
                Interval::single(80),
                Interval::between(8000, 8010),
                Interval::between(9000, 9001),
            ];
            own.inbound.ports = InboundPorts::Only(ports.into_iter().collect());
        },
    ),
    (IstioFlag::InboundPortsExclude, "22", |_| {}),
    (IstioFlag::RerouteInterfaces, "k6t0, k6t+", |own| {
        own.inbound.reroute_interfaces = vec![
            InterfacePattern::Name("k6t0".to_owned()),
            InterfacePattern::Prefix("k6t".to_owned()),
        ];
    }),
    (IstioFlag::RangesInclude, "*", |own| {
        own.outbound.include_ranges = RangeSelection::All;
    }),
    (IstioFlag::RangesInclude, "10.1.2.3/8,,fd00::1/8", |own| {
        let networks = ["10.0.0.0/8", "fd00::/8"].map(|text| text.parse().unwrap());
        own.outbound.include_ranges = RangeSelection::Only(networks.into_iter().collect());
    }),
    (IstioFlag::RangesInclude, "127.0.0.5/8", |own| {
        let networks = ["127.0.0.0/8".parse().unwrap()];
        own.outbound.include_ranges = RangeSelection::Only(networks.into_iter().collect());
        own.outbound.capture_over_loopback = true;
    }),
    (IstioFlag::RangesInclude, "0.0.0.0/0", |own| {
        let networks = ["0.0.0.0/0".parse().unwrap()];
        own.outbound.include_ranges = RangeSelection::Only(networks.into_iter().collect());
    }),
    (IstioFlag::RangesInclude, "::1/128", |own| {
        let networks = ["::1/128".parse().unwrap()];
        own.outbound.include_ranges = RangeSelection::Only(networks.into_iter().collect());
        own.outbound.capture_over_loopback = true;
    }),
    (IstioFlag::RangesExclude, "10.1.2.3/8", |own| {
        own.outbound.exclude_ranges = ["10.0.0.0/8".parse().unwrap()].into_iter().collect();
    }),
    (IstioFlag::PortsInclude, "443", |own| {
        own.outbound.include_ports = [443].into_iter().collect();
    }),
    (IstioFlag::PortsExclude, "3306, :3", |own| {
        let ports = [Interval::single(3306), Interval::between(1, 3)];
        own.outbound.exclude_ports = ports.into_iter().collect();
    }),
    (IstioFlag::GroupsInclude, "202, backup,1000-1999", |own| {
        let groups = [202, 34].map(Interval::single);
        let groups = groups.into_iter().chain([Interval::between(1000, 1999)]);
        own.outbound.gids.include = Some(groups.collect());
    }),
    (IstioFlag::GroupsInclude, "", |own| {
        own.outbound.gids.include = Some([0u32; 0].into_iter().collect());
    }),
    (IstioFlag::GroupsExclude, "202", |own| {
        own.outbound.gids.exclude = [202].into_iter().collect();
    }),
    (IstioFlag::LoopbackCidr, "127.0.0.9/8", |own| {
        own.loopback_range = "127.0.0.0/8".parse().unwrap();
    }),
    (IstioFlag::RedirectDns, "true", |own| {
        let server = ["10.96.0.10/32".parse().unwrap()];
        let servers = RangeSelection::Only(server.into_iter().collect());
        own.dns = Some(Dns::new(port(15053), servers));
    }),
    (IstioFlag::CaptureAllDns, "true", |_| {}),
    (IstioFlag::OldDns, "", |_| {}),
    (IstioFlag::NoOwnPod, "", |_| {}),
    (IstioFlag::ExcludeInterfaces, "eth1,tun+", |own| {
        own.exclude_interfaces = vec!["eth1".parse().unwrap(), "tun+".parse().unwrap()];
    }),
    (IstioFlag::DropInvalid, "T", |own| own.drop_invalid = true),
    (IstioFlag::DualStack, "1", |own| {
        own.families = Families::Both;
    }),
    (IstioFlag::TproxyMark, "0x7", |_| {}),
    (IstioFlag::TproxyTable, "7", |_| {}),
];
