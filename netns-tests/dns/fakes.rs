//! A name server and a proxy's DNS side: each answers with what it was asked, and its name.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use netweir::connection::Owner;

use crate::sandbox::owned_by;

/// What the name server adds to a query to answer it.
pub(super) const BY_SERVER: &[u8] = b" by the server";
/// What the proxy adds to the server's answer.
pub(super) const BY_PROXY: &[u8] = b" by the proxy";

/// How long an answer may take on a machine that does much else; none is that late.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long one is waited for that is not expected.
pub(super) const IMPATIENCE: Duration = Duration::from_secs(1);
/// How often a server checks whether the test has ended.
const PAUSE: Duration = Duration::from_millis(10);

pub(super) const PROXY: Owner = Owner {
    uid: 1337,
    gid: 1337,
};
const APP: Owner = Owner {
    uid: 1000,
    gid: 1000,
};

/// A thread that answers until this is dropped. It is in the namespaces of the thread that started it.
pub(super) struct Answering {
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Answering {
    fn start(
        socket: UdpSocket,
        answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static,
    ) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&done);
        socket.set_read_timeout(Some(PAUSE)).expect("a timeout");
        let thread = thread::spawn(move || {
            let mut query = [0; 512];
            while !until.load(Ordering::Relaxed) {
                let (length, from) = match socket.recv_from(&mut query) {
                    Ok(received) => received,
                    // A port that a client has closed tells the next to read.
                    Err(error) if is_transient(error.kind()) => continue,
                    Err(error) => panic!("receive: {error}"),
                };
                if let Some(answer) = answer(&query[..length]) {
                    // The client may be gone.
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Self {
            done,
            thread: Some(thread),
        }
    }
}

fn is_transient(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock
            | ErrorKind::TimedOut
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("dropped once");
        // A second panic would hide the first.
        if !thread::panicking() {
            thread.join().expect("it answers to the end");
        }
    }
}

/// A name server on the address.
pub(super) fn server(address: SocketAddr) -> Answering {
    let socket = UdpSocket::bind(address).expect("bind");
    Answering::start(socket, |query| Some([query, BY_SERVER].concat()))
}

/// A proxy that asks the upstream server each time from a socket of its own, whatever port the kernel gives it.
pub(super) fn proxy(port: u16, upstream: SocketAddr, patience: Duration) -> Answering {
    let loopback = match upstream.ip() {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::LOCALHOST),
    };
    let socket = owned_by(PROXY, || UdpSocket::bind((loopback, port)).expect("bind"));
    Answering::start(socket, move |query| {
        let answer = ask_as(PROXY, upstream, query, patience)?;
        Some([answer.as_slice(), BY_PROXY].concat())
    })
}

/// What an application gets for an answer, if it gets one.
pub(super) fn ask(server: SocketAddr, query: &[u8], patience: Duration) -> Option<Vec<u8>> {
    ask_as(APP, server, query, patience)
}

/// The same for the proxy.
pub(super) fn ask_as_proxy(server: SocketAddr, query: &[u8]) -> Option<Vec<u8>> {
    ask_as(PROXY, server, query, PATIENCE)
}

/// Asks from a fresh socket, which takes the answer from the server's address alone.
fn ask_as(owner: Owner, server: SocketAddr, query: &[u8], patience: Duration) -> Option<Vec<u8>> {
    let any = match server {
        SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    let socket = owned_by(owner, || free_port(any));
    socket.connect(server).expect("a route");
    socket.set_read_timeout(Some(patience)).expect("a timeout");
    socket.send(query).ok()?;
    let mut answer = [0; 512];
    loop {
        match socket.recv(&mut answer) {
            Ok(length) => return Some(answer[..length].to_vec()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

/// A socket on a free port. Of three there is always one; but a child process that another test starts holds what
/// was closed meanwhile until it executes its program.
fn free_port(any: IpAddr) -> UdpSocket {
    let until = Instant::now() + PATIENCE;
    loop {
        match UdpSocket::bind((any, 0)) {
            Ok(socket) => return socket,
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < until => {
                thread::yield_now();
            }
            Err(error) => panic!("a free port: {error}"),
        }
    }
}
