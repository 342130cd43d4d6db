//! Writes a man page for the program and one for each verb into the directory that is named: `make man`.

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let directory = env::args_os().nth(1).map(PathBuf::from);
    let directory = directory.ok_or_else(|| io::Error::other("usage: man DIRECTORY"))?;
    fs::create_dir_all(&directory)?;
    let command = netweir::cli::command().disable_help_subcommand(true);
    clap_mangen::generate_to(command, &directory)
}
