//! Writes a man page for the program and one for each command into a directory: `make man`.

use std::path::PathBuf;
use std::{env, fs, io};

#[path = "man/page.rs"]
mod page;

fn main() -> io::Result<()> {
    let directory = env::args_os().nth(1).map(PathBuf::from);
    let directory = directory.ok_or_else(|| io::Error::other("usage: man DIRECTORY"))?;
    fs::create_dir_all(&directory)?;
    for (name, text) in page::pages()? {
        fs::write(directory.join(format!("{name}.1")), text)?;
    }
    Ok(())
}
