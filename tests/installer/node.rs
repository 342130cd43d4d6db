//! A node as two directories, and its installer.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// How long a repair may take.
pub(crate) const SECOND: Duration = Duration::from_secs(1);
/// The timeout for events without a promised time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The program without debug information, because it is copied often.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (half, whole) = (
            folder.join(format!("netweir-{}", std::process::id())),
            folder.join("netweir"),
        );
        let stripped = Command::new("strip")
            .arg("-o")
            .arg(&half)
            .arg(env!("CARGO_BIN_EXE_netweir"))
            .status();
        assert!(stripped.unwrap().success());
        fs::rename(half, &whole).unwrap();
        whole
    });
    &PROGRAM
}

/// The directories of a node.
pub(crate) struct Node {
    folder: TempDir,
}

impl Node {
    /// With these configurations.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["bin", "conf"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let node = Self { folder };
        for (name, text) in files {
            node.write(name, text);
        }
        node
    }

    /// A path beside the two directories.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn bin(&self) -> PathBuf {
        self.path("bin")
    }

    pub(crate) fn conf(&self) -> PathBuf {
        self.path("conf")
    }

    pub(crate) fn plugin(&self) -> PathBuf {
        self.bin().join("netweir")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.conf().join(name)
    }

    /// Writes a configuration in place.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).unwrap();
    }

    /// Replaces a configuration by a rename.
    pub(crate) fn write_whole(&self, name: &str, text: &str) {
        let other = self.path(name);
        fs::write(&other, text).unwrap();
        fs::rename(other, self.file(name)).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.file(name)).unwrap();
    }

    /// The text of a configuration; empty if it does not exist.
    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// All files in the directory of configurations.
    pub(crate) fn configurations(&self) -> BTreeMap<String, String> {
        texts_in(&self.conf())
    }

    /// Whether the binary is in place, complete and executable for all.
    pub(crate) fn has_plugin(&self) -> bool {
        is_plugin(&self.plugin())
    }

    /// The command with the node's directories.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(program());
        command.env_clear().args(self.arguments(name));
        command
    }

    pub(crate) fn arguments(&self, name: &str) -> Vec<String> {
        let folder = |path: PathBuf| path.to_str().unwrap().to_owned();
        let (bin, conf) = (folder(self.bin()), folder(self.conf()));
        ["cni", name, "--bin-dir", &bin, "--conf-dir", &conf]
            .map(str::to_owned)
            .to_vec()
    }

    /// Installs the plugin once, which succeeds.
    pub(crate) fn install_once(&self) -> Output {
        succeeded(self.command("install").arg("--once"))
    }

    /// Uninstalls the plugin, which succeeds.
    pub(crate) fn uninstall(&self) -> Output {
        succeeded(&mut self.command("uninstall"))
    }

    /// The installer, once the plugin is in place.
    pub(crate) fn guarded(&self) -> Installer {
        self.guarded_with::<&str>(&[])
    }

    /// The same with more arguments.
    pub(crate) fn guarded_with<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Installer {
        let installer = Installer::start(self.command("install").args(arguments));
        installer.wait_for_line("info: the plugin is installed");
        installer
    }

    /// Waits for a condition on the two directories and the files beside them.
    pub(crate) fn wait_for(&self, patience: Duration, what: &str, condition: impl Fn() -> bool) {
        let folders = [self.folder.path().to_owned(), self.bin(), self.conf()];
        wait_for(&folders, patience, what, condition);
    }
}

/// Waits for a condition on these directories.
pub(crate) fn wait_for(
    folders: &[PathBuf],
    patience: Duration,
    what: &str,
    condition: impl Fn() -> bool,
) {
    let deadline = Instant::now() + patience;
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).unwrap();
    for folder in folders {
        let events = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_ATTRIB
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVE;
        inotify.add_watch(folder, events).unwrap();
    }
    while !condition() {
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "not within {patience:?}: {what}");
        let mut sources = [PollFd::new(inotify.as_fd(), PollFlags::POLLIN)];
        poll(&mut sources, PollTimeout::try_from(left).unwrap()).unwrap();
        // Any event is a reason to check the condition.
        drop(inotify.read_events());
    }
}

/// The texts of a directory's files.
pub(crate) fn texts_in(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let texts = entries.map(|entry| {
        let text = fs::read_to_string(entry.path()).unwrap();
        (entry.file_name().into_string().unwrap(), text)
    });
    texts.collect()
}

pub(crate) fn is_plugin(path: &Path) -> bool {
    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| fs::read(program()).unwrap());
    let mode = fs::symlink_metadata(path).map(|metadata| metadata.permissions().mode());
    mode.is_ok_and(|mode| mode == 0o100_755) && fs::read(path).is_ok_and(|bytes| bytes == *BYTES)
}

pub(crate) fn succeeded(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// A running installer, killed on drop.
pub(crate) struct Installer {
    child: Child,
    lines: Mutex<(Receiver<String>, Vec<String>)>,
}

impl Installer {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, receiver) = channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                drop(sender.send(line));
            }
        });
        let lines = Mutex::new((receiver, Vec::new()));
        Self { child, lines }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of its log that begins so, and returns it.
    pub(crate) fn wait_for_line(&self, beginning: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.lines.lock().unwrap();
        let (receiver, seen) = &mut *lines;
        loop {
            if let Some(line) = seen.iter().find(|line| line.starts_with(beginning)) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match receiver.recv_timeout(left) {
                Ok(line) => seen.push(line),
                Err(error) => panic!("no line {beginning:?}: {error}: {seen:#?}"),
            }
        }
    }

    /// Sends a signal, after which the installer must exit with success, and returns its log.
    pub(crate) fn end(self, signal: Signal) -> Vec<String> {
        let (status, lines) = self.end_with(signal);
        assert!(status.success(), "{status}: {lines:#?}");
        lines
    }

    /// Sends a signal, and returns the status and the log.
    pub(crate) fn end_with(mut self, signal: Signal) -> (ExitStatus, Vec<String>) {
        assert!(self.child.try_wait().unwrap().is_none(), "it ended before");
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
        let status = self.child.wait().unwrap();
        let lines = self.lines.lock().unwrap();
        let rest: Vec<_> = lines.0.iter().collect();
        let said = [lines.1.clone(), rest].concat();
        drop(lines);
        (status, said)
    }
}

impl Drop for Installer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
