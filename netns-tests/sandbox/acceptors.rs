//! The listeners of pod and peer.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;

use netweir::intent::Protocol;
use nix::poll::{PollFd, PollFlags, poll};
use socket2::{Domain, Socket, Type};

use super::attempt::{Client, set_transparent};
use super::outcome::{ConnectionOutcome, Listener};
use super::topology::CATCH_ALL;

/// The ports on which something listens in the pod, over TCP and UDP: the usual ports of proxies, and those of
/// applications.
pub(crate) const POD_PORTS: [u16; 13] = [
    15_001, 15_006, 15_008, 15_053, 4140, 4143, 53, 80, 443, 8080, 8085, 9090, 15_090,
];

/// Of these, the ports of proxies' transparent listeners.
const TRANSPARENT_PORTS: [u16; 2] = [15_006, 4143];

/// How long, in milliseconds, until what has not come is lost.
const PATIENCE: u16 = 3_000;

/// Every listener of both namespaces.
pub(super) struct Acceptors(Vec<Acceptor>);

impl Acceptors {
    /// Opens the peer's listeners, in the peer.
    pub(super) fn open_peer() -> Self {
        Self(listen(CATCH_ALL, Listener::Peer))
    }

    /// Adds the pod's, in the pod.
    pub(super) fn open_pod(&mut self) {
        for port in POD_PORTS {
            self.0.extend(listen(port, Listener::Pod(port)));
        }
    }

    /// Waits until a listener accepts the connection, it is refused or its time is over.
    ///
    /// # Errors
    /// What else the client's socket says than that it was refused.
    pub(super) fn wait_for(&self, client: &Client) -> io::Result<ConnectionOutcome> {
        if let Some(error) = &client.error {
            return refusal(error.kind().into());
        }
        let source = client.source();
        let own = |acceptor: &&Acceptor| acceptor.protocol == client.protocol;
        let acceptors: Vec<_> = self.0.iter().filter(own).collect();
        loop {
            // Of the client only what cannot be masked: an error.
            let failure = PollFd::new(client.socket.as_fd(), PollFlags::empty());
            let takers = acceptors.iter().map(|acceptor| acceptor.readiness());
            let mut fds: Vec<_> = std::iter::once(failure).chain(takers).collect();
            if poll(&mut fds, PATIENCE).expect("poll") == 0 {
                return Ok(ConnectionOutcome::Lost);
            }
            let mut ready = fds.iter().map(|fd| fd.any() == Some(true));
            let failed = ready.next() == Some(true);
            for (acceptor, ready) in acceptors.iter().zip(ready) {
                if ready && let Some(actual) = acceptor.take(source) {
                    return Ok(actual);
                }
            }
            if failed {
                let error = client.socket.take_error().expect("SO_ERROR");
                return refusal(error.expect("an error"));
            }
        }
    }

    /// Accepts the client's TCP connection.
    pub(super) fn accept(&self, client: &Client) -> Option<Socket> {
        let source = client.source();
        let acceptors = self.0.iter().filter(|own| own.protocol == Protocol::Tcp);
        let acceptors: Vec<_> = acceptors.collect();
        loop {
            let readiness = acceptors.iter().map(|acceptor| acceptor.readiness());
            let mut fds: Vec<_> = readiness.collect();
            if poll(&mut fds, PATIENCE).expect("poll") == 0 {
                return None;
            }
            for acceptor in &acceptors {
                while let Ok((stream, from)) = acceptor.socket.accept() {
                    if from.as_socket() == Some(source) {
                        return Some(stream);
                    }
                }
            }
        }
    }

    /// Which listener has the connection by now, if one has.
    pub(super) fn taken(&self, client: &Client) -> Option<ConnectionOutcome> {
        let mut own = self.0.iter().filter(|own| own.protocol == client.protocol);
        own.find_map(|acceptor| acceptor.take(client.source()))
    }

    /// Sends datagrams to the address, which is at the other end of a link, until one gets through.
    pub(super) fn wait_for_link_to(&self, address: IpAddr) {
        let unspecified = match address {
            IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
        };
        let socket = UdpSocket::bind((unspecified, 0)).expect("a socket");
        let port = socket.local_addr().expect("bound").port();
        let datagrams: Vec<_> = self
            .0
            .iter()
            .filter(|own| own.protocol == Protocol::Udp)
            .collect();
        for _ in 0..PATIENCE {
            // There may be no route yet.
            let _ = socket.send_to(&[0], (address, POD_PORTS[0]));
            let mut fds: Vec<_> = datagrams
                .iter()
                .map(|acceptor| acceptor.readiness())
                .collect();
            poll(&mut fds, 1u8).expect("poll");
            let mut sources = datagrams.iter().filter_map(|acceptor| acceptor.receive());
            if sources.any(|source| source.port() == port) {
                return;
            }
        }
        panic!("{address} cannot be reached");
    }
}

