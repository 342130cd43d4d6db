//! A packet on its way through the chains.

use std::net::IpAddr;

use crate::connection::{Addresses, Connection, Direction, End, Owner, Tracking, Transport};
use crate::intent::{LOOPBACK, Port};

/// A packet between two chains.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) addresses: Addresses,
    pub(super) transport: Transport,
    pub(super) owner: Option<Owner>,
    pub(super) mark: u32,
    pub(super) connection_mark: u32,
    pub(super) tracking: Tracking,
    direction: Direction,
    pub(super) interface: String,
    /// Whether this namespace sent it to itself, over `lo`.
    pub(super) returned: bool,
}

impl Packet {
    pub(super) fn first(connection: &Connection) -> Self {
        Self {
            addresses: connection.addresses,
            transport: connection.transport,
            owner: connection.path.owner(),
            mark: connection.packet_mark,
            connection_mark: connection.connection_mark,
            tracking: connection.tracking,
            direction: connection.path.direction(),
            interface: connection.path.interface().to_owned(),
            returned: false,
        }
    }

    /// The input or the output interface; at the hooks of the rules a packet has only one of them.
    pub(super) fn interface_in(&self, direction: Direction) -> Option<&str> {
        (self.direction == direction).then_some(self.interface.as_str())
    }

    /// Returns on `lo`: the packet loses its socket (`loopback_xmit`) and keeps its marks.
    pub(super) fn returns(&mut self) {
        self.direction = Direction::In;
        self.owner = None;
        self.returned = true;
    }

    /// Rewrites the destination; an outgoing packet is then routed to loopback.
    pub(super) fn redirect(&mut self, port: Port) {
        self.transport = self.transport.to_port(port.number());
        if self.direction == Direction::Out {
            self.addresses = self.addresses.to_loopback();
            LOOPBACK.clone_into(&mut self.interface);
        }
    }

    /// Rewrites the destination to another address. An outgoing packet is then routed there: by which interface is only
    /// known of loopback. `None` if the address has another family.
    pub(super) fn forward(&mut self, address: IpAddr, port: Port) -> Option<()> {
        self.addresses = Addresses::of(self.addresses.end(End::Source), address)?;
        self.transport = self.transport.to_port(port.number());
        if self.direction == Direction::Out {
            let interface = if address.is_loopback() { LOOPBACK } else { "" };
            interface.clone_into(&mut self.interface);
        }
        Some(())
    }
}
