//! Installing, removing and reading back the table inet netweir and the routing that belongs to it.

use std::collections::BTreeSet;

use nftnl::nftnl_sys::libc;

use super::batch::{Batch, Part};
use super::elements::{self, Key};
use super::rule::interface_names;
use super::{dump as read, object};
use crate::drift::{Difference, compare};
use crate::intent::Interval;
use crate::netlink::{Error, Flags, Request, Socket, Subsystem, retry};
use crate::plan::beside;
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

/// The netlink sockets of a run, in the network namespace of the thread that opened them.
pub struct Kernel {
    pub(super) nftables: Socket,
    pub(crate) rtnetlink: Socket,
    /// Whether nothing but this run has ever changed the ruleset of the namespace.
    pub(super) is_first: bool,
}

/// The generation of a ruleset that was never changed (`nf_tables_init_net`).
const FIRST_GENERATION: u32 = 1;

/// What a run makes of the table and its routing.
#[derive(Clone, Copy)]
enum Goal<'a> {
    /// These rules, which leave the connections alone that were open before the first ones.
    Apply(&'a Ruleset, &'a MetadataBytes),
    /// Nothing.
    Remove,
    /// What open connections need.
    Keep,
}

impl Goal<'_> {
    /// The routing that the rules need.
    fn routing(&self) -> &[RoutingObject] {
        match self {
            Self::Apply(ruleset, _) => &ruleset.routing,
            Self::Remove | Self::Keep => &[],
        }
    }

    /// Whether an object that the rules do not need stays nevertheless.
    fn spares(&self, object: &RoutingObject) -> bool {
        matches!(
            (self, object),
            (Self::Keep, RoutingObject::LoopbackAddress(_))
        )
    }

    /// Whether this is what is installed.
    fn is(&self, installed: Option<&Installed>) -> bool {
        match self {
            Self::Apply(ruleset, _) => installed.is_some_and(|installed| {
                let open = installed.ruleset.open_connections();
                installed.is(&beside(ruleset, &open))
            }),
            Self::Remove => installed.is_none(),
            Self::Keep => installed.is_none_or(Installed::only_keeps_connections),
        }
    }
}

/// What a run has done so far.
#[derive(Default)]
struct Progress {
    /// Set if the transaction was committed, or its answer was lost.
    committed: Option<Outcome>,
    /// The generation of the ruleset that was last read.
    generation: u32,
    /// Routing objects that the kernel was asked to add, unless it refused or had them already.
    asked: Vec<RoutingObject>,
    /// Routing objects that the kernel was asked to delete.
    deleted: Vec<RoutingObject>,
}

