//! The picture of any rules says what explain says, and stays on its sheet.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use netweir::explain::{Verdict, evaluate};
use netweir::graph::{Diagram, Ending, Question, dot, mermaid, svg};
use netweir::intent::Capture;
use netweir::plan::plan;
use netweir::ruleset::Ruleset;
use netweir_testkit::captures;
use netweir_testkit::connections;
use netweir_testkit::scenarios;
use netweir_testkit::sparse_captures;
use proptest::collection::vec;
use proptest::prelude::*;
use roxmltree::{Document, Node};
use snapbox::{Assert, Data};

fn diagram(ruleset: &Ruleset) -> Diagram {
    Diagram::new(&ruleset.clone().into())
}

/// Whether the id matches the pattern, in which `*` stands for any text.
fn is_match(pattern: &str, id: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == id,
        Some((start, rest)) => id.strip_prefix(start).is_some_and(|id| {
            let mut ends = (0..=id.len()).filter_map(|skipped| id.get(skipped..));
            ends.any(|id| is_match(rest, id))
        }),
    }
}

/// The questions of the diagram that stand for the rule.
fn questions_of<'a>(diagram: &'a Diagram, id: &str) -> Vec<&'a Question> {
    let stands_for = |question: &&Question| question.id == id || is_match(&question.id, id);
    let stages = diagram.lanes.iter().flat_map(|lane| &lane.stages);
    let questions = stages.flat_map(|stage| &stage.questions);
    questions.filter(stands_for).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn shows_every_rule(capture in captures::capture()) {
        let ruleset = plan(&capture);
        let diagram = diagram(&ruleset);
        for (_, rule) in ruleset.rules() {
            let questions = questions_of(&diagram, &rule.id.to_string());
            prop_assert!(!questions.is_empty(), "{}", rule.id);
        }
    }

    #[test]
    fn ends_where_explain_does(
        (capture, connections) in sparse_captures::capture().prop_flat_map(|capture: Capture| {
            let connections = vec(connections::connection(&capture), 20);
            (Just(capture), connections)
        })
    ) {
        let ruleset = plan(&capture);
        let diagram = diagram(&ruleset);
        for connection in connections {
            let outcome = evaluate(&ruleset, &connection);
            let Some(rule) = outcome.rule else { continue };
            let agrees = |question: &&Question| match &question.ending {
                Ending::Verdict(verdict, _) => *verdict == outcome.verdict,
                // By `accept` in a chain that another one follows.
                Ending::Next(_) | Ending::Done(..) => outcome.verdict == Verdict::Leave,
                Ending::GoesOn(_) | Ending::Unknown => false,
            };
            let questions = questions_of(&diagram, &rule.to_string());
            prop_assert!(questions.iter().any(agrees), "{connection}: {rule}: {questions:?}");
        }
    }

    #[test]
    fn every_ending_leads_to_the_next_chain(capture in captures::capture()) {
        let ruleset = plan(&capture);
        for lane in &diagram(&ruleset).lanes {
            let unseen = lane.note.is_some_and(|note| note.starts_with("not captured"));
            prop_assert_eq!(unseen, lane.stages.is_empty());
            let follower = lane.stages.iter().skip(1).map(Some).chain([None]);
            for (stage, next) in lane.stages.iter().zip(follower) {
                let name = next.and_then(|next| next.title.split(':').next());
                let endings = stage.questions.iter().map(|question| &question.ending);
                for ending in endings.chain(&stage.rest) {
                    let leads_to = match ending {
                        Ending::Next(chain) => Some(chain.as_str()),
                        Ending::Done(_, chain) => chain.as_deref(),
                        Ending::Verdict(Verdict::Leave, _) => None,
                        Ending::Verdict(..) | Ending::GoesOn(_) | Ending::Unknown => continue,
                    };
                    prop_assert_eq!(leads_to, name, "{:?}", ending);
                }
            }
        }
    }

    #[test]
    fn svg_is_xml_with_disjoint_boxes(capture in captures::capture()) {
        let text = svg(&diagram(&plan(&capture)));
        let picture = Document::parse(&text).unwrap();
        let root = picture.root_element();
        let sheet = [number(root, "width"), number(root, "height")];
        prop_assert_eq!(sheet[0], 900);
        let boxes: Vec<_> = root
            .children()
            .filter(|node| node.has_tag_name("rect") && node.attribute("class") != Some("ground"))
            .map(|node| {
                let at = |name: &str, length: &str| {
                    let start = number(node, name);
                    (start, start + number(node, length))
                };
                [at("x", "width"), at("y", "height")]
            })
            .collect();
        prop_assert!(boxes.len() >= 2);
        for (nth, one) in boxes.iter().enumerate() {
            for (side, (start, end)) in one.iter().enumerate() {
                prop_assert!(start < end && *end <= sheet[side]);
            }
            for other in boxes.iter().skip(nth + 1) {
                let apart = one.iter().zip(other).any(|(a, b)| a.1 <= b.0 || b.1 <= a.0);
                prop_assert!(apart, "{one:?} and {other:?}");
            }
        }
    }
}

fn number(node: Node<'_, '_>, name: &str) -> u32 {
    node.attribute(name).unwrap().parse().unwrap()
}

/// `SNAPSHOTS=overwrite` writes the files anew.
#[test]
fn scenarios_match_their_snapshots() {
    let assert = Assert::new().action_env("SNAPSHOTS");
    for (name, capture) in scenarios::scenarios() {
        let diagram = diagram(&plan(&capture));
        for (file, text) in [("path.mmd", mermaid(&diagram)), ("path.dot", dot(&diagram))] {
            let file = scenarios::directory(&name).join(file);
            assert.eq(Data::text(text).raw(), Data::read_from(&file, None).raw());
        }
    }
}
