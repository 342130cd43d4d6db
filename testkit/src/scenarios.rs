//! The captures of `tests/scenarios/NAME/intent.toml`, one for each way to use the program. The files are what
//! `netweir apply --config` takes.

use std::fs;
use std::path::{Path, PathBuf};

use netweir::intent::Capture;
use netweir::options;
use netweir::parse::FamilyChoice;

use crate::fakes::{NoFiles, NoUsers};

/// There are so many at least, and every one is read or the test fails.
const SCENARIOS: usize = 45;

/// All scenarios by name.
pub fn scenarios() -> Vec<(String, Capture)> {
    let entries = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    assert!(names.len() >= SCENARIOS, "{names:?}");
    names
        .into_iter()
        .map(|name| (name.clone(), capture(&name)))
        .collect()
}

/// Where the files of a scenario are.
pub fn directory(scenario: &str) -> PathBuf {
    root().join(scenario)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/scenarios")
}

fn capture(scenario: &str) -> Capture {
    let file = directory(scenario).join("intent.toml");
    let text = fs::read_to_string(&file).unwrap();
    let (given, errors) = options::read_file(&file.to_string_lossy(), &text);
    assert!(errors.is_empty(), "{errors:?}");
    let parsed = options::capture(&given, &NoUsers, &NoFiles).unwrap();
    let FamilyChoice::Fixed(families) = parsed.families else {
        panic!("{scenario} is of no machine, whose families it could have");
    };
    parsed.capture_of(families)
}
