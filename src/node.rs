//! The node agent: installs the CNI plugin on a node and keeps it installed.
//!
//! ```text
//! inotify ─► backoff ─► binary:    is the plugin's file in place?
//!                       conf_dir:  files ─► reconcile: primary network, changes ─► conf_dir: makes them
//!                                           (pure, on the sources of conflist)        │
//!            health ◄─────────────────────────────────────────────────────────────────┘
//!              └─► log, --ready-file, server: /readyz, /metrics
//! ```
//!
//! Every pass starts from the files that are there and remembers nothing of earlier passes, so it does not matter whether
//! another program changed a file, an earlier installer was killed, or events were lost.

mod backoff;
mod binary;
mod conf_dir;
mod conflist;
mod entry;
mod error;
mod health;
mod host;
mod json;
mod reconcile;
mod server;
mod temporary;
mod watch;

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::log::Log;
use crate::process::shutdown::Shutdown;

use backoff::Backoff;
use health::Health;
use host::{Host, Status};
use server::Server;
use watch::Watch;

#[cfg(feature = "fuzzing")]
pub use conflist::fuzz as fuzz_list;
pub use entry::{Entry, EntryError};
pub use error::InstallError;
pub use host::{Directories, uninstall};

/// Options of an installer that keeps running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchOptions {
    /// A file that exists while the plugin is installed.
    pub ready_file: Option<PathBuf>,
    /// The address of the HTTP endpoint for probes and Prometheus.
    pub health: Option<SocketAddr>,
    /// Whether the plugin is uninstalled when the process ends.
    pub uninstall_on_exit: bool,
}

/// Installs the plugin and returns.
///
/// # Errors
/// The plugin is not installed. Changes made so far stay; they are harmless and the next installation continues from them.
pub fn install(directories: &Directories, entry: Entry, log: Log) -> Result<(), InstallError> {
    let mut host = Host::new(directories, entry, log);
    host.clean()?;
    let mut backoff = Backoff::new(Instant::now());
    loop {
        let pass = host.reconcile(Instant::now());
        backoff.finished(Instant::now(), &pass);
        match pass? {
            Status::Installed(_) => {
                log.info("the plugin is installed", &[]);
                return Ok(());
            }
            Status::Waiting(reason) => return Err(reason),
            Status::Overtaken | Status::Unsettled(_) => wait(&mut [], backoff.due())?,
        }
    }
}

/// Installs the plugin and repairs the installation until SIGINT or SIGTERM.
///
/// # Errors
/// The operating system refused signals, events or the HTTP endpoint, or uninstalling on exit failed.
pub fn watch(
    directories: &Directories,
    entry: Entry,
    options: WatchOptions,
    log: Log,
) -> Result<(), InstallError> {
    let end = Shutdown::expect().map_err(|source| InstallError::Kernel {
        doing: "receive signals",
        source,
    })?;
    let server = options.health.map(Server::listen).transpose()?;
    if let Some(address) = server.as_ref().and_then(Server::address) {
        log.info("serving /readyz and /metrics", &[("address", &address)]);
    }
    let installer = Installer {
        host: Host::new(directories, entry, log),
        watch: Watch::new([&directories.bin, &directories.conf])?,
        backoff: Backoff::new(Instant::now()),
        health: Health::new(),
        end,
        server,
        ready_file: options.ready_file,
        is_clean: false,
        log,
    };
    installer.run()?;
    if options.uninstall_on_exit {
        uninstall(directories, log)?;
    } else {
        log.info("exiting; the plugin stays installed", &[]);
    }
    Ok(())
}

struct Installer {
    host: Host,
    watch: Watch,
    backoff: Backoff,
    health: Health,
    end: Shutdown,
    server: Option<Server>,
    ready_file: Option<PathBuf>,
    is_clean: bool,
    log: Log,
}

impl Installer {
    /// Runs until a signal asks the process to exit.
    fn run(mut self) -> Result<(), InstallError> {
        // An installer that was killed left it behind.
        self.remove_ready_file()?;
        loop {
            let now = Instant::now();
            if self.backoff.due().is_some_and(|due| due <= now) {
                let pass = self.reconcile(now);
                self.backoff.finished(Instant::now(), &pass);
            }
            if self.wait()? {
                break;
            }
        }
        self.remove_ready_file()
    }

