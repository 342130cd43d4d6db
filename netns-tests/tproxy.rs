//! Tproxy mode: a whole connection from the client over the proxy to the application, and what happens
//! without a proxy.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use netweir::connection::Owner;
use netweir::intent::{Capture, InboundMode, Port, Protocol, Tproxy};
use socket2::{Domain, Socket, Type};

use crate::sandbox::{
    Attempt, Direction, NetnsTest, PEER, POD, Sandbox, counters, install, owned_by, set_transparent,
};

pub(crate) fn tests() -> Vec<NetnsTest> {
    vec![
        NetnsTest::new("tproxy::the-application-sees-the-client", |sandbox| {
            for (client, pod) in PEER.into_iter().zip(POD) {
                the_application_sees_the_client(sandbox, client, pod);
            }
        })
        .only_as_root(),
        NetnsTest::new("tproxy::without-a-listener-nothing-passes", |sandbox| {
            without_a_listener_nothing_passes(sandbox);
        }),
    ]
}

/// Ports that nothing else in the sandbox has.
const PROXY_PORT: u16 = 16_006;
const APP_PORT: u16 = 8999;

const MARKS: Tproxy = Tproxy {
    mark: 1337,
    outbound_mark: 1338,
    table: 133,
};

fn capture(inbound_port: u16) -> Capture {
    let mut capture = Capture::default();
    capture.inbound.mode = InboundMode::Tproxy(MARKS);
    capture.proxy.inbound_port = Port::new(inbound_port).expect("not 0");
    capture
}

fn the_application_sees_the_client(sandbox: &Sandbox, client_address: IpAddr, pod: IpAddr) {
    install(&capture(PROXY_PORT));
    let application = listener(pod, APP_PORT);
    let proxy = listener(pod, PROXY_PORT);
    let dialled = SocketAddr::new(pod, APP_PORT);

    let client = patient(sandbox.within_peer(|| TcpStream::connect(dialled).expect("connected")));
    let (downstream, seen) = proxy.accept().expect("a connection");
    let downstream = patient(downstream);
    assert_eq!(seen, client.local_addr().expect("bound"));
    assert_eq!(downstream.local_addr().expect("bound"), dialled);

    let upstream = patient(from_the_client(seen.ip(), dialled));
    let (accepted, seen) = application.accept().expect("a connection");
    let accepted = patient(accepted);
    assert_eq!(seen, upstream.local_addr().expect("bound"));
    assert_eq!(seen.ip(), client_address);

    let path = [&client, &downstream, &upstream, &accepted];
    pass("there", path[0], path[1]);
    pass("there", path[2], path[3]);
    pass("and back", path[3], path[2]);
    pass("and back", path[1], path[0]);

    let counted = counters();
    for rule in [
        // What follows the first packet, to the proxy and from the application.
        "inbound-packet/divert-tracked",
        "outbound-packet/restore-mark",
        "inbound-packet/save-mark",
    ] {
        assert!(counted[rule] > 0, "{rule} counted nothing");
    }
}

/// What a proxy does with `SO_MARK`, `IP_TRANSPARENT` and the client's address. It has the proxy's group, and is root,
/// as it needs a capability for that.
fn from_the_client(client: IpAddr, to: SocketAddr) -> TcpStream {
    let proxy = Owner { uid: 0, gid: 1337 };
    let socket = owned_by(proxy, || socket(to));
    set_transparent(&socket, to);
    socket.set_mark(MARKS.mark).expect("a mark");
    socket
        .bind(&SocketAddr::new(client, 0).into())
        .expect("bind");
    socket
        .connect_timeout(&to.into(), PATIENCE)
        .expect("connected");
    socket.into()
}

/// A listener of the pod; the application's need not be transparent, and may.
fn listener(address: IpAddr, port: u16) -> TcpListener {
    let unspecified = SocketAddr::new(
        match address {
            IpAddr::V4(_) => IpAddr::from([0; 4]),
            IpAddr::V6(_) => IpAddr::from([0; 16]),
        },
        port,
    );
    let socket = socket(unspecified);
    if port == PROXY_PORT {
        set_transparent(&socket, unspecified);
    }
    socket.bind(&unspecified.into()).expect("bind");
    socket.listen(8).expect("listen");
    // Accepting waits no longer than reading.
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket.into()
}

fn socket(address: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("a socket");
    if address.is_ipv6() {
        socket.set_only_v6(true).expect("IPv6 only");
    }
    socket
}

const PATIENCE: Duration = Duration::from_secs(3);

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Writes to one end and reads from the other.
fn pass(message: &str, mut from: &TcpStream, mut to: &TcpStream) {
    from.write_all(message.as_bytes()).expect("written");
    let mut read = vec![0; message.len()];
    to.read_exact(&mut read).expect("read");
    assert_eq!(read, message.as_bytes());
}

/// On the inbound port something listens that is not transparent, and on the port that is dialled an
/// application: neither may get the connection.
fn without_a_listener_nothing_passes(sandbox: &Sandbox) {
    const NOT_TRANSPARENT: u16 = 8085;
    install(&capture(NOT_TRANSPARENT));
    for (family, pod) in ["ipv4", "ipv6"].into_iter().zip(POD) {
        let attempt = Attempt {
            direction: Direction::In,
            protocol: Protocol::Tcp,
            owner: Owner { uid: 0, gid: 0 },
            source: None,
            destination: SocketAddr::new(pod, 80),
            mark: 0,
        };
        let pending = sandbox.start(&attempt);
        let rule = format!("inbound-packet/drop-without-listener-{family}");
        let dropped = (0..1000).any(|_| counters()[&rule] > 0);
        assert!(dropped, "{rule} counted nothing");
        assert_eq!(sandbox.taken(&pending), None, "{attempt}");
    }
}