impl Kernel {
    /// Opens the sockets.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn open() -> Result<Self, Error> {
        Ok(Self {
            nftables: Socket::open(Subsystem::Nftables)?,
            rtnetlink: Socket::open(Subsystem::Route)?,
            is_first: false,
        })
    }

    /// Makes the table `inet netweir` and the routing objects equal to the ruleset: the table in one transaction, routing
    /// objects that it needs before, stale ones after it. Changes nothing if they are equal already, whatever metadata is
    /// kept with them.
    ///
    /// `open` lists the connections that are open in the namespace. It is called for the first rules in a namespace, right
    /// before the transaction; later ones keep that list.
    ///
    /// # Errors
    /// The kernel refused; then the table is as before, and so is the routing. Or stale objects cannot be deleted.
    pub fn apply(
        &mut self,
        ruleset: &Ruleset,
        metadata: &MetadataBytes,
        mut open: impl FnMut() -> OpenConnections,
    ) -> Result<Outcome, Error> {
        let progress = self.reach(Goal::Apply(ruleset, metadata), &mut open)?;
        let changed = !(progress.asked.is_empty() && progress.deleted.is_empty());
        Ok(match progress.committed {
            Some(outcome) => outcome,
            None if changed => Outcome::Replaced,
            None => Outcome::Unchanged,
        })
    }

    fn remove(&mut self, goal: Goal<'_>) -> Result<Removal, Error> {
        let progress = self.reach(goal, &mut OpenConnections::new)?;
        Ok(match progress.committed {
            None if progress.deleted.is_empty() => Removal::NothingThere,
            Some(_) | None => Removal::Removed,
        })
    }

    fn reach(
        &mut self,
        goal: Goal<'_>,
        open: &mut dyn FnMut() -> OpenConnections,
    ) -> Result<Progress, Error> {
        let mut progress = Progress::default();
        let mut reached = retry(|| self.attempt(goal, open, &mut progress));
        if reached.as_ref().is_err_and(Error::is_of_socket) {
            // What was asked for may have been done. Sockets without the rest of a failed exchange show it.
            reached = Self::open().and_then(|again| {
                *self = again;
                retry(|| self.attempt(goal, open, &mut progress))
            });
        }
        let undone = match &reached {
            Ok(()) => return Ok(progress),
            Err(_) => undo(goal, &progress),
        };
        Err(Error::several(
            reached.err().into_iter().chain(undone.err()).collect(),
        ))
    }

    /// One attempt. Runs at the same time do not wait for each other: the rules that were committed last remain, and each
    /// run that changed routing afterwards begins anew if it finds that another commit came between.
    fn attempt(
        &mut self,
        goal: Goal<'_>,
        open: &mut dyn FnMut() -> OpenConnections,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let generation = self.replace(goal, open, progress)?;
        self.settle(goal, generation, progress)
    }

    /// Replaces the table, and gives back the generation of the ruleset in which it is the right one.
    fn replace(
        &mut self,
        goal: Goal<'_>,
        open: &mut dyn FnMut() -> OpenConnections,
        progress: &mut Progress,
    ) -> Result<u32, Error> {
        let socket = &mut self.nftables;
        let (generation, found) = read::at_generation(socket, |socket, table| match goal {
            // Whatever it is.
            Goal::Remove => Ok(Installed::default()),
            // Chains without rules differ from every ruleset: their names do not matter.
            Goal::Apply(..) | Goal::Keep => {
                Ok(read::contents(socket, table, &BTreeSet::new())?.installed)
            }
        })?;
        progress.generation = generation;
        if goal.is(found.as_ref()) {
            return Ok(generation);
        }
        if let Goal::Apply(ruleset, _) = goal {
            self.prepare(&ruleset.routing, found.is_some(), progress)?;
        }
        let mut batch = Batch::new(generation, self.nftables.reserve(1));
        if found.is_some() {
            delete_table(&mut batch)?;
        }
        match goal {
            Goal::Apply(ruleset, metadata) => {
                let open = match &found {
                    Some(installed) if !installed.ruleset.chains.is_empty() => {
                        installed.ruleset.open_connections()
                    }
                    Some(_) | None => open(),
                };
                add_ruleset(&mut batch, &beside(ruleset, &open), metadata)?;
            }
            Goal::Keep => add_ruleset(&mut batch, &connection_keeper(), &MetadataBytes::default())?,
            Goal::Remove => {}
        }
        let committed = batch.commit(&mut self.nftables);
        if committed.as_ref().err().is_none_or(Error::is_unconfirmed) {
            let captured = found.is_some_and(|found| !found.only_keeps_connections());
            progress.committed.get_or_insert(if captured {
                Outcome::Replaced
            } else {
                Outcome::Installed
            });
        }
        committed?;
        self.is_first = generation == FIRST_GENERATION;
        // Each commit counts up; 0 is left out (`nf_tables_commit`).
        Ok(generation.wrapping_add(1).max(1))
    }

    /// Adds the routing that rules need which are not there yet.
    fn prepare(
        &mut self,
        wanted: &[RoutingObject],
        may_exist: bool,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        // Addresses are unique, and others of the same kind need no look at first.
        let unique = |object: &RoutingObject| matches!(object, RoutingObject::LoopbackAddress(_));
        let missing = if may_exist || !wanted.iter().all(unique) {
            let present = routing::present(&mut self.rtnetlink)?;
            present.missing(wanted).collect()
        } else {
            wanted.to_vec()
        };
        self.add(&missing, progress)
    }

    /// Makes the routing that of the rules of this generation.
    ///
    /// # Errors
    /// [`Error::Contended`] if other rules were committed meanwhile, which may need other routing.
    fn settle(
        &mut self,
        goal: Goal<'_>,
        generation: u32,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let before = (progress.asked.len(), progress.deleted.len());
        let present = routing::present(&mut self.rtnetlink)?;
        let missing: Vec<_> = present.missing(goal.routing()).collect();
        self.add(&missing, progress)?;
        let stale: Vec<_> = present
            .stale(goal.routing())
            .filter(|object| !goal.spares(object))
            .collect();
        if !stale.is_empty() {
            self.expect(generation)?;
        }
        let mut failures = Vec::new();
        for object in stale {
            progress.deleted.push(object);
            failures.extend(routing::delete(&mut self.rtnetlink, object).err());
        }
        if before != (progress.asked.len(), progress.deleted.len()) {
            self.expect(generation)?;
        }
        match failures.len() {
            0 => Ok(()),
            _ => Err(Error::several(failures)),
        }
    }

    fn add(&mut self, objects: &[RoutingObject], progress: &mut Progress) -> Result<(), Error> {
        for &object in objects {
            progress.asked.push(object);
            let added = routing::add(&mut self.rtnetlink, object);
            let was_refused = matches!(&added, Err(error) if error.refused_with().is_some());
            if was_refused || matches!(added, Ok(Added::Already | Added::NoIpv6)) {
                progress.asked.pop();
            }
            added?;
        }
        Ok(())
    }

    fn expect(&mut self, generation: u32) -> Result<(), Error> {
        if read::generation(&mut self.nftables)? == generation {
            Ok(())
        } else {
            Err(Error::contended("change the routing of the rules"))
        }
    }
}

