//! The program: all of it is in the library.
//!
//! It does without the standard library's own start, which looks for the end of the stack in `/proc/self/maps`, to word a message
//! for when that is reached: a twentieth of what an `apply` takes. [`netweir::process::startup::prepare`] does the rest of what
//! that start does.

#![cfg_attr(not(test), no_main)]

use std::ffi::{c_char, c_int};

use netweir::{cli, cni, process};

/// Called once, by the C library, with what `std::env::args_os` has from the C library, too.
#[allow(
    unsafe_code,
    reason = "the name by which the C library starts a program: no other symbol has it"
)]
#[cfg_attr(not(test), unsafe(no_mangle))]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    process::startup::prepare();
    // A container runtime gives no arguments: the variables say everything.
    let code = if std::env::var_os(cni::COMMAND).is_some() {
        cni::run()
    } else {
        cli::run(std::env::args_os().collect())
    };
    process::startup::end();
    c_int::from(code.number())
}
