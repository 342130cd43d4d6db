//! Notifications of nf_tables: messages that the kernel sends to every socket that joined their multicast group.

use std::os::fd::{AsFd, BorrowedFd};
use std::{fs, io};

use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};

use super::channel::Channel;
use super::{Message, RECEIVE_BUFFER, Subsystem};

/// How much the kernel keeps for a slow reader, in bytes. Messages beyond it are lost.
const BACKLOG: usize = 4 << 20;

/// `NETLINK_NETFILTER`, as `/proc` has it.
const NETFILTER: &str = "12";

/// A multicast group of nf_tables (`enum nfnetlink_groups` in `linux/netfilter/nfnetlink.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// `NFNLGRP_NFTABLES`: every change of the ruleset.
    Changes = 7,
    /// `NFNLGRP_NFTRACE`: every rule that a traced packet matches.
    Traces = 9,
}

/// A socket that receives the kernel's messages to some groups, in the order of their events. Reading does not block.
pub(crate) struct Group {
    channel: Channel,
    buffer: Vec<u8>,
}

/// The result of reading once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// Messages, which were handed over. Those of other processes than the kernel are not.
    Messages,
    /// Nothing for now.
    Nothing,
    /// The notice that messages were lost: they came faster than they were read.
    Lost,
}

impl Group {
    /// Joins the groups in the calling thread's network namespace.
    pub(crate) fn join(topics: &[Topic]) -> io::Result<Self> {
        let groups = topics.iter().map(|&topic| 1 << (topic as u32 - 1));
        let groups = groups.fold(0, |all, group| all | group);
        let channel = Channel::join(Subsystem::Nftables, groups)?;
        // Exceeding the plain option's limit takes a capability outside of user namespaces; less will do.
        setsockopt(&channel, sockopt::RcvBufForce, &BACKLOG)
            .or_else(|_| setsockopt(&channel, sockopt::RcvBuf, &BACKLOG))?;
        Ok(Self {
            channel,
            buffer: vec![0; RECEIVE_BUFFER],
        })
    }

    /// Reads once, and hands the messages to `each`.
    pub(crate) fn receive(&mut self, mut each: impl FnMut(Message<'_>)) -> io::Result<Received> {
        let length = match self.channel.receive(&mut self.buffer) {
            Ok(length) => length,
            Err(error) => {
                return match error.raw_os_error().map(Errno::from_raw) {
                    Some(Errno::EAGAIN | Errno::EINTR) => Ok(Received::Nothing),
                    Some(Errno::ENOBUFS) => Ok(Received::Lost),
                    _ => Err(error),
                };
            }
        };
        let received = self.buffer.get(..length);
        for message in Message::all(received.expect("the kernel fills the buffer at most")) {
            each(message?);
        }
        Ok(Received::Messages)
    }

    /// How many messages were lost; `None` if `/proc` does not list the socket.
    pub(crate) fn lost(&self) -> Option<u64> {
        let sockets = fs::read_to_string("/proc/thread-self/net/netlink").ok()?;
        let own = self.channel.number().ok()?.to_string();
        let mut lines = sockets.lines().map(str::split_ascii_whitespace);
        // sk, Eth, Pid, Groups, Rmem, Wmem, Dump, Locks, Drops, Inode (netlink_native_seq_show)
        let mut line = lines.find(|line| {
            let mut line = line.clone().skip(1);
            line.next() == Some(NETFILTER) && line.next() == Some(&own)
        })?;
        line.nth(8)?.parse().ok()
    }
}

impl AsFd for Group {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}
