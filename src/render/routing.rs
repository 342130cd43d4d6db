//! Addresses, policy rules and routes, which none of the printed forms can hold: the `ip` commands they equal.

use std::fmt::{self, Display, Formatter};

use crate::intent::Family;
use crate::ruleset::RoutingObject;

/// The `ip` command that adds the object.
#[must_use]
pub fn ip_command(object: &RoutingObject) -> String {
    IpCommand(object).to_string()
}

/// The `ip` command that adds the object.
pub(super) struct IpCommand<'a>(pub(super) &'a RoutingObject);

impl IpCommand<'_> {
    /// The family that the object is of.
    pub(super) const fn family(&self) -> Family {
        match self.0 {
            RoutingObject::LoopbackAddress(_) => Family::Ipv6,
            RoutingObject::MarkRule { family, .. } | RoutingObject::LocalRoute { family, .. } => {
                *family
            }
        }
    }
}

impl Display for IpCommand<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            RoutingObject::LoopbackAddress(address) => {
                write!(f, "ip -6 address add {address}/128 dev lo nodad")
            }
            RoutingObject::MarkRule {
                family,
                mark,
                table,
            } => {
                let ip = ip(*family);
                write!(f, "{ip} rule add fwmark {mark:#x} lookup {table}")
            }
            RoutingObject::LocalRoute { family, table } => {
                let everything = match family {
                    Family::Ipv4 => "0.0.0.0/0",
                    Family::Ipv6 => "::/0",
                };
                let ip = ip(*family);
                write!(f, "{ip} route add local {everything} dev lo table {table}")
            }
        }
    }
}

const fn ip(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ip",
        Family::Ipv6 => "ip -6",
    }
}
