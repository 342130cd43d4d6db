//! The elements of interval sets, as keys that open and close intervals.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::sys::SetElement;
use crate::intent::{Bound, Interval, Intervals};

/// `NFT_SET_ELEM_INTERVAL_END` (`linux/netfilter/nf_tables.h`).
pub(super) const INTERVAL_END: u32 = 1;
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
integer_key!(u16, u32);

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

/// One key of an interval set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge<T> {
    key: T,
    role: Role,
}

/// What begins at a key. The order is that of keys that are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// Nothing: what came before has ended.
    Closes,
    /// An interval.
    Opens,
    /// An interval that goes on to the maximum.
    OpensLast,
}

/// The keys that the kernel is given: sorted, a closing one after each interval that does not reach the maximum,
/// and one at zero unless an interval begins there, as nft does.
pub(super) fn edges<T: Bound>(intervals: &Intervals<T>) -> Vec<Edge<T>> {
    let mut edges = Vec::with_capacity(2 * intervals.len() + 1);
    if intervals
        .iter()
        .next()
        .is_some_and(|first| first.first() != T::MIN)
    {
        let role = Role::Closes;
        edges.push(Edge { key: T::MIN, role });
    }
    for interval in intervals {
        let key = interval.first();
        match interval.last().successor() {
            Some(after) => {
                let role = Role::Opens;
                edges.push(Edge { key, role });
                edges.push(Edge {
                    key: after,
                    role: Role::Closes,
                });
            }
            None => edges.push(Edge {
                key,
                role: Role::OpensLast,
            }),
        }
    }
    edges
}

/// Calls back with the edge as an element of a message.
pub(super) fn with_element<T: Key, R>(edge: &Edge<T>, then: impl FnOnce(SetElement<'_>) -> R) -> R {
    let key = edge.key.to_key();
    then(SetElement {
        key: key.as_ref(),
        flags: if edge.role == Role::Closes {
            INTERVAL_END
        } else {
            0
        },
        userdata: if edge.role == Role::OpensLast {
            &OPEN
        } else {
            &[]
        },
    })
}

/// Gathers the keys of a dump, in whichever order they come.
pub(super) struct Gathered<T>(Vec<Edge<T>>);

impl<T> Default for Gathered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Key> Gathered<T> {
    /// Adds an element. `None` if the key has another length.
    pub(super) fn add(&mut self, key: &[u8], flags: u32) -> Option<()> {
        let key = T::from_key(key)?;
        let closes = flags & INTERVAL_END != 0;
        let role = if closes { Role::Closes } else { Role::Opens };
        self.0.push(Edge { key, role });
        Some(())
    }

    /// The intervals between the keys.
    pub(super) fn intervals(mut self) -> Intervals<T> {
        self.0.sort_unstable_by_key(|edge| (edge.key, edge.role));
        let mut open = None;
        let mut intervals = Vec::with_capacity(self.0.len() / 2 + 1);
        for edge in self.0 {
            if let (Some(first), Some(last)) = (open.take(), edge.key.predecessor()) {
                intervals.push(Interval::between(first, last));
            }
            if edge.role != Role::Closes {
                open = Some(edge.key);
            }
        }
        if let Some(first) = open {
            intervals.push(Interval::between(first, T::MAX));
        }
        intervals.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
            let mut gathered = Gathered::<u16>::default();
            for edge in edges(&set).iter().rev() {
                with_element(edge, |element| gathered.add(element.key, element.flags)).unwrap();
            }
            prop_assert_eq!(gathered.intervals(), set);
        }
    }

    #[test]
    fn writes_what_nft_writes() {
        let set: Intervals<u16> = [Interval::single(80), Interval::between(8000, 65535)]
            .into_iter()
            .collect();
        let written: Vec<_> = edges(&set)
            .iter()
            .map(|edge| with_element(edge, |e| (e.key.to_vec(), e.flags, e.userdata.to_vec())))
            .collect();
        assert_eq!(
            written,
            [
                (vec![0, 0], 1, vec![]),
                (vec![0, 80], 0, vec![]),
                (vec![0, 81], 1, vec![]),
                (vec![0x1f, 0x40], 0, vec![1, 4, 1, 0, 0, 0]),
            ]
        );
    }
}
