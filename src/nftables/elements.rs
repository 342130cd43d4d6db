//! The elements of sets: keys at which an interval begins or ends, and connections.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nftnl::nftnl_sys::libc;

use super::message::own_request;
use super::object::Layout;
use crate::connection::ConnectionEnds;
use crate::intent::{Bound, Interval, OwnerId, UidPortRange, UidPorts};
use crate::netlink::{Flags, Nest, Request, octets};
use crate::ruleset::OpenConnections;

/// `NFT_SET_ELEM_INTERVAL_END` (`linux/netfilter/nf_tables.h`).
pub(super) const INTERVAL_END: u32 = 1;
/// `NFTA_SET_ELEM_LIST_SET` and `_ELEMENTS` (`linux/netfilter/nf_tables.h`).
pub(super) const LIST_SET: u16 = 2;
const LIST_ELEMENTS: u16 = 3;
/// `NFTA_LIST_ELEM`.
const LIST_ELEM: u16 = 1;
/// `NFTA_SET_ELEM_KEY`, `_FLAGS` and `_USERDATA`.
const KEY: u16 = 1;
const ELEM_FLAGS: u16 = 3;
/// `NFTA_SET_ELEM_KEY_END`.
const KEY_END: u16 = 10;
const USERDATA: u16 = 6;
/// `NFTA_DATA_VALUE`.
const VALUE: u16 = 1;
/// An element in a list: three attributes around a key of 16 bytes, a number, user data; or around a key of 40 bytes.
const LARGEST: usize = 4 + (4 + 4 + 40);
const _: () = assert!(LARGEST >= 4 + (4 + 4 + 16) + 8 + (4 + OPEN.len()).next_multiple_of(4));
/// How many elements a message has: a list is one attribute, whose length has 16 bits.
const PER_MESSAGE: usize = 1000;
const _: () = assert!(4 + PER_MESSAGE * LARGEST <= u16::MAX as usize);
/// User data that nft gives an interval without a closing element: type `NFTNL_UDATA_SET_ELEM_FLAGS`, length 4,
/// `NFTNL_SET_ELEM_F_INTERVAL_OPEN`.
const OPEN: [u8; 6] = {
    let [a, b, c, d] = 1u32.to_ne_bytes();
    [1, 4, a, b, c, d]
};

/// A type of keys in the byte order in which the kernel compares them.
pub(super) trait Key: Bound {
    /// The key's bytes.
    type Bytes: AsRef<[u8]>;
    /// To bytes.
    fn to_key(self) -> Self::Bytes;
    /// From bytes, if there are as many as the type has.
    fn from_key(bytes: &[u8]) -> Option<Self>;
}

macro_rules! integer_key {
    ($($integer:ty),*) => {$(
        impl Key for $integer {
            type Bytes = [u8; size_of::<$integer>()];
            fn to_key(self) -> Self::Bytes { self.to_be_bytes() }
            fn from_key(bytes: &[u8]) -> Option<Self> {
                Some(Self::from_be_bytes(bytes.try_into().ok()?))
            }
        }
    )*};
}
integer_key!(u16, u32, u128);

macro_rules! address_key {
    ($($address:ty: $length:literal),*) => {$(
        impl Key for $address {
            type Bytes = [u8; $length];
            fn to_key(self) -> Self::Bytes { self.octets() }
            fn from_key(bytes: &[u8]) -> Option<Self> {
                Some(<[u8; $length]>::try_from(bytes).ok()?.into())
            }
        }
    )*};
}
address_key!(Ipv4Addr: 4, Ipv6Addr: 16);

/// One element of an interval set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<T> {
    key: T,
    role: Role,
}

/// What begins at a key. The order is that of elements with the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// Nothing: the interval before it has ended.
    End,
    /// An interval.
    Start,
    /// An interval that reaches to the maximum.
    OpenStart,
}

/// The intervals, each before those below it in a balanced tree.
///
/// Filled in ascending order, the kernel's red-black tree (`nft_set_rbtree.c`) is nearly twice as deep at its upper end as at
/// its lower, and every connection descends it.
fn roots_first<T: Bound>(intervals: &[Interval<T>]) -> impl Iterator<Item = &Interval<T>> {
    let levels = usize::BITS - intervals.len().leading_zeros();
    (0..levels).rev().flat_map(|level| {
        let below = (1 << level) - 1;
        intervals.iter().skip(below).step_by(2 << level)
    })
}

/// The elements of the intervals, as nft writes them: a start for each, an end after it if it does not reach the maximum, and
/// first of all an end at zero unless an interval begins there.
pub(super) fn elements<T: Bound>(intervals: &[Interval<T>]) -> Vec<Element<T>> {
    let mut elements = Vec::with_capacity(2 * intervals.len() + 1);
    if intervals
        .iter()
        .next()
        .is_some_and(|first| first.first() != T::MIN)
    {
        let role = Role::End;
        elements.push(Element { key: T::MIN, role });
    }
    for interval in roots_first(intervals) {
        let key = interval.first();
        match interval.last().successor() {
            Some(after) => {
                let role = Role::Start;
                elements.push(Element { key, role });
                elements.push(Element {
                    key: after,
                    role: Role::End,
                });
            }
            None => elements.push(Element {
                key,
                role: Role::OpenStart,
            }),
        }
    }
    elements
}

