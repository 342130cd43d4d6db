//! The promises that only real packets can prove. Every test has network namespaces of its own: nothing has a
//! name, nothing is left to clean up, and the host's rules are never seen.
//!
//! As an ordinary user, a user namespace stands in for root. What cannot run is reported as ignored, with the
//! reason; with `NETNS_TESTS=require` it fails.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod bytes;
mod cni;
mod contention;
mod dns;
mod documented;
mod drift;
mod fates;
mod foreign;
mod host;
mod invalid;
mod judges;
mod meshes;
mod notes;
mod owners;
mod ranges;
mod refusals;
mod replacement;
mod routing;
mod sandbox;
mod status;
mod tproxy;
mod trace;
mod verify;

use std::process::ExitCode;

use libtest_mimic::Arguments;

/// Tests that run at once, unless `--test-threads` says otherwise.
const THREADS: usize = 8;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Before there is a second thread: a user namespace can be entered only by a process without.
    let privilege = sandbox::acquire_privilege();
    let promises = [
        cni::promises(),
        contention::promises(),
        fates::promises(),
        foreign::promises(),
        host::promises(),
        invalid::promises(),
        judges::promises(),
        meshes::promises(),
        notes::promises(),
        owners::promises(),
        ranges::promises(),
        refusals::promises(),
        replacement::promises(),
        routing::promises(),
        status::promises(),
        tproxy::promises(),
        dns::promises(),
        documented::promises(),
        drift::promises(),
        trace::promises(),
        verify::promises(),
    ];
    let trials = promises
        .into_iter()
        .flatten()
        .map(|promise| promise.trial(privilege.clone()))
        .collect();
    // Much of the time is spent waiting for the kernel.
    arguments.test_threads.get_or_insert(THREADS);
    libtest_mimic::run(&arguments, trials).exit_code()
}
