//! What the fuzz targets share.

use std::collections::BTreeMap;

use netweir::intent::{Capture, Families, Family};
use netweir::meshes::Environment;
use netweir::metadata::Metadata;
use netweir::options::{self, OptionValues, Origin, Parsed, options_of};
use netweir::plan::plan;
use netweir::render;
use netweir_testkit::fakes::{NoFiles, NoUsers};
use serde_json::value::RawValue;

/// The most that the plugin writes to standard output for an error, in bytes.
pub const LONGEST_ANSWER: usize = 32 << 10;

/// A network namespace without addresses and name servers.
pub const ENVIRONMENT: Environment = Environment {
    addresses: Vec::new(),
    resolv_conf: String::new(),
};

/// The text of a member of a JSON object, unless it is missing or null.
#[must_use]
pub fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(object).ok()?;
    members
        .get(name)
        .map(|value| value.get())
        .filter(|text| *text != "null")
}

/// Checks what holds for every capture: the options that it is written with mean the same, its rules can be printed,
/// and what is stored with them is read back.
///
/// # Panics
/// One of these does not hold.
pub fn check_capture(parsed: &Parsed) {
    for families in [
        Families::Both,
        Families::Only(Family::Ipv4),
        Families::Only(Family::Ipv6),
    ] {
        let capture = parsed.clone().capture_of(families);
        let mut values = OptionValues::by_key();
        for (setting, text) in options_of(&capture) {
            values.set(setting, Origin::Flag, text);
        }
        let again =
            options::capture(&values, &NoUsers, &NoFiles).expect("written options are read");
        assert_eq!(again.capture_of(families), capture);

        let ruleset = plan(&capture);
        assert!(!render::nft(&ruleset).is_empty());
        for family in families.iter() {
            assert!(!render::iptables(&ruleset, family).is_empty());
        }
        check_metadata(&capture);
    }
}

fn check_metadata(capture: &Capture) {
    let ruleset = plan(capture);
    let bytes = Metadata::bytes_of(capture, &ruleset);
    let metadata = Metadata::read(&bytes, &ruleset.sets).expect("what was written is readable");
    let metadata = metadata.expect("something was written");
    if metadata.lost.is_empty() {
        assert_eq!(metadata.capture().as_ref(), Some(capture));
    }
}