/// The requests that add the intervals to a set of the table inet netweir: written without libnftnl, which makes an object
/// of each key.
pub(super) fn requests<T: Key>(
    set: &str,
    intervals: &[Interval<T>],
) -> impl Iterator<Item = Request> {
    in_lists(set, elements(intervals), append)
}

/// The requests that add the connections.
pub(super) fn connection_requests(
    set: &str,
    connections: &OpenConnections,
) -> impl Iterator<Item = Request> {
    in_lists(set, connections.clone(), |ends, nest| {
        nest.append_nest(KEY, |key| key.append(VALUE, &connection_key(*ends)));
    })
}

/// The requests that add the pairs.
pub(super) fn uid_port_requests(set: &str, pairs: &UidPorts) -> impl Iterator<Item = Request> {
    let ranges = pairs.iter().copied().collect();
    in_lists(set, ranges, |&(uids, ports), nest| {
        let first = uid_port_key(uids.first(), ports.first());
        let last = uid_port_key(uids.last(), ports.last());
        nest.append_nest(KEY, |key| key.append(VALUE, &first));
        nest.append_nest(KEY_END, |key| key.append(VALUE, &last));
    })
}

/// User and port, each in a whole word.
fn uid_port_key(uid: OwnerId, port: u16) -> [u8; 8] {
    let [a, b, c, d] = uid.to_be_bytes();
    let [high, low] = port.to_be_bytes();
    [a, b, c, d, high, low, 0, 0]
}

/// The range of the two keys; `None` if they have another length.
pub(super) fn uid_ports_of(first: &[u8], last: &[u8]) -> Option<UidPortRange> {
    let read = |key: &[u8]| {
        let key = <[u8; 8]>::try_from(key).ok()?;
        let [a, b, c, d, high, low, _, _] = key;
        Some((
            u32::from_be_bytes([a, b, c, d]),
            u16::from_be_bytes([high, low]),
        ))
    };
    let ((first_uid, first_port), (last_uid, last_port)) = (read(first)?, read(last)?);
    let uids = Interval::between(first_uid, last_uid);
    Some((uids, Interval::between(first_port, last_port)))
}

fn in_lists<T>(
    set: &str,
    elements: Vec<T>,
    append: impl Fn(&T, &mut Nest),
) -> impl Iterator<Item = Request> {
    let mut elements = elements.into_iter().peekable();
    std::iter::from_fn(move || {
        elements.peek()?;
        let mut list = Nest::default();
        for element in elements.by_ref().take(PER_MESSAGE) {
            list.append_nest(LIST_ELEM, |nest| append(&element, nest));
        }
        let request = own_request(libc::NFT_MSG_NEWSETELEM, Flags::CREATE);
        Some(
            request
                .with_text(LIST_SET, set)
                .with_nest(LIST_ELEMENTS, &list),
        )
    })
}

fn append<T: Key>(element: &Element<T>, nest: &mut Nest) {
    if element.role == Role::End {
        nest.append(ELEM_FLAGS, &INTERVAL_END.to_be_bytes());
    }
    nest.append_nest(KEY, |key| key.append(VALUE, element.key.to_key().as_ref()));
    if element.role == Role::OpenStart {
        nest.append(USERDATA, &OPEN);
    }
}

/// Address and port of both ends, each in whole words.
fn connection_key(ends: ConnectionEnds) -> Vec<u8> {
    let mut key = Vec::with_capacity(40);
    for end in [ends.local, ends.remote] {
        key.extend(octets(end.ip()));
        key.extend(end.port().to_be_bytes());
        key.extend([0, 0]);
    }
    key
}

/// The connection of the key; `None` if that has another length.
pub(super) fn connection_of(key: &[u8]) -> Option<ConnectionEnds> {
    fn end(key: &[u8]) -> Option<SocketAddr> {
        let (address, port) = key.split_at_checked(key.len().checked_sub(4)?)?;
        let address = match address.len() {
            4 => IpAddr::from(<[u8; 4]>::try_from(address).ok()?),
            _ => IpAddr::from(<[u8; 16]>::try_from(address).ok()?),
        };
        let port = u16::from_be_bytes(*port.first_chunk()?);
        Some(SocketAddr::new(address, port))
    }
    let (local, remote) = key.split_at_checked(key.len() / 2)?;
    Some(ConnectionEnds {
        local: end(local)?,
        remote: end(remote)?,
    })
}

/// Collects the elements of a dump, in any order.
pub(super) struct Collected<T>(Vec<Element<T>>);

impl<T> Default for Collected<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Key> Collected<T> {
    /// Adds an element. `None` if the key has another length.
    pub(super) fn add(&mut self, key: &[u8], flags: u32, layout: Layout) -> Option<()> {
        let key = T::from_key(key)?;
        let closes = flags & INTERVAL_END != 0;
        let role = if closes { Role::End } else { Role::Start };
        self.0.push(Element { key, role });
        let after = key.successor().filter(|_| layout == Layout::Singles);
        self.0.extend(after.map(|key| Element {
            key,
            role: Role::End,
        }));
        Some(())
    }

