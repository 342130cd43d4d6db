//! How many new connections a second a pod's capture lets through.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use nix::libc::linger;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{setsockopt, sockopt};

use crate::statistics::Summary;

/// Where the rules send outbound connections by default.
const PROXY_PORT: u16 = 15001;
/// Connections in one round: some 10 ms.
const CONNECTIONS: u32 = 400;

/// The links and routes of a pod without a peer at the other end: captured connections do not get there.
const LINKS: &[&str] = &[
    "link set lo up",
    "link add eth0 type veth peer name eth1",
    "link set eth0 up",
    "link set eth1 up",
    "address add 10.77.0.2/24 dev eth0",
    "address add fd77::2/64 dev eth0 nodad",
    "route add default via 10.77.0.1",
    "-6 route add default via fd77::1",
];

fn run(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

/// A pod with capture, on a thread that alone is in its namespace.
pub(crate) struct Pod {
    destinations: Sender<SocketAddr>,
    times: Receiver<Result<Duration>>,
}

impl Pod {
    /// Sets the pod up and runs `netweir apply OPTIONS` in it.
    pub(crate) fn start(netweir: &Path, options: &[&str]) -> Self {
        let (destinations, asked) = channel();
        let (answers, times) = channel();
        let mut apply = Command::new(netweir);
        apply.arg("apply").args(options);
        thread::spawn(move || match set_up(&mut apply) {
            Ok(proxies) => {
                for destination in asked {
                    if answers.send(round(&proxies, destination)).is_err() {
                        break;
                    }
                }
            }
            Err(error) => drop(answers.send(Err(error))),
        });
        Self {
            destinations,
            times,
        }
    }

    /// The time that one round of connections to `destination` takes.
    fn round(&self, destination: SocketAddr) -> Result<Duration> {
        // When the pod could not be set up, its reason waits to be received.
        let _ = self.destinations.send(destination);
        self.times.recv().context("the pod's thread is gone")?
    }
}

/// The proxy's listeners, for IPv4 and IPv6.
struct Proxies {
    ipv4: TcpListener,
    ipv6: TcpListener,
}

fn set_up(apply: &mut Command) -> Result<Proxies> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    for link in LINKS {
        run(Command::new("ip").args(link.split(' ')))?;
    }
    run(apply)?;
    // On loopback, where REDIRECT sends what is made in the pod itself.
    let ipv4 = TcpListener::bind(("127.0.0.1", PROXY_PORT))?;
    let ipv6 = TcpListener::bind(("::1", PROXY_PORT))?;
    Ok(Proxies { ipv4, ipv6 })
}

/// Makes the connections one after the other, each accepted by the proxy and reset at once: a reset one leaves
/// no port in use.
///
/// One thread plays both sides, for the kernel completes a handshake before it is accepted: no scheduling is measured.
fn round(proxies: &Proxies, destination: SocketAddr) -> Result<Duration> {
    let proxy = match destination.ip() {
        IpAddr::V4(_) => &proxies.ipv4,
        IpAddr::V6(_) => &proxies.ipv6,
    };
    let reset = linger {
        l_onoff: 1,
        l_linger: 0,
    };
    let start = Instant::now();
    for _ in 0..CONNECTIONS {
        let client = TcpStream::connect(destination)?;
        let (_accepted, from) = proxy.accept()?;
        ensure!(
            from == client.local_addr()?,
            "{from} came to the proxy instead of {:?}",
            client.local_addr()
        );
        setsockopt(&client, sockopt::Linger, &reset)?;
    }
    Ok(start.elapsed())
}

/// New connections a second in two pods, and how the second compares with the first.
pub(crate) struct Compared {
    pub(crate) first: Summary,
    pub(crate) second: Summary,
    /// The second's rate as a part of the first's, from pairs of neighbouring rounds.
    pub(crate) ratio: Summary,
}

/// Runs rounds in turn: the first pod, the second, the second, the first, and so on.
pub(crate) fn compare(
    first: &Pod,
    second: &Pod,
    destination: SocketAddr,
    rounds: usize,
) -> Result<Compared> {
    let rate = |pod: &Pod| {
        Ok::<_, anyhow::Error>(f64::from(CONNECTIONS) / pod.round(destination)?.as_secs_f64())
    };
    let (mut firsts, mut seconds, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    rate(first)?;
    rate(second)?;
    for index in 0..rounds {
        let (one, two) = if index % 2 == 0 {
            let one = rate(first)?;
            (one, rate(second)?)
        } else {
            let two = rate(second)?;
            (rate(first)?, two)
        };
        firsts.push(one);
        seconds.push(two);
        ratios.push(two / one);
    }
    Ok(Compared {
        first: Summary::of(&firsts).context("no rounds")?,
        second: Summary::of(&seconds).context("no rounds")?,
        ratio: Summary::of(&ratios).context("no rounds")?,
    })
}
