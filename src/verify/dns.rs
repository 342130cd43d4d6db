//! Checks captured DNS queries over UDP: a query arrives at the proxy's port.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::time::Instant;

use nix::poll::{PollFd, PollFlags};

use crate::connection::{PortPair, Transport};
use crate::explain::Verdict;
use crate::intent::{DNS_PORT, Dns, Family, RangeSelection};
use crate::nftables;
use crate::process::wait::wait;

use super::candidates::{destinations, first_addresses};
use super::check::{Bypassed, Check, Direction, Failure, Finding, Skip, Try};
use super::outbound::neighbours;
use super::prober::{Fault, LIMIT, failed};
use super::trial::{SOURCE_PORT, Trial, token};

pub(super) fn check(trial: &mut Trial<'_>) -> Result<Vec<Check>, nftables::Error> {
    let Some(dns) = trial.capture.dns.clone() else {
        return Ok(Vec::new());
    };
    let mut checks = Vec::new();
    let families = trial.capture.families.iter();
    for family in families.filter(|&family| dns.has_servers_of(family)) {
        let servers = match &dns.servers {
            RangeSelection::All => {
                let neighbours = neighbours(trial, family).into_iter();
                destinations(trial.capture, family, neighbours)
            }
            RangeSelection::Only(servers) => first_addresses(servers, family),
        };
        if servers.is_empty() {
            continue;
        }
        checks.push(Check {
            direction: Direction::Dns,
            family,
            finding: match dns.to {
                Some(to) => {
                    let server = SocketAddr::new(to, dns.port.number());
                    Finding::Skipped(Skip::Elsewhere(server))
                }
                None => find(trial, family, &dns, servers)?,
            },
        });
    }
    Ok(checks)
}

fn find(
    trial: &mut Trial<'_>,
    family: Family,
    dns: &Dns,
    servers: Vec<IpAddr>,
) -> Result<Finding, nftables::Error> {
    let mut examples: Vec<Bypassed> = Vec::new();
    let mut routed = false;
    for server in servers {
        let Some(route) = trial.routes.to(server)? else {
            continue;
        };
        routed = true;
        let destination = SocketAddr::new(server, DNS_PORT.number());
        let query = Transport::Udp(PortPair {
            source: SOURCE_PORT,
            destination: destination.port(),
        });
        let path = trial.path_out(&route);
        let Some(outcome) = trial.evaluate(path, route.source, server, query) else {
            continue;
        };
        if outcome.verdict == Verdict::Redirect(dns.port) {
            let port = dns.port;
            return Ok(listen_and_ask(family, Try { destination, port }));
        }
        if !examples.iter().any(|known| known.rule == outcome.rule) {
            examples.push(Bypassed::new(None, destination, outcome));
        }
    }
    if !routed && trial.networks(family).next().is_none() {
        return Ok(Finding::Skipped(Skip::NoAddress));
    }
    let owner = Some(trial.owner);
    Ok(Finding::Skipped(Skip::Bypassed { owner, examples }))
}

/// Takes the place of the DNS proxy, and proves that a query reaches it. It cannot answer: the rules know the answers of the
/// proxy by its user.
fn listen_and_ask(family: Family, tried: Try) -> Finding {
    // Where the kernel redirects queries that are made here (nf_nat_redirect_ipv4, nf_nat_redirect_ipv6).
    let loopback: IpAddr = match family {
        Family::Ipv4 => Ipv4Addr::LOCALHOST.into(),
        Family::Ipv6 => Ipv6Addr::LOCALHOST.into(),
    };
    let port = tried.port;
    let listener = match UdpSocket::bind((loopback, port.number())) {
        Ok(listener) => listener,
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            return Finding::Skipped(Skip::Taken(port));
        }
        Err(source) => return Finding::Failed(Failure::Listen { port, source }),
    };
    match ask(&listener, tried.destination) {
        Ok(()) => Finding::Proven(tried),
        Err(fault) => Finding::Failed(Failure::NotCaptured { tried, fault }),
    }
}

/// Sends a query, and waits until it arrives at the listener.
fn ask(listener: &UdpSocket, server: SocketAddr) -> Result<(), Fault> {
    let unspecified: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let client = UdpSocket::bind((unspecified, 0)).map_err(Fault::Connect)?;
    client.connect(server).map_err(Fault::Connect)?;
    let query = token();
    client.send(&query).map_err(Fault::Connect)?;
    let deadline = Instant::now() + LIMIT;
    loop {
        let mut waiting =
            [listener, &client].map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN));
        if !wait(&mut waiting, deadline).map_err(Fault::Connect)? {
            return Err(Fault::Lost);
        }
        let [arrived, answered] = waiting.map(|fd| fd.any() == Some(true));
        let mut received = [0; 64];
        if arrived {
            let (length, _) = listener.recv_from(&mut received).map_err(Fault::Connect)?;
            // Queries of other processes arrive here, too.
            if received.get(..length) == Some(&query) {
                return Ok(());
            }
        }
        if answered {
            client.recv(&mut received).map_err(failed)?;
            return Err(Fault::Elsewhere);
        }
    }
}
