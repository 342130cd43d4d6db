//! From messages to connections.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use crate::connection::{Addresses, Transport};
use crate::ruleset::{Direction, TABLE};

use super::{After, Headers, Message, TABLES, Waypoint};

const LOOPBACK: &str = "lo";
/// The most packets that are under way at once. Beyond, the oldest counts as through.
const UNDER_WAY: usize = 1024;
/// The longest way of a packet. What has not come to the end by then, does not come there.
const LONGEST: Duration = Duration::from_millis(250);
/// The most connections that are remembered, so that a later packet of one is not a new one. Few enough to look through.
const REMEMBERED: usize = 4096;
/// How long they are: a packet that nobody answers is sent again sooner (RFC 6298, and the first six times of
/// `tcp_syn_retries`).
const MEMORY: Duration = Duration::from_secs(60);

/// A new connection, and what its first packet met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Made here, or arriving.
    pub direction: Direction,
    /// The packet as the first chain met it.
    pub headers: Headers,
    /// The user that opened its socket, where that is known.
    pub uid: Option<u32>,
    /// What it met, in this order.
    pub met: Vec<Message>,
    /// How much of that it met before it came back by `lo`, if it did.
    pub returned_after: Option<usize>,
    /// Where it went in the end, as far as that is known.
    pub went_to: Option<(Addresses, Transport)>,
    /// The rules were changed while it was under way: which ones it met is not known.
    pub outdated: bool,
}

impl Seen {
    /// The interface that it leaves or comes by.
    #[must_use]
    pub fn interface(&self) -> Option<&str> {
        let interface = match self.direction {
            Direction::Out => &self.headers.leaves_by,
            Direction::In => &self.headers.came_by,
        };
        interface.as_deref()
    }

    /// Comes back by `lo` without that any rule of ours looks at it: it was told on its way out.
    fn only_returns(&self) -> bool {
        let own = format!("inet {TABLE}");
        self.direction == Direction::In
            && self.interface() == Some(LOOPBACK)
            && !self.met.iter().any(|message| message.table == own)
    }
}

/// Whether this names a table of another run of `netweir trace`, with its family.
fn is_of_trace(table: &str) -> bool {
    let name = table.strip_prefix("inet ");
    name.is_some_and(|name| name.starts_with(TABLES))
}

/// Gathers the messages of each packet. Times are since any moment that stays the same.
#[derive(Debug)]
pub struct Assembler {
    table: String,
    under_way: VecDeque<UnderWay>,
    remembered: VecDeque<(Identity, Duration)>,
}

/// What the packets of a connection share that are made before it is answered.
type Identity = (Direction, Addresses, Transport, u32);

#[derive(Debug)]
struct UnderWay {
    packet: u32,
    since: Duration,
    /// It has left by `lo`, and will arrive as another packet.
    returns: bool,
    seen: Seen,
}

impl Assembler {
    /// For packets that the table of this family and name has traced.
    #[must_use]
    pub fn new(table: String) -> Self {
        Self {
            table,
            under_way: VecDeque::new(),
            remembered: VecDeque::new(),
        }
    }

    /// Whether the message tells of a packet that was made here and starts on its way: the moment to look for its
    /// socket.
    #[must_use]
    pub fn starts_out(&self, message: &Message) -> bool {
        message.table == self.table
            && message.rule.is_some()
            && Waypoint::named(&message.chain) == Some(Waypoint::Start(Direction::Out))
    }

    /// Takes a message, with the user that opened the packet's socket, and gives the connections that are known as
    /// a whole by now.
    pub fn take(&mut self, message: Message, uid: Option<u32>, now: Duration) -> Vec<Seen> {
        if self.comes_back(&message) && message.table == self.table {
            return Vec::new();
        }
        if message.table != self.table {
            // What others trace at the same time decides nothing.
            let is_of_trace = is_of_trace(&message.table);
            let met = (!is_of_trace).then(|| self.met(message, now));
            return met.flatten().into_iter().collect();
        }
        match (Waypoint::named(&message.chain), message.rule) {
            (Some(Waypoint::Start(direction)), Some(_)) => {
                let mut seen = Vec::from_iter(self.ended(message.packet, now));
                if self.under_way.len() >= UNDER_WAY {
                    let oldest = self.under_way.pop_front();
                    seen.extend(oldest.and_then(|oldest| self.new_one(oldest.seen, now)));
                }
                self.start(direction, message, uid, now);
                seen
            }
            (Some(Waypoint::Known(_)), Some(_)) => {
                let position = self.position(message.packet);
                position.map(|position| self.under_way.remove(position));
                Vec::new()
            }
            // A chain without rules tells of its end, and then of its policy; only the first time of the packet.
            (Some(Waypoint::End(direction)), _) if message.headers.is_some() => {
                let goes_on = self.went(direction, &message);
                let ended = (!goes_on).then(|| self.ended(message.packet, now));
                ended.flatten().into_iter().collect()
            }
            // The chain's end where the filter did not fit, or its policy after it did.
            (Some(_) | None, _) => Vec::new(),
        }
    }