    /// The intervals between the elements, in ascending order. They may touch.
    pub(super) fn intervals(mut self) -> Vec<Interval<T>> {
        self.0
            .sort_unstable_by_key(|element| (element.key, element.role));
        let mut open = None;
        let mut intervals = Vec::with_capacity(self.0.len() / 2 + 1);
        for element in self.0 {
            if let (Some(first), Some(last)) = (open.take(), element.key.predecessor()) {
                intervals.push(Interval::between(first, last));
            }
            if element.role != Role::End {
                open = Some(element.key);
            }
        }
        if let Some(first) = open {
            intervals.push(Interval::between(first, T::MAX));
        }
        intervals
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::intent::Intervals;
    use crate::sys::parse_elements;

    fn bound() -> impl Strategy<Value = u16> {
        prop_oneof![0u16..20, 65_520u16..=65_535, any::<u16>()]
    }

    proptest! {
        #[test]
        fn keys_read_in_any_order_give_the_intervals(
            pairs in prop::collection::vec((bound(), bound()), 0..10),
        ) {
            let set: Intervals<u16> =
                pairs.iter().map(|&(a, b)| Interval::between(a, b)).collect();
            let mut collected = Collected::<u16>::default();
            for element in elements(set.as_slice()).iter().rev() {
                let flags = if element.role == Role::End { INTERVAL_END } else { 0 };
                collected.add(&element.key.to_key(), flags, Layout::Intervals).unwrap();
            }
            prop_assert_eq!(collected.intervals(), set.as_slice());
        }

        /// Each interval once, and none deeper than in a balanced tree.
        #[test]
        fn the_order_fills_a_tree_from_its_root(count in 0..3000u32) {
            let all: Intervals<u32> = (0..count).map(|index| Interval::single(2 * index)).collect();
            let keys = || roots_first(all.as_slice()).map(Interval::first);
            let given: BTreeSet<_> = keys().collect();
            prop_assert_eq!((keys().count(), given.len()), (all.len(), all.len()));
            let mut depths = BTreeMap::new();
            for key in keys() {
                let neighbours = [depths.range(..key).next_back(), depths.range(key..).next()];
                let above = neighbours.into_iter().flatten().map(|(_, depth)| *depth).max();
                depths.insert(key, above.unwrap_or(0) + 1);
            }
            let deepest = depths.into_values().max().unwrap_or(0);
            prop_assert!(deepest <= u32::BITS - count.leading_zeros(), "{}", deepest);
        }

        /// libnftnl reads what is written without it.
        #[test]
        fn messages_are_read_by_the_library(
            bounds in prop::collection::vec((any::<u128>(), 0..5u128), 0..2500),
        ) {
            let address = |bits: u128| std::net::Ipv6Addr::from_bits(bits);
            let set: Intervals<_> = bounds
                .iter()
                .map(|&(first, more)| Interval::between(address(first), address(first.saturating_add(more))))
                .collect();
            let mut collected = Collected::<std::net::Ipv6Addr>::default();
            for request in requests("set", set.as_slice()) {
                let message = request.finish(1);
                parse_elements(&message, |key, _, flags| collected.add(key.unwrap(), flags, Layout::Intervals).unwrap()).unwrap();
            }
            prop_assert_eq!(collected.intervals(), set.as_slice());
        }
    }

    #[test]
    fn writes_what_nft_writes() {
        let set: Intervals<u16> = [Interval::single(80), Interval::between(8000, 65535)]
            .into_iter()
            .collect();
        let written: Vec<_> = requests("s", set.as_slice())
            .map(|request| request.finish(1))
            .collect();
        let key = |value: [u8; 2]| [12, 0, 1, 0x80, 6, 0, 1, 0, value[0], value[1], 0, 0];
        let closes = |value| [&[24, 0, 1, 0x80, 8, 0, 3, 0, 0, 0, 0, 1][..], &key(value)].concat();
        let opens = |value| [&[16, 0, 1, 0x80][..], &key(value)].concat();
        let open = [10, 0, 6, 0, 1, 4, 1, 0, 0, 0, 0, 0];
        let list = [
            closes([0, 0]),
            [&[28, 0, 1, 0x80][..], &key([0x1f, 0x40]), &open].concat(),
            opens([0, 80]),
            closes([0, 81]),
        ]
        .concat();
        let header = [
            &[136, 0, 0, 0, 12, 10, 1, 4, 1, 0, 0, 0, 0, 0, 0, 0][..],
            &[1, 0, 0, 0],
        ];
        let expected = [
            &header.concat()[..],
            b"\x0c\0\x01\0netweir\0",
            b"\x06\0\x02\0s\0\0\0",
            &[96, 0, 3, 0x80],
            &list,
        ];
        assert_eq!(written, [expected.concat()]);
    }
}
