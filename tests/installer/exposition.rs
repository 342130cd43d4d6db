//! Parses Prometheus's text format, version 0.0.4, strictly.

use std::collections::BTreeMap;

/// A sample of a metric.
#[derive(Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// The samples. Each family must have its help, its type and its samples, in this order.
pub(crate) fn samples(text: &str) -> Vec<Sample> {
    assert!(text.ends_with('\n'), "the last line does not end: {text}");
    let mut families: Vec<&str> = Vec::new();
    let mut helped = None;
    let mut samples: Vec<Sample> = Vec::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect("a help");
            assert!(is_name(name) && !help.is_empty(), "{line}");
            helped = Some(name);
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a type");
            assert_eq!(helped, Some(name), "{line}");
            assert!(!families.contains(&name), "a second time: {line}");
            let is_total = name.ends_with("_total");
            assert_eq!(kind, if is_total { "counter" } else { "gauge" }, "{line}");
            families.push(name);
        } else {
            let sample = sample(line);
            assert_eq!(families.last(), Some(&sample.name.as_str()), "{line}");
            let is_same =
                |known: &Sample| known.name == sample.name && known.labels == sample.labels;
            assert!(!samples.iter().any(is_same), "a second time: {line}");
            samples.push(sample);
        }
    }
    samples
}

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    let is_first = |letter: char| letter.is_ascii_alphabetic() || "_:".contains(letter);
    letters.next().is_some_and(is_first)
        && letters.all(|letter| is_first(letter) || letter.is_ascii_digit())
}

fn sample(line: &str) -> Sample {
    let (before, value) = line.rsplit_once(' ').expect("a value");
    let (name, labels) = match before.split_once('{') {
        None => (before, BTreeMap::new()),
        Some((name, labels)) => (name, read_labels(labels.strip_suffix('}').expect("an end"))),
    };
    assert!(is_name(name), "{line}");
    Sample {
        name: name.to_owned(),
        labels,
        value: value.parse().expect("a number"),
    }
}

fn read_labels(mut rest: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    while !rest.is_empty() {
        let (name, quoted) = rest.split_once("=\"").expect("a name and a quote");
        assert!(is_name(name) && !name.contains(':'), "{rest}");
        let mut value = String::new();
        let mut letters = quoted.char_indices();
        let end = loop {
            value.push(match letters.next().expect("a closing quote") {
                (end, '"') => break end,
                (_, '\\') => match letters.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, escaped @ ('"' | '\\'))) => escaped,
                    other => panic!("no escape: {other:?}"),
                },
                (_, letter) => letter,
            });
        };
        assert_eq!(labels.insert(name.to_owned(), value), None, "{name} twice");
        let (_, behind) = quoted.split_at(end + 1);
        rest = match behind.strip_prefix(',') {
            Some(next) => next,
            None if behind.is_empty() => "",
            None => panic!("no comma: {behind}"),
        };
    }
    labels
}
