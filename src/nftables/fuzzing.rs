//! The entry of the fuzz target for messages of nf_tables and of `sock_diag`.

use super::{dump, trace};
use crate::netlink::{Message, sock_diag};

/// Reads the messages of a datagram as every kind.
pub fn read(datagram: &[u8]) {
    for message in Message::whole(datagram) {
        dump::fuzz(message);
        trace::fuzz(message);
        sock_diag::fuzz(message);
    }
}
