//! What `--drop-invalid` is for. Connection tracking does not undo the redirection of a packet outside of the TCP
//! window: it reaches the port that the client meant, where no socket has the connection, and the reset that comes back
//! ends it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::time::Duration;

use netweir::intent::{Capture, Port};
use socket2::{Domain, Protocol, Socket, Type};

use crate::sandbox::{NetnsTest, Sandbox, counters, install};

pub(crate) fn tests() -> Vec<NetnsTest> {
    vec![
        NetnsTest::new("invalid::ends-the-connection-unless-dropped", |sandbox| {
            let mut connection = Connection::captured(sandbox, false);
            connection.receive_out_of_window(sandbox);
            let error = connection.client.read(&mut [0]).expect_err("a reset");
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }),
        NetnsTest::new("invalid::is-dropped", |sandbox| {
            let mut connection = Connection::captured(sandbox, true);
            connection.receive_out_of_window(sandbox);
            connection.is_alive();
            assert_eq!(counters()["inbound-packet/drop-invalid"], 1);
        }),
    ]
}

const POD: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 1, 0, 2), 8080);
/// Where the proxy of these tests listens: not a port of the sandbox's own listeners, which hang up.
const PROXY_PORT: u16 = 15_016;
/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(3);

/// A connection of the peer's to the pod, taken by the proxy.
struct Connection {
    client: TcpStream,
    proxy: TcpStream,
    /// The numbers of the client's next byte, and of the next one that it expects (RFC 9293: `SND.NXT`, `RCV.NXT`).
    next: (u32, u32),
}

impl Connection {
    fn captured(sandbox: &Sandbox, drop_invalid: bool) -> Self {
        let mut capture = Capture {
            drop_invalid,
            ..Capture::default()
        };
        capture.proxy.inbound_port = Port::new(PROXY_PORT).expect("not 0");
        install(&capture);
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PROXY_PORT)).expect("a listener");
        let (client, next) = sandbox.within_peer(|| {
            let handshake = Handshake::watch();
            let client = TcpStream::connect(POD).expect("connected");
            (client, handshake.next_numbers())
        });
        let (proxy, _) = listener.accept().expect("accepted");
        client.set_read_timeout(Some(PATIENCE)).expect("set");
        proxy.set_read_timeout(Some(PATIENCE)).expect("set");
        let mut connection = Self {
            client,
            proxy,
            next,
        };
        connection.is_alive();
        connection
    }

    /// A byte gets through in each direction.
    fn is_alive(&mut self) {
        let Self {
            client,
            proxy,
            next,
        } = self;
        for [from, to] in [[&*client, &*proxy], [&*proxy, &*client]] {
            let (mut from, mut to) = (from, to);
            from.write_all(&[7]).expect("sent");
            to.read_exact(&mut [0]).expect("received");
        }
        *next = (next.0.wrapping_add(1), next.1.wrapping_add(1));
    }

    /// Lets the pod receive a packet that looks like the client's, but far ahead.
    fn receive_out_of_window(&self, sandbox: &Sandbox) {
        let (sequence, acknowledgement) = self.next;
        let client = match self.client.local_addr().expect("connected") {
            std::net::SocketAddr::V4(address) => address,
            std::net::SocketAddr::V6(address) => panic!("{address}"),
        };
        let segment = segment(client, POD, sequence.wrapping_add(1 << 30), acknowledgement);
        sandbox.within_peer(|| {
            let socket =
                Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::TCP)).expect("a raw socket");
            let sent = socket.send_to(&segment, &POD.into()).expect("sent");
            assert_eq!(sent, segment.len());
        });
    }
}

/// A TCP segment without data (RFC 9293, 3.1): an acknowledgement.
fn segment(from: SocketAddrV4, to: SocketAddrV4, sequence: u32, acknowledgement: u32) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(from.port().to_be_bytes());
    header.extend(to.port().to_be_bytes());
    header.extend(sequence.to_be_bytes());
    header.extend(acknowledgement.to_be_bytes());
    // Five words of header, ACK, a window.
    header.extend([5 << 4, 0x10, 0x20, 0, 0, 0, 0, 0]);
    let pseudo_header = [from.ip().octets(), to.ip().octets(), [0, 6, 0, 20]].concat();
    let checksum = checksum(&[pseudo_header, header.clone()].concat());
    header[16..18].copy_from_slice(&checksum.to_be_bytes());
    header
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).expect("16 bits")
}

/// Sees the packets of a handshake.
struct Handshake(Socket);

impl Handshake {
    /// Of all links of the calling thread's namespace, from now on.
    fn watch() -> Self {
        /// `ETH_P_IP` (`linux/if_ether.h`).
        const IPV4: u16 = 0x0800;
        let protocol = Protocol::from(i32::from(IPV4.to_be()));
        let socket =
            Socket::new(Domain::PACKET, Type::DGRAM, Some(protocol)).expect("a packet socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("set");
        Self(socket)
    }

    /// The numbers of the client's next byte and of the next one that it expects, by the server's SYN and ACK.
    fn next_numbers(mut self) -> (u32, u32) {
        loop {
            let mut packet = [0; 128];
            let length = self.0.read(&mut packet).expect("a packet");
            let header = usize::from(packet[0] & 0xf) * 4;
            let segment = &packet[header..length];
            let number =
                |at: usize| u32::from_be_bytes(segment[at..at + 4].try_into().expect("4 bytes"));
            let syn_and_ack = segment[13] & 0x12 == 0x12;
            if packet[9] == 6 && syn_and_ack {
                return (number(8), number(4).wrapping_add(1));
            }
        }
    }
}
