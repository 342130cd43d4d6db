//! Runs commands one after the other in a fresh network namespace and prints how long they took together,
//! from the start of each to its end, and the largest peak memory: `nanoseconds kibibytes`.
//!
//! ```text
//! launch COMMAND ARG... [::: COMMAND ARG...]...
//! ```
//!
//! A program of its own, and small: a process begins with the peak memory of the one that started it
//! (`setmax_mm_hiwater_rss` in the kernel's `exec_mmap`), so that what starts the measured one must be smaller.

use std::error::Error;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use wait4::Wait4;

/// What stands between two commands.
const SEPARATOR: &str = ":::";

fn run(line: &[String]) -> Result<(Duration, u64), Box<dyn Error>> {
    let (program, arguments) = line.split_first().ok_or("a command is missing")?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let start = Instant::now();
    let ended = command
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?
        .wait4()?;
    let took = start.elapsed();
    if !ended.status.success() {
        return Err(format!("{}: {}", line.join(" "), ended.status).into());
    }
    Ok((took, ended.rusage.maxrss / 1024))
}

fn measure() -> Result<(), Box<dyn Error>> {
    let line: Vec<String> = std::env::args().skip(1).collect();
    unshare(CloneFlags::CLONE_NEWNET)?;
    let mut total = Duration::ZERO;
    let mut peak = 0;
    for command in line.split(|word| word == SEPARATOR) {
        let (took, memory) = run(command)?;
        total += took;
        peak = peak.max(memory);
    }
    println!("{} {peak}", total.as_nanos());
    Ok(())
}

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("launch: {error}");
            ExitCode::FAILURE
        }
    }
}
