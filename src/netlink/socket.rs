//! A netlink socket: requests, transactions and dumps.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use nix::sys::socket::{setsockopt, sockopt};

use super::channel::Channel;
use super::{Answer, Error, Message, RECEIVE_BUFFER, Request, Subsystem};
use crate::process::wait::wait;
use crate::sys;

/// Enough for the parts of a short dump, and cleared at every start.
const SMALL_BUFFER: usize = 8 * 1024;
/// The default send buffer (`net.core.wmem_default`) less the kernel's own share; a larger batch needs more.
const DEFAULT_SEND_BUFFER: usize = 200 * 1024;
/// How long the kernel may take to answer. It answers before the request's system call returns, so that an answer that has
/// to be waited for was most likely lost.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// A netlink socket.
pub(crate) struct Socket {
    channel: Channel,
    subsystem: Subsystem,
    buffer: Vec<u8>,
    sequence: u32,
}

impl Socket {
    /// Opens a socket of the calling thread's network namespace.
    pub(crate) fn open(subsystem: Subsystem) -> Result<Self, Error> {
        let channel = Channel::connect(subsystem).map_err(Error::Open)?;
        sys::enable_extended_acks(channel.as_fd());
        Ok(Self {
            channel,
            subsystem,
            buffer: vec![0; SMALL_BUFFER],
            sequence: 0,
        })
    }

    /// The number of the socket (port id), unique within its network namespace and subsystem.
    pub(crate) fn number(&self) -> Result<u32, Error> {
        self.channel.number().map_err(Error::Open)
    }

    /// Reserves the sequence numbers of this many messages, and gives back the first. They start at 1.
    pub(crate) fn reserve(&mut self, messages: u32) -> u32 {
        let first = self.sequence.wrapping_add(1).max(1);
        self.sequence = first.wrapping_add(messages - 1);
        first
    }

    /// Sends all of it as one datagram: the kernel would take the parts of a batch that come in several for batches of
    /// their own, and acknowledge each without doing anything.
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > DEFAULT_SEND_BUFFER {
            // The kernel doubles the value for its bookkeeping. In a user namespace only the plain option is
            // allowed, and it may grant less; then the send fails with EMSGSIZE.
            let size = bytes.len() + 4096;
            setsockopt(&self.channel, sockopt::SndBufForce, &size)
                .or_else(|_| setsockopt(&self.channel, sockopt::SndBuf, &size))?;
        }
        self.channel.send(bytes)
    }

    /// Reads datagrams and hands each message to `each`, until that returns a value.
    ///
    /// # Errors
    /// `TimedOut` if that does not happen within 5 seconds.
    pub(crate) fn receive<T>(
        &mut self,
        mut each: impl FnMut(Message<'_>) -> io::Result<Option<T>>,
    ) -> io::Result<T> {
        // Most answers are there already and need no clock.
        let mut deadline = None;
        loop {
            let length = match self.channel.receive(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let deadline = *deadline.get_or_insert_with(|| Instant::now() + ANSWER_LIMIT);
                    let mut readable = [PollFd::new(self.channel.as_fd(), PollFlags::POLLIN)];
                    if wait(&mut readable, deadline)? {
                        continue;
                    }
                    return Err(io::ErrorKind::TimedOut.into());
                }
                other => other?,
            };
            let received = self.buffer.get(..length);
            let received = received.expect("the kernel fills the buffer at most");
            for message in Message::all(received) {
                if let Some(value) = each(message?)? {
                    return Ok(value);
                }
            }
            if length > SMALL_BUFFER / 4 && self.buffer.len() < RECEIVE_BUFFER {
                // More may come: in larger parts, then. Zeroed memory costs less than zeros that are written.
                self.buffer = vec![0; RECEIVE_BUFFER];
            }
        }
    }

    /// Sends a request and waits for its acknowledgement.
    pub(crate) fn acknowledge(&mut self, doing: &str, request: Request) -> Result<(), Error> {
        self.exchange(doing, request, |message| {
            Ok(match message.answer() {
                Some(Answer::Done) => Some(Ok(())),
                Some(Answer::Failed(refusal)) => Some(Err(refusal)),
                None => None,
            })
        })
    }

    /// Sends a request and reads the one message that answers it.
    pub(crate) fn query<T>(
        &mut self,
        doing: &str,
        request: Request,
        mut read: impl FnMut(Message<'_>) -> Option<T>,
    ) -> Result<T, Error> {
        self.exchange(doing, request, |message| match message.answer() {
            Some(Answer::Failed(refusal)) => Ok(Some(Err(refusal))),
            Some(Answer::Done) => Ok(None),
            None => Ok(Some(Ok(read(message).ok_or(io::ErrorKind::InvalidData)?))),
        })
    }

    /// The same; `None` if the kernel answers that there is no such object.
    pub(crate) fn find<T>(
        &mut self,
        doing: &str,
        request: Request,
        read: impl FnMut(Message<'_>) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        match self.query(doing, request, read) {
            Err(error) if error.refused_with() == Some(Errno::ENOENT) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Sends a dump request and hands each message of the listing to `each`.
    ///
    /// # Errors
    /// [`Error::Contended`] if what is listed changed meanwhile, so that an object may be missing. The listing is read to its
    /// end nevertheless: until then the kernel begins no other dump on this socket (EBUSY).
    pub(crate) fn dump(
        &mut self,
        doing: &str,
        request: Request,
        mut each: impl FnMut(Message<'_>) -> Option<()>,
    ) -> Result<(), Error> {
        let mut interrupted = false;
        let mut malformed = false;
        self.exchange(doing, request, |message| {
            interrupted |= message.is_interrupted();
            Ok(match message.answer() {
                _ if message.ends_dump() => Some(Ok(())),
                Some(Answer::Failed(refusal)) => Some(Err(refusal)),
                Some(Answer::Done) => Some(Ok(())),
                None => {
                    malformed |= each(message).is_none();
                    None
                }
            })
        })?;
        match (interrupted, malformed) {
            (true, _) => Err(Error::contended(doing)),
            (false, true) => Err(Error::io(doing, io::ErrorKind::InvalidData.into())),
            (false, false) => Ok(()),
        }
    }

    fn exchange<T>(
        &mut self,
        doing: &str,
        request: Request,
        mut each: impl FnMut(Message<'_>) -> io::Result<Option<Result<T, super::Refusal>>>,
    ) -> Result<T, Error> {
        let sequence = self.reserve(1);
        let sent = self.send(&request.finish(sequence));
        sent.map_err(|source| Error::io(doing, source))?;
        // Messages of an earlier exchange that failed are skipped.
        let answer = self.receive(|message| match message.sequence {
            number if number == sequence => each(message),
            _ => Ok(None),
        });
        let answer = answer.map_err(|source| Error::unconfirmed(doing, source))?;
        answer.map_err(|refusal| Error::refused(self.subsystem, doing, refusal))
    }
}
