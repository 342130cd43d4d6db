//! Connections that the proxy makes to its own pod, which must pass its inbound side. They can be tried without any
//! privilege, by who is the proxy.

use std::net::{IpAddr, SocketAddr};

use crate::connection::{Addresses, Connection, Path, PortPair, Tracking, Transport};
use crate::explain::{Verdict, evaluate};
use crate::intent::{Family, Port};
use crate::nftables;
use crate::verify::prober;

use super::outbound::SOURCE_PORT;
use super::{Bypassed, Check, Direction, Finding, Skip, Trial, Try, listen, prove};

/// The port is one that nobody listens on.
pub(super) fn check(trial: &mut Trial<'_>, port: Port) -> Result<Vec<Check>, nftables::Error> {
    let families = trial.capture.families;
    let mut checks = Vec::new();
    for family in families.iter() {
        checks.push(Check {
            direction: Direction::OwnPod,
            family,
            finding: find(trial, family, port)?,
        });
    }
    Ok(checks)
}

fn find(trial: &mut Trial<'_>, family: Family, port: Port) -> Result<Finding, nftables::Error> {
    let inbound_port = trial.capture.proxy.inbound_port;
    let mut examples = Vec::new();
    for address in own_addresses(trial, family) {
        let Some(route) = trial.routes.to(address)? else {
            continue;
        };
        let Some(addresses) = Addresses::of(route.source, address) else {
            continue;
        };
        let connection = Connection {
            path: Path::Out {
                interface: route.interface,
                owner: Some(trial.owner),
            },
            addresses,
            transport: Transport::Tcp(PortPair {
                source: SOURCE_PORT,
                destination: port.number(),
            }),
            packet_mark: 0,
            connection_mark: 0,
            tracking: Tracking::New,
        };
        let outcome = evaluate(trial.ruleset, &connection);
        let destination = SocketAddr::new(address, port.number());
        if outcome.verdict == Verdict::Redirect(inbound_port) {
            let tried = Try {
                destination,
                port: inbound_port,
            };
            return Ok(
                match listen(family, inbound_port, prober::Capture::Redirected) {
                    Ok(listener) => prove(&listener, tried),
                    Err(finding) => finding,
                },
            );
        }
        examples.push(Bypassed {
            source: Some(route.source),
            destination,
            verdict: outcome.verdict,
            rule: outcome.rule,
        });
    }
    let owner = Some(trial.owner);
    Ok(Finding::Skipped(Skip::Bypassed { owner, examples }))
}

/// The addresses from which the proxy calls its application, and those of the pod: any of them is this host.
fn own_addresses(trial: &Trial<'_>, family: Family) -> Vec<IpAddr> {
    let sources = &trial.capture.passthrough;
    let passthrough: Vec<_> = match family {
        Family::Ipv4 => sources.ipv4.iter().copied().map(IpAddr::V4).collect(),
        Family::Ipv6 => sources.ipv6.iter().copied().map(IpAddr::V6).collect(),
    };
    let own = trial.addresses.iter().map(ipnet::IpNet::addr);
    let own = own.filter(|address| address.is_ipv4() == (family == Family::Ipv4));
    passthrough.into_iter().chain(own).collect()
}
