//! The options and version that installed the rules are kept with them.

use netweir::intent::{Capture, Interval};
use netweir::metadata::{Metadata, VERSION};
use netweir::nftables::{self, Outcome};
use netweir::options::OptionSet;
use netweir::plan::plan;
use netweir::ruleset::{MetadataBytes, OpenConnections, TABLE};

use crate::sandbox::{NetnsTest, install, run};
use netweir_testkit::scenarios::scenarios;

pub(crate) fn tests() -> Vec<NetnsTest> {
    vec![
        NetnsTest::alone("metadata::scenarios-are-known-again", || {
            for (name, capture) in scenarios() {
                known_again(&name, &capture);
            }
        }),
        NetnsTest::alone("metadata::long-lists-are-read-from-their-sets", long_list),
        NetnsTest::alone("metadata::rules-of-others-have-none", of_others),
        NetnsTest::alone("metadata::the-first-one-stays", first_stays),
    ]
}

fn read() -> Option<Metadata> {
    let (installed, note) = nftables::dump_with_metadata()
        .expect("dumped")
        .expect("installed");
    Metadata::read(&note, &installed.ruleset.sets).expect("a note")
}

fn known_again(name: &str, capture: &Capture) {
    let ruleset = install(capture);
    let metadata = read().expect("a note");
    assert_eq!(metadata.version, VERSION, "{name}");
    let again = metadata.capture().expect("options");
    assert_eq!(plan(&again), ruleset, "{name}: {metadata:?}");
}

fn long_list() {
    let mut capture = Capture::default();
    let ports = (0..2000).map(|n| Interval::single(1000 + 2 * n));
    capture.outbound.exclude_ports = ports.collect();
    known_again("2000 ports", &capture);
    assert_eq!(read().expect("a note").edited, []);
    run(
        "nft",
        &["delete element inet netweir outbound_exclude_ports { 1002 }"],
        "",
    );
    let edited: Vec<_> = read().expect("a note").edited;
    let names: Vec<_> = edited.iter().map(|setting| setting.spec().name).collect();
    assert_eq!(names, ["exclude-outbound-ports"]);
}

fn of_others() {
    run(
        "nft",
        &["-f", "-"],
        &format!("table inet {TABLE} {{ comment \"theirs\"; }}"),
    );
    assert_eq!(read(), None);
}

/// Equal rules from other options change nothing.
fn first_stays() {
    let ruleset = install(&Capture::default());
    let first = read();
    let other = MetadataBytes::new(b"other".to_vec());
    let outcome = nftables::apply(&ruleset, &other, OpenConnections::new).expect("applied");
    assert_eq!(outcome, Outcome::Unchanged);
    assert_eq!(read(), first);
}
