//! The documents' links lead somewhere, and the repository's placeholder address has one form.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, in its own functions, too"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What builds leave in the tree.
const BUILT: [&str; 3] = [".git", ".build", "target"];

/// All files below the folder, except what builds leave there.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if BUILT.iter().any(|built| name == *built) || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The project's text files with their contents.
fn texts() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    files(Path::new(ROOT), &mut found);
    let read = |path: PathBuf| Some((path.clone(), fs::read_to_string(path).ok()?));
    found.into_iter().filter_map(read).collect()
}

fn documents() -> Vec<(PathBuf, String)> {
    let is_document = |(path, _): &(PathBuf, String)| path.extension().is_some_and(|it| it == "md");
    texts().into_iter().filter(is_document).collect()
}

/// The text without its code blocks and its code in lines, where brackets are no links.
fn without_code(text: &str) -> String {
    let prose = text.split("```").step_by(2).collect::<String>();
    prose.split('`').step_by(2).collect()
}

/// The targets of the links and pictures in the text.
fn links(text: &str) -> Vec<String> {
    let prose = without_code(text);
    let targets = prose.split("](").skip(1);
    targets
        .map(|rest| rest.split_once(')').expect("a link ends").0.to_owned())
        .collect()
}

/// The anchors that GitHub makes of the headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let prose = text.split("```").step_by(2).collect::<String>();
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|heading| {
            let title = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
            title
                .chars()
                .filter(kept)
                .collect::<String>()
                .replace(' ', "-")
        })
        .collect()
}

#[test]
fn relative_links_resolve() {
    let mut broken = Vec::new();
    let mut tried = 0;
    for (path, text) in documents() {
        for link in links(&text) {
            if link.contains("://") {
                continue;
            }
            tried += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            let has_anchor =
                || fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(anchor));
            if !target.exists() || !anchor.is_empty() && !has_anchor() {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(tried > 30, "{tried} links found");
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The folders whose files the documents name in backticks.
const NAMED: [&str; 12] = [
    "benches/",
    "demo/",
    "deploy/",
    "docs/",
    "e2e/",
    "examples/",
    "fuzz/",
    "netns-tests/",
    "script/",
    "src/",
    "testkit/",
    "tests/",
];

#[test]
fn files_that_are_named_exist() {
    let mut missing = Vec::new();
    let mut tried = 0;
    for (path, text) in documents() {
        let prose = text.split("```").step_by(2).collect::<String>();
        for name in prose.split('`').skip(1).step_by(2) {
            if !NAMED.iter().any(|folder| name.starts_with(folder)) || name.contains(' ') {
                continue;
            }
            tried += 1;
            let beside = path.parent().unwrap().join(name);
            if !Path::new(ROOT).join(name).exists() && !beside.exists() {
                missing.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert!(tried > 20, "{tried} names found");
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The modules in the column "after" of the four walks.
#[test]
fn walks_name_modules_that_exist() {
    let decisions = include_str!("../docs/decisions.md");
    let (_, walks) = decisions.split_once("## Four walks").expect("the chapter");
    let rows: Vec<_> = walks
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
        .collect();
    assert_eq!(rows.len(), 4);
    for row in rows {
        let after = row.split('|').nth(3).expect("the column");
        for name in after.split('`').skip(1).step_by(2) {
            let is_type = name.starts_with(char::is_uppercase);
            let file = Path::new(ROOT).join(format!("src/{name}.rs"));
            assert!(is_type || file.exists(), "src/{name}.rs does not exist");
        }
    }
}

#[test]
fn the_repository_has_one_placeholder_address() {
    let repository = env!("CARGO_PKG_REPOSITORY");
    // Put together, so that this file has no other form.
    let placeholder = ["example", "invalid"].join(".");
    assert_eq!(repository, format!("https://{placeholder}/netweir"));
    let mut named = 0;
    for (path, text) in texts() {
        for (place, _) in text.match_indices(&placeholder) {
            let before = &text[..place];
            let after = &text[place + placeholder.len()..];
            let address = before.ends_with("https://") && after.starts_with("/netweir");
            let mail = path.ends_with("SECURITY.md") && before.ends_with("<security@")
                // A Debian package must name its maintainer (Debian policy, 5.6.2).
                || path.ends_with("packaging/debian/control") && before.ends_with("<maintainers@");
            assert!(address || mail, "{}: another form", path.display());
            named += 1;
        }
    }
    assert!(named > 3, "{named} found");
}

#[test]
fn the_image_has_the_version_as_its_tag() {
    let tag = concat!(":", env!("CARGO_PKG_VERSION"));
    // Put together, so that this file has none.
    let image = ["localhost", "netweir:"].join("/");
    let mut named = 0;
    for (path, text) in texts() {
        for (place, _) in text.match_indices(&image) {
            let rest = &text[place + image.len() - 1..];
            let computed = rest.starts_with(":{") || rest.starts_with(":$");
            let pattern = path.ends_with("deploy/tests/test_values.py");
            assert!(
                rest.starts_with(tag) || computed || pattern,
                "{}: {}",
                path.display(),
                rest.lines().next().unwrap()
            );
            named += 1;
        }
    }
    assert!(named > 8, "{named} found");
}

/// The number that the cell of the table's row begins with, in docs/benchmarks.md.
fn figure(row: &str, cell: usize) -> f64 {
    let benchmarks = include_str!("../docs/benchmarks.md");
    let line = benchmarks
        .lines()
        .find(|line| line.starts_with(&format!("| {row} |")))
        .expect("the row exists");
    let text = line.split('|').nth(cell + 1).expect("the cell exists");
    let number = text.split_whitespace().next().expect("it has a value");
    number.parse().expect("a number")
}

#[test]
fn readme_has_the_measured_times() {
    let readme = include_str!("../README.md");
    let apply = figure("the two, Istio's rules", 2);
    for expected in [
        format!(
            "| {apply:.1} ms; as a plugin {:.1} ms |",
            figure("one at a time", 3)
        ),
        format!(
            "| {:.0} ms for its two",
            figure("the two, Istio's rules", 1)
        ),
        format!(
            "| {:.0} ms if its rules",
            figure("the two, Linkerd's rules", 1)
        ),
    ] {
        assert!(readme.contains(&expected), "not in README.md: {expected}");
    }
}

#[test]
fn readme_is_short() {
    let lines = include_str!("../README.md").lines().count();
    assert!(lines <= 170, "{lines} lines");
}
