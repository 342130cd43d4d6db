//! Sets of closed intervals, kept sorted, disjoint and merged.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A totally ordered, discrete, bounded type that intervals can be made of.
pub trait Bound: Copy + Ord {
    /// The smallest value.
    const MIN: Self;
    /// The largest value.
    const MAX: Self;
    /// The value that follows, or `None` for [`Bound::MAX`].
    fn successor(self) -> Option<Self>;
    /// The value before, or `None` for [`Bound::MIN`].
    fn predecessor(self) -> Option<Self>;
}

macro_rules! bound_for_integers {
    ($($integer:ty),*) => {$(
        impl Bound for $integer {
            const MIN: Self = <$integer>::MIN;
            const MAX: Self = <$integer>::MAX;
            fn successor(self) -> Option<Self> { self.checked_add(1) }
            fn predecessor(self) -> Option<Self> { self.checked_sub(1) }
        }
    )*};
}
bound_for_integers!(u16, u32, u128);

impl Bound for Ipv4Addr {
    const MIN: Self = Self::UNSPECIFIED;
    const MAX: Self = Self::BROADCAST;
    fn successor(self) -> Option<Self> {
        self.to_bits().checked_add(1).map(Self::from_bits)
    }
    fn predecessor(self) -> Option<Self> {
        self.to_bits().checked_sub(1).map(Self::from_bits)
    }
}

impl Bound for Ipv6Addr {
    const MIN: Self = Self::UNSPECIFIED;
    const MAX: Self = Self::from_bits(u128::MAX);
    fn successor(self) -> Option<Self> {
        self.to_bits().checked_add(1).map(Self::from_bits)
    }
    fn predecessor(self) -> Option<Self> {
        self.to_bits().checked_sub(1).map(Self::from_bits)
    }
}

/// A closed interval, `first..=last`, with `first <= last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Interval<T> {
    first: T,
    last: T,
}

impl<T: Bound> Interval<T> {
    /// The interval between the two values, in whichever order they are given.
    #[must_use]
    pub fn between(a: T, b: T) -> Self {
        Self {
            first: a.min(b),
            last: a.max(b),
        }
    }

    /// The interval that holds one value.
    #[must_use]
    pub fn single(value: T) -> Self {
        Self {
            first: value,
            last: value,
        }
    }

    /// The smallest value inside.
    #[must_use]
    pub fn first(&self) -> T {
        self.first
    }

    /// The largest value inside.
    #[must_use]
    pub fn last(&self) -> T {
        self.last
    }

    /// Whether the value is inside.
    #[must_use]
    pub fn contains(&self, value: T) -> bool {
        self.first <= value && value <= self.last
    }
}

/// A set of values, as sorted intervals of which no two overlap or touch.
///
/// There is one representation for each set of values, so equality of two `Intervals` is equality of
/// the sets. This is also the form in which the kernel's interval sets accept their
/// elements: they refuse overlaps.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Intervals<T>(Vec<Interval<T>>);

impl<T> Default for Intervals<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Bound> Intervals<T> {
    /// Whether no value is inside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many intervals the set consists of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The intervals in ascending order.
    #[must_use]
    pub fn as_slice(&self) -> &[Interval<T>] {
        &self.0
    }

    /// The intervals in ascending order.
    pub fn iter(&self) -> std::slice::Iter<'_, Interval<T>> {
        self.0.iter()
    }

    /// Whether the value is inside.
    #[must_use]
    pub fn contains(&self, value: T) -> bool {
        let after = self.0.partition_point(|interval| interval.last < value);
        self.0
            .get(after)
            .is_some_and(|interval| interval.contains(value))
    }

    /// Whether the two sets share a value.
    #[must_use]
    pub fn intersects(&self, interval: &Interval<T>) -> bool {
        let after = self.0.partition_point(|own| own.last < interval.first);
        self.0
            .get(after)
            .is_some_and(|own| own.first <= interval.last)
    }
}

impl<T: Bound> Intervals<T> {
    /// The values that are inside, and not inside the other set.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut kept = Vec::new();
        let mut others = other.0.iter().peekable();
        for interval in &self.0 {
            let mut rest = Some(*interval);
            while let (Some(part), Some(hole)) = (rest, others.peek()) {
                if hole.first > part.last {
                    break;
                }
                if let Some(before) = hole.first.predecessor().filter(|last| *last >= part.first) {
                    kept.push(Interval::between(part.first, before));
                }
                // A hole that ends inside is passed over; the next one may lie in the same interval.
                let after = hole.last.successor().map(|next| next.max(part.first));
                rest = after
                    .filter(|first| *first <= part.last)
                    .map(|first| Interval::between(first, part.last));
                if hole.last <= part.last {
                    others.next();
                }
            }
            kept.extend(rest);
        }
        Self(kept)
    }
}

impl<T: Bound> FromIterator<Interval<T>> for Intervals<T> {
    fn from_iter<I: IntoIterator<Item = Interval<T>>>(intervals: I) -> Self {
        let mut sorted: Vec<_> = intervals.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup_by(|next, merged| {
            let joined = merged
                .last
                .successor()
                .is_none_or(|after| next.first <= after);
            if joined {
                merged.last = merged.last.max(next.last);
            }
            joined
        });
        sorted.shrink_to_fit();
        Self(sorted)
    }
}

impl<T: Bound> FromIterator<T> for Intervals<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        values.into_iter().map(Interval::single).collect()
    }
}

impl<'a, T: Bound> IntoIterator for &'a Intervals<T> {
    type Item = &'a Interval<T>;
    type IntoIter = std::slice::Iter<'a, Interval<T>>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn small_intervals() -> impl Strategy<Value = Vec<(u16, u16)>> {
        prop::collection::vec((0u16..300, 0u16..300), 0..12)
    }

    proptest! {
        #[test]
        fn holds_exactly_the_values_it_was_made_of(pairs in small_intervals()) {
            let set: Intervals<u16> = pairs.iter().map(|&(a, b)| Interval::between(a, b)).collect();
            for value in 0..=301 {
                let expected = pairs.iter().any(|&(a, b)| a.min(b) <= value && value <= a.max(b));
                prop_assert_eq!(set.contains(value), expected);
            }
        }

        #[test]
        fn is_canonical(pairs in small_intervals()) {
            let set: Intervals<u16> = pairs.iter().map(|&(a, b)| Interval::between(a, b)).collect();
            for pair in set.0.windows(2) {
                prop_assert!(u32::from(pair[0].last) + 1 < u32::from(pair[1].first));
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_left_of_a_set_is_in_it_and_not_in_the_other(
            own in small_intervals(),
            other in small_intervals(),
        ) {
            let set = |pairs: &[(u16, u16)]| -> Intervals<u16> {
                pairs.iter().map(|&(a, b)| Interval::between(a, b)).collect()
            };
            let (own, other) = (set(&own), set(&other));
            let left = own.without(&other);
            for value in 0..=301 {
                prop_assert_eq!(
                    left.contains(value),
                    own.contains(value) && !other.contains(value)
                );
            }
            prop_assert_eq!(left.iter().copied().collect::<Intervals<u16>>(), left);
        }
    }

    #[test]
    fn an_interval_that_ends_at_the_maximum_swallows_what_follows() {
        let set: Intervals<u32> = [
            Interval::between(5, u32::MAX),
            Interval::single(u32::MAX),
            Interval::single(7),
        ]
        .into_iter()
        .collect();
        assert_eq!(set.0, [Interval::between(5, u32::MAX)]);
    }
}
