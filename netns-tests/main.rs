//! Tests with real packets. Every test has network namespaces of its own, without names: nothing is left to clean up,
//! and the host's rules are never touched.
//!
//! An ordinary user gets a user namespace. A test that cannot run is reported as ignored, with the reason; with
//! `NETNS_TESTS=require` it fails.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod beside;
mod bytes;
mod cni;
mod connections;
mod contention;
mod dns;
mod documented;
mod drift;
mod foreign;
mod host;
mod hostile;
mod interrupted;
mod invalid;
mod meshes;
mod metadata;
mod owners;
mod ranges;
mod refusals;
mod replacement;
mod round_trips;
mod routing;
mod sandbox;
mod status;
mod tproxy;
mod trace;
mod unnumbered;
mod verify;

use std::process::ExitCode;

use libtest_mimic::Arguments;

/// Tests that run at once, unless `--test-threads` says otherwise.
const THREADS: usize = 8;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Before there is a second thread: a user namespace can be entered only by a process without.
    let privilege = sandbox::acquire_privilege();
    let tests = [
        beside::tests(),
        cni::tests(),
        connections::tests(),
        contention::tests(),
        foreign::tests(),
        host::tests(),
        hostile::tests(),
        interrupted::tests(),
        invalid::tests(),
        round_trips::tests(),
        meshes::tests(),
        metadata::tests(),
        owners::tests(),
        ranges::tests(),
        refusals::tests(),
        replacement::tests(),
        routing::tests(),
        status::tests(),
        tproxy::tests(),
        dns::tests(),
        documented::tests(),
        drift::tests(),
        trace::tests(),
        unnumbered::tests(),
        verify::tests(),
    ];
    let trials = tests
        .into_iter()
        .flatten()
        .map(|test| test.trial(privilege.clone()))
        .collect();
    // Much of the time is spent waiting for the kernel.
    arguments.test_threads.get_or_insert(THREADS);
    libtest_mimic::run(&arguments, trials).exit_code()
}