    /// Waits for the next event and serves HTTP requests; `true` when the process should exit.
    fn wait(&mut self) -> Result<bool, InstallError> {
        let served = self.server.as_ref();
        let deadline = served.and_then(Server::deadline);
        let deadline = self.backoff.due().into_iter().chain(deadline).min();
        let mut sources = vec![self.end.as_fd()];
        // With a pass due, further changes tell nothing new.
        if self.backoff.wants_events() {
            sources.push(self.watch.as_fd());
        }
        sources.extend(served.into_iter().flat_map(Server::sources));
        let mut sources: Vec<_> = sources
            .into_iter()
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        wait(&mut sources, deadline)?;
        let is_ended = sources.first().and_then(PollFd::any).unwrap_or_default();
        let now = Instant::now();
        if self.backoff.wants_events() && self.watch.has_changed()? {
            self.backoff.changed(now);
        }
        if let Some(server) = &mut self.server {
            server.serve(now, &self.health);
        }
        Ok(is_ended)
    }

    /// Checks the node and repairs what differs.
    fn reconcile(&mut self, now: Instant) -> Result<Status, InstallError> {
        let was_ready = self.health.is_ready();
        if let Some(server) = &mut self.server {
            server.make_room();
        }
        let pass = self.try_reconcile(now);
        match &pass {
            Ok(Status::Installed(repair)) => {
                self.health.succeeded(*repair);
                if !was_ready {
                    self.log.info("the plugin is installed", &[]);
                }
            }
            Ok(Status::Waiting(error)) | Err(error) => self.failed(error),
            Ok(Status::Overtaken | Status::Unsettled(_)) => {}
        }
        if was_ready
            && !self.health.is_ready()
            && let Err(error) = self.remove_ready_file()
        {
            self.log.error(error.in_full(), &[]);
        }
        pass
    }

    fn try_reconcile(&mut self, now: Instant) -> Result<Status, InstallError> {
        // This pass sees what changed until now; later changes are events again. Whether a directory was replaced must be
        // known before it is watched again.
        self.watch.has_changed()?;
        self.watch.renew()?;
        if !self.is_clean {
            self.host.clean()?;
            self.is_clean = true;
        }
        let status = self.host.reconcile(now)?;
        if matches!(status, Status::Installed(_)) {
            self.write_ready_file()?;
        }
        Ok(status)
    }

    fn failed(&mut self, error: &InstallError) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.expect("the clock is past 1970");
        let text = error.in_full();
        if !self.health.failed(error.code(), text.clone(), now) {
            return;
        }
        match error {
            // Normal on a new node.
            InstallError::NoNetwork(_) => self.log.info(text, &[]),
            _ => self.log.error(text, &[]),
        }
    }

    fn write_ready_file(&self) -> Result<(), InstallError> {
        match &self.ready_file {
            Some(path) if !path.exists() => {
                fs::write(path, "").map_err(|source| InstallError::file("written", path, source))
            }
            _ => Ok(()),
        }
    }

    fn remove_ready_file(&self) -> Result<(), InstallError> {
        let Some(path) = &self.ready_file else {
            return Ok(());
        };
        match fs::remove_file(path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(InstallError::file("removed", path, source))
            }
            _ => Ok(()),
        }
    }
}

/// Waits until one of the sources is readable or the deadline, if any, has passed.
fn wait(sources: &mut [PollFd<'_>], deadline: Option<Instant>) -> Result<(), InstallError> {
    let timeout = match deadline {
        // Rounded up: a wait that ends early would start again.
        Some(deadline) => {
            let left = deadline.saturating_duration_since(Instant::now());
            PollTimeout::try_from(left + Duration::from_millis(1))
                .expect("no deadline is more than seconds away")
        }
        None => PollTimeout::NONE,
    };
    match poll(sources, timeout) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(InstallError::Kernel {
            doing: "wait for events",
            source: errno.into(),
        }),
    }
}
