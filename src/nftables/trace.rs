//! Has the kernel trace new connections, and reads what it tells of them.
//!
//! What this adds to the ruleset is a table that its socket owns (`NFT_TABLE_F_OWNER`, Linux 5.12, commit 6001a930ce03):
//! the kernel takes it away when the socket is closed, however the process ends.

mod message;

use std::collections::VecDeque;
use std::mem;
use std::time::Instant;

use super::batch::Batch;
use super::{dump, retry, send};
use crate::netlink::Error;
use crate::netlink::{self, Group, Received, Socket, Subject, Topic, open};
use crate::process::shutdown::{End, Event};
use crate::trace::{Filter, Message, Rules, TABLES};
use message::Told;

/// What there is to know next.
#[derive(Debug)]
pub enum Next {
    /// The kernel tells something of a packet.
    Message(Message),
    /// The ruleset was changed, and is of this generation now.
    Generation(u32),
    /// The kernel told more than was read in time. All that it kept has been read by now.
    Lost,
    /// The time is over.
    Elapsed,
    /// The process was asked to end, by SIGINT or SIGTERM.
    Ended,
}

/// The tracing of connections; it ends when this is dropped.
pub struct Tracer {
    traces: Group,
    end: End,
    /// The owner of the table.
    _owner: Socket,
    table: String,
    received: VecDeque<Told>,
    reads: usize,
    /// Messages were lost, and what came before them is still to be read.
    lost: bool,
    /// How often it is still read, once the process was asked to end: what was told before is shown, but not what
    /// goes on coming.
    left: Option<usize>,
}

/// How often is read in a row before it is looked whether the process is to end.
const IN_A_ROW: usize = 256;
/// How often is read after that: more messages than the kernel keeps for a reader.
const AT_LAST: usize = 1 << 14;

impl Tracer {
    /// Has the kernel trace the connections that the filter fits, in the calling thread's network namespace.
    ///
    /// # Errors
    /// The kernel refused, or knows no tables with owners.
    pub fn start(filter: &Filter) -> Result<Self, Error> {
        let failed = |source| Error::Io {
            doing: "have the kernel trace connections",
            source,
        };
        // Before there is anything to be told.
        let traces = Group::join(&[Topic::Traces, Topic::Changes]).map_err(failed)?;
        let end = End::expect().map_err(failed)?;
        let mut owner = open(mnl::Bus::Netfilter)?;
        // No two sockets of a namespace have the same number.
        let table = format!("{TABLES}{}", owner.number());
        retry(|| {
            let generation = dump::generation(&mut owner)
                .map_err(Error::reading("read the ruleset's generation"))?;
            let sequence = owner.next_sequence();
            let batch = Batch::trace(&table, filter, generation, sequence)
                .map_err(|_| Error::TooLarge(Subject::TraceTable(table.clone())))?;
            send(&mut owner, &batch)
        })?;
        Ok(Self {
            traces,
            end,
            _owner: owner,
            table: format!("inet {table}"),
            received: VecDeque::new(),
            reads: 1,
            lost: false,
            left: None,
        })
    }

    /// Family and name of the table that has packets traced.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// How many messages were lost so far.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.traces.lost().unwrap_or_default()
    }

    /// Waits for something to know, but not beyond the deadline.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn next(&mut self, deadline: Option<Instant>) -> Result<Next, Error> {
        let failed = |source| Error::Io {
            doing: "read what the kernel traces",
            source,
        };
        loop {
            match self.received.pop_front() {
                Some(Told::Packet(message)) => return Ok(Next::Message(message)),
                Some(Told::Generation(number)) => return Ok(Next::Generation(number)),
                None => {}
            }
            if self.reads.is_multiple_of(IN_A_ROW) && self.end.is_asked().map_err(failed)? {
                self.left.get_or_insert(AT_LAST);
            }
            self.reads = self.reads.wrapping_add(1);
            if self.left == Some(0) {
                return Ok(Next::Ended);
            }
            self.left = self.left.map(|left| left - 1);
            let received = &mut self.received;
            let each = |message: netlink::Message<'_>| received.extend(message::read(message));
            match self.traces.receive(each).map_err(failed)? {
                Received::Messages => {}
                Received::Lost => self.lost = true,
                Received::Nothing if mem::take(&mut self.lost) => return Ok(Next::Lost),
                Received::Nothing if self.left.is_some() => return Ok(Next::Ended),
                Received::Nothing => match self.end.or(&self.traces, deadline).map_err(failed)? {
                    Event::Changed => {}
                    Event::Elapsed => return Ok(Next::Elapsed),
                    Event::Ended => self.left = Some(AT_LAST),
                },
            }
        }
    }
}

/// The rules that are installed.
pub struct Reader(Socket);

impl Reader {
    /// Opens the way to ask.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn open() -> Result<Self, Error> {
        open(mnl::Bus::Netfilter).map(Self)
    }

    /// The generation that the ruleset is of.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn generation(&mut self) -> Result<u32, Error> {
        dump::generation(&mut self.0).map_err(Error::reading("read the ruleset's generation"))
    }

    /// The generation, and its rules; none if there is no table.
    ///
    /// # Errors
    /// The kernel refused, or the ruleset kept changing.
    pub fn rules(&mut self) -> Result<(u32, Rules), Error> {
        let (generation, rules) = retry(|| super::read(&mut self.0, dump::by_handle))?;
        Ok((generation, rules.unwrap_or_default()))
    }
}
