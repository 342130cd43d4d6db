//! The HTTP endpoint for probes and Prometheus: as much of HTTP/1.1 (RFC 9112) as a GET takes.
//!
//! Nothing here waits, and connections give way to repairs: slow requests time out, and descriptors are freed when they run
//! short.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::error::InstallError;
use super::health::Health;

/// The most connections at once. Further ones replace the oldest.
const MAX_CONNECTIONS: usize = 16;
/// The longest request, in bytes.
const MAX_REQUEST: usize = 4 << 10;
/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long no connection is accepted after the process ran out of descriptors.
const PAUSE: Duration = Duration::from_secs(1);
/// The descriptors that a repair needs.
const SPARE: usize = 4;

/// The server.
pub(super) struct Server {
    listener: TcpListener,
    connections: Vec<Connection>,
    paused_until: Option<Instant>,
}

struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    deadline: Instant,
}

impl Server {
    /// Listens on an address.
    pub(super) fn listen(address: SocketAddr) -> Result<Self, InstallError> {
        let listen = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        let listener = listen().map_err(|source| InstallError::Health { address, source })?;
        Ok(Self {
            listener,
            connections: Vec::new(),
            paused_until: None,
        })
    }

    /// The address, with the port that was chosen for port 0.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// The descriptors to wait for.
    pub(super) fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let connections = self.connections.iter();
        let connections = connections.map(|connection| connection.stream.as_fd());
        let listener = self.paused_until.is_none().then(|| self.listener.as_fd());
        connections.chain(listener)
    }

    /// When the next connection times out, or a pause ends.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let deadlines = self
            .connections
            .iter()
            .map(|connection| connection.deadline);
        deadlines.chain(self.paused_until).min()
    }

    /// Closes the connections unless there are descriptors for a repair.
    pub(super) fn make_room(&mut self) {
        if !self.connections.is_empty() {
            let spare = (0..SPARE).map_while(|_| self.listener.try_clone().ok());
            if spare.collect::<Vec<_>>().len() < SPARE {
                self.connections.clear();
            }
        }
    }

    /// Answers complete requests and accepts connections.
    pub(super) fn serve(&mut self, now: Instant, health: &Health) {
        self.connections
            .retain_mut(|connection| connection.deadline > now && connection.is_open(health));
        if self.paused_until.is_some_and(|until| until > now) {
            return;
        }
        self.paused_until = None;
        // A bound, so that others get their turn.
        for _ in 0..MAX_CONNECTIONS {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                // Without descriptors, the listener would stay readable.
                Err(_) => {
                    self.paused_until = Some(now + PAUSE);
                    break;
                }
            };
            let mut connection = Connection {
                stream,
                request: Vec::new(),
                deadline: now + TIMEOUT,
            };
            let is_usable = connection.stream.set_nonblocking(true).is_ok();
            if is_usable && connection.is_open(health) {
                if self.connections.len() == MAX_CONNECTIONS {
                    self.connections.remove(0);
                }
                self.connections.push(connection);
            }
        }
    }
}

impl Connection {
    /// Reads what has arrived and answers a complete request; `true` while the request is incomplete.
    fn is_open(&mut self, health: &Health) -> bool {
        let mut buffer = [0; 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return false,
                Ok(length) => self.request.extend(buffer.iter().take(length)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
            if let Some((status, body)) = answer(&self.request, health) {
                // It fits the buffer of a new connection, or the client gets none.
                let _ = self.stream.write_all(response(status, &body).as_bytes());
                return false;
            }
        }
    }
}

/// A response of this status.
fn response(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

/// The status and the body for a request; `None` while the request is incomplete.
fn answer(request: &[u8], health: &Health) -> Option<(&'static str, String)> {
    let is_whole = request.windows(4).any(|bytes| bytes == b"\r\n\r\n");
    if !is_whole {
        let is_too_long = request.len() > MAX_REQUEST;
        let status = "431 Request Header Fields Too Large";
        return is_too_long.then(|| (status, "request too long\n".to_owned()));
    }
    let text = String::from_utf8_lossy(request);
    let mut words = text.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (words.next(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    let (status, body) = match (method, path, &health.problem) {
        (Some("GET"), "/metrics", _) => return Some(("200 OK", health.metrics())),
        (Some("GET"), "/readyz", Some(reason)) => {
            return Some(("503 Service Unavailable", format!("not ready: {reason}\n")));
        }
        (Some("GET"), "/readyz", None) => ("200 OK", "ready\n"),
        (Some("GET"), _, _) => ("404 Not Found", "not found; try /readyz or /metrics\n"),
        _ => ("405 Method Not Allowed", "only GET is supported\n"),
    };
    Some((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(request: &str, health: &Health) -> Option<&'static str> {
        answer(request.as_bytes(), health).map(|(status, _)| status)
    }

    #[test]
    fn answers_complete_requests() {
        let health = Health::new();
        let request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
        for length in 0..request.len() {
            assert_eq!(status(&request[..length], &health), None);
        }
        assert_eq!(status(request, &health), Some("200 OK"));
        let endless = "x".repeat(MAX_REQUEST + 1);
        assert_eq!(
            status(&endless, &health),
            Some("431 Request Header Fields Too Large")
        );
    }

    #[test]
    fn status_of_readyz_is_readiness() {
        let mut health = Health::new();
        let request = "GET /readyz?verbose HTTP/1.1\r\n\r\n";
        let asked = answer(request.as_bytes(), &health).unwrap();
        assert_eq!(
            asked,
            (
                "503 Service Unavailable",
                "not ready: not installed yet\n".to_owned()
            )
        );
        health.problem = None;
        assert_eq!(status(request, &health), Some("200 OK"));
        assert_eq!(
            status("GET / HTTP/1.1\r\n\r\n", &health),
            Some("404 Not Found")
        );
        assert_eq!(
            status("POST /readyz HTTP/1.1\r\n\r\n", &health),
            Some("405 Method Not Allowed")
        );
        assert_eq!(status("\r\n\r\n", &health), Some("405 Method Not Allowed"));
    }
}
