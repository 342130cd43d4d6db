//! Fakes of what the program looks up on a machine.

use std::net::IpAddr;

use netweir::explain::{Network, Route};
use netweir::intent::Family;
use netweir::options::Files;
use netweir::parse::{Accounts, NameError, OwnerKind};

/// A machine without users and groups.
pub struct NoUsers;

impl Accounts for NoUsers {
    fn id_of(&self, _: OwnerKind, _: &str) -> Result<u32, NameError> {
        Err(NameError::Unknown)
    }
}

/// A machine without files.
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, name: &str) -> Result<String, String> {
        Err(format!("{name} does not exist"))
    }
}

/// A network of which nothing is known.
pub struct NoNetwork;

impl Network for NoNetwork {
    fn route_to(&self, _: IpAddr, _: Option<IpAddr>, _: u32) -> Option<Route> {
        None
    }

    fn interface_of(&self, _: IpAddr) -> Option<String> {
        None
    }

    fn has_address(&self, _: &str, _: Family) -> Option<bool> {
        None
    }
}
