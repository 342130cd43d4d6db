//! Installing, removing and reading back the table and the routing that belongs to it.

use nix::errno::Errno;

use super::batch::{Batch, Present};
use super::dump as read_back;
use crate::drift::{Difference, compare};
use crate::netlink::{Answer, Error, ExchangeError, Socket, Subject, open};
use crate::process::lock::{Task, Turn};
use crate::rtnetlink::routing;
use crate::ruleset::{Installed, MetadataBytes, RoutingObject, Ruleset};

/// How often a transaction is tried when others change the ruleset meanwhile. Each attempt that fails
/// means that somebody else's succeeded.
const ATTEMPTS: u32 = 1000;

/// What [`apply`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There was no table; there is one now.
    Installed,
    /// The table was replaced.
    Replaced,
    /// Everything was there already; nothing was changed.
    Unchanged,
}

/// What [`remove`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// What was installed is gone.
    Removed,
    /// Nothing was installed.
    NothingThere,
}

/// Makes the table `inet netweir` and the routing objects be exactly the ruleset, in one transaction; the
/// routing objects come before it and go after it. Changes nothing when they are already, whatever note is kept with
/// them; otherwise this one is.
///
/// # Errors
/// The kernel refused; then the table is as it was before, and routing objects that were added are taken away
/// again.
pub fn apply(ruleset: &Ruleset, note: &MetadataBytes) -> Result<Outcome, Error> {
    let _turn = turn_to_change();
    let mut nftables = open(mnl::Bus::Netfilter)?;
    let mut rtnetlink = open(mnl::Bus::Route)?;
    let present = routing::present(&mut rtnetlink)?;
    let mut added = Undo {
        socket: &mut rtnetlink,
        added: Vec::new(),
    };
    let mut changed = false;
    for object in present.missing(&ruleset.routing) {
        changed |= added.add(object)? == routing::Added::Now;
    }
    let outcome = commit(&mut nftables, ruleset, note)?;
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

/// Takes away the table and the routing objects that [`apply`] added.
///
/// # Errors
/// The kernel refused.
pub fn remove() -> Result<Removal, Error> {
    let _turn = turn_to_change();
    let mut nftables = open(mnl::Bus::Netfilter)?;
    let mut removal = Removal::NothingThere;
    let gone = retry(|| {
        let generation = read_back::generation(&mut nftables)
            .map_err(Error::reading("read the ruleset's generation"))?;
        let present = read_back::table_is_present(&mut nftables)
            .map_err(Error::reading("look for the table inet netweir"))?;
        if !present {
            return Ok(Some(Removal::NothingThere));
        }
        let sequence = nftables.next_sequence();
        let batch =
            Batch::remove(generation, sequence).map_err(|_| Error::TooLarge(Subject::Table))?;
        Ok(send(&mut nftables, &batch)?.map(|()| Removal::Removed))
    })?;
    if gone == Removal::Removed {
        removal = gone;
    }
    let mut rtnetlink = open(mnl::Bus::Route)?;
    let present = routing::present(&mut rtnetlink)?;
    for object in present.own() {
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

/// What is installed, and the note that is kept with it: empty if none was given, or the kernel keeps none (before
/// Linux 5.10).
///
/// # Errors
/// The kernel refused, or the ruleset kept changing.
pub fn dump_with_metadata() -> Result<Option<(Installed, MetadataBytes)>, Error> {
    let mut nftables = open(mnl::Bus::Netfilter)?;
    let installed = retry(|| {
        Ok(read(&mut nftables, read_back::contents_with_note)?.map(|(_, installed)| installed))
    })?;
    let Some((mut installed, note)) = installed else {
        return Ok(None);
    };
    let mut rtnetlink = open(mnl::Bus::Route)?;
    installed.ruleset.routing = routing::present(&mut rtnetlink)?.own().collect();
    Ok(Some((installed, note)))
}

/// The routing objects that [`apply`] would leave as they are for a ruleset that wants these: its own ones, wanted
/// ones that somebody else added, and wanted ones of IPv6 where there is none.
///
/// # Errors
/// The kernel refused.
pub fn routing_beside(wanted: &[RoutingObject]) -> Result<Vec<RoutingObject>, Error> {
    let present = routing::present(&mut open(mnl::Bus::Route)?)?;
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

/// Every difference between what is installed and the ruleset, and what is installed with its note.
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
    let (mut installed, note) = table.unwrap_or_default();
    installed.ruleset.routing = routing_beside(&wanted.routing)?;
    differences.extend(compare(wanted, Some(&installed)));
    Ok((differences, installed, note))
}

/// The bytes of the transaction that [`apply`] sends where there is no table yet: netlink messages in the host's byte
/// order, from the batch's begin to its end.
///
/// # Errors
/// An object does not fit into a message.
pub fn encode(ruleset: &Ruleset, note: &MetadataBytes, generation: u32) -> Result<Vec<u8>, Error> {
    Batch::install(ruleset, note, Present::Absent, generation, 1)
        .map(|batch| batch.bytes)
        .map_err(|(subject, _)| Error::TooLarge(subject))
}

/// Waits for the others, but not for good: any program of the pod can take the name and keep it, and must not be able to
/// prevent capture by that. Without a turn, routing of two captures that are applied at the same moment may mix.
fn turn_to_change() -> Option<Turn> {
    Turn::wait(Task::Change).ok()
}

/// Repeats until there is a result.
pub(crate) fn retry<T>(mut attempt: impl FnMut() -> Result<Option<T>, Error>) -> Result<T, Error> {
    for _ in 0..ATTEMPTS {
        if let Some(done) = attempt()? {
            return Ok(done);
        }
    }
    Err(Error::Contended { attempts: ATTEMPTS })
}

/// The generation and what is in the table at it; `None` if it changed while it was read.
pub(crate) fn read<T>(
    socket: &mut Socket,
    contents: impl Fn(&mut Socket) -> Result<T, ExchangeError>,
) -> Result<Option<(u32, Option<T>)>, Error> {
    let generation =
        read_back::generation(socket).map_err(Error::reading("read the ruleset's generation"))?;
    let looking = Error::reading("look for the table inet netweir");
    if !read_back::table_is_present(socket).map_err(looking)? {
        return Ok(Some((generation, None)));
    }
    let contents = match contents(socket) {
        Ok(contents) => contents,
        Err(ExchangeError::Interrupted) => return Ok(None),
        // A set or the table is gone since it was listed.
        Err(ExchangeError::Refused(refusal)) if refusal.errno == Errno::ENOENT => return Ok(None),
        Err(other) => return Err(Error::reading("list the table inet netweir")(other)),
    };
    let after =
        read_back::generation(socket).map_err(Error::reading("read the ruleset's generation"))?;
    Ok((after == generation).then_some((generation, Some(contents))))
}

fn commit(socket: &mut Socket, ruleset: &Ruleset, note: &MetadataBytes) -> Result<Outcome, Error> {
    retry(|| {
        let Some((generation, installed)) = read(socket, read_back::contents)? else {
            return Ok(None);
        };
        let (present, outcome) = match installed {
            Some(installed) if installed.is(ruleset) => return Ok(Some(Outcome::Unchanged)),
            Some(_) => (Present::Delete, Outcome::Replaced),
            None => (Present::Absent, Outcome::Installed),
        };
        let sequence = socket.next_sequence();
        let batch = Batch::install(ruleset, note, present, generation, sequence)
            .map_err(|(subject, _)| Error::TooLarge(subject))?;
        Ok(send(socket, &batch)?.map(|()| outcome))
    })
}

/// Sends the transaction. `None` if another transaction came between the reading of the generation and this one.
pub(crate) fn send(socket: &mut Socket, batch: &Batch) -> Result<Option<()>, Error> {
    let doing = "send the transaction";
    for _ in 1..batch.messages() {
        socket.next_sequence();
    }
    let failed = |source| Error::Io { doing, source };
    socket.send(&batch.bytes).map_err(failed)?;
    loop {
        let answered = socket.receive(|message| {
            Ok(match (batch.subject(message.sequence), message.answer()) {
                (Some(_), Some(Answer::Done)) => {
                    batch.is_last(message.sequence).then_some(Ok(Some(())))
                }
                (Some(_), Some(Answer::Failed(refusal))) if refusal.errno == ERESTART => {
                    Some(Ok(None))
                }
                (Some(subject), Some(Answer::Failed(refusal))) => {
                    let subject = subject.clone();
                    Some(Err(Error::Refused { subject, refusal }))
                }
                (None, _) | (_, None) => None,
            })
        });
        match answered {
            Ok(Some(answer)) => return answer,
            Ok(None) => {}
            Err(other) => return Err(Error::reading(doing)(other)),
        }
    }
}

/// The generation is not the current one (`nfnetlink_rcv_batch`). The kernel's own number, not meant for user
/// space, comes out here.
const ERESTART: Errno = Errno::ERESTART;

/// Routing objects that were added, and are taken away again when this is dropped.
struct Undo<'a> {
    socket: &'a mut Socket,
    added: Vec<RoutingObject>,
}

impl Undo<'_> {
    fn add(&mut self, object: RoutingObject) -> Result<routing::Added, Error> {
        let added = routing::add(self.socket, object)?;
        if added == routing::Added::Now {
            self.added.push(object);
        }
        Ok(added)
    }

    /// All went well.
    fn keep(mut self) {
        self.added.clear();
    }
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        for object in self.added.drain(..) {
            // The error that led here is the one to report.
            let _ = routing::delete(self.socket, object);
        }
    }
}
