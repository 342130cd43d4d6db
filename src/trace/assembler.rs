//! Assembles messages to connections.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use crate::connection::{Addresses, Direction, Transport};
use crate::intent::LOOPBACK;
use crate::ruleset::TABLE;

use super::{After, Headers, Message, TABLES, Waypoint};

/// How many packets are followed at once. Beyond that, the oldest is considered complete.
const FOLLOWED: usize = 1024;
/// After this time a packet is considered complete.
const LONGEST: Duration = Duration::from_millis(250);
/// How many connections are remembered to recognize retransmissions. Few enough for a linear search.
const REMEMBERED: usize = 4096;
/// How long they are remembered: retransmissions come sooner (RFC 6298, and the first six of `tcp_syn_retries`).
const MEMORY: Duration = Duration::from_mins(1);

/// A new connection, and the rules that its first packet met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced {
    /// Outgoing or incoming.
    pub direction: Direction,
    /// The headers of the packet at the first chain.
    pub headers: Headers,
    /// The user that owns its socket, if known.
    pub uid: Option<u32>,
    /// The rules that it met, in order.
    pub met: Vec<Message>,
    /// How many of them it met before it returned on `lo`, if it did.
    pub returned_after: Option<usize>,
    /// Its destination at the end of the path, if it was seen there.
    pub went_to: Option<(Addresses, Transport)>,
    /// Whether the rules were changed meanwhile, so that the handles are meaningless.
    pub outdated: bool,
}

impl Traced {
    /// The output or input interface.
    #[must_use]
    pub fn interface(&self) -> Option<&str> {
        let interface = match self.direction {
            Direction::Out => &self.headers.leaves_by,
            Direction::In => &self.headers.came_by,
        };
        interface.as_deref()
    }

    /// Whether it only returns on `lo` and meets no rule of `inet netweir`: it was reported on output.
    fn only_returns(&self) -> bool {
        let own = format!("inet {TABLE}");
        self.direction == Direction::In
            && self.interface() == Some(LOOPBACK)
            && !self.met.iter().any(|message| message.table == own)
    }
}

/// Whether this is a table of another run of `netweir trace`.
fn is_of_trace(table: &str) -> bool {
    let name = table.strip_prefix("inet ");
    name.is_some_and(|name| name.starts_with(TABLES))
}

/// Collects the messages of each packet. Times are relative to any fixed moment.
#[derive(Debug)]
pub struct Assembler {
    table: String,
    followed: VecDeque<Followed>,
    remembered: VecDeque<(Identity, Duration)>,
}

/// What retransmissions of the first packet share.
type Identity = (Direction, Addresses, Transport, u32);

#[derive(Debug)]
struct Followed {
    packet: u32,
    since: Duration,
    /// Whether it left on `lo` and will arrive as another packet.
    returns: bool,
    seen: Traced,
}

impl Assembler {
    /// For packets that the table with this family and name traces.
    #[must_use]
    pub fn new(table: String) -> Self {
        Self {
            table,
            followed: VecDeque::new(),
            remembered: VecDeque::new(),
        }
    }

    /// Whether the message is the first one of an outgoing packet: the moment to look up its socket.
    #[must_use]
    pub fn starts_out(&self, message: &Message) -> bool {
        message.table == self.table
            && message.rule.is_some()
            && Waypoint::named(&message.chain) == Some(Waypoint::Start(Direction::Out))
    }

    /// Takes a message, with the user that owns the packet's socket, and returns the connections that it completes.
    pub fn take(&mut self, message: Message, uid: Option<u32>, now: Duration) -> Vec<Traced> {
        if self.comes_back(&message) && message.table == self.table {
            return Vec::new();
        }
        if message.table != self.table {
            // The tables of other traces decide nothing.
            let is_of_trace = is_of_trace(&message.table);
            let met = (!is_of_trace).then(|| self.met(message, now));
            return met.flatten().into_iter().collect();
        }
        match (Waypoint::named(&message.chain), message.rule) {
            (Some(Waypoint::Start(direction)), Some(_)) => {
                let mut seen = Vec::from_iter(self.ended(message.packet, now));
                if self.followed.len() >= FOLLOWED {
                    let oldest = self.followed.pop_front();
                    seen.extend(oldest.and_then(|oldest| self.new_one(oldest.seen, now)));
                }
                self.start(direction, message, uid, now);
                seen
            }
            (Some(Waypoint::Known(_)), Some(_)) => {
                let position = self.position(message.packet);
                position.map(|position| self.followed.remove(position));
                Vec::new()
            }
            // A chain without rules reports its end, and then its policy; only the first message has the headers.
            (Some(Waypoint::End(direction)), _) if message.headers.is_some() => {
                let goes_on = self.went(direction, &message);
                let ended = (!goes_on).then(|| self.ended(message.packet, now));
                ended.flatten().into_iter().collect()
            }
            // The end of the chain if the filter did not match, or its policy if it did.
            (Some(_) | None, _) => Vec::new(),
        }
    }

