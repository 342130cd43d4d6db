//! Warnings about tproxy mode, reroute interfaces, DNS capture and excluded ports of users.

use crate::intent::{Capture, InboundMode, InboundPorts, Protocol, RangeSelection};
use crate::options::{OptionValues, Setting};

use super::consequence::Consequence;
use super::found::{Found, holding};

/// Where DNS servers listen (RFC 1035).
const DNS: u16 = 53;

pub(super) fn inbound_mode(capture: &Capture, given: &OptionValues) -> Found {
    let inbound = &capture.inbound;
    let rerouted = &inbound.reroute_interfaces;
    let mut found = Vec::new();
    let excluded = |pattern| capture.exclude_interfaces.contains(pattern);
    let no_port = matches!(&inbound.ports, InboundPorts::Only(ports) if ports.is_empty());
    let InboundMode::Tproxy(tproxy) = inbound.mode else {
        for setting in [
            Setting::TproxyMark,
            Setting::OutboundMark,
            Setting::TproxyTable,
        ] {
            if given.has(setting) {
                let without = Consequence::NoEffectWithout {
                    option: given.name(Setting::InboundMode),
                    value: "tproxy",
                };
                found.push((setting, without));
            }
        }
        if rerouted.iter().any(excluded) {
            let excluded = given.name(Setting::ExcludeInterfaces);
            let rerouted = Consequence::ReroutedAnyway { excluded };
            found.push((Setting::RerouteInterfaces, rerouted));
        }
        return found;
    };
    found.extend(holding([
        (
            tproxy.mark == tproxy.outbound_mark,
            Setting::OutboundMark,
            Consequence::EqualMarks {
                other: given.name(Setting::TproxyMark),
            },
        ),
        (
            tproxy.outbound_mark == 0,
            Setting::OutboundMark,
            Consequence::OutboundMarkOfAll,
        ),
        (
            no_port,
            Setting::InboundMode,
            Consequence::NoPortCaptured {
                included: given.name(Setting::IncludeInboundPorts),
            },
        ),
        (
            !no_port && !rerouted.iter().all(excluded),
            Setting::RerouteInterfaces,
            Consequence::TproxyFirst {
                excluded: given.name(Setting::ExcludeInterfaces),
            },
        ),
    ]));
    found
}

pub(super) fn dns(capture: &Capture, given: &OptionValues) -> Found {
    let Some(dns) = &capture.dns else {
        let without = |setting| {
            let option = given.name(Setting::Dns);
            (setting, Consequence::NoEffectWithout { option, value: "" })
        };
        return [
            Setting::DnsTcp,
            Setting::DnsZones,
            Setting::DnsPort,
            Setting::DnsTo,
            Setting::DnsOf,
            Setting::ResolvConf,
            Setting::DnsServers,
        ]
        .into_iter()
        .filter(|&setting| given.has(setting))
        .map(without)
        .collect();
    };
    let proxy = &capture.proxy;
    let taken = [
        (Some(proxy.outbound_port), "outbound port"),
        (Some(proxy.inbound_port), "inbound port"),
        (proxy.tunnel_port, "tunnel port"),
    ];
    let taken = taken
        .into_iter()
        .filter(|(port, _)| *port == Some(dns.port))
        .map(|(_, words)| (Setting::DnsPort, Consequence::DnsPortTaken(words)));
    let excluded = holding([(
        !dns.everyone && !dns.is_udp_only() && capture.outbound.exclude_ports.contains(DNS),
        Setting::ExcludeOutboundPorts,
        Consequence::DnsExcluded {
            dns: given.name(Setting::Dns),
        },
    )]);
    let listed = given.has(Setting::DnsServers);
    let not_used = holding([
        (
            listed && dns.servers == RangeSelection::All,
            Setting::DnsServers,
            Consequence::NoEffectWithout {
                option: given.name(Setting::Dns),
                value: "resolvers",
            },
        ),
        (
            listed && given.has(Setting::ResolvConf),
            Setting::ResolvConf,
            Consequence::NotRead {
                servers: given.name(Setting::DnsServers),
            },
        ),
    ]);
    taken.chain(excluded).chain(not_used).collect()
}

pub(super) fn exclusions(capture: &Capture, given: &OptionValues) -> Found {
    let for_uids = &capture.outbound.exclude_ports_for_uids;
    let to_no_effect = for_uids.iter().any(|exclusion| {
        exclusion.protocol == Some(Protocol::Udp)
            && !(capture.dns.is_some() && exclusion.ports.contains(DNS))
    });
    holding([(
        to_no_effect,
        Setting::ExcludeOutboundPortsForUids,
        Consequence::NoUdpCaptured {
            dns: given.name(Setting::Dns),
        },
    )])
}
