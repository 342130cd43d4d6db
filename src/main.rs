//! The program: all of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    netweir::cli::run(std::env::args_os().collect()).into()
}
