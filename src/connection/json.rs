//! A connection in JSON output.

use serde::Serialize;

use super::{Addresses, Direction, End, Transport};

/// The fields that every JSON object of a connection has.
#[derive(Serialize)]
pub(crate) struct ConnectionJson<'a> {
    pub(crate) text: String,
    pub(crate) direction: &'static str,
    pub(crate) protocol: String,
    pub(crate) family: &'static str,
    pub(crate) destination: String,
    pub(crate) port: Option<u16>,
    pub(crate) from: String,
    pub(crate) from_port: Option<u16>,
    pub(crate) dev: Option<&'a str>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) mark: u32,
}

impl ConnectionJson<'_> {
    /// A connection, without interface, owner and mark.
    pub(crate) fn new(
        text: String,
        direction: Direction,
        addresses: Addresses,
        transport: Transport,
    ) -> Self {
        let ports = transport.ports();
        Self {
            text,
            direction: direction.name(),
            protocol: match transport.protocol() {
                Some(protocol) => protocol.name().to_owned(),
                None => transport.number().to_string(),
            },
            family: addresses.family().name(),
            destination: addresses.end(End::Destination).to_string(),
            port: ports.map(|ports| ports.destination),
            from: addresses.end(End::Source).to_string(),
            from_port: ports.map(|ports| ports.source),
            dev: None,
            uid: None,
            gid: None,
            mark: 0,
        }
    }
}
