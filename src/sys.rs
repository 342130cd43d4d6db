//! The only `unsafe` of the program: libnftnl's objects behind length-checked owners.
//!
//! The `nftnl` crate's typed expressions lack `redir`, `tproxy`, interval sets, inverted lookups and rule
//! dumps (nftnl 0.9), so this module wraps the re-exported C interface instead: one type for each kind of
//! object, attributes by number. A setter copies what it is given; nothing borrowed crosses the boundary.
#![allow(
    unsafe_code,
    reason = "the C library's interface; each block states its invariant"
)]

mod contents;
mod expression;
pub(crate) mod last_words;
mod object;
mod shape;

use std::ffi::{c_char, c_int, c_void};
use std::os::fd::{AsRawFd, BorrowedFd};

use nftnl::nftnl_sys as c;
use nftnl::nftnl_sys::libc;
use nix::sys::signal::{SigHandler, Signal, signal};
use thiserror::Error;

pub(crate) use contents::{Rule, parse_elements};
pub(crate) use expression::{Expression, ExpressionRef};
pub(crate) use object::{Chain, RawRule, Set, Table};

/// No message that this module builds is larger: each is bounded by the limits of [`Expression`] and [`Rule`].
pub(crate) const LARGEST_MESSAGE: usize = 0xe000;

/// Something does not fit into a netlink message, or has a NUL byte where the kernel reads a string.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("it does not fit into a netlink message")]
pub(crate) struct TooLarge;

/// An object that libnftnl writes into a message.
///
/// # Safety
/// `build` writes less than [`LARGEST_MESSAGE`] minus the headers behind the message's header, and updates
/// its length.
pub(crate) unsafe trait Payload {
    /// Appends the object's attributes to the message.
    ///
    /// # Safety
    /// Behind the header there is room for [`LARGEST_MESSAGE`] bytes in all.
    unsafe fn build(&self, header: *mut libc::nlmsghdr);
}

/// Appends a message of the nf_tables subsystem for the family inet.
pub(crate) fn append_message(
    bytes: &mut Vec<u8>,
    kind: u16,
    flags: u16,
    sequence: u32,
    payload: &impl Payload,
) {
    bytes.reserve(LARGEST_MESSAGE);
    let start = bytes.len();
    let family = u16::from(INET);
    // SAFETY: `reserve` made LARGEST_MESSAGE bytes of room behind `start`, and every Payload stays below
    // that. libnftnl wants 4-byte alignment: the allocation has it (malloc's is 16) and each message's length is padded
    // to 4 below, in bytes that are zeroed here because libmnl does not write all padding itself.
    unsafe {
        let room = bytes.as_mut_ptr().add(start);
        let header = c::nftnl_nlmsg_build_hdr(room.cast::<c_char>(), kind, family, flags, sequence);
        payload.build(header);
        let length = usize::try_from((*header).nlmsg_len).expect("at most LARGEST_MESSAGE");
        let padded = length.next_multiple_of(4);
        assert!(padded <= LARGEST_MESSAGE, "every payload is bounded");
        std::ptr::write_bytes(room.add(length), 0, padded - length);
        bytes.set_len(start + padded);
    }
}

/// `NFPROTO_INET` (`linux/netfilter.h`): IPv4 and IPv6 in one table.
pub(crate) const INET: u8 = 1;

/// Turns on `NETLINK_EXT_ACK` (Linux 4.12: errors with the kernel's message) and `NETLINK_CAP_ACK` (4.3: errors without a
/// copy of the request). An older kernel refuses and answers in the older form.
pub(crate) fn enable_extended_acks(socket: BorrowedFd<'_>) {
    let length = libc::socklen_t::try_from(size_of::<c_int>()).expect("4");
    for option in [libc::NETLINK_EXT_ACK, libc::NETLINK_CAP_ACK] {
        let on: c_int = 1;
        // SAFETY: the descriptor is open as long as the socket is borrowed, and the option's value is a
        // c_int that lives until the call returns.
        unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_NETLINK,
                option,
                (&raw const on).cast::<c_void>(),
                length,
            );
        }
    }
}

/// Standard input, output and error, open or not.
pub(crate) fn standard_streams() -> [BorrowedFd<'static>; 3] {
    // SAFETY: nothing in the program closes them. If one was closed before, its number is only used to find that out.
    [0, 1, 2].map(|number| unsafe { BorrowedFd::borrow_raw(number) })
}

/// Ignores SIGPIPE.
pub(crate) fn ignore_closed_pipes() {
    // SAFETY: no handler is installed, so that no code can run at the signal.
    let _ = unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) };
}
