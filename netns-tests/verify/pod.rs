//! A pod of one namespace for verifications, and its state.

use std::fs;
use std::process::Command;

use netweir::intent::Family;

use crate::sandbox::{output_of, run};

/// Adds a link with a global address and a default route for each family. Reverse paths are filtered
/// strictly, as many distributions do.
pub(crate) fn set_up(families: &[Family]) {
    ip(
        "link add eth0 type veth peer name peer0 address 02:00:00:00:09:01
        link set eth0 addrgenmode none
        link set peer0 addrgenmode none
        link set peer0 up
        link set eth0 up",
    );
    // With permanent neighbours the kernel sends no solicitations.
    for family in families {
        match family {
            Family::Ipv4 => ip("address add 10.9.0.2/24 dev eth0
                route add default via 10.9.0.1
                neighbour add 10.9.0.1 lladdr 02:00:00:00:09:01 dev eth0"),
            // The kernel would add the local route a moment later.
            Family::Ipv6 => ip("address add fd09::2/64 dev eth0 nodad
                route add local fd09::2 dev eth0 table local
                route add ::/0 via fd09::1
                neighbour add fd09::1 lladdr 02:00:00:00:09:01 dev eth0"),
        }
    }
    for interface in ["all", "default"] {
        sysctl("ipv4", interface, "rp_filter", "1");
    }
}

/// Sets a sysctl of an interface.
pub(super) fn sysctl(family: &str, interface: &str, name: &str, value: &str) {
    let file = format!("/proc/sys/net/{family}/conf/{interface}/{name}");
    fs::write(&file, value).unwrap_or_else(|error| panic!("{file}: {error}"));
}

/// Commands for `ip`, one a line.
pub(super) fn ip(batch: &str) {
    run("ip", &["-batch", "-"], batch);
}

/// Everything that a verification could leave behind: links, addresses, routes, neighbours, rules, listeners.
pub(super) fn state() -> String {
    let links = run("ip", &["-o", "link"], "");
    // Index and name: the carrier of eth0 is set by a kernel thread.
    let links = links
        .lines()
        .map(|link| link.split('<').next().unwrap_or_default());
    let links: Vec<_> = links.collect();
    let commands: [&[&str]; 5] = [
        &["ip", "-o", "address"],
        &["ip", "-4", "route", "show", "table", "all"],
        &["ip", "-6", "route", "show", "table", "all"],
        &["ip", "neighbour"],
        &["nft", "--stateless", "--handle", "list", "ruleset"],
    ];
    let listings = commands.map(|command| {
        let listing = run(command[0], &command[1..], "");
        // What the kernel adds by itself to IPv6 addresses and links, it adds a moment later.
        let settled = |line: &&str| {
            let by_itself = line.contains("table local proto kernel metric");
            !by_itself || line.contains("probe")
        };
        listing
            .lines()
            .filter(settled)
            .collect::<Vec<_>>()
            .join("\n")
    });
    // Of sockets, those that are not closed.
    let sockets = ["tcp", "tcp6"].map(|file| {
        let file = format!("/proc/thread-self/net/{file}");
        let sockets = fs::read_to_string(&file).expect("the sockets");
        format!("{file}: {}\n", sockets.lines().count())
    });
    [links.concat(), listings.join("\n"), sockets.concat()].join("\n")
}

/// Asserts that the state is what it was.
pub(super) fn assert_unchanged(before: &str) {
    let after = state();
    let of = |text: &str, other: &str| {
        let is_new = |line: &&str| !other.lines().any(|known| known == *line);
        text.lines().filter(is_new).collect::<Vec<_>>().join("\n")
    };
    let (gone, new) = (of(before, &after), of(&after, before));
    assert_eq!(after, before, "gone:\n{gone}\nnew:\n{new}");
}

/// Exit code and messages of the program.
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) messages: Vec<String>,
}

impl Ended {
    /// The lines that start like this.
    pub(super) fn lines(&self, start: &str) -> Vec<&str> {
        let lines = self.messages.iter().map(String::as_str);
        lines.filter(|line| line.starts_with(start)).collect()
    }
}

/// Runs `netweir apply --verify` through other programs.
pub(super) fn apply_verify(before: &[&str], program: &str, arguments: &[&str]) -> Ended {
    let words: Vec<_> = before
        .iter()
        .chain(&[program, "apply", "--verify"])
        .chain(arguments)
        .copied()
        .collect();
    let mut command = Command::new(words[0]);
    let output = output_of(command.args(&words[1..]), "");
    let messages = String::from_utf8(output.stderr).expect("text");
    Ended {
        code: output.status.code(),
        messages: messages.lines().map(ToOwned::to_owned).collect(),
    }
}
