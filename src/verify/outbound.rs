//! Checks outbound connections.

use std::net::{IpAddr, SocketAddr};

use crate::explain::Verdict;
use crate::intent::{Family, Port};
use crate::nftables;

use super::candidates::{destinations, next, outbound_ports, previous};
use super::check::{Bypassed, Check, Direction, Finding, Skip, Try};
use super::prober::Capture;
use super::trial::{Trial, listen_and_prove};

pub(super) fn check(trial: &mut Trial<'_>) -> Result<Vec<Check>, nftables::Error> {
    trial.check_families(Direction::Outbound, find)
}

fn find(trial: &mut Trial<'_>, family: Family) -> Result<Finding, nftables::Error> {
    if trial.networks(family).next().is_none() {
        return Ok(Finding::Skipped(Skip::NoAddress));
    }
    let port = trial.capture.proxy.outbound_port;
    Ok(match choose(trial, family, port)? {
        Ok(tried) => listen_and_prove(family, tried, Capture::Redirected),
        Err(skip) => Finding::Skipped(skip),
    })
}

/// The first connection that this process can make and the rules redirect.
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
            let destination = SocketAddr::new(address, to);
            let path = trial.path_out(&route);
            let Some(outcome) = trial.evaluate_tcp(path, route.source, destination) else {
                continue;
            };
            if outcome.verdict == Verdict::Redirect(port) {
                return Ok(Ok(Try { destination, port }));
            }
            if !examples.iter().any(|known| known.rule == outcome.rule) {
                examples.push(Bypassed::new(None, destination, outcome));
            }
        }
    }
    let owner = Some(trial.owner);
    Ok(Err(Skip::Bypassed { owner, examples }))
}

/// The addresses next to the namespace's own, in the same networks.
pub(super) fn neighbours(trial: &Trial<'_>, family: Family) -> Vec<IpAddr> {
    let mut neighbours = Vec::new();
    for own in trial.networks(family) {
        let near = [next(own.addr()), previous(own.addr())].into_iter();
        neighbours.extend(near.flatten().filter(|near| own.contains(near)));
    }
    neighbours.retain(|near| !trial.addresses.iter().any(|own| own.addr() == *near));
    neighbours
}
