//! The addresses, policy rules and routes of a ruleset (`linux/rtnetlink.h`).
//!
//! Each carries [`PROTOCOL`], and only objects that carry it are ever deleted.

use std::fs;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use mnl::mnl_sys::libc;
use nix::errno::Errno;

use crate::intent::Family;
use crate::netlink::{
    Error, Flags, Message, Request, Socket, address_family, family_of, host, octets, read_u32,
    retry,
};
use crate::ruleset::RoutingObject;

/// The protocol number that marks netweir's routes, policy rules and addresses. Numbers above 127 are free for
/// administrators (`linux/rtnetlink.h`); this one is not in iproute2's table of protocols.
pub const PROTOCOL: u8 = 133;

/// `FRA_PROTOCOL` (`linux/fib_rules.h`, Linux 4.17).
const FRA_PROTOCOL: u16 = 21;
/// `FRA_FWMARK`, `FRA_FWMASK`, `FRA_TABLE`.
const FRA_FWMARK: u16 = 10;
const FRA_FWMASK: u16 = 16;
const FRA_TABLE: u16 = 15;
/// `FRA_PRIORITY`, which a rule of priority 0 does without.
const FRA_PRIORITY: u16 = 6;
/// Selectors of a rule besides its header: `FRA_IIFNAME`, `FRA_TUN_ID`, `FRA_OIFNAME`, `FRA_L3MDEV`,
/// `FRA_UID_RANGE`, `FRA_IP_PROTO`, `FRA_SPORT_RANGE`, `FRA_DPORT_RANGE`.
const SELECTORS: [u16; 8] = [3, 12, 17, 19, 20, 22, 23, 24];
/// `FIB_RULE_INVERT`.
const FIB_RULE_INVERT: u32 = 2;
/// The priority of the main table's rule (`fib_default_rules_init`), which has a route for most packets: a rule after it
/// sees hardly any.
const MAIN_TABLE_PRIORITY: u32 = 0x7FFE;
/// `FR_ACT_TO_TBL`.
const TO_TABLE: u8 = 1;
/// `IFA_PROTO` (`linux/if_addr.h`, Linux 5.18). An older kernel ignores it: there `remove` does not recognize an address
/// that was added, and leaves it on `lo`, where it harms nothing.
const IFA_PROTO: u16 = 11;
/// The index of `lo` in every network namespace (`LOOPBACK_IFINDEX`).
const LOOPBACK: u32 = 1;

/// The objects of the namespace, and whether netweir added them.
pub(crate) struct Present(Vec<(RoutingObject, bool)>);

impl Present {
    fn has(&self, object: &RoutingObject) -> bool {
        self.0.iter().any(|(present, _)| present == object)
    }

    /// Those that netweir added.
    pub(crate) fn own(&self) -> impl Iterator<Item = RoutingObject> + '_ {
        self.0
            .iter()
            .filter(|(_, own)| *own)
            .map(|(object, _)| *object)
    }

    /// The wanted objects that do not exist.
    pub(crate) fn missing<'a>(
        &'a self,
        wanted: &'a [RoutingObject],
    ) -> impl Iterator<Item = RoutingObject> + 'a {
        wanted.iter().copied().filter(|object| !self.has(object))
    }

    /// Those that netweir added and that are not wanted.
    pub(crate) fn stale<'a>(
        &'a self,
        wanted: &'a [RoutingObject],
    ) -> impl Iterator<Item = RoutingObject> + 'a {
        self.own().filter(|object| !wanted.contains(object))
    }
}

