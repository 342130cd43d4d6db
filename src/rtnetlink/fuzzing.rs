//! The entry of the fuzz target for messages of rtnetlink.

use super::{links, lookup, routing};
use crate::netlink::Message;

/// Reads the messages of a datagram as every kind.
pub fn read(datagram: &[u8]) {
    for message in Message::whole(datagram) {
        links::fuzz(message);
        lookup::fuzz(message);
        routing::fuzz(message);
    }
}
