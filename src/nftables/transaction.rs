//! Installing, removing and reading back the table inet netweir and the routing that belongs to it.

use std::collections::BTreeSet;

use nftnl::nftnl_sys::libc;

use super::batch::{Batch, Part};
use super::dump::Contents;
use super::elements::{self, Key};
use super::{dump as read, object};
use crate::drift::{Difference, compare};
use crate::intent::Intervals;
use crate::netlink::{Error, Flags, Request, Socket, Subsystem, retry};
use crate::plan::beside;
use crate::process::lock::{Lock, Task};
use crate::rtnetlink::routing::{self, Added};
use crate::ruleset::{
    Elements, Installed, MetadataBytes, OpenConnections, RoutingObject, Ruleset, Set, TABLE,
    connection_keeper,
};

/// The result of [`apply`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was captured; now the rules are there.
    Installed,
    /// The table was replaced.
    Replaced,
    /// Everything was installed already; nothing was changed.
    Unchanged,
}

/// The result of [`remove`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// What was installed is gone.
    Removed,
    /// Nothing was installed.
    NothingThere,
}

/// Makes the table `inet netweir` and the routing objects equal to the ruleset: the table in one transaction, routing objects
/// that it needs before, stale ones after it. Changes nothing if they are equal already, whatever metadata is kept with
/// them.
///
/// `open` lists the connections that are open in the namespace. It is called for the first rules in a namespace, right
/// before the transaction; later ones keep that list.
///
/// # Errors
/// The kernel refused; then the table is as before, and routing objects that were added are deleted again.
pub fn apply(
    ruleset: &Ruleset,
    metadata: &MetadataBytes,
    open: impl FnMut() -> OpenConnections,
) -> Result<Outcome, Error> {
    let _lock = lock();
    let mut nftables = Socket::open(Subsystem::Nftables)?;
    let mut rtnetlink = Socket::open(Subsystem::Route)?;
    let present = routing::present(&mut rtnetlink)?;
    let mut added = Undo {
        socket: &mut rtnetlink,
        added: Vec::new(),
    };
    let mut changed = false;
    for object in present.missing(&ruleset.routing) {
        changed |= added.add(object)? == Added::Now;
    }
    let outcome = replace(&mut nftables, ruleset, metadata, open)?;
    added.keep();
    for object in present.stale(&ruleset.routing) {
        routing::delete(&mut rtnetlink, object)?;
        changed = true;
    }
    Ok(match outcome {
        Outcome::Unchanged if changed => Outcome::Replaced,
        outcome => outcome,
    })
}

fn replace(
    socket: &mut Socket,
    ruleset: &Ruleset,
    metadata: &MetadataBytes,
    mut open: impl FnMut() -> OpenConnections,
) -> Result<Outcome, Error> {
    retry(|| {
        // Chains without rules differ from every ruleset: their names do not matter.
        let (generation, contents) = read::at_generation(socket, |socket, table| {
            read::contents(socket, table, &BTreeSet::new())
        })?;
        let ruleset = match &contents {
            Some(Contents { installed, .. }) if !installed.ruleset.chains.is_empty() => {
                beside(ruleset, &installed.ruleset.open_connections())
            }
            Some(_) | None => beside(ruleset, &open()),
        };
        let outcome = match &contents {
            Some(contents) if contents.installed.is(&ruleset) => return Ok(Outcome::Unchanged),
            Some(contents) if !contents.installed.only_keeps_connections() => Outcome::Replaced,
            Some(_) | None => Outcome::Installed,
        };
        let mut batch = Batch::new(generation, socket.reserve(1));
        if contents.is_some() {
            delete_table(&mut batch)?;
        }
        add_ruleset(&mut batch, &ruleset, metadata)?;
        batch.commit(socket)?;
        Ok(outcome)
    })
}

/// Deletes the table and the routing objects that [`apply`] added.
///
/// # Errors
/// The kernel refused.
pub fn remove() -> Result<Removal, Error> {
    let _lock = lock();
    let mut nftables = Socket::open(Subsystem::Nftables)?;
    let removal = retry(|| {
        let generation = read::generation(&mut nftables)?;
        if read::table(&mut nftables)?.is_none() {
            return Ok(Removal::NothingThere);
        }
        let mut batch = Batch::new(generation, nftables.reserve(1));
        delete_table(&mut batch)?;
        batch.commit(&mut nftables)?;
        Ok(Removal::Removed)
    })?;
    remove_routing(removal, |_| true)
}

