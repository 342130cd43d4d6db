//! Another program that keeps writing.

use std::fs::{File, OpenOptions};
use std::io::Write;

use nix::sys::signal::Signal;

use crate::agents::{CALICO, FLANNEL};
use crate::node::{Node, PATIENCE, SECOND};
use crate::runtime::{has_entry_besides, is_installed};

/// Numbers that look random (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn truncated(node: &Node, name: &str) -> File {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(true)
        .open(node.file(name))
        .unwrap()
}

#[test]
fn last_version_of_a_storm_gets_the_entry() {
    let (name, text) = FLANNEL;
    let node = Node::new(&[FLANNEL]);
    let installer = node.guarded();
    for seed in 1..=6_u64 {
        let mut random = Random(seed * 0x9e37_79b9);
        for round in 0..300 {
            // Each text is another, so that an older one is not taken for the latest.
            let text = text.replace("cbr0", &format!("cbr{seed}-{round}"));
            let (one, other) =
                text.split_at(usize::try_from(random.below(text.len() as u64)).unwrap());
            match random.below(4) {
                0 => node.write_whole(name, &text),
                1 => node.write(name, &text),
                2 => {
                    let mut file = truncated(&node, name);
                    file.write_all(one.as_bytes()).unwrap();
                    file.write_all(other.as_bytes()).unwrap();
                }
                _ => drop(std::fs::remove_file(node.file(name))),
            }
        }
        let last = text.replace("cbr0", &format!("last{seed}"));
        if seed % 2 == 0 {
            node.write_whole(name, &last);
        } else {
            let (one, other) = last.split_at(last.len() / 2);
            let mut file = truncated(&node, name);
            file.write_all(one.as_bytes()).unwrap();
            file.write_all(other.as_bytes()).unwrap();
        }
        node.wait_for(SECOND, "the entry in the last text", || {
            has_entry_besides(&node.text(name), &last)
        });
    }
    node.wait_for(SECOND, "nothing unfinished", || {
        node.configurations().len() == 1
    });
    let lines = installer.end(Signal::SIGTERM);
    // It handled some of the 1800 changes, not each.
    assert!(lines.len() < 900, "{}", lines.len());
}

#[test]
fn entry_that_is_removed_at_once_comes_back_within_a_second() {
    let (name, text) = CALICO;
    let node = Node::new(&[CALICO]);
    let installer = node.guarded();
    for _ in 0..7 {
        node.write_whole(name, text);
        node.wait_for(SECOND, "the entry", || is_installed(&node));
    }
    installer.end(Signal::SIGTERM);
}

/// poll(2) without a timeout.
#[cfg(target_arch = "x86_64")]
#[test]
fn idle_installer_waits_for_events_only() {
    let node = Node::new(&[FLANNEL]);
    let installer = node.guarded_with(&["--health=127.0.0.1:0"]);
    let path = format!("/proc/{}/syscall", installer.id());
    let is_waiting = || {
        let call = std::fs::read_to_string(&path).unwrap();
        let words: Vec<_> = call.split(' ').collect();
        words.first() == Some(&"7")
            && words
                .get(3)
                .is_some_and(|timeout| timeout.ends_with("ffffffff"))
    };
    // Between the line and the wait is no file, so this looks all the time.
    let deadline = std::time::Instant::now() + PATIENCE;
    while !is_waiting() {
        assert!(
            std::time::Instant::now() < deadline,
            "it does not wait for events alone"
        );
        std::thread::yield_now();
    }
    installer.end(Signal::SIGTERM);
}
