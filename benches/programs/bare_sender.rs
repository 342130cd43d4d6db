//! The least that can install rules: reads a pre-encoded batch from a file, sends it on a netlink socket and
//! reads the kernel's answer. What a whole program cannot be faster than.
//!
//! ```text
//! bare_sender FILE
//! ```

use std::error::Error;
use std::os::fd::AsRawFd;
use std::process::ExitCode;

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto,
    setsockopt, socket, sockopt,
};

/// `NLMSG_ERROR` of linux/netlink.h: an acknowledgement, when its error is 0.
const NLMSG_ERROR: u16 = 2;
/// Where a message header has its type, and where an acknowledgement has its error.
const TYPE: usize = 4;
const ERROR: usize = 16;

fn number<const N: usize>(message: &[u8], at: usize) -> Result<[u8; N], &'static str> {
    message
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .copied()
        .ok_or("the kernel's answer is too short")
}

fn install() -> Result<(), Box<dyn Error>> {
    let path = std::env::args()
        .nth(1)
        .ok_or("name the file of the batch")?;
    let batch = std::fs::read(path)?;
    let protocol = SockProtocol::NetlinkNetFilter;
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        protocol,
    )?;
    setsockopt(&socket, sockopt::SndBufForce, &(batch.len() * 2))?;
    sendto(
        socket.as_raw_fd(),
        &batch,
        &NetlinkAddr::new(0, 0),
        MsgFlags::empty(),
    )?;
    let mut answer = [0; 4096];
    let length = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    let answer = answer.get(..length).unwrap_or_default();
    let error = i32::from_ne_bytes(number(answer, ERROR)?);
    if u16::from_ne_bytes(number(answer, TYPE)?) != NLMSG_ERROR || error != 0 {
        return Err(format!("the kernel answered {error}").into());
    }
    Ok(())
}

fn main() -> ExitCode {
    match install() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bare_sender: {error}");
            ExitCode::FAILURE
        }
    }
}