/// Removes capture, but leaves what open connections need: [`connection_keeper`] in place of all other chains, and addresses
/// of `lo`. Does nothing if there is nothing else.
///
/// # Errors
/// The kernel refused.
pub fn remove_keeping_connections() -> Result<Removal, Error> {
    let _lock = lock();
    let mut nftables = Socket::open(Subsystem::Nftables)?;
    let removal = retry(|| {
        let (generation, contents) = read::at_generation(&mut nftables, |socket, table| {
            read::contents(socket, table, &BTreeSet::new())
        })?;
        if contents.is_none_or(|contents| contents.installed.only_keeps_connections()) {
            return Ok(Removal::NothingThere);
        }
        let mut batch = Batch::new(generation, nftables.reserve(1));
        delete_table(&mut batch)?;
        add_ruleset(&mut batch, &connection_keeper(), &MetadataBytes::default())?;
        batch.commit(&mut nftables)?;
        Ok(Removal::Removed)
    })?;
    remove_routing(removal, |object| {
        !matches!(object, RoutingObject::LoopbackAddress(_))
    })
}

/// Deletes those of the routing objects that [`apply`] added.
fn remove_routing(
    mut removal: Removal,
    is_removed: impl Fn(&RoutingObject) -> bool,
) -> Result<Removal, Error> {
    let mut rtnetlink = Socket::open(Subsystem::Route)?;
    let present = routing::present(&mut rtnetlink)?;
    for object in present.own().filter(is_removed) {
        routing::delete(&mut rtnetlink, object)?;
        removal = Removal::Removed;
    }
    Ok(removal)
}

/// What is installed; `None` if there is no table `inet netweir`.
///
/// # Errors
/// The kernel refused, or the ruleset kept changing.
pub fn dump() -> Result<Option<Installed>, Error> {
    Ok(dump_with_metadata()?.map(|(installed, _)| installed))
}

/// What is installed, and the metadata that is kept with it: empty if none was given, or the kernel keeps none (before
/// Linux 5.10).
///
/// # Errors
/// The kernel refused, or the ruleset kept changing.
pub fn dump_with_metadata() -> Result<Option<(Installed, MetadataBytes)>, Error> {
    let mut nftables = Socket::open(Subsystem::Nftables)?;
    let Some(contents) = read::everything(&mut nftables)? else {
        return Ok(None);
    };
    let mut installed = contents.installed;
    let mut rtnetlink = Socket::open(Subsystem::Route)?;
    installed.ruleset.routing = routing::present(&mut rtnetlink)?.own().collect();
    Ok(Some((installed, contents.metadata)))
}

/// The routing objects that [`apply`] would keep for a ruleset that needs these: those it added, needed ones that another
/// program added, and needed ones of IPv6 where there is none.
///
/// # Errors
/// The kernel refused.
pub fn routing_beside(wanted: &[RoutingObject]) -> Result<Vec<RoutingObject>, Error> {
    let present = routing::present(&mut Socket::open(Subsystem::Route)?)?;
    let mut objects: Vec<_> = present.own().collect();
    let missing: Vec<_> = present.missing(wanted).collect();
    let satisfied = wanted.iter().filter(|object| {
        !missing.contains(object) || routing::needs_ipv6(object) && !routing::has_ipv6()
    });
    for object in satisfied {
        if !objects.contains(object) {
            objects.push(*object);
        }
    }
    Ok(objects)
}

/// Every difference between what is installed and the ruleset, and what is installed with its metadata.
///
/// # Errors
/// The kernel refused, or the ruleset kept changing.
pub fn differences_from(
    wanted: &Ruleset,
) -> Result<(Vec<Difference>, Installed, MetadataBytes), Error> {
    let table = dump_with_metadata()?;
    let mut differences: Vec<_> = match table {
        Some(_) => Vec::new(),
        None => vec![Difference::NoTable],
    };
    let (mut installed, metadata) = table.unwrap_or_default();
    installed.ruleset.routing = routing_beside(&wanted.routing)?;
    differences.extend(compare(wanted, Some(&installed)));
    Ok((differences, installed, metadata))
}

