//! Addresses, policy rules and routes through rtnetlink (`linux/rtnetlink.h`).
//!
//! What is added here bears [`PROTOCOL`], which the kernel keeps with each of them, and only what bears it is
//! ever taken away.

use std::fs;
use std::net::Ipv6Addr;
use std::path::Path;

use mnl::mnl_sys::libc;
use nix::errno::Errno;

use crate::intent::Family;
use crate::netlink::Error;
use crate::netlink::{
    Attributes, ExchangeError, Flags, Message, Request, Socket, address_family, read_u32,
};
use crate::ruleset::RoutingObject;

/// Who added a route, a policy rule or an address. Numbers above 127 are the administrator's (`linux/rtnetlink.h`);
/// this one is not in iproute2's table of protocols.
pub const PROTOCOL: u8 = 133;

/// `FRA_PROTOCOL` (`linux/fib_rules.h`, Linux 4.17).
const FRA_PROTOCOL: u16 = 21;
/// `FRA_FWMARK`, `FRA_FWMASK`, `FRA_TABLE`.
const FRA_FWMARK: u16 = 10;
const FRA_FWMASK: u16 = 16;
const FRA_TABLE: u16 = 15;
/// `FRA_PRIORITY`, which a rule of priority 0 does without.
const FRA_PRIORITY: u16 = 6;
/// What lets a rule see fewer packets, besides its header: `FRA_IIFNAME`, `FRA_TUN_ID`, `FRA_OIFNAME`, `FRA_L3MDEV`,
/// `FRA_UID_RANGE`, `FRA_IP_PROTO`, `FRA_SPORT_RANGE`, `FRA_DPORT_RANGE`.
const SELECTORS: [u16; 8] = [3, 12, 17, 19, 20, 22, 23, 24];
/// `FIB_RULE_INVERT`.
const FIB_RULE_INVERT: u32 = 2;
/// Behind the main table's rule (`fib_default_rules_init`), which knows a route for most packets, a rule sees none.
const MAIN_TABLE_PRIORITY: u32 = 0x7FFE;
/// `FR_ACT_TO_TBL`.
const TO_TABLE: u8 = 1;
/// `IFA_PROTO` (`linux/if_addr.h`, Linux 5.18). An older kernel ignores it: there an address that was added is not known as ours
/// again, and `remove` leaves it on `lo`, where it harms nothing.
const IFA_PROTO: u16 = 11;
/// The index of `lo` in every network namespace (`LOOPBACK_IFINDEX`).
const LOOPBACK: u32 = 1;

/// What is there: each object, and whether it is ours.
pub(crate) struct Present(Vec<(RoutingObject, bool)>);

impl Present {
    fn has(&self, object: &RoutingObject) -> bool {
        self.0.iter().any(|(present, _)| present == object)
    }

    /// What is ours.
    pub(crate) fn own(&self) -> impl Iterator<Item = RoutingObject> + '_ {
        self.0
            .iter()
            .filter(|(_, own)| *own)
            .map(|(object, _)| *object)
    }

    /// What of the wanted objects is not there.
    pub(crate) fn missing<'a>(
        &'a self,
        wanted: &'a [RoutingObject],
    ) -> impl Iterator<Item = RoutingObject> + 'a {
        wanted.iter().copied().filter(|object| !self.has(object))
    }

    /// What is ours and not wanted.
    pub(crate) fn stale<'a>(
        &'a self,
        wanted: &'a [RoutingObject],
    ) -> impl Iterator<Item = RoutingObject> + 'a {
        self.own().filter(|object| !wanted.contains(object))
    }
}

/// Lists what of these kinds is in the namespace.
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
        let body = vec![0; header];
        let request = Request::new(kind, Flags::DUMP, &body);
        let listed = socket.dump(request, |message| {
            objects.extend(read(message));
            Some(())
        });
        match listed {
            // The kernel has no policy routing (CONFIG_IP_MULTIPLE_TABLES), so there are no rules.
            Err(ExchangeError::Refused(refusal)) if refusal.errno == Errno::EOPNOTSUPP => {}
            other => other.map_err(Error::reading("list addresses, policy rules and routes"))?,
        }
    }
    Ok(Present(objects))
}

