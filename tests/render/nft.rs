//! The text is judged by `nft`.

use netweir::intent::Capture;
use netweir::plan::plan;
use netweir::render;
use netweir::ruleset::TABLE;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::captures::capture;
use crate::program::{in_fresh_namespace, input};

/// So many captures share a process, each with a table of its own.
const BATCH: usize = 24;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 8,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// One text for all of the captures.
fn texts(captures: &[Capture]) -> String {
    let own = format!("inet {TABLE}");
    captures
        .iter()
        .enumerate()
        .map(|(nth, capture)| {
            render::nft(&plan(capture)).replace(&own, &format!("inet {TABLE}_{nth}"))
        })
        .collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nft_takes_the_text_and_its_listing(captures in vec(capture(), BATCH)) {
        let text = texts(&captures);
        let list = format!("nft -f {} && nft list ruleset", input(0));
        let listing = in_fresh_namespace(&list, &[&text]);
        prop_assert_eq!(listing.matches("table inet").count(), BATCH);
        prop_assert_eq!(in_fresh_namespace(&list, &[&listing]), listing);
    }
}
