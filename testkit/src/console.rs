//! Documents that show what the program prints: the commands of their `console` blocks are run again.
//!
//! The blocks of a section (up to the next heading `## `) share a network namespace of their own. A comment that starts
//! with `<!-- in a namespace with` has commands that are run in it first, unseen; one before the first heading is for
//! all sections.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

const SETUP: &str = "<!-- in a namespace with\n";
const BLOCK: &str = "```console\n";
/// A line that no command prints.
const BETWEEN: &str = "\u{1d}";
const BETWEEN_LINE: &str = "\u{1d}\n";

/// The text with the output of each command in a `console` block replaced by what it prints now. `netweir` is the
/// program at the path.
pub fn console_blocks(netweir: &Path, text: &str) -> String {
    let mut sections = text.split("\n## ");
    let first = sections.next().unwrap_or_default();
    let of_all = setup(first);
    let others =
        sections.map(|text| format!("\n## {}", section(netweir, text, &[of_all, setup(text)])));
    others.fold(section(netweir, first, &[of_all]), |whole, section| {
        whole + &section
    })
}

/// The commands of the comment, if there is one.
fn setup(section: &str) -> &str {
    let comment = section
        .split_once(SETUP)
        .map(|(_, rest)| rest.split_once("-->"));
    comment.map_or("", |comment| comment.expect("a comment ends").0)
}

fn section(netweir: &Path, text: &str, setups: &[&str]) -> String {
    let mut script = format!("set -e\n{}\nset +e\n", setups.concat());
    for block in text.split(BLOCK).skip(1) {
        let (block, _) = block.split_once("```").expect("a block ends");
        let commands: Vec<_> = block
            .lines()
            .filter_map(|line| line.strip_prefix("$ "))
            .collect();
        assert!(!commands.is_empty(), "a block without a command: {block}");
        for command in commands {
            let shown = command.replace('\'', "'\\''");
            writeln!(script, "printf '$ %s\\n' '{shown}'\n{{ {command}\n}} 2>&1").unwrap();
        }
        writeln!(script, "echo '{BETWEEN}'").unwrap();
    }
    let outputs = run(netweir, &script);
    let mut outputs = outputs.split(BETWEEN_LINE);
    let mut parts = text.split(BLOCK);
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, after) = part.split_once("```").expect("a block ends");
        let output = outputs.next().expect("an output for each block");
        write!(result, "{BLOCK}{output}```{after}").unwrap();
    }
    result
}

fn run(netweir: &Path, script: &str) -> String {
    let path = std::env::var("PATH").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "sh", "-c", script])
        .current_dir(directory.path())
        .env(
            "PATH",
            format!(
                "{}:{path}:/usr/sbin:/sbin",
                netweir.parent().unwrap().display()
            ),
        )
        .output()
        .expect("unshare, of util-linux, runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{script}");
    let output = String::from_utf8(output.stdout).unwrap();
    output.split_inclusive('\n').map(at_one_time).collect()
}

/// The line, with the time of day that it starts with made always the same.
fn at_one_time(line: &str) -> String {
    const TIME: &str = "14:05:31.207Z";
    let is_time = |text: &str| {
        let same = |(a, b): (char, char)| a == b || a.is_ascii_digit() && b.is_ascii_digit();
        text.chars().zip(TIME.chars()).all(same)
    };
    match line.split_at_checked(TIME.len()) {
        Some((start, rest)) if is_time(start) => format!("{TIME}{rest}"),
        _ => line.to_owned(),
    }
}
