//! The program: all of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // A container runtime gives no arguments: the variables say everything.
    if std::env::var_os(netweir::cni::COMMAND).is_some() {
        return netweir::cni::run().into();
    }
    netweir::cli::run(std::env::args_os().collect()).into()
}
