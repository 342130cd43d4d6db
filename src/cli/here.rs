//! The network namespace in which a connection is explained.

use std::cell::RefCell;
use std::net::IpAddr;

use crate::explain::{Network, Route};
use crate::intent::Family;
use crate::rtnetlink::addresses;
use crate::rtnetlink::lookup::Routes;

/// The current namespace's routes and addresses, which any user may read. Those that cannot be read are unknown.
pub(super) struct Here(RefCell<Option<Routes>>);

impl Here {
    /// The namespace that the thread is in.
    pub(super) fn new() -> Self {
        Self(RefCell::new(Routes::open().ok()))
    }
}

impl Network for Here {
    fn route_to(&self, destination: IpAddr, source: Option<IpAddr>, mark: u32) -> Option<Route> {
        let mut routes = self.0.try_borrow_mut().ok()?;
        let routes = routes.as_mut()?;
        let mut way = |source| routes.lookup(destination, source, mark).ok().flatten();
        // An address that is not this namespace's own has no way for ordinary sockets, but there are others
        // (IP_TRANSPARENT, ip(7)): they go the way of the rest.
        let route = way(source).or_else(|| way(None));
        route.map(|route| Route {
            interface: route.interface,
            source: route.source,
        })
    }

    fn interface_of(&self, address: IpAddr) -> Option<String> {
        addresses::interface_of(address).ok().flatten()
    }

    fn has_address(&self, interface: &str, family: Family) -> Option<bool> {
        addresses::has_address(interface, family).ok().flatten()
    }
}
