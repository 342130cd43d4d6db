//! The decision tables of `docs/capture-semantics.md` a second time: from a [`Capture`] straight to the outcome
//! of a connection, without rules. What the plan and the evaluator say must agree with it, and
//! so must the kernel.
//!
//! The functions follow the tables line by line; the numbers are those of the lines.

mod packet;

use std::net::IpAddr;

use netweir::connection::{Connection, Owner, Path, Tracking, Transport};
use netweir::explain::Verdict;
use netweir::intent::{Capture, Dns, DnsOverTcp, Family, InboundMode, InboundPorts, Port, Tproxy};
use netweir::ruleset::End;

use packet::{Packet, selected, to_address, to_loopback, to_port};

/// What becomes of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    pub verdict: Verdict,
    pub zone: Option<u16>,
    pub packet_mark: u32,
    pub connection_mark: u32,
}

/// What a line that fits says.
enum Decision {
    Leave,
    Redirect(Port),
    Forward(IpAddr, Port),
}

impl Decision {
    fn verdict(&self) -> Verdict {
        match *self {
            Self::Leave => Verdict::Leave,
            Self::Redirect(port) => Verdict::Redirect(port),
            Self::Forward(to, port) => Verdict::Dnat(to, port),
        }
    }
}

/// The outcome of the connection.
pub fn expected(capture: &Capture, connection: &Connection) -> Expected {
    expected_beside(capture, false, connection)
}

/// The same of a connection that was open before it could be captured.
pub fn expected_beside(capture: &Capture, was_open: bool, connection: &Connection) -> Expected {
    let (interface, owner, out) = match &connection.path {
        Path::Out { interface, owner } => (interface, *owner, true),
        Path::In { interface } => (interface, None, false),
    };
    let mut packet = Packet {
        capture,
        interface,
        addresses: connection.addresses,
        transport: connection.transport,
        owner,
        tracking: connection.tracking,
        bypasses: was_open
            && matches!(connection.transport, Transport::Tcp(_))
            && connection.tracking != Tracking::New,
        mark: connection.packet_mark,
        connection_mark: connection.connection_mark,
    };
    let (verdict, zone) = if !capture.families.contains(connection.addresses.family()) {
        (Verdict::Leave, None)
    } else if out {
        packet.goes_out()
    } else {
        (packet.comes_in(), None)
    };
    Expected {
        verdict,
        zone,
        packet_mark: packet.mark,
        connection_mark: packet.connection_mark,
    }
}

