//! The plugin's log.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

use crate::log::{Log, LogFile};
use crate::options::{LogFormat, LogOptions};

use super::config::Input;
use super::environment::Pod;

/// The log that the configuration asks for. A file that cannot be written is a warning: standard error has the messages,
/// too.
pub(super) fn of(input: &Input<'_>, command: String, pod: &Pod) -> Log {
    let config = input.log();
    let log = Log::new(LogOptions {
        format: LogFormat::Plain,
        level: config.level,
    });
    let Some(path) = config.file else {
        return log;
    };
    match open(&path) {
        Ok(file) => {
            let name = |name: &Option<String>| name.clone().unwrap_or_default();
            log.and_to(LogFile::new(
                file,
                vec![
                    ("command", command),
                    ("container", pod.container.clone()),
                    ("namespace", name(&pod.namespace)),
                    ("pod", name(&pod.name)),
                ],
            ))
        }
        Err(error) => {
            let path = path.display();
            log.warning(
                "cannot write the log file",
                &[("path", &path), ("reason", &error)],
            );
            log
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    // It has names of pods and values of their annotations.
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        // Opening a pipe would block otherwise.
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)?;
    if is_standard_output(&file)? {
        let reason = "it is standard output, which is for the result";
        return Err(io::Error::other(reason));
    }
    Ok(file)
}

/// Whether the file is standard output.
fn is_standard_output(file: &File) -> io::Result<bool> {
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
    Ok(identity(file.metadata()?) == identity(output.metadata()?))
}
