//! Owners where there is one uid and one gid, 0, as in the user namespace of an ordinary user: instead of the
//! socket's owner the capture's are changed, by swapping two of them.

use netweir::connection::Owner;
use netweir::intent::{Bound, Capture, Interval, OwnerId, OwnerSelection, Owners};

use crate::sandbox::Attempt;

/// The only owner.
const ONLY: Owner = Owner { uid: 0, gid: 0 };

/// For each owner of the attempts: the capture under which the only owner is in its place, and its attempts as the only
/// owner's.
pub(super) fn by_owner(capture: &Capture, attempts: Vec<Attempt>) -> Vec<(Capture, Vec<Attempt>)> {
    let mut groups: Vec<(Owner, Vec<Attempt>)> = Vec::new();
    for attempt in attempts {
        let own = Attempt {
            owner: ONLY,
            ..attempt
        };
        match groups.iter_mut().find(|(owner, _)| *owner == attempt.owner) {
            Some((_, group)) => group.push(own),
            None => groups.push((attempt.owner, vec![own])),
        }
    }
    let swap = |(owner, group)| (swapped(capture, owner), group);
    groups.into_iter().map(swap).collect()
}

/// The capture with the owner and the only owner in each other's place.
fn swapped(capture: &Capture, owner: Owner) -> Capture {
    let mut capture = capture.clone();
    let swap = |id: OwnerId, other: OwnerId| match id {
        0 => other,
        id if id == other => 0,
        id => id,
    };
    for uid in &mut capture.proxy.uids {
        *uid = swap(*uid, owner.uid);
    }
    for gid in &mut capture.proxy.gids {
        *gid = swap(*gid, owner.gid);
    }
    let outbound = &mut capture.outbound;
    swap_in_selection(&mut outbound.uids, owner.uid);
    swap_in_selection(&mut outbound.gids, owner.gid);
    for exclusion in &mut outbound.exclude_ports_for_uids {
        exclusion.uids = swap_in(&exclusion.uids, owner.uid);
    }
    capture
}

fn swap_in_selection(selection: &mut OwnerSelection, id: OwnerId) {
    selection.exclude = swap_in(&selection.exclude, id);
    selection.include = selection
        .include
        .as_ref()
        .map(|include| swap_in(include, id));
}

/// The set with the id and 0 in each other's place.
fn swap_in(set: &Owners, id: OwnerId) -> Owners {
    let others = set.iter().flat_map(|&interval| without(interval, 0));
    let others = others.flat_map(|interval| without(interval, id));
    let swapped = [(0, id), (id, 0)]
        .into_iter()
        .filter(|&(from, _)| set.contains(from));
    others
        .chain(swapped.map(|(_, to)| Interval::single(to)))
        .collect()
}

/// What is left of the interval when the id is taken out.
fn without(interval: Interval<OwnerId>, id: OwnerId) -> Vec<Interval<OwnerId>> {
    if !interval.contains(id) {
        return vec![interval];
    }
    let before = id.predecessor().filter(|&last| interval.contains(last));
    let after = id.successor().filter(|&first| interval.contains(first));
    let before = before.map(|last| Interval::between(interval.first(), last));
    let after = after.map(|first| Interval::between(first, interval.last()));
    before.into_iter().chain(after).collect()
}
