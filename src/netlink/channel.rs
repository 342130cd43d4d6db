//! The descriptor of a netlink socket that takes messages from the kernel alone.
//!
//! A process with `CAP_NET_ADMIN` in the namespace can send netlink messages to other processes' sockets, and to multicast
//! groups. The kernel refuses the former for a connected socket (`netlink_getsockbyportid`). Messages to a group come with
//! their sender's number, which is 0 for the kernel alone.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockType, bind, connect, getsockname, recvmsg,
    send, socket,
};

use super::Subsystem;

/// The kernel's number as a sender and a receiver.
const KERNEL: u32 = 0;

/// The descriptor. It is closed when this is dropped.
pub(super) struct Channel(OwnedFd);

impl Channel {
    /// Opens a socket of the calling thread's network namespace that exchanges messages with the kernel alone.
    pub(super) fn connect(subsystem: Subsystem) -> io::Result<Self> {
        let channel = Self::open(subsystem)?;
        // This gives the socket its number, too.
        connect(channel.0.as_raw_fd(), &NetlinkAddr::new(KERNEL, 0))?;
        Ok(channel)
    }

    /// Opens a socket that receives the messages to groups, as a mask, and no others.
    pub(super) fn join(subsystem: Subsystem, groups: u32) -> io::Result<Self> {
        let channel = Self::open(subsystem)?;
        bind(channel.0.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
        connect(channel.0.as_raw_fd(), &NetlinkAddr::new(KERNEL, 0))?;
        Ok(channel)
    }

    fn open(subsystem: Subsystem) -> io::Result<Self> {
        let (family, flags) = (AddressFamily::Netlink, SockFlag::SOCK_CLOEXEC);
        let opened = socket(family, SockType::Raw, flags, subsystem.protocol())?;
        Ok(Self(opened))
    }

    /// The number of the socket (port id), unique within its network namespace and subsystem.
    pub(super) fn number(&self) -> io::Result<u32> {
        Ok(getsockname::<NetlinkAddr>(self.0.as_raw_fd())?.pid())
    }

    /// Sends one datagram.
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        if send(self.0.as_raw_fd(), bytes, MsgFlags::empty())? == bytes.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::WriteZero.into())
        }
    }

    /// Reads a datagram and returns its length, without waiting for one. One that another process sent counts as empty.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut parts = [IoSliceMut::new(buffer)];
        let fd = self.0.as_raw_fd();
        let received = recvmsg::<NetlinkAddr>(fd, &mut parts, None, MsgFlags::MSG_DONTWAIT)?;
        if received.address.is_none_or(|sender| sender.pid() != KERNEL) {
            return Ok(0);
        }
        if received.flags.contains(MsgFlags::MSG_TRUNC) {
            return Err(Errno::ENOSPC.into());
        }
        Ok(received.bytes)
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
