//! Checks inbound connections, which arrive by a veth pair.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::connection::Path;
use crate::explain::Verdict;
use crate::intent::{Family, InboundMode};
use crate::nftables;
use crate::rtnetlink::addresses::interfaces_with_addresses;
use crate::rtnetlink::veth::{Ends, Names};

use super::candidates::{inbound_ports, sources, unused};
use super::check::{Bypassed, Check, Direction, Failure, Finding, Skip, Try};
use super::prober::Capture;
use super::trial::{Trial, listen, prove};
use super::veth_pair::VethPair;

pub(super) fn check(trial: &mut Trial<'_>) -> Result<Vec<Check>, nftables::Error> {
    // Both families share a pair if they need the same names.
    let mut pair = None;
    trial.check_families(Direction::Inbound, |trial, family| {
        find(trial, family, &mut pair)
    })
}

fn find(
    trial: &mut Trial<'_>,
    family: Family,
    pair: &mut Option<(Names, VethPair)>,
) -> Result<Finding, nftables::Error> {
    if trial.networks(family).next().is_none() {
        return Ok(Finding::Skipped(Skip::NoAddress));
    }
    if let Some(interface) = interface_without_address(trial, family)? {
        return Ok(Finding::Failed(Failure::NoAddress(interface)));
    }
    let port = trial.capture.proxy.inbound_port;
    let (names, ends, destination) = match choose(trial, family)? {
        Ok(chosen) => chosen,
        Err(finding) => return Ok(finding),
    };
    let capture = match trial.capture.inbound.mode {
        InboundMode::Redirect => Capture::Redirected,
        InboundMode::Tproxy(_) => Capture::Transparent,
    };
    let listener = match listen(family, port, capture) {
        Ok(listener) => listener,
        Err(finding) => return Ok(finding),
    };
    // A pair of other names is deleted first.
    let opened = match pair.take().filter(|(open, _)| *open == names) {
        Some((_, open)) => Ok(open),
        None => VethPair::open(names),
    };
    match opened.and_then(|mut open| open.connect(ends).map(|()| open)) {
        Ok(open) => *pair = Some((names, open)),
        Err(error) => return Ok(Finding::Failed(Failure::NoVethPair(error))),
    }
    let route = trial.routes.to(ends.target)?;
    let by_pair =
        route.is_some_and(|route| route.interface == names.sender && route.source == ends.client);
    Ok(if by_pair {
        prove(&listener, Try { destination, port })
    } else {
        Finding::Failed(Failure::RoutedElsewhere(ends.target))
    })
}

/// An interface, used for connections of the family and without an address of it, on which the rules redirect one.
fn interface_without_address(
    trial: &mut Trial<'_>,
    family: Family,
) -> Result<Option<String>, nftables::Error> {
    let listed = interfaces_with_addresses(family);
    let with_address = listed.map_err(|error| nftables::Error::io("list the addresses", error))?;
    let used = trial.routes.interfaces(family)?;
    let ports = inbound_ports(trial.capture);
    let clients = sources(trial.capture, family, &[]);
    let own: Vec<_> = trial.networks(family).map(IpNet::addr).collect();
    let is_redirected = |interface: &str, client: IpAddr, destination: SocketAddr| {
        let interface = interface.to_owned();
        let outcome = trial.evaluate_tcp(Path::In { interface }, client, destination);
        outcome.is_some_and(|outcome| matches!(outcome.verdict, Verdict::Redirect(_)))
    };
    let mut lacking = used.difference(&with_address);
    let found = lacking.find(|interface| {
        clients.iter().any(|&client| {
            let mut destinations = own
                .iter()
                .flat_map(|&own| ports.iter().map(move |&to| (own, to)));
            destinations.any(|destination| is_redirected(interface, client, destination.into()))
        })
    });
    Ok(found.cloned())
}

type Chosen = (Names, Ends, SocketAddr);

/// The first possible connection that the rules capture.
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
                let interface = names.receiver.to_owned();
                let destination = SocketAddr::new(target, to);
                let Some(outcome) = trial.evaluate_tcp(Path::In { interface }, client, destination)
                else {
                    continue;
                };
                if outcome.verdict == wanted {
                    return Ok(Ok((names, ends, destination)));
                }
                if !examples.iter().any(|known| known.rule == outcome.rule) {
                    examples.push(Bypassed::new(Some(client), destination, outcome));
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