    /// The connections that can wait no longer.
    pub fn overdue(&mut self, now: Duration) -> Vec<Seen> {
        let mut seen = Vec::new();
        while let Some(oldest) = self.under_way.front()
            && oldest.since + LONGEST <= now
        {
            let oldest = self.under_way.pop_front();
            seen.extend(oldest.and_then(|oldest| self.new_one(oldest.seen, now)));
        }
        seen
    }

    /// The connections that are still under way, when nothing more comes.
    pub fn finish(&mut self, now: Duration) -> Vec<Seen> {
        let rest = mem::take(&mut self.under_way);
        rest.into_iter()
            .filter_map(|under_way| self.new_one(under_way.seen, now))
            .collect()
    }

    /// Notes that the rules are not those that connections which are under way have met.
    pub fn outdate(&mut self) {
        for under_way in &mut self.under_way {
            under_way.seen.outdated = true;
        }
    }

    /// When a connection can wait no longer.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.under_way.front().map(|oldest| oldest.since + LONGEST)
    }

    fn position(&self, packet: u32) -> Option<usize> {
        let mut under_way = self.under_way.iter();
        under_way.position(|under_way| under_way.packet == packet)
    }

    fn start(&mut self, direction: Direction, message: Message, uid: Option<u32>, now: Duration) {
        let Some(headers) = message.headers else {
            return;
        };
        self.under_way.push_back(UnderWay {
            packet: message.packet,
            since: now,
            returns: false,
            seen: Seen {
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

    /// Notes where the packet went. True if it comes back from there.
    fn went(&mut self, direction: Direction, message: &Message) -> bool {
        let position = self.position(message.packet);
        let under_way = position.and_then(|position| self.under_way.get_mut(position));
        let (Some(under_way), Some(headers)) = (under_way, &message.headers) else {
            return false;
        };
        under_way.seen.went_to = Some((headers.addresses, headers.transport));
        under_way.returns = direction == Direction::Out
            && under_way.seen.returned_after.is_none()
            && headers.leaves_by.as_deref() == Some(LOOPBACK);
        under_way.returns
    }

    /// Whether the packet is one that left by `lo`; it goes on as the same then.
    fn comes_back(&mut self, message: &Message) -> bool {
        let Some(headers) = &message.headers else {
            return false;
        };
        if headers.came_by.as_deref() != Some(LOOPBACK) || self.position(message.packet).is_some() {
            return false;
        }
        let same = Some((headers.addresses, headers.transport));
        let mut under_way = self.under_way.iter_mut();
        let Some(own) = under_way.find(|own| own.returns && own.seen.went_to == same) else {
            return false;
        };
        own.packet = message.packet;
        own.returns = false;
        own.seen.returned_after = Some(own.seen.met.len());
        true
    }

    fn met(&mut self, message: Message, now: Duration) -> Option<Seen> {
        let position = self.position(message.packet)?;
        let (packet, after) = (message.packet, message.after);
        let under_way = self.under_way.get_mut(position)?;
        // That a chain came to its end says nothing, unless it was the packet's end, too.
        if message.rule.is_some() || after == After::Dropped {
            under_way.seen.met.push(message);
        }
        match after {
            After::GoesOn => None,
            After::Dropped => self.ended(packet, now),
        }
    }

    fn ended(&mut self, packet: u32, now: Duration) -> Option<Seen> {
        let position = self.position(packet)?;
        let under_way = self.under_way.remove(position)?;
        self.new_one(under_way.seen, now)
    }

    /// The connection, unless it was there before.
    fn new_one(&mut self, seen: Seen, now: Duration) -> Option<Seen> {
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
