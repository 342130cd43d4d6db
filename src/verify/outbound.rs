//! Connections made here.

use std::net::{IpAddr, SocketAddr};

use crate::connection::{Addresses, Connection, Path, PortPair, Tracking, Transport};
use crate::explain::{Verdict, evaluate};
use crate::intent::{Family, Port};
use crate::nftables;
use crate::rtnetlink::lookup::Route;
use crate::verify::prober;

use super::candidates::{destinations, outbound_ports};
use super::{Bypassed, Check, Direction, Finding, Skip, Trial, Try, listen, prove};

/// Any port that the kernel gives to a connection; no rule for TCP looks at it.
pub(super) const SOURCE_PORT: u16 = 40_000;

pub(super) fn check(trial: &mut Trial<'_>) -> Result<Vec<Check>, nftables::Error> {
    let families = trial.capture.families;
    let mut checks = Vec::new();
    for family in families.iter() {
        checks.push(Check {
            direction: Direction::Outbound,
            family,
            finding: find(trial, family)?,
        });
    }
    Ok(checks)
}

fn find(trial: &mut Trial<'_>, family: Family) -> Result<Finding, nftables::Error> {
    if !trial.has_address(family) {
        return Ok(Finding::Skipped(Skip::NoAddress));
    }
    let port = trial.capture.proxy.outbound_port;
    Ok(match choose(trial, family, port)? {
        Err(skip) => Finding::Skipped(skip),
        Ok(tried) => match listen(family, port, prober::Capture::Redirected) {
            Ok(listener) => prove(&listener, tried),
            Err(finding) => finding,
        },
    })
}

/// The first connection that this process can make and the rules would redirect.
fn choose(
    trial: &mut Trial<'_>,
    family: Family,
    port: Port,
) -> Result<Result<Try, Skip>, nftables::Error> {
    let neighbours = neighbours(trial, family);
    let ports = outbound_ports(trial.capture);
    let mut examples: Vec<Bypassed> = Vec::new();
    for address in destinations(trial.capture, family, neighbours.into_iter()) {
        let Some(route) = trial.routes.to(address)? else {
            continue;
        };
        for &to in &ports {
            let Some(connection) = connection(trial, &route, address, to) else {
                continue;
            };
            let destination = SocketAddr::new(address, to);
            let outcome = evaluate(trial.ruleset, &connection);
            if outcome.verdict == Verdict::Redirect(port) {
                return Ok(Ok(Try { destination, port }));
            }
            if !examples.iter().any(|known| known.rule == outcome.rule) {
                examples.push(Bypassed {
                    source: None,
                    destination,
                    verdict: outcome.verdict,
                    rule: outcome.rule,
                });
            }
        }
    }
    let owner = Some(trial.owner);
    Ok(Err(Skip::Bypassed { owner, examples }))
}

fn connection(trial: &Trial<'_>, route: &Route, to: IpAddr, port: u16) -> Option<Connection> {
    Some(Connection {
        path: Path::Out {
            interface: route.interface.clone(),
            owner: Some(trial.owner),
        },
        addresses: Addresses::of(route.source, to)?,
        transport: Transport::Tcp(PortPair {
            source: SOURCE_PORT,
            destination: port,
        }),
        packet_mark: 0,
        connection_mark: 0,
        tracking: Tracking::New,
    })
}

/// The addresses before and behind own ones, in the same networks.
fn neighbours(trial: &Trial<'_>, family: Family) -> Vec<IpAddr> {
    use crate::intent::Bound;
    let mut neighbours = Vec::new();
    for own in &trial.addresses {
        let [before, behind] = match (own.addr(), family) {
            (IpAddr::V4(address), Family::Ipv4) => {
                [address.predecessor(), address.successor()].map(|next| next.map(IpAddr::V4))
            }
            (IpAddr::V6(address), Family::Ipv6) => {
                [address.predecessor(), address.successor()].map(|next| next.map(IpAddr::V6))
            }
            (IpAddr::V4(_), Family::Ipv6) | (IpAddr::V6(_), Family::Ipv4) => continue,
        };
        let near = [behind, before].into_iter().flatten();
        neighbours.extend(near.filter(|near| own.contains(near)));
    }
    neighbours.retain(|near| !trial.addresses.iter().any(|own| own.addr() == *near));
    neighbours
}