/// What became of an object that was to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// It is there now.
    Now,
    /// Somebody else added it meanwhile.
    Already,
    /// The namespace has no IPv6, so nothing can use it.
    NoIpv6,
}

/// Adds the object.
pub(crate) fn add(socket: &mut Socket, object: RoutingObject) -> Result<Added, Error> {
    match socket.acknowledge(request(object, Change::Add)) {
        Ok(()) => Ok(Added::Now),
        Err(ExchangeError::Refused(refusal)) => match (refusal.errno, object) {
            // It may be another one: the kernel takes two routes to the same destination for one, for example.
            (Errno::EEXIST, _) if present(socket)?.has(&object) => Ok(Added::Already),
            // The sysctl disable_ipv6 says EACCES, the kernel parameter ipv6.disable EOPNOTSUPP or
            // EAFNOSUPPORT.
            (Errno::EACCES | Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT, object)
                if needs_ipv6(&object) =>
            {
                Ok(Added::NoIpv6)
            }
            _ => Err(refused("add", object, refusal)),
        },
        Err(other) => Err(Error::reading("change addresses and routes")(other)),
    }
}

/// Takes `lo` up.
pub(crate) fn take_loopback_up(socket: &mut Socket) -> Result<(), Error> {
    let up = libc::IFF_UP.cast_unsigned().to_ne_bytes();
    // `struct ifinfomsg`: family and type, index, flags, and which flags to change.
    let header = [[0; 4], LOOPBACK.to_ne_bytes(), up, up].concat();
    let request = Request::new(libc::RTM_SETLINK, Flags::ACK, &header);
    socket.acknowledge(request).map_err(|error| match error {
        ExchangeError::Refused(refusal) => Error::Routing {
            doing: "set lo up".to_owned(),
            refusal,
        },
        other => Error::reading("set lo up")(other),
    })
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

/// Whether `lo` takes addresses and routes of IPv6: it does not with the sysctl `disable_ipv6`, and the sysctl is
/// not there with the kernel parameter `ipv6.disable`. Where no sysctl can be read, it is taken to do so.
pub(crate) fn has_ipv6() -> bool {
    let sysctl = Path::new("/proc/sys/net/ipv6/conf/lo/disable_ipv6");
    match fs::read_to_string(sysctl) {
        Ok(disabled) => disabled.trim() == "0",
        Err(_) => !Path::new("/proc/sys/net/ipv4").exists(),
    }
}

/// Takes the object away. That it is gone already is no error.
pub(crate) fn delete(socket: &mut Socket, object: RoutingObject) -> Result<(), Error> {
    match socket.acknowledge(request(object, Change::Delete)) {
        Ok(()) => Ok(()),
        Err(ExchangeError::Refused(refusal)) => match refusal.errno {
            Errno::ENOENT | Errno::ESRCH | Errno::EADDRNOTAVAIL => Ok(()),
            _ => Err(refused("delete", object, refusal)),
        },
        Err(other) => Err(Error::reading("change addresses and routes")(other)),
    }
}

fn refused(verb: &str, object: RoutingObject, refusal: crate::netlink::Refusal) -> Error {
    Error::Routing {
        doing: format!("{verb} the {object}"),
        refusal,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
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

fn request(object: RoutingObject, change: Change) -> Request {
    let adds = change == Change::Add;
    let flags = if adds { Flags::CREATE_NEW } else { Flags::ACK };
    match object {
        RoutingObject::LoopbackAddress(address) => {
            let [a, b, c, d] = LOOPBACK.to_ne_bytes();
            let header = [
                address_family(Family::Ipv6),
                128,
                // Without it the address is tentative at first, and cannot be bound to.
                IFA_F_NODAD,
                libc::RT_SCOPE_UNIVERSE,
                a,
                b,
                c,
                d,
            ];
            let kind = if adds {
                libc::RTM_NEWADDR
            } else {
                libc::RTM_DELADDR
            };
            Request::new(kind, flags, &header)
                .with(libc::IFA_LOCAL, &address.octets())
                .with(IFA_PROTO, &[PROTOCOL])
        }
        RoutingObject::MarkRule {
            family,
            mark,
            table,
        } => {
            let mut header = [0; RULE_HEADER];
            header[0] = address_family(family);
            header[7] = TO_TABLE;
            let kind = if adds {
                libc::RTM_NEWRULE
            } else {
                libc::RTM_DELRULE
            };
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
            let kind = if adds {
                libc::RTM_NEWROUTE
            } else {
                libc::RTM_DELROUTE
            };
            Request::new(kind, flags, &header)
                .with(libc::RTA_TABLE, &table.to_ne_bytes())
                .with(libc::RTA_OIF, &LOOPBACK.to_ne_bytes())
        }
    }
}

fn address(message: Message<'_>) -> Option<(RoutingObject, bool)> {
    let body = message.body();
    let on_loopback = read_u32(body, 4)? == LOOPBACK;
    let whole = on_loopback && family_of(body)? == Family::Ipv6 && *body.get(1)? == 128;
    let attributes = message.attributes(ADDRESS_HEADER);
    let octets: [u8; 16] = find(&attributes, libc::IFA_ADDRESS)?.try_into().ok()?;
    let own = find(&attributes, IFA_PROTO) == Some(&[PROTOCOL]);
    whole.then(|| (RoutingObject::LoopbackAddress(Ipv6Addr::from(octets)), own))
}

/// Only what leads to the same as ours: a rule that sees fewer packets, or sees them too late, is another one.
fn rule(message: Message<'_>) -> Option<(RoutingObject, bool)> {
    let body = message.body();
    let attributes = message.attributes(RULE_HEADER);
    let value = |kind| read_u32(find(&attributes, kind)?, 0);
    let object = RoutingObject::MarkRule {
        family: family_of(body)?,
        mark: value(FRA_FWMARK)?,
        table: value(FRA_TABLE)?,
    };
    let own = find(&attributes, FRA_PROTOCOL) == Some(&[PROTOCOL]);
    // Lengths of addresses, and the type of service.
    let sees_all_addresses = body.get(1..4)? == [0; 3]
        && read_u32(body, 8)? & FIB_RULE_INVERT == 0
        && !SELECTORS
            .iter()
            .any(|&kind| find(&attributes, kind).is_some());
    let in_time = own || value(FRA_PRIORITY).unwrap_or(0) <= MAIN_TABLE_PRIORITY;
    let same = sees_all_addresses
        && in_time
        && *body.get(7)? == TO_TABLE
        && value(FRA_FWMASK)? == u32::MAX;
    same.then_some((object, own))
}

fn route(message: Message<'_>) -> Option<(RoutingObject, bool)> {
    let body = message.body();
    let attributes = message.attributes(ROUTE_HEADER);
    let value = |kind| read_u32(find(&attributes, kind)?, 0);
    let to_everything_local = *body.get(1)? == 0 && *body.get(7)? == libc::RTN_LOCAL;
    let on_loopback = value(libc::RTA_OIF)? == LOOPBACK;
    let own = *body.get(5)? == PROTOCOL;
    let object = RoutingObject::LocalRoute {
        family: family_of(body)?,
        table: value(libc::RTA_TABLE)?,
    };
    (to_everything_local && on_loopback).then_some((object, own))
}

pub(crate) fn find<'a>(attributes: &Attributes<'a>, kind: u16) -> Option<&'a [u8]> {
    attributes
        .clone()
        .find(|&(own, _)| own == kind)
        .map(|(_, payload)| payload)
}

/// The family at the front of every header of rtnetlink.
pub(crate) fn family_of(body: &[u8]) -> Option<Family> {
    let first = *body.first()?;
    Family::ALL
        .into_iter()
        .find(|&family| address_family(family) == first)
}
