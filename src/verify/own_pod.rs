//! Checks connections from the proxy to its own pod, which must pass its inbound side. The proxy's user can make them
//! without any privilege.

use std::net::{IpAddr, SocketAddr};

use crate::explain::Verdict;
use crate::intent::{Family, Port};
use crate::nftables;

use super::check::{Bypassed, Check, Direction, Finding, Skip, Try};
use super::prober::Capture;
use super::trial::{Trial, listen_and_prove};

/// No process may listen on the port.
pub(super) fn check(trial: &mut Trial<'_>, port: Port) -> Result<Vec<Check>, nftables::Error> {
    trial.check_families(Direction::OwnPod, |trial, family| find(trial, family, port))
}

fn find(trial: &mut Trial<'_>, family: Family, to: Port) -> Result<Finding, nftables::Error> {
    let port = trial.capture.proxy.inbound_port;
    let mut examples = Vec::new();
    for address in own_addresses(trial, family) {
        let Some(route) = trial.routes.to(address)? else {
            continue;
        };
        let destination = SocketAddr::new(address, to.number());
        let path = trial.path_out(&route);
        let Some(outcome) = trial.evaluate_tcp(path, route.source, destination) else {
            continue;
        };
        if outcome.verdict == Verdict::Redirect(port) {
            let tried = Try { destination, port };
            return Ok(listen_and_prove(family, tried, Capture::Redirected));
        }
        examples.push(Bypassed::new(Some(route.source), destination, outcome));
    }
    let owner = Some(trial.owner);
    Ok(Finding::Skipped(Skip::Bypassed { owner, examples }))
}

/// The addresses from which the proxy calls its application, and those of the pod: each of them is this host.
fn own_addresses(trial: &Trial<'_>, family: Family) -> Vec<IpAddr> {
    let sources = &trial.capture.passthrough;
    let passthrough: Vec<_> = match family {
        Family::Ipv4 => sources.ipv4.iter().copied().map(IpAddr::V4).collect(),
        Family::Ipv6 => sources.ipv6.iter().copied().map(IpAddr::V6).collect(),
    };
    let own = trial.networks(family).map(ipnet::IpNet::addr);
    passthrough.into_iter().chain(own).collect()
}
