//! Connections that arrive.

use std::net::{IpAddr, SocketAddr};

use crate::connection::{Addresses, Connection, Path, PortPair, Tracking, Transport};
use crate::explain::{Verdict, evaluate};
use crate::intent::{Family, InboundMode};
use crate::nftables;
use crate::rtnetlink::veth::{Ends, Names};
use crate::verify::prober::{self, Listener};
use crate::verify::veth_pair::VethPair;

use super::candidates::{inbound_ports, sources, unused};
use super::outbound::SOURCE_PORT;
use super::{Bypassed, Check, Direction, Failure, Finding, Skip, Trial, Try, listen, prove};

/// A connection that can be tried.
struct Arrival {
    listener: Listener,
    names: Names,
    ends: Ends,
    tried: Try,
}

pub(super) fn check(trial: &mut Trial<'_>) -> Result<Vec<Check>, nftables::Error> {
    let families = trial.capture.families;
    let mut checks = Vec::new();
    let mut pair = None;
    for family in families.iter() {
        let finding = match prepare(trial, family)? {
            Ok(arrival) => attempt(trial, &mut pair, &arrival)?,
            Err(finding) => finding,
        };
        checks.push(Check {
            direction: Direction::Inbound,
            family,
            finding,
        });
    }
    Ok(checks)
}

fn prepare(
    trial: &mut Trial<'_>,
    family: Family,
) -> Result<Result<Arrival, Finding>, nftables::Error> {
    if !trial.has_address(family) {
        return Ok(Err(Finding::Skipped(Skip::NoAddress)));
    }
    let port = trial.capture.proxy.inbound_port;
    let (names, ends, destination) = match choose(trial, family)? {
        Ok(chosen) => chosen,
        Err(finding) => return Ok(Err(finding)),
    };
    let capture = match trial.capture.inbound.mode {
        InboundMode::Redirect => prober::Capture::Redirected,
        InboundMode::Tproxy(_) => prober::Capture::Transparent,
    };
    Ok(listen(family, port, capture).map(|listener| Arrival {
        listener,
        names,
        ends,
        tried: Try { destination, port },
    }))
}

/// Makes the connection, over a pair that both families share where it has the same names.
fn attempt(
    trial: &mut Trial<'_>,
    pair: &mut Option<(Names, VethPair)>,
    arrival: &Arrival,
) -> Result<Finding, nftables::Error> {
    let Arrival { names, ends, .. } = *arrival;
    let opened = match pair.take() {
        Some((own, open)) if own == names => Ok(open),
        // The other one goes away before.
        other => {
            drop(other);
            VethPair::open(names)
        }
    };
    let led = opened.and_then(|mut open| open.connect(ends).map(|()| open));
    match led {
        Ok(open) => *pair = Some((names, open)),
        Err(error) => return Ok(Finding::Failed(Failure::NoVethPair(error))),
    }
    let route = trial.routes.to(ends.target)?;
    let led =
        route.is_some_and(|route| route.interface == names.sender && route.source == ends.client);
    Ok(if led {
        prove(&arrival.listener, arrival.tried)
    } else {
        Finding::Failed(Failure::LedElsewhere(ends.target))
    })
}

type Chosen = (Names, Ends, SocketAddr);

/// The first connection that can be made to arrive and that the rules would capture.
fn choose(
    trial: &mut Trial<'_>,
    family: Family,
) -> Result<Result<Chosen, Finding>, nftables::Error> {
    let port = trial.capture.proxy.inbound_port;
    let wanted = match trial.capture.inbound.mode {
        InboundMode::Redirect => Verdict::Redirect(port),
        InboundMode::Tproxy(_) => Verdict::Tproxy(port),
    };
    let taken = trial.routes.destinations(family)?;
    let unused = unused(family, &taken);
    let mut examples: Vec<Bypassed> = Vec::new();
    for client in sources(trial.capture, family, &taken) {
        let mut others = unused.iter().filter(|&&address| address != client);
        let (Some(&receiver), Some(&target)) = (others.next(), others.next()) else {
            continue;
        };
        let ends = Ends {
            client,
            receiver,
            target,
        };
        for names in Names::ALL {
            for to in inbound_ports(trial.capture) {
                let Some(connection) = connection(names, ends, to) else {
                    continue;
                };
                let outcome = evaluate(trial.ruleset, &connection);
                let destination = SocketAddr::new(target, to);
                if outcome.verdict == wanted {
                    return Ok(Ok((names, ends, destination)));
                }
                if !examples.iter().any(|known| known.rule == outcome.rule) {
                    examples.push(Bypassed {
                        source: Some(client),
                        destination,
                        verdict: outcome.verdict,
                        rule: outcome.rule,
                    });
                }
            }
        }
    }
    Ok(Err(if examples.is_empty() {
        Finding::Failed(Failure::NoFreeAddress)
    } else {
        let owner = None;
        Finding::Skipped(Skip::Bypassed { owner, examples })
    }))
}

fn connection(names: Names, ends: Ends, port: u16) -> Option<Connection> {
    let (client, target): (IpAddr, IpAddr) = (ends.client, ends.target);
    Some(Connection {
        path: Path::In {
            interface: names.receiver.to_owned(),
        },
        addresses: Addresses::of(client, target)?,
        transport: Transport::Tcp(PortPair {
            source: SOURCE_PORT,
            destination: port,
        }),
        packet_mark: 0,
        connection_mark: 0,
        tracking: Tracking::New,
    })
}