/// Both ends of a TCP connection.
pub(crate) struct OpenConnection {
    pub(crate) client: Socket,
    pub(crate) server: Socket,
}

impl OpenConnection {
    /// How long, in milliseconds, until a byte must have arrived: more than a retransmission.
    const PATIENCE: u16 = 1_000;

    /// Whether a byte of each end arrives at the other.
    pub(crate) fn works(&self) -> bool {
        let arrives = |from: &Socket, to: &Socket| {
            if from.send(&[1]).is_err() {
                return false;
            }
            let mut fds = [PollFd::new(to.as_fd(), PollFlags::POLLIN)];
            poll(&mut fds, Self::PATIENCE).expect("poll") == 1
                && to
                    .recv(&mut [std::mem::MaybeUninit::uninit(); 1])
                    .is_ok_and(|length| length == 1)
        };
        arrives(&self.client, &self.server) && arrives(&self.server, &self.client)
    }
}

fn refusal(error: io::Error) -> io::Result<ConnectionOutcome> {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        Ok(ConnectionOutcome::Refused)
    } else {
        Err(error)
    }
}

/// A listening socket.
struct Acceptor {
    socket: Socket,
    protocol: Protocol,
    listener: Listener,
}

/// Listens over TCP and UDP, in both families.
fn listen(port: u16, listener: Listener) -> Vec<Acceptor> {
    let mut acceptors = Vec::new();
    for unspecified in [
        IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::from(Ipv6Addr::UNSPECIFIED),
    ] {
        let address = SocketAddr::new(unspecified, port);
        for (protocol, kind) in [(Protocol::Tcp, Type::STREAM), (Protocol::Udp, Type::DGRAM)] {
            let socket = Socket::new(Domain::for_address(address), kind, None).expect("a socket");
            if address.is_ipv6() {
                socket.set_only_v6(true).expect("IPv6 only");
            }
            socket.set_nonblocking(true).expect("non-blocking");
            if TRANSPARENT_PORTS.contains(&port) {
                set_transparent(&socket, address);
            }
            socket.bind(&address.into()).expect("bind");
            if protocol == Protocol::Tcp {
                socket.listen(1024).expect("listen");
            }
            acceptors.push(Acceptor {
                socket,
                protocol,
                listener,
            });
        }
    }
    acceptors
}

impl Acceptor {
    fn readiness(&self) -> PollFd<'_> {
        PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)
    }

    /// Takes what is there, until it is what comes from the source.
    fn take(&self, source: SocketAddr) -> Option<ConnectionOutcome> {
        let by = self.listener;
        loop {
            match self.protocol {
                Protocol::Tcp => {
                    let (stream, from) = self.socket.accept().ok()?;
                    if from.as_socket() == Some(source) {
                        let (original, kept) = original_destination(&stream);
                        return Some(ConnectionOutcome::Accepted {
                            by,
                            original: Some(original),
                            kept: kept && by != Listener::Peer,
                        });
                    }
                }
                Protocol::Udp => {
                    if self.receive()? == source {
                        return Some(ConnectionOutcome::Accepted {
                            by,
                            original: None,
                            kept: false,
                        });
                    }
                }
            }
        }
    }

    /// The source of the next datagram.
    fn receive(&self) -> Option<SocketAddr> {
        let (_, from) = self.socket.recv_from(&mut []).ok()?;
        from.as_socket()
    }
}

/// What connection tracking kept of the destination, or the destination where it keeps nothing; and whether the two
/// are the same.
fn original_destination(stream: &Socket) -> (SocketAddr, bool) {
    let local = stream.local_addr().expect("an address");
    let original = if local.is_ipv4() {
        stream.original_dst_v4()
    } else {
        stream.original_dst_v6()
    };
    let original = original.unwrap_or_else(|_| local.clone());
    let [original, local] =
        [original, local].map(|address| address.as_socket().expect("an internet address"));
    (original, original == local)
}
