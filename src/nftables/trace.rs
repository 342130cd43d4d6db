//! Traces new connections through the kernel's rules.
//!
//! Tracing adds a table to the ruleset that its socket owns (`NFT_TABLE_F_OWNER`, Linux 5.12, commit 6001a930ce03): the
//! kernel deletes it when the socket is closed, however the process ends.

mod message;

use std::collections::VecDeque;
use std::mem;
use std::time::Instant;

use super::{dump, trace_table};
use crate::netlink::{Error, Group, Received, Socket, Subsystem, Topic, retry};
use crate::process::shutdown::{Event, Shutdown};
use crate::trace::{Filter, Message, Rules, TABLES};
use message::Notification;

/// What happened next.
#[derive(Debug)]
pub enum Next {
    /// A packet matched a rule or reached the end of a chain.
    Message(Message),
    /// The ruleset was changed, and is of this generation now.
    Generation(u32),
    /// Messages came faster than they were read, and some were lost. All that the kernel kept has been read by now.
    Lost,
    /// The deadline passed.
    Elapsed,
    /// SIGINT or SIGTERM asked the process to end.
    Ended,
}

/// The tracing of connections; it ends when this is dropped.
pub struct Tracer {
    traces: Group,
    shutdown: Shutdown,
    /// The owner of the table.
    _owner: Socket,
    table: String,
    received: VecDeque<Notification>,
    reads: usize,
    /// Messages were lost, and those before them are still to be read.
    lost: bool,
    /// How often the kernel's messages are still read once the process was asked to end: those of events before are
    /// reported, but not an endless stream of new ones.
    left: Option<usize>,
}

/// The number of reads in a row without a look at the signals.
const IN_A_ROW: usize = 256;
/// The number of reads after a signal: more messages than the kernel keeps for a reader.
const AFTER_SIGNAL: usize = 1 << 14;

/// Reads a message as a notification.
#[cfg(feature = "fuzzing")]
pub(super) fn fuzz(message: crate::netlink::Message<'_>) {
    let _ = message::read(message);
}

impl Tracer {
    /// Has the kernel trace the connections that match the filter, in the calling thread's network namespace.
    ///
    /// # Errors
    /// The kernel refused, or knows no owners of tables.
    pub fn start(filter: &Filter) -> Result<Self, Error> {
        let failed = |source| Error::io("trace connections", source);
        // Before the kernel sends any message.
        let traces = Group::join(&[Topic::Traces, Topic::Changes]).map_err(failed)?;
        let shutdown = Shutdown::expect().map_err(failed)?;
        let mut owner = Socket::open(Subsystem::Nftables)?;
        // No two sockets of a namespace have the same number.
        let table = format!("{TABLES}{}", owner.number()?);
        trace_table::add(&mut owner, &table, filter)?;
        Ok(Self {
            traces,
            shutdown,
            _owner: owner,
            table: format!("inet {table}"),
            received: VecDeque::new(),
            reads: 1,
            lost: false,
            left: None,
        })
    }

    /// Family and name of the temporary table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// How many messages were lost so far; 0 if `/proc` cannot be read.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.traces.lost().unwrap_or(0)
    }

    /// Waits for the next event, until the deadline if there is one.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn next(&mut self, deadline: Option<Instant>) -> Result<Next, Error> {
        let failed = |source| Error::io("read the kernel's traces", source);
        loop {
            match self.received.pop_front() {
                Some(Notification::Trace(message)) => return Ok(Next::Message(message)),
                Some(Notification::Generation(number)) => return Ok(Next::Generation(number)),
                None => {}
            }
            if self.reads.is_multiple_of(IN_A_ROW)
                && self.shutdown.is_requested().map_err(failed)?
            {
                self.left.get_or_insert(AFTER_SIGNAL);
            }
            self.reads = self.reads.wrapping_add(1);
            if self.left == Some(0) {
                return Ok(Next::Ended);
            }
            self.left = self.left.map(|left| left - 1);
            let received = &mut self.received;
            let read = self
                .traces
                .receive(|message| received.extend(message::read(message)));
            match read.map_err(failed)? {
                Received::Messages => {}
                Received::Lost => self.lost = true,
                Received::Nothing if mem::take(&mut self.lost) => return Ok(Next::Lost),
                Received::Nothing if self.left.is_some() => return Ok(Next::Ended),
                Received::Nothing => {
                    let event = self.shutdown.or(&self.traces, deadline);
                    match event.map_err(failed)? {
                        Event::Changed => {}
                        Event::Elapsed => return Ok(Next::Elapsed),
                        Event::Ended => self.left = Some(AFTER_SIGNAL),
                    }
                }
            }
        }
    }
}

/// Reads the installed rules.
pub struct Reader(Socket);

impl Reader {
    /// Opens a netlink socket in the calling thread's network namespace.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn open() -> Result<Self, Error> {
        Socket::open(Subsystem::Nftables).map(Self)
    }

    /// The generation of the ruleset.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn generation(&mut self) -> Result<u32, Error> {
        dump::generation(&mut self.0)
    }

    /// The generation, and its rules; none if there is no table.
    ///
    /// # Errors
    /// The kernel refused, or the ruleset kept changing.
    pub fn rules(&mut self) -> Result<(u32, Rules), Error> {
        let (generation, rules) = retry(|| dump::at_generation(&mut self.0, dump::by_handle))?;
        Ok((generation, rules.unwrap_or_default()))
    }
}