    /// The connections whose time is over.
    pub fn overdue(&mut self, now: Duration) -> Vec<Traced> {
        let mut seen = Vec::new();
        while let Some(oldest) = self.followed.front()
            && oldest.since + LONGEST <= now
        {
            let oldest = self.followed.pop_front();
            seen.extend(oldest.and_then(|oldest| self.new_one(oldest.seen, now)));
        }
        seen
    }

    /// The connections that are not complete, when no more messages come.
    pub fn finish(&mut self, now: Duration) -> Vec<Traced> {
        let rest = mem::take(&mut self.followed);
        rest.into_iter()
            .filter_map(|followed| self.new_one(followed.seen, now))
            .collect()
    }

    /// Marks the connections that are not complete as outdated: the rules were changed.
    pub fn outdate(&mut self) {
        for followed in &mut self.followed {
            followed.seen.outdated = true;
        }
    }

    /// When the time of the next connection is over.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.followed.front().map(|oldest| oldest.since + LONGEST)
    }

    fn position(&self, packet: u32) -> Option<usize> {
        let mut followed = self.followed.iter();
        followed.position(|followed| followed.packet == packet)
    }

    fn start(&mut self, direction: Direction, message: Message, uid: Option<u32>, now: Duration) {
        let Some(headers) = message.headers else {
            return;
        };
        self.followed.push_back(Followed {
            packet: message.packet,
            since: now,
            returns: false,
            seen: Traced {
                direction,
                headers,
                uid,
                met: Vec::new(),
                returned_after: None,
                went_to: None,
                outdated: false,
            },
        });
    }

    /// Records the end of the path. True if the packet returns from there.
    fn went(&mut self, direction: Direction, message: &Message) -> bool {
        let position = self.position(message.packet);
        let followed = position.and_then(|position| self.followed.get_mut(position));
        let (Some(followed), Some(headers)) = (followed, &message.headers) else {
            return false;
        };
        followed.seen.went_to = Some((headers.addresses, headers.transport));
        followed.returns = direction == Direction::Out
            && followed.seen.returned_after.is_none()
            && headers.leaves_by.as_deref() == Some(LOOPBACK);
        followed.returns
    }

    /// Whether the packet is one that left on `lo`; the two are then followed as one.
    fn comes_back(&mut self, message: &Message) -> bool {
        let Some(headers) = &message.headers else {
            return false;
        };
        if headers.came_by.as_deref() != Some(LOOPBACK) || self.position(message.packet).is_some() {
            return false;
        }
        let same = Some((headers.addresses, headers.transport));
        let mut followed = self.followed.iter_mut();
        let Some(own) = followed.find(|own| own.returns && own.seen.went_to == same) else {
            return false;
        };
        own.packet = message.packet;
        own.returns = false;
        own.seen.returned_after = Some(own.seen.met.len());
        true
    }

    fn met(&mut self, message: Message, now: Duration) -> Option<Traced> {
        let position = self.position(message.packet)?;
        let (packet, after) = (message.packet, message.after);
        let followed = self.followed.get_mut(position)?;
        // The end of a chain is of no interest, unless it dropped the packet.
        if message.rule.is_some() || after == After::Dropped {
            followed.seen.met.push(message);
        }
        match after {
            After::GoesOn => None,
            After::Dropped => self.ended(packet, now),
        }
    }

    fn ended(&mut self, packet: u32, now: Duration) -> Option<Traced> {
        let position = self.position(packet)?;
        let followed = self.followed.remove(position)?;
        self.new_one(followed.seen, now)
    }

    /// The connection, unless it was reported before.
    fn new_one(&mut self, seen: Traced, now: Duration) -> Option<Traced> {
        let key = (
            seen.direction,
            seen.headers.addresses,
            seen.headers.transport,
            seen.headers.sequence,
        );
        let mut remembered = self.remembered.iter_mut().rev();
        let known = remembered.find(|(known, _)| *known == key);
        let before = known.map(|(_, last)| mem::replace(last, now));
        if before.is_none() {
            if self.remembered.len() >= REMEMBERED {
                self.remembered.pop_front();
            }
            self.remembered.push_back((key, now));
        }
        let again = before.is_some_and(|before| now.saturating_sub(before) < MEMORY);
        (!again && !seen.only_returns()).then_some(seen)
    }
}