/// The bytes of the transaction that [`apply`] sends if there is no table yet: netlink messages in the host's byte
/// order, from the batch's begin to its end.
///
/// # Errors
/// An object does not fit into a message.
pub fn encode(
    ruleset: &Ruleset,
    metadata: &MetadataBytes,
    generation: u32,
) -> Result<Vec<u8>, Error> {
    let mut batch = Batch::new(generation, 1);
    add_ruleset(&mut batch, ruleset, metadata)?;
    Ok(batch.into_bytes())
}

fn delete_table(batch: &mut Batch) -> Result<(), Error> {
    let object = object::table(TABLE, 0);
    batch.add(Part::Table, libc::NFT_MSG_DELTABLE, Flags::REQUEST, object)
}

fn add_ruleset(
    batch: &mut Batch,
    ruleset: &Ruleset,
    metadata: &MetadataBytes,
) -> Result<(), Error> {
    let mut pieces = metadata.pieces();
    let object = object::encode_table(pieces.next());
    batch.add(Part::Table, libc::NFT_MSG_NEWTABLE, Flags::CREATE, object)?;
    for (set, id) in ruleset.sets.iter().zip(1..) {
        let part = Part::Set(set.name.to_string());
        let object = object::encode_set(set, id);
        batch.add(part, libc::NFT_MSG_NEWSET, Flags::CREATE, object)?;
        match &set.elements {
            Elements::Ports(intervals) => add_elements(batch, set, intervals),
            Elements::Ipv4(intervals) => add_elements(batch, set, intervals),
            Elements::Ipv6(intervals) => add_elements(batch, set, intervals),
            Elements::Uids(intervals) | Elements::Gids(intervals) => {
                add_elements(batch, set, intervals);
            }
            Elements::Connections(_, connections) => {
                let name = set.name.to_string();
                add_requests(
                    batch,
                    set,
                    elements::connection_requests(&name, connections),
                );
            }
        }
    }
    for chain in &ruleset.chains {
        let part = Part::Chain(chain.name.clone().into_owned());
        let object = object::encode_chain(chain, pieces.next());
        batch.add(part, libc::NFT_MSG_NEWCHAIN, Flags::CREATE, object)?;
        for rule in &chain.rules {
            let id = rule.id.to_string();
            let object = object::encode_rule(&chain.name, rule, &id);
            batch.add(Part::Rule(id), libc::NFT_MSG_NEWRULE, Flags::APPEND, object)?;
        }
    }
    match pieces.next() {
        Some(_) => Err(Error::TooLarge(Part::Table.to_string())),
        None => Ok(()),
    }
}

fn add_elements<T: Key>(batch: &mut Batch, set: &Set, intervals: &Intervals<T>) {
    let name = set.name.to_string();
    add_requests(batch, set, elements::requests(&name, intervals));
}

fn add_requests(batch: &mut Batch, set: &Set, requests: impl Iterator<Item = Request>) {
    for request in requests {
        batch.add_request(Part::Set(set.name.to_string()), request);
    }
}

/// Waits for other runs, but not for good: any program of the pod can take the lock's name and keep it, and must not be able
/// to prevent capture by that. Without the lock, the routing of two captures that are applied at the same moment may mix.
fn lock() -> Option<Lock> {
    Lock::wait(Task::Change).ok()
}

/// Routing objects that were added, and are deleted again when this is dropped.
struct Undo<'a> {
    socket: &'a mut Socket,
    added: Vec<RoutingObject>,
}

impl Undo<'_> {
    fn add(&mut self, object: RoutingObject) -> Result<Added, Error> {
        let added = routing::add(self.socket, object)?;
        if added == Added::Now {
            self.added.push(object);
        }
        Ok(added)
    }

    /// Keeps what was added.
    fn keep(mut self) {
        self.added.clear();
    }
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        for object in self.added.drain(..) {
            // The error to report is the one that led here.
            let _ = routing::delete(self.socket, object);
        }
    }
}
