//! Answers to probes and to Prometheus: as much of HTTP/1.1 (RFC 9112) as a GET takes.
//!
//! Nothing here waits. Who is slow to ask is forgotten after a while, and who does not read the answer does not get it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::error::InstallError;
use super::health::Health;

/// The most connections at once. Beyond, the oldest is closed.
const CONNECTIONS: usize = 16;
/// The longest request, in bytes.
const LONGEST: usize = 4 << 10;
/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The server.
pub(super) struct Server {
    listener: TcpListener,
    connections: Vec<Connection>,
}

struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    deadline: Instant,
}

/// What is answered.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: &'static str,
    body: String,
}

impl Server {
    /// On this address.
    pub(super) fn listen(address: SocketAddr) -> Result<Self, InstallError> {
        let listen = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        let listener = listen().map_err(|source| InstallError::Health { address, source })?;
        let connections = Vec::new();
        Ok(Self {
            listener,
            connections,
        })
    }

    /// Where it listens: the port is known even if any would do.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// What to wait for.
    pub(super) fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let connections = self.connections.iter();
        let connections = connections.map(|connection| connection.stream.as_fd());
        connections.chain([self.listener.as_fd()])
    }

    /// When somebody is to be forgotten.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.connections
            .iter()
            .map(|connection| connection.deadline)
            .min()
    }

    /// Answers whoever has asked by now.
    pub(super) fn serve(&mut self, now: Instant, health: &Health) {
        self.connections
            .retain_mut(|connection| connection.deadline > now && connection.is_open(health));
        // Any error is about one connection, or passes. Others have their turn before the rest.
        for _ in 0..CONNECTIONS {
            let Ok((stream, _)) = self.listener.accept() else {
                break;
            };
            let mut connection = Connection {
                stream,
                request: Vec::new(),
                deadline: now + PATIENCE,
            };
            let is_usable = connection.stream.set_nonblocking(true).is_ok();
            if is_usable && connection.is_open(health) {
                if self.connections.len() == CONNECTIONS {
                    self.connections.remove(0);
                }
                self.connections.push(connection);
            }
        }
    }
}

impl Connection {
    /// Reads what there is, and answers it once it is whole. Tells whether there is more to come.
    fn is_open(&mut self, health: &Health) -> bool {
        let mut buffer = [0; 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return false,
                Ok(length) => self.request.extend(buffer.iter().take(length)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
            if let Some(answer) = answer(&self.request, health) {
                // It fits the buffer of a new connection, or nobody is told.
                let _ = self.stream.write_all(answer.text().as_bytes());
                return false;
            }
        }
    }
}

impl Answer {
    fn new(status: &'static str, body: impl Into<String>) -> Self {
        let body = body.into();
        Self { status, body }
    }

    fn text(&self) -> String {
        format!(
            "HTTP/1.1 {}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{}",
            self.status,
            self.body.len(),
            self.body
        )
    }
}

/// The answer to the request; `None` as long as there is more to come.
fn answer(request: &[u8], health: &Health) -> Option<Answer> {
    let is_whole = request.windows(4).any(|bytes| bytes == b"\r\n\r\n");
    if !is_whole {
        let is_too_long = request.len() > LONGEST;
        return is_too_long
            .then(|| Answer::new("431 Request Header Fields Too Large", "too long\n"));
    }
    let text = String::from_utf8_lossy(request);
    let mut words = text.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (words.next(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    Some(match (method, path, &health.problem) {
        (Some("GET"), "/readyz", None) => Answer::new("200 OK", "ready\n"),
        (Some("GET"), "/readyz", Some(reason)) => {
            Answer::new("503 Service Unavailable", format!("not ready: {reason}\n"))
        }
        (Some("GET"), "/metrics", _) => Answer::new("200 OK", health.metrics()),
        (Some("GET"), _, _) => Answer::new("404 Not Found", "there are /readyz and /metrics\n"),
        _ => Answer::new("405 Method Not Allowed", "accepted is GET\n"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(request: &str, health: &Health) -> Option<&'static str> {
        answer(request.as_bytes(), health).map(|answer| answer.status)
    }

    #[test]
    fn a_request_is_answered_when_it_is_whole() {
        let health = Health::new();
        let request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
        for length in 0..request.len() {
            assert_eq!(status(&request[..length], &health), None);
        }
        assert_eq!(status(request, &health), Some("200 OK"));
        let endless = "x".repeat(LONGEST + 1);
        assert_eq!(
            status(&endless, &health),
            Some("431 Request Header Fields Too Large")
        );
    }

    #[test]
    fn readiness_is_a_status() {
        let mut health = Health::new();
        let request = "GET /readyz?verbose HTTP/1.1\r\n\r\n";
        let asked = answer(request.as_bytes(), &health).unwrap();
        assert_eq!(
            asked,
            Answer::new("503 Service Unavailable", "not ready: not installed yet\n")
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