/// Takes the changes of the routing back, unless the rules that they belong to are installed: a failed run may have
/// committed them. What cannot be determined stays.
fn undo(goal: Goal<'_>, progress: &Progress) -> Result<(), Error> {
    if progress.asked.is_empty() && progress.deleted.is_empty() {
        return Ok(());
    }
    let mut kernel = Kernel::open()?;
    let (generation, contents) = retry(|| {
        read::at_generation(&mut kernel.nftables, |socket, table| {
            read::contents(socket, table, &BTreeSet::new())
        })
    })?;
    if goal.is(contents.as_ref().map(|contents| &contents.installed)) {
        return Ok(());
    }
    let mut failures = Vec::new();
    for object in &progress.deleted {
        failures.extend(routing::add(&mut kernel.rtnetlink, *object).err());
    }
    // Rules that were committed after the objects were added may need them; that run deletes them if they do not.
    if contents.is_none() || generation == progress.generation {
        let present = routing::present(&mut kernel.rtnetlink)?;
        for object in present.own().filter(|own| progress.asked.contains(own)) {
            failures.extend(routing::delete(&mut kernel.rtnetlink, object).err());
        }
    }
    match failures.len() {
        0 => Ok(()),
        _ => Err(Error::several(failures)),
    }
}

/// [`Kernel::apply`] in the calling thread's network namespace.
///
/// # Errors
/// The kernel refused.
pub fn apply(
    ruleset: &Ruleset,
    metadata: &MetadataBytes,
    open: impl FnMut() -> OpenConnections,
) -> Result<Outcome, Error> {
    Kernel::open()?.apply(ruleset, metadata, open)
}

/// Deletes the table and the routing objects that [`apply`] added.
///
/// # Errors
/// The kernel refused to delete the table, or any of the objects; then the others are deleted.
pub fn remove() -> Result<Removal, Error> {
    Kernel::open()?.remove(Goal::Remove)
}

/// Removes capture, but leaves what open connections need: [`connection_keeper`] in place of all other chains, and addresses
/// of `lo`. Does nothing if there is nothing else.
///
/// # Errors
/// As of [`remove`].
pub fn remove_keeping_connections() -> Result<Removal, Error> {
    Kernel::open()?.remove(Goal::Keep)
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
            Elements::Ports(intervals) => add_elements(batch, set, intervals.as_slice()),
            Elements::Ipv4(intervals) => add_elements(batch, set, intervals.as_slice()),
            Elements::Ipv6(intervals) => add_elements(batch, set, intervals.as_slice()),
            Elements::Uids(intervals) | Elements::Gids(intervals) => {
                add_elements(batch, set, intervals.as_slice());
            }
            Elements::Interfaces(interfaces) => {
                let names: Vec<_> = interfaces.iter().map(interface_names).collect();
                add_elements(batch, set, &names);
            }
            Elements::UidPorts(pairs) => {
                let name = set.name.to_string();
                add_requests(batch, set, elements::uid_port_requests(&name, pairs));
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

fn add_elements<T: Key>(batch: &mut Batch, set: &Set, intervals: &[Interval<T>]) {
    let name = set.name.to_string();
    add_requests(batch, set, elements::requests(&name, intervals));
}

fn add_requests(batch: &mut Batch, set: &Set, requests: impl Iterator<Item = Request>) {
    for request in requests {
        batch.add_request(Part::Set(set.name.to_string()), request);
    }
}
