//! The program: all of it is in the library.
//!
//! It replaces the standard library's start-up, which installs a handler for stack overflows and for that pulls in the C
//! library's parser of `/proc/self/maps`: 129 kB of 2.4 MB, and 4.6% of the instructions of an `apply`.
//! [`netweir::process::startup`] does the rest of what that start-up does.

#![cfg_attr(not(test), no_main)]

use std::ffi::{c_char, c_int};

use netweir::{cli, cni, process};

/// The C library calls it once. `std::env::args_os` gets the arguments from the C library too.
#[allow(
    unsafe_code,
    reason = "the name by which the C library starts a program: no other symbol has it"
)]
#[cfg_attr(not(test), unsafe(no_mangle))]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    process::startup::prepare();
    // A container runtime passes everything in variables, and no arguments.
    let code = if std::env::var_os(cni::COMMAND).is_some() {
        cni::run()
    } else {
        cli::run(std::env::args_os().collect())
    };
    process::startup::end();
    c_int::from(code.number())
}
