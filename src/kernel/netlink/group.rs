//! Messages that the kernel sends to everybody who asks for them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{setsockopt, sockopt};

use super::{Message, RECEIVE_BUFFER};
use crate::kernel::sys;

/// How much the kernel keeps for a slow reader, in bytes. What comes on top of it is lost.
const BACKLOG: usize = 4 << 20;

/// What messages of nf_tables are about (`enum nfnetlink_groups` in `linux/netfilter/nfnetlink.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernel) enum Topic {
    /// `NFNLGRP_NFTABLES`: every change of the ruleset.
    Changes,
}

impl Topic {
    const fn number(self) -> u32 {
        match self {
            Self::Changes => 7,
        }
    }
}

/// A socket to which the kernel sends messages of one topic.
pub(in crate::kernel) struct Group {
    socket: mnl::Socket,
    buffer: Vec<u8>,
}

/// What there was to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernel) enum Received {
    /// Messages, which were handed over.
    Messages,
    /// Nothing for now.
    Nothing,
    /// The notice that messages were lost: they came faster than they were read.
    Lost,
}

impl Group {
    /// Asks for the messages of the topic in the calling thread's network namespace.
    pub(in crate::kernel) fn join(topic: Topic) -> io::Result<Self> {
        let socket = mnl::Socket::open(mnl::Bus::Netfilter)?;
        socket.bind(1 << (topic.number() - 1), 0)?;
        let fd = sys::borrow_fd(&socket);
        fcntl(fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        // More than the plain option's limit takes a capability outside of user namespaces; less will do.
        setsockopt(&fd, sockopt::RcvBufForce, &BACKLOG)
            .or_else(|_| setsockopt(&fd, sockopt::RcvBuf, &BACKLOG))?;
        Ok(Self {
            socket,
            buffer: vec![0; RECEIVE_BUFFER],
        })
    }

    /// Hands over the messages that are there. It does not wait.
    pub(in crate::kernel) fn receive(
        &mut self,
        mut each: impl FnMut(Message<'_>),
    ) -> io::Result<Received> {
        let length = match self.socket.recv_raw(&mut self.buffer) {
            Ok(length) => length,
            Err(error) => {
                return match error.raw_os_error().map(Errno::from_raw) {
                    Some(Errno::EAGAIN | Errno::EINTR) => Ok(Received::Nothing),
                    Some(Errno::ENOBUFS) => Ok(Received::Lost),
                    _ => Err(error),
                };
            }
        };
        let received = self.buffer.get(..length).unwrap_or_default();
        for message in mnl::NlMessages::new(received) {
            each(Message::read(message?)?);
        }
        Ok(Received::Messages)
    }
}

impl AsFd for Group {
    fn as_fd(&self) -> BorrowedFd<'_> {
        sys::borrow_fd(&self.socket)
    }
}
