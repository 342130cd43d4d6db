//! A test: a body that runs in namespaces of its own.

use std::any::Any;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::thread;

use libtest_mimic::{Completion, Failed, Trial};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

use super::Sandbox;
use super::namespace::Namespace;
use super::topology;

/// Takes the calling thread into a new namespace that has nothing but `lo`.
pub(crate) fn fresh() {
    Namespace::enter_new();
    topology::loopback_up();
}

/// How the tests may make namespaces.
#[derive(Clone, Debug)]
pub(crate) enum Privilege {
    /// As root, who has every uid.
    Root,
    /// As root of a user namespace, who has one uid.
    UserNamespace,
    /// Not at all, for this reason.
    None(String),
}

/// Finds out how namespaces can be made, and enters a user namespace where that is the way.
///
/// The process must have no second thread.
pub(crate) fn acquire_privilege() -> Privilege {
    let (uid, gid) = (geteuid(), getegid());
    if uid.is_root() {
        return Privilege::Root;
    }
    let entered = unshare(CloneFlags::CLONE_NEWUSER)
        .map_err(|error| format!("not root, and no user namespace can be made: {error}"))
        .and_then(|()| {
            let write = |file: &str, text: String| {
                let path = format!("/proc/self/{file}");
                fs::write(&path, text).map_err(|error| format!("not root, and {path}: {error}"))
            };
            write("setgroups", "deny".to_owned())?;
            write("uid_map", format!("0 {uid} 1"))?;
            write("gid_map", format!("0 {gid} 1"))
        });
    match entered {
        Ok(()) => Privilege::UserNamespace,
        Err(reason) => Privilege::None(reason),
    }
}

/// Whether the calling process has every uid and gid.
pub(crate) fn has_every_owner() -> bool {
    let maps_everything = |file| {
        let map = fs::read_to_string(file).expect("a map of ids");
        map.split_whitespace().eq(["0", "0", "4294967295"])
    };
    maps_everything("/proc/self/uid_map") && maps_everything("/proc/self/gid_map")
}

/// A named test.
pub(crate) struct NetnsTest {
    name: String,
    programs: &'static [&'static str],
    /// It takes more than one user.
    only_as_root: bool,
    body: Box<dyn FnOnce() + Send>,
}

/// Requirements of every sandbox.
const SANDBOX_PROGRAMS: [&str; 2] = ["ip", "nft"];

impl NetnsTest {
    /// A test in a sandbox.
    pub(crate) fn new(
        name: impl Into<String>,
        body: impl FnOnce(&Sandbox) + Send + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            programs: &[],
            only_as_root: false,
            body: Box::new(move || body(&Sandbox::enter())),
        }
    }

    /// A test in one namespace that has nothing but `lo`.
    pub(crate) fn alone(name: impl Into<String>, body: impl FnOnce() + Send + 'static) -> Self {
        Self {
            name: name.into(),
            programs: &[],
            only_as_root: false,
            body: Box::new(move || {
                fresh();
                body();
            }),
        }
    }

    /// The test needs these programs.
    pub(crate) fn with(mut self, programs: &'static [&'static str]) -> Self {
        self.programs = programs;
        self
    }

    /// The test needs other users, whom a user namespace has not got.
    pub(crate) fn only_as_root(mut self) -> Self {
        self.only_as_root = true;
        self
    }

    /// The test for the harness.
    pub(crate) fn trial(self, privilege: Privilege) -> Trial {
        Trial::ignorable_test(self.name.clone(), move || match self.obstacle(&privilege) {
            Some(reason) if required() => Err(Failed::from(reason)),
            Some(reason) => Ok(Completion::ignored_with(reason)),
            None => self.keep(),
        })
    }

    fn obstacle(&self, privilege: &Privilege) -> Option<String> {
        match privilege {
            Privilege::None(reason) => return Some(reason.clone()),
            Privilege::UserNamespace if self.only_as_root => {
                return Some("not root, and a user namespace has only one user".to_owned());
            }
            Privilege::UserNamespace | Privilege::Root => {}
        }
        let programs = SANDBOX_PROGRAMS.iter().chain(self.programs);
        let missing: Vec<_> = programs
            .filter(|program| !is_installed(program))
            .copied()
            .collect();
        (!missing.is_empty()).then(|| format!("not installed: {}", missing.join(", ")))
    }

    fn keep(self) -> Result<Completion, Failed> {
        let reproduce = format!("cargo test --test netns -- --exact {}", self.name);
        let body = self.body;
        let kept = thread::Builder::new()
            .name(self.name)
            .spawn(move || {
                catch_unwind(AssertUnwindSafe(body)).map_err(|panic| {
                    // Still in the namespace.
                    let rules = Command::new("nft").args(["list", "ruleset"]).output();
                    let rules = rules.map(|output| output.stdout).unwrap_or_default();
                    let rules = String::from_utf8_lossy(&rules);
                    format!("{}\n\n{rules}\n{reproduce}", message(panic.as_ref()))
                })
            })
            .expect("a thread")
            .join();
        kept.expect("panics are caught")
            .map(|()| Completion::Completed)
            .map_err(Failed::from)
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic")
}

/// Whether what cannot run is a failure.
fn required() -> bool {
    std::env::var_os("NETNS_TESTS").is_some_and(|value| value == "require")
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