impl Packet<'_> {
    fn goes_out(&mut self) -> (Verdict, Option<u16>) {
        let zone = self.capture.dns.as_ref().and_then(|dns| self.zone_out(dns));
        if let InboundMode::Tproxy(tproxy) = self.capture.inbound.mode {
            self.mark_out(tproxy);
        }
        let decision = match self.tracking {
            _ if self.bypasses => Decision::Leave,
            Tracking::New | Tracking::Midstream => self.outbound(),
            Tracking::Tracked | Tracking::Invalid => Decision::Leave,
        };
        match decision {
            Decision::Leave => {}
            Decision::Redirect(port) => {
                self.transport = to_port(self.transport, port);
                self.addresses = to_loopback(self.addresses);
                self.interface = "lo";
            }
            Decision::Forward(to, port) => {
                self.transport = to_port(self.transport, port);
                self.addresses = to_address(self.addresses, to);
                self.interface = if to.is_loopback() { "lo" } else { "" };
            }
        }
        let straight = decision.verdict();
        if self.interface != "lo" {
            return (straight, zone);
        }
        self.owner = None;
        (self.arrives().unwrap_or(straight), zone)
    }

    fn comes_in(&mut self) -> Verdict {
        if let Some(verdict) = self.arrives() {
            return verdict;
        }
        let redirect = match self.tracking {
            _ if self.bypasses => None,
            Tracking::New | Tracking::Midstream => self.inbound(),
            Tracking::Tracked | Tracking::Invalid => None,
        };
        redirect.map_or(Verdict::Leave, Verdict::Redirect)
    }

    /// "Outbound".
    fn outbound(&self) -> Decision {
        let dns = self.capture.dns.as_ref();
        // 0
        if let Some(dns) = dns.filter(|dns| dns.everyone)
            && let Some(decision) = self.dns(dns)
        {
            return decision;
        }
        self.after_dns_of_everyone(dns.filter(|dns| !dns.everyone))
            .unwrap_or(Decision::Leave)
    }

    /// "DNS": line 0 or 7.
    fn dns(&self, dns: &Dns) -> Option<Decision> {
        if self.transport.protocol().is_none() || self.to_port() != Some(53) {
            return None;
        }
        match dns.tcp {
            DnsOverTcp::Bypass if self.is_tcp() && self.has_servers(dns) => Some(Decision::Leave),
            DnsOverTcp::Bypass | DnsOverTcp::Outbound if self.is_tcp() => None,
            _ if !self.has_servers(dns) || !selected(&dns.servers, self.to()) => None,
            _ => Some(match dns.to {
                None => Decision::Redirect(dns.port),
                Some(to) => Decision::Forward(to, dns.port),
            }),
        }
    }

    /// Lines 1 to 12, with the DNS capture that comes after exclusions.
    fn after_dns_of_everyone(&self, dns: Option<&Dns>) -> Option<Decision> {
        let capture = self.capture;
        let intent = &capture.outbound;
        let udp_only = dns.is_some_and(|dns| dns.tcp != DnsOverTcp::Redirect);
        // 1
        if self.by_any(&capture.exclude_interfaces) {
            return None;
        }
        // 2
        if self
            .ports()
            .is_some_and(|_| self.to_excluded_port(udp_only))
        {
            return None;
        }
        // 2c
        if self.ports().is_some() && intent.exclude_ranges_first.contains(self.to()) {
            return None;
        }
        // 3
        if self.interface == "lo" && self.is_passthrough() && (self.is_tcp() || !udp_only) {
            return None;
        }
        // 4
        for &uid in &capture.proxy.uids {
            if let Some(decision) =
                self.proxy_owner(dns, self.uid_is(uid), dns.is_some() && !udp_only)
            {
                return Some(decision);
            }
        }
        // 5
        for &gid in &capture.proxy.gids {
            if let Some(decision) = self.proxy_owner(dns, self.gid_is(gid), false) {
                return Some(decision);
            }
        }
        // 6
        if let Some(Owner { uid, gid }) = self.owner {
            if intent.uids.exclude.contains(uid) || intent.gids.exclude.contains(gid) {
                return None;
            }
            if intent
                .uids
                .include
                .as_ref()
                .is_some_and(|include| !include.contains(uid))
                || intent
                    .gids
                    .include
                    .as_ref()
                    .is_some_and(|include| !include.contains(gid))
            {
                return None;
            }
        }
        // 7
        if let Some(decision) = dns.and_then(|dns| self.dns(dns)) {
            return Some(decision);
        }
        // 8
        if self.to_loopback_range() {
            return None;
        }
        // 9
        if intent.exclude_ranges.contains(self.to()) {
            return None;
        }
        // 10 and 11
        let to_port = self.to_port().filter(|_| self.is_tcp())?;
        (intent.include_ports.contains(to_port) || selected(&intent.include_ranges, self.to()))
            .then_some(Decision::Redirect(capture.proxy.outbound_port))
        // 12
    }

    /// The lines a, b and c for one owner of the proxy. `owned` is `None` for what has no socket: it is neither
    /// owned nor not owned.
    fn proxy_owner(
        &self,
        dns: Option<&Dns>,
        owned: Option<bool>,
        spare_dns: bool,
    ) -> Option<Decision> {
        let capture = self.capture;
        let by_lo = self.interface == "lo";
        let tunnel = capture.proxy.tunnel_port.map(Port::number);
        let tcp_to = self.to_port().filter(|_| self.is_tcp());
        // a
        if let Some(port) = tcp_to
            && by_lo
            && owned == Some(true)
            && !self.to_loopback_range()
            && Some(port) != tunnel
            && !(spare_dns && port == 53)
        {
            return Some(Decision::Redirect(capture.proxy.inbound_port));
        }
        // b
        let covered = match dns {
            None => true,
            Some(dns) if dns.tcp != DnsOverTcp::Redirect => tcp_to.is_some(),
            Some(_) => tcp_to.is_some_and(|port| port != 53),
        };
        if by_lo && owned == Some(false) && covered && !capture.outbound.capture_over_loopback {
            return Some(Decision::Leave);
        }
        // c
        (owned == Some(true)).then_some(Decision::Leave)
    }

    /// "Inbound, redirect mode", of which the first line holds in both modes.
    fn inbound(&self) -> Option<Port> {
        let capture = self.capture;
        let port = self.to_port().filter(|_| self.is_tcp());
        // 1a
        if let Some(port) = self.redirect_of_virtual_network() {
            return Some(port);
        }
        // 1b
        if self.by_any(&capture.inbound.reroute_interfaces) {
            return port
                .filter(|_| selected(&capture.outbound.include_ranges, self.to()))
                .map(|_| capture.proxy.outbound_port);
        }
        // 2
        if capture.inbound.mode != InboundMode::Redirect || self.by_any(&capture.exclude_interfaces)
        {
            return None;
        }
        // 3
        let port = port?;
        if capture.proxy.tunnel_port.map(Port::number) == Some(port) {
            return None;
        }
        // 4
        self.inbound_port_is_captured(port)
            .then_some(capture.proxy.inbound_port)
    }

    /// Line 1a, for each network that fits in turn.
    fn redirect_of_virtual_network(&self) -> Option<Port> {
        let own = self.capture.inbound.virtual_networks.as_ref()?;
        let family = self.addresses.family();
        let here = own.networks.iter().filter(|own| {
            Family::of(own.network.addr()) == family
                && self.by_any(std::slice::from_ref(&own.interface))
        });
        let mut here = here.map(|own| own.network);
        match (self.is_tcp(), self.to_port()?) {
            (false, 53) => here.next().map(|_| own.dns_port),
            (false, _) => None,
            (true, _) => here
                .any(|network| !network.contains(&self.to()))
                .then_some(self.capture.proxy.outbound_port),
        }
    }

    /// Line 4, with the sources whose connections are bypassed.
    fn inbound_port_is_captured(&self, port: u16) -> bool {
        let inbound = &self.capture.inbound;
        let source = self.addresses.end(End::Source);
        !inbound.exclude_sources.contains(source)
            && match &inbound.ports {
                InboundPorts::AllExcept(ports) => !ports.contains(port),
                InboundPorts::Only(ports) => ports.contains(port),
            }
    }

    /// "Drop invalid", and "Inbound, tproxy mode". `None`: nothing was decided here.
    fn arrives(&mut self) -> Option<Verdict> {
        if self.bypasses {
            return None;
        }
        if self.capture.drop_invalid && self.tracking == Tracking::Invalid {
            return Some(Verdict::Drop);
        }
        let InboundMode::Tproxy(tproxy) = self.capture.inbound.mode else {
            return None;
        };
        if !self.is_tcp() || self.by_any(&self.capture.exclude_interfaces) {
            return None;
        }
        // 1 and 5
        if self.mark == tproxy.mark {
            self.mark_connection(tproxy.mark);
            return None;
        }
        // 2 and 3
        let by_lo = self.interface == "lo";
        if by_lo && (self.is_passthrough() || self.mark != tproxy.outbound_mark) {
            return None;
        }
        // 4
        if !self.inbound_port_is_captured(self.to_port()?) {
            return None;
        }
        if self.tracking == Tracking::Tracked {
            self.mark = tproxy.mark;
            return None;
        }
        if self.to_loopback_range() {
            return None;
        }
        self.mark = tproxy.mark;
        Some(Verdict::Tproxy(self.capture.proxy.inbound_port))
    }

    /// "On the way out", in tproxy mode.
    fn mark_out(&mut self, tproxy: Tproxy) {
        if !self.is_tcp() || self.by_any(&self.capture.exclude_interfaces) {
            return;
        }
        let by_lo = self.interface == "lo";
        if by_lo && self.mark == tproxy.mark {
            return;
        }
        if by_lo && self.of_proxy() && !self.to_loopback_range() {
            self.mark = tproxy.outbound_mark;
        }
        if self.tracking != Tracking::Invalid && self.connection_mark == tproxy.mark {
            self.mark = tproxy.mark;
        }
    }

    /// "DNS and connection tracking zones".
    fn zone_out(&self, dns: &Dns) -> Option<u16> {
        let zones = dns.zones && dns.to.is_none() && !dns.everyone;
        let ports = self.ports().filter(|_| !self.is_tcp() && zones)?;
        if dns.tcp != DnsOverTcp::Redirect && !self.has_servers(dns) {
            return None;
        }
        if ports.1 != 53 {
            None
        } else if self.of_proxy() {
            Some(1)
        } else {
            selected(&dns.servers, self.to()).then_some(2)
        }
    }
}
