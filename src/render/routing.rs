//! Addresses, policy rules and routes as `ip` commands, since no other format can express them.

use crate::intent::{Family, LOOPBACK};
use crate::ruleset::RoutingObject;

/// The `ip` command that adds the object.
#[must_use]
pub fn ip_command(object: &RoutingObject) -> String {
    let (ip, everything) = match object.family() {
        Family::Ipv4 => ("ip", "0.0.0.0/0"),
        Family::Ipv6 => ("ip -6", "::/0"),
    };
    match object {
        RoutingObject::LoopbackAddress(address) => {
            format!("{ip} address add {address}/128 dev {LOOPBACK} nodad")
        }
        RoutingObject::MarkRule { mark, table, .. } => {
            format!("{ip} rule add fwmark {mark:#x} lookup {table}")
        }
        RoutingObject::LocalRoute { table, .. } => {
            format!("{ip} route add local {everything} dev {LOOPBACK} table {table}")
        }
    }
}
