//! The installer of a node: puts the program where the runtime looks for plugins, and its entry into the primary network,
//! and sees to it that both stay there.
//!
//! ```text
//! inotify ─► pace ─► binary: in place?
//!                    folder: files ─► steps: which is the primary network, what is to be done ─► folder: does it
//!                                          (pure, on conflist: the texts)                            │
//!            state ◄─────────────────────────────────────────────────────────────────────────────────┘
//!              └─► log, --ready-file, health: /readyz, /metrics
//! ```
//!
//! Every look starts from what is there, never from what was done before: it makes no difference whether another program
//! changed something, an installer before this one was killed, or the events were too many.

mod binary;
mod conflist;
mod entry;
mod error;
mod folder;
mod health;
mod host;
mod pace;
mod state;
mod steps;
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
use crate::process::shutdown::End;

use health::Server;
use host::{Found, Node};
use pace::{Look, Pace};
use state::{Repair, State};
use watch::Watch;

pub use entry::{Entry, EntryError};
pub use error::InstallError;

/// The two folders of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Where the runtime looks for plugins.
    pub binaries: PathBuf,
    /// Where it looks for networks.
    pub configurations: PathBuf,
}

/// How to go on once the plugin is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// A file that is there while the plugin is in place.
    pub ready_file: Option<PathBuf>,
    /// Where probes and Prometheus are answered.
    pub health: Option<SocketAddr>,
    /// Whether the plugin goes with the process.
    pub uninstall: bool,
}

/// Installs the plugin.
///
/// # Errors
/// It could not be done; what was done stays, and is of no harm.
pub fn install(places: &Places, entry: Entry, log: Log) -> Result<(), InstallError> {
    let mut node = Node::new(places, entry, log);
    node.clean()?;
    let mut pace = Pace::new(Instant::now());
    loop {
        let found = node.look(Instant::now())?;
        match found {
            Found::Installed(_) => {
                log.info("the plugin is installed", &[]);
                return Ok(());
            }
            Found::Waiting(reason) => return Err(reason),
            Found::Overtaken => pace.looked(Instant::now(), Look::Overtaken),
            Found::Unsettled(until) => pace.looked(Instant::now(), Look::Unsettled(until)),
        }
        wait(&mut [], pace.due())?;
    }
}

/// Installs the plugin, and sees to it that it stays, until SIGINT or SIGTERM.
///
/// # Errors
/// The operating system lacks what that takes, or the plugin should go with the process and could not.
pub fn guard(places: &Places, entry: Entry, guard: Guard, log: Log) -> Result<(), InstallError> {
    let end = End::expect().map_err(|source| InstallError::Kernel {
        doing: "signals as events",
        source,
    })?;
    let health = guard.health.map(Server::listen).transpose()?;
    if let Some(address) = health.as_ref().and_then(Server::address) {
        log.info("probes are answered", &[("address", &address)]);
    }
    let installer = Installer {
        node: Node::new(places, entry, log),
        watch: Watch::new([&places.binaries, &places.configurations])?,
        pace: Pace::new(Instant::now()),
        state: State::new(),
        end,
        health,
        ready_file: guard.ready_file,
        is_clean: false,
        log,
    };
    installer.run()?;
    if guard.uninstall {
        uninstall(places, log)?;
    } else {
        log.info("the plugin stays", &[]);
    }
    Ok(())
}

/// Takes the plugin away. Nothing there is no error.
///
/// # Errors
/// It could not be done, or it cannot be told whether it was.
pub fn uninstall(places: &Places, log: Log) -> Result<(), InstallError> {
    host::uninstall(places, log)
}

struct Installer {
    node: Node,
    watch: Watch,
    pace: Pace,
    state: State,
    end: End,
    health: Option<Server>,
    ready_file: Option<PathBuf>,
    is_clean: bool,
    log: Log,
}

impl Installer {
    /// Goes on until it is asked to end.
    fn run(mut self) -> Result<(), InstallError> {
        // Of an installer that was killed.
        self.remove_ready_file()?;
        loop {
            let now = Instant::now();
            if self.pace.due().is_some_and(|due| due <= now) {
                let look = self.look(now);
                self.pace.looked(Instant::now(), look);
            }
            if self.wait()? {
                break;
            }
        }
        self.remove_ready_file()
    }

    /// Waits until there is something to do, and does all but looking at the node. Tells whether it is time to end.
    fn wait(&mut self) -> Result<bool, InstallError> {
        let served = self.health.as_ref();
        let deadline = served.and_then(Server::deadline);
        let deadline = self.pace.due().into_iter().chain(deadline).min();
        let mut sources = vec![self.end.as_fd()];
        // Who knows already that something changed learns nothing from more of it.
        if self.pace.is_curious() {
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
        if self.pace.is_curious() && self.has_changed()? {
            self.pace.changed(now);
        }
        if let Some(health) = &mut self.health {
            health.serve(now, &self.state);
        }
        Ok(is_ended)
    }

    fn has_changed(&mut self) -> Result<bool, InstallError> {
        self.watch
            .has_changed()
            .map_err(|source| InstallError::Kernel {
                doing: "events of inotify",
                source,
            })
    }

    /// Looks at the node, and puts right what is not.
    fn look(&mut self, now: Instant) -> Look {
        let was_ready = self.state.is_ready();
        let look = match self.try_look(now) {
            Ok(Found::Installed(repair)) => {
                self.state.succeeded(repair);
                if !was_ready {
                    self.log.info("the plugin is installed", &[]);
                }
                if repair == Repair::default() {
                    Look::Quiet
                } else {
                    Look::Repaired
                }
            }
            Ok(Found::Waiting(reason)) => {
                self.failed(&reason);
                Look::Quiet
            }
            Ok(Found::Overtaken) => Look::Overtaken,
            Ok(Found::Unsettled(until)) => Look::Unsettled(until),
            Err(error) => {
                self.failed(&error);
                Look::Failed
            }
        };
        if was_ready
            && !self.state.is_ready()
            && let Err(error) = self.remove_ready_file()
        {
            self.log.error(error.in_full(), &[]);
        }
        look
    }

    fn try_look(&mut self, now: Instant) -> Result<Found, InstallError> {
        // What changed until now is seen below, what changes from now on is seen later. A folder that is gone is known to be
        // before it is watched anew.
        self.has_changed()?;
        self.watch.renew()?;
        if !self.is_clean {
            self.node.clean()?;
            self.is_clean = true;
        }
        let found = self.node.look(now)?;
        if matches!(found, Found::Installed(_)) {
            self.write_ready_file()?;
        }
        Ok(found)
    }

    fn failed(&mut self, error: &InstallError) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let reason = error.in_full();
        if self.state.failed(reason.clone(), now.unwrap_or_default()) {
            self.log.error(reason, &[]);
        }
    }

    fn write_ready_file(&self) -> Result<(), InstallError> {
        match &self.ready_file {
            Some(path) if !fs::exists(path).unwrap_or_default() => {
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

/// Waits for one of the sources, until the deadline if there is one.
fn wait(sources: &mut [PollFd<'_>], deadline: Option<Instant>) -> Result<(), InstallError> {
    let timeout = match deadline {
        // Rounded up: a wait that ends early would only begin anew.
        Some(deadline) => {
            let left = deadline.saturating_duration_since(Instant::now());
            PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
        }
        None => PollTimeout::NONE,
    };
    match poll(sources, timeout) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(InstallError::Kernel {
            doing: "events",
            source: errno.into(),
        }),
    }
}
