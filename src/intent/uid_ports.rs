//! Pairs of a user and a destination port.

use std::collections::BTreeSet;

use super::{Bound, Interval, OwnerId, Ports, PortsForUids};

/// An interval of users with an interval of ports.
pub type UidPortRange = (Interval<OwnerId>, Interval<u16>);

/// A set of pairs of a user and a port, as ranges of which no two overlap, which is the form that the kernel accepts.
/// There is one representation for each set of pairs that is made of exclusions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UidPorts(BTreeSet<UidPortRange>);

impl UidPorts {
    /// The pairs of the exclusions; `None` if they take more than `most` ranges, found without making many more.
    #[must_use]
    pub fn of(exclusions: &[&PortsForUids], most: usize) -> Option<Self> {
        let uids = || exclusions.iter().flat_map(|exclusion| &exclusion.uids);
        // The users between two of these are excluded alike.
        let firsts = uids().map(Interval::first);
        let after = uids().filter_map(|uids| uids.last().successor());
        let mut bounds = firsts
            .chain(after)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .peekable();
        let mut ranges = BTreeSet::new();
        let mut open: Option<(Interval<OwnerId>, Ports)> = None;
        while let Some(first) = bounds.next() {
            let next = bounds.peek().and_then(|next| next.predecessor());
            let last = next.unwrap_or(OwnerId::MAX);
            let of_first = exclusions.iter().filter(|own| own.uids.contains(first));
            let ports: Ports = of_first.flat_map(|own| &own.ports).copied().collect();
            open = match open.take() {
                Some((uids, same)) if same == ports => {
                    Some((Interval::between(uids.first(), last), ports))
                }
                before => {
                    add(&mut ranges, before);
                    Some((Interval::between(first, last), ports))
                }
            };
            if ranges.len() > most {
                return None;
            }
        }
        add(&mut ranges, open);
        (ranges.len() <= most).then_some(Self(ranges))
    }

    /// Whether there are no pairs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of ranges.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The ranges in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = &UidPortRange> {
        self.0.iter()
    }

    /// Whether the pair is one of these.
    #[must_use]
    pub fn contains(&self, uid: OwnerId, port: u16) -> bool {
        let mut ranges = self.0.iter();
        ranges.any(|(uids, ports)| uids.contains(uid) && ports.contains(port))
    }

    /// The ranges that the other has not.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self(&self.0 - &other.0)
    }
}

/// Adds the users with each of their intervals of ports.
fn add(ranges: &mut BTreeSet<UidPortRange>, open: Option<(Interval<OwnerId>, Ports)>) {
    if let Some((uids, ports)) = open {
        ranges.extend(ports.iter().map(|ports| (uids, *ports)));
    }
}

impl FromIterator<UidPortRange> for UidPorts {
    /// The ranges as they are listed.
    fn from_iter<I: IntoIterator<Item = UidPortRange>>(ranges: I) -> Self {
        Self(ranges.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exclusions() -> impl Strategy<Value = Vec<PortsForUids>> {
        let small = || prop::collection::vec((0..12u16, 0..4u16), 0..4);
        let exclusion = (small(), small(), any::<bool>()).prop_map(|(ports, uids, all)| {
            let ports = ports
                .iter()
                .map(|&(a, more)| Interval::between(a, a + more));
            let mut uids: Vec<_> = uids
                .iter()
                .map(|&(a, more)| Interval::between(a.into(), (a + more).into()))
                .collect();
            uids.extend(all.then_some(Interval::between(8, OwnerId::MAX)));
            PortsForUids {
                protocol: None,
                ports: ports.collect(),
                uids: uids.into_iter().collect(),
            }
        });
        prop::collection::vec(exclusion, 0..5)
    }

    proptest! {
        #[test]
        fn holds_the_pairs_of_all_exclusions_without_overlaps(exclusions in exclusions()) {
            let all: Vec<_> = exclusions.iter().collect();
            let pairs = UidPorts::of(&all, usize::MAX).unwrap();
            for uid in (0..20).chain([OwnerId::MAX]) {
                for port in 0..20 {
                    let wanted = all.iter().any(|own| own.uids.contains(uid) && own.ports.contains(port));
                    let ranges = pairs.iter().filter(|(uids, ports)| uids.contains(uid) && ports.contains(port));
                    prop_assert_eq!(ranges.count(), usize::from(wanted));
                    prop_assert_eq!(pairs.contains(uid, port), wanted);
                }
            }
            prop_assert_eq!(UidPorts::of(&all, pairs.len()), Some(pairs.clone()));
            if let Some(less) = pairs.len().checked_sub(1) {
                prop_assert_eq!(UidPorts::of(&all, less), None);
            }
            let reversed: Vec<_> = exclusions.iter().rev().collect();
            prop_assert_eq!(UidPorts::of(&reversed, usize::MAX), Some(pairs));
        }
    }
}
