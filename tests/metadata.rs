//! The metadata that is kept with the rules.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its own functions, too"
)]

use std::cell::Cell;

use netweir::intent::{Capture, Interval, OwnerId};
use netweir::metadata::{Metadata, Unreadable, VERSION};
use netweir::options::Setting;
use netweir::plan::plan;
use netweir::ruleset::{Elements, MetadataBytes, Ruleset};
use netweir_testkit::captures;
use netweir_testkit::effort::effort;
use netweir_testkit::wordable;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

fn read(bytes: &MetadataBytes, ruleset: &Ruleset) -> Metadata {
    Metadata::read(bytes, &ruleset.sets)
        .expect("readable")
        .expect("metadata")
}

/// At any size, the metadata makes the same rules, or names the options that did not fit.
#[test]
fn round_trips_or_names_lost_options() {
    let (whole, from_sets, lost) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let count = |cell: &Cell<u32>| cell.set(cell.get() + 1);
    let captures =
        (captures::capture(), 0..400u16, 0..150u32).prop_map(|(mut capture, ports, uids)| {
            let ports = (1..ports).map(|n| Interval::single(3 * n));
            let outbound = &mut capture.outbound;
            outbound.exclude_ports = outbound
                .exclude_ports
                .iter()
                .copied()
                .chain(ports)
                .collect();
            // These are in rules, not in a set.
            capture
                .proxy
                .uids
                .extend((100_000..).take(uids.saturating_sub(70) as usize));
            wordable::wordable(capture)
        });
    TestRunner::new(ProptestConfig {
        cases: effort(500, 500 * 20),
        failure_persistence: None,
        ..ProptestConfig::default()
    })
    .run(&captures, |capture| {
        prop_assume!(wordable::can_be_asked_for(&capture));
        let ruleset = plan(&capture);
        let metadata = Metadata::of(&capture);
        let bytes = metadata.bytes(&ruleset);
        prop_assert_eq!(&Metadata::bytes_of(&capture, &ruleset), &bytes);
        prop_assert!(bytes.bytes().len() <= MetadataBytes::capacity(&ruleset));
        let again = read(&bytes, &ruleset);
        prop_assert_eq!(&again.version, VERSION);
        prop_assert_eq!(&again.edited, &[]);
        prop_assert_eq!(&again.unknown, &[""; 0]);
        match again.capture() {
            Some(capture) => prop_assert_eq!(plan(&capture), ruleset),
            None => prop_assert!(!again.lost.is_empty(), "{:?}", again),
        }
        count(match (again.lost.is_empty(), again == metadata) {
            (false, _) => &lost,
            (true, true) => &whole,
            (true, false) => &from_sets,
        });
        Ok(())
    })
    .unwrap();
    let met = [whole, from_sets, lost].map(Cell::into_inner);
    assert!(met.iter().all(|&times| times > 5), "{met:?}");
}

fn with_ports(ports: impl Iterator<Item = u16>) -> Capture {
    let mut capture = Capture::default();
    capture.outbound.exclude_ports = ports.map(Interval::single).collect();
    capture
}

#[test]
fn short_options_are_kept_as_text() {
    let capture = with_ports([22, 3306].into_iter());
    let bytes = Metadata::of(&capture).bytes(&plan(&capture));
    let text = format!("{VERSION}\nexclude-outbound-ports=22,3306");
    assert_eq!(
        bytes.bytes()[..3],
        [1, 0, u8::try_from(text.len()).unwrap()]
    );
    assert_eq!(&bytes.bytes()[3..], text.as_bytes());
}

#[test]
fn reports_an_edited_set() {
    let capture = with_ports((1..4000).step_by(3));
    let mut ruleset = plan(&capture);
    let bytes = Metadata::of(&capture).bytes(&ruleset);
    assert_eq!(read(&bytes, &ruleset).capture(), Some(capture));
    ruleset.sets[0].elements = Elements::Ports([1, 2].into_iter().collect());
    let edited = read(&bytes, &ruleset);
    assert_eq!(edited.edited, [Setting::ExcludeOutboundPorts]);
    assert_eq!(edited.options[0].1, "1-2");
    ruleset.sets.clear();
    let gone = read(&bytes, &ruleset);
    assert_eq!(gone.edited, [Setting::ExcludeOutboundPorts]);
}

#[test]
fn names_options_that_are_in_no_set_and_do_not_fit() {
    let mut capture = with_ports((1..4000).step_by(3));
    capture.proxy.uids = (1..2000).collect::<Vec<OwnerId>>();
    capture.proxy.gids = vec![7];
    let ruleset = plan(&capture);
    let bytes = Metadata::of(&capture).bytes(&ruleset);
    let again = read(&bytes, &ruleset);
    assert_eq!(again.lost, ["proxy-uid"]);
    assert_eq!(again.capture(), None);
    let names: Vec<_> = again.options.iter().map(|(setting, _)| *setting).collect();
    assert_eq!(names, [Setting::ProxyGid, Setting::ExcludeOutboundPorts]);
}

#[test]
fn no_bytes_are_no_metadata() {
    assert_eq!(Metadata::read(&MetadataBytes::default(), &[]), Ok(None));
}

#[test]
fn recognizes_newer_versions_and_formats() {
    let ruleset = plan(&Capture::default());
    let bytes = |format: u8, text: &str| {
        let length = u8::try_from(text.len()).unwrap();
        MetadataBytes::new([&[format, 0, length], text.as_bytes()].concat())
    };
    let version = |text: &str| read(&bytes(1, text), &ruleset);
    for newer in ["999.0.0", "0.999.1-rc1"] {
        assert!(version(newer).is_newer(), "{newer}");
    }
    for not in [VERSION, "0.0.1", "nonsense", ""] {
        assert!(!version(not).is_newer(), "{not}");
    }
    let newer = version("999.0.0\nproxy-uid=7\ncapture-quic=on\nsplit@12345678");
    assert_eq!(newer.unknown, ["capture-quic", "split"]);
    assert_eq!(newer.options, [(Setting::ProxyUid, "7".to_owned())]);
    assert_eq!(newer.capture(), None);
    assert_eq!(
        Metadata::read(&bytes(2, "?"), &ruleset.sets),
        Err(Unreadable::Format(2))
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Random bytes, and truncated metadata.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40), kept in 0..600usize) {
        let capture = with_ports((1..400).step_by(3));
        let ruleset = plan(&capture);
        let ours = Metadata::of(&capture).bytes(&ruleset);
        let part = ours.bytes()[..kept.min(ours.bytes().len())].to_vec();
        let whole = part.len() == ours.bytes().len();
        let read = Metadata::read(&MetadataBytes::new(part), &ruleset.sets);
        prop_assert_eq!(read.is_ok_and(|read| read.is_some()), whole);
        for format in [0, 1, 2] {
            let bytes = MetadataBytes::new([&[format], bytes.as_slice()].concat());
            if let Ok(Some(metadata)) = Metadata::read(&bytes, &ruleset.sets) {
                let _ = metadata.capture();
            }
        }
    }
}