/// Lists the objects of these kinds in the namespace.
pub(crate) fn present(socket: &mut Socket) -> Result<Present, Error> {
    let mut objects = Vec::new();
    let listings = [
        (
            libc::RTM_GETADDR,
            ADDRESS_HEADER,
            address as fn(Message<'_>) -> _,
        ),
        (libc::RTM_GETRULE, RULE_HEADER, rule),
        (libc::RTM_GETROUTE, ROUTE_HEADER, route),
    ];
    for (kind, header, read) in listings {
        let header = vec![0; header];
        match list(socket, LISTING, kind, &header, read) {
            Ok(listed) => objects.extend(listed),
            // A kernel without policy routing (CONFIG_IP_MULTIPLE_TABLES) has no rules.
            Err(error) if error.refused_with() == Some(Errno::EOPNOTSUPP) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Present(objects))
}

const LISTING: &str = "list addresses, policy rules and routes";

/// Lists the objects of a kind that `read` finds in the kernel's messages.
pub(crate) fn list<T>(
    socket: &mut Socket,
    doing: &str,
    kind: u16,
    header: &[u8],
    read: impl Fn(Message<'_>) -> Option<T>,
) -> Result<Vec<T>, Error> {
    retry(|| {
        let mut objects = Vec::new();
        let request = Request::new(kind, Flags::DUMP, header);
        socket.dump(doing, request, |message| {
            objects.extend(read(message));
            Some(())
        })?;
        Ok(objects)
    })
}

/// The result of adding an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// It is there now.
    Now,
    /// Another program added it meanwhile.
    Already,
    /// The namespace has no IPv6, so nothing can use it.
    NoIpv6,
}

/// How often an object is added that exists, and then does not: another run may delete it in between.
const ATTEMPTS: usize = 5;

/// Adds the object.
pub(crate) fn add(socket: &mut Socket, object: RoutingObject) -> Result<Added, Error> {
    let doing = format!("add the {object}");
    let mut attempts = 1..ATTEMPTS;
    loop {
        let Err(error) = socket.acknowledge(&doing, request(object, Change::Add)) else {
            return Ok(Added::Now);
        };
        match error.refused_with() {
            Some(Errno::EEXIST) if present(socket)?.has(&object) => return Ok(Added::Already),
            // Most likely it is another one: the kernel takes two routes to the same destination for one, for example.
            Some(Errno::EEXIST) if attempts.next().is_some() => {}
            // The sysctl disable_ipv6 causes EACCES, the kernel parameter ipv6.disable EOPNOTSUPP or EAFNOSUPPORT.
            Some(Errno::EACCES | Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT)
                if needs_ipv6(&object) =>
            {
                return Ok(Added::NoIpv6);
            }
            _ => return Err(error),
        }
    }
}

/// Sets `lo` up, which is down in a new network namespace: until then the kernel refuses routes on it.
pub(crate) fn set_loopback_up(socket: &mut Socket) -> Result<(), Error> {
    let up = libc::IFF_UP.cast_unsigned().to_ne_bytes();
    // `struct ifinfomsg`: family and type, index, flags, and which flags to change.
    let header = [[0; 4], LOOPBACK.to_ne_bytes(), up, up].concat();
    let request = Request::new(libc::RTM_SETLINK, Flags::ACK, &header);
    socket.acknowledge("set lo up", request)
}

/// Whether the object is one of IPv6.
pub(crate) const fn needs_ipv6(object: &RoutingObject) -> bool {
    match object {
        RoutingObject::LoopbackAddress(_) => true,
        RoutingObject::MarkRule { family, .. } | RoutingObject::LocalRoute { family, .. } => {
            matches!(family, Family::Ipv6)
        }
    }
}

/// Whether `lo` takes addresses and routes of IPv6: not with the sysctl `disable_ipv6`, which does not exist with the kernel
/// parameter `ipv6.disable`. Assumed where no sysctl can be read.
pub(crate) fn has_ipv6() -> bool {
    let sysctl = Path::new("/proc/sys/net/ipv6/conf/lo/disable_ipv6");
    match fs::read_to_string(sysctl) {
        Ok(disabled) => disabled.trim() == "0",
        Err(_) => !Path::new("/proc/sys/net/ipv4").exists(),
    }
}

/// Deletes the object. It is no error if it is gone already.
pub(crate) fn delete(socket: &mut Socket, object: RoutingObject) -> Result<(), Error> {
    let doing = format!("delete the {object}");
    match socket.acknowledge(&doing, request(object, Change::Delete)) {
        Err(error)
            if matches!(
                error.refused_with(),
                Some(Errno::ENOENT | Errno::ESRCH | Errno::EADDRNOTAVAIL)
            ) =>
        {
            Ok(())
        }
        other => other,
    }
}

#[derive(Clone, Copy)]
enum Change {
    Add,
    Delete,
}

/// `IFA_F_NODAD` (`linux/if_addr.h`).
const IFA_F_NODAD: u8 = 2;
/// `struct ifaddrmsg`: family, prefix length, flags, scope, index.
const ADDRESS_HEADER: usize = 8;
/// `struct fib_rule_hdr`.
const RULE_HEADER: usize = 12;
/// `struct rtmsg`.
pub(crate) const ROUTE_HEADER: usize = 12;

/// A request about an address of an interface.
pub(super) fn address_request(kind: u16, flags: Flags, index: u32, address: IpAddr) -> Request {
    let [family, prefix] = host(address);
    let [a, b, c, d] = index.to_ne_bytes();
    // Without it an address of IPv6 is tentative at first, and cannot be bound to.
    let address_flags = if address.is_ipv6() { IFA_F_NODAD } else { 0 };
    let scope = libc::RT_SCOPE_UNIVERSE;
    let header = [family, prefix, address_flags, scope, a, b, c, d];
    Request::new(kind, flags, &header).with(libc::IFA_LOCAL, &octets(address))
}

fn request(object: RoutingObject, change: Change) -> Request {
    let (adds, flags) = match change {
        Change::Add => (true, Flags::CREATE_NEW),
        Change::Delete => (false, Flags::ACK),
    };
    let kind = |add, delete| if adds { add } else { delete };
    match object {
        RoutingObject::LoopbackAddress(address) => {
            let kind = kind(libc::RTM_NEWADDR, libc::RTM_DELADDR);
            address_request(kind, flags, LOOPBACK, address.into()).with(IFA_PROTO, &[PROTOCOL])
        }
        RoutingObject::MarkRule {
            family,
            mark,
            table,
        } => {
            let mut header = [0; RULE_HEADER];
            header[0] = address_family(family);
            header[7] = TO_TABLE;
            let kind = kind(libc::RTM_NEWRULE, libc::RTM_DELRULE);
            Request::new(kind, flags, &header)
                .with(FRA_FWMARK, &mark.to_ne_bytes())
                .with(FRA_FWMASK, &u32::MAX.to_ne_bytes())
                .with(FRA_TABLE, &table.to_ne_bytes())
                .with(FRA_PROTOCOL, &[PROTOCOL])
        }
        RoutingObject::LocalRoute { family, table } => {
            let mut header = [0; ROUTE_HEADER];
            header[0] = address_family(family);
            header[5] = PROTOCOL;
            header[6] = libc::RT_SCOPE_HOST;
            header[7] = libc::RTN_LOCAL;
            let kind = kind(libc::RTM_NEWROUTE, libc::RTM_DELROUTE);
            Request::new(kind, flags, &header)
                .with(libc::RTA_TABLE, &table.to_ne_bytes())
                .with(libc::RTA_OIF, &LOOPBACK.to_ne_bytes())
        }
    }
}

/// Reads a message as each of the routing objects.
#[cfg(feature = "fuzzing")]
pub(super) fn fuzz(message: Message<'_>) {
    let _ = (address(message), rule(message), route(message));
}

fn address(message: Message<'_>) -> Option<(RoutingObject, bool)> {
    let body = message.body();
    let on_loopback = read_u32(body, 4)? == LOOPBACK;
    let whole = on_loopback && family_of(*body.first()?)? == Family::Ipv6 && *body.get(1)? == 128;
    let attributes = message.attributes(ADDRESS_HEADER);
    let octets: [u8; 16] = attributes.find(libc::IFA_ADDRESS)?.try_into().ok()?;
    let own = attributes.find(IFA_PROTO) == Some(&[PROTOCOL]);
    whole.then(|| (RoutingObject::LoopbackAddress(Ipv6Addr::from(octets)), own))
}

/// A rule that selects fewer packets than netweir's, or comes too late, is not the same object.
fn rule(message: Message<'_>) -> Option<(RoutingObject, bool)> {
    let body = message.body();
    let attributes = message.attributes(RULE_HEADER);
    let object = RoutingObject::MarkRule {
        family: family_of(*body.first()?)?,
        mark: attributes.u32(FRA_FWMARK)?,
        table: attributes.u32(FRA_TABLE)?,
    };
    let own = attributes.find(FRA_PROTOCOL) == Some(&[PROTOCOL]);
    // Prefix lengths of the addresses, and the type of service.
    let selects_by_mark_alone = body.get(1..4)? == [0; 3]
        && read_u32(body, 8)? & FIB_RULE_INVERT == 0
        && !SELECTORS
            .iter()
            .any(|&kind| attributes.find(kind).is_some());
    let in_time = own || attributes.u32(FRA_PRIORITY).unwrap_or(0) <= MAIN_TABLE_PRIORITY;
    let same = selects_by_mark_alone
        && in_time
        && *body.get(7)? == TO_TABLE
        && attributes.u32(FRA_FWMASK)? == u32::MAX;
    same.then_some((object, own))
}

fn route(message: Message<'_>) -> Option<(RoutingObject, bool)> {
    let body = message.body();
    let attributes = message.attributes(ROUTE_HEADER);
    let to_everything_local = *body.get(1)? == 0 && *body.get(7)? == libc::RTN_LOCAL;
    let on_loopback = attributes.u32(libc::RTA_OIF)? == LOOPBACK;
    let own = *body.get(5)? == PROTOCOL;
    let object = RoutingObject::LocalRoute {
        family: family_of(*body.first()?)?,
        table: attributes.u32(libc::RTA_TABLE)?,
    };
    (to_everything_local && on_loopback).then_some((object, own))
}
