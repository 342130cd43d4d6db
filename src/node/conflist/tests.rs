//! The texts, by example and by chance.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn entry() -> Entry {
    Entry::read(r#"{"policy": "all"}"#).unwrap()
}

fn other_entry() -> Entry {
    Entry::read(r#"{"policy": "none", "capture": {"exclude-outbound-ports": "22"}}"#).unwrap()
}

fn with(text: &str, entry: &Entry) -> Option<String> {
    List::parse(text).unwrap().with(entry)
}

fn without(text: &str) -> Option<String> {
    List::parse(text).unwrap().without()
}

const BRIDGE: &str = r#"{"type":"bridge"}"#;

fn list(plugins: &[&str]) -> String {
    let plugins = plugins.join(" , ");
    format!("{{\"name\": \"pods\", \"cniVersion\": \"1.0.0\", \"plugins\": [ {plugins} ]}}")
}

#[test]
fn the_entry_is_laid_out_as_the_one_before_it() {
    let entry = entry();
    let text =
        "{\n  \"name\": \"a\",\n  \"plugins\": [\n    {\n      \"type\": \"b\"\n    }\n  ]\n}\n";
    let expected = format!(
        "{{\n  \"name\": \"a\",\n  \"plugins\": [\n    {{\n      \"type\": \"b\"\n    }},\n    {}\n  ]\n}}\n",
        entry.text()
    );
    assert_eq!(with(text, &entry), Some(expected));
}

#[test]
fn an_entry_of_the_same_meaning_stays_as_it_is_spelled() {
    let value: Value = serde_json::from_str(entry().text()).unwrap();
    let pretty = serde_json::to_string_pretty(&value).unwrap();
    assert_eq!(with(&list(&[BRIDGE, &pretty]), &entry()), None);
}

#[test]
fn an_older_entry_is_replaced_where_it_is() {
    let (old, new) = (other_entry(), entry());
    let tuning = r#"{"type":"tuning"}"#;
    let before = list(&[BRIDGE, old.text(), tuning]);
    let after = list(&[BRIDGE, new.text(), tuning]);
    assert_eq!(with(&before, &new), Some(after));
}

#[test]
fn entries_that_cannot_stay_where_they_are_become_one_at_the_end() {
    let (entry, old) = (entry(), other_entry());
    let (own, old) = (entry.text(), old.text());
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let expected = parsed(&list(&[BRIDGE, own]));
    for plugins in [
        &[own, BRIDGE][..],
        &[old, own, BRIDGE],
        &[BRIDGE, own, own],
        &[old, BRIDGE, own, old],
    ] {
        let after = with(&list(plugins), &entry).unwrap();
        assert_eq!(parsed(&after), expected, "{plugins:?}");
        assert_eq!(
            parsed(&without(&list(plugins)).unwrap()),
            parsed(&list(&[BRIDGE]))
        );
    }
}

#[test]
fn keys_count_as_they_are_read() {
    let entry = entry();
    // Escaped, and given twice: the last one counts, as it does for Go.
    let text = r#"{"name":"a","plugins":[{"type":"x"}],"plug\u0069ns":[{"t\u0079pe":"b"}]}"#;
    let expected = format!(
        r#"{{"name":"a","plugins":[{{"type":"x"}}],"plug\u0069ns":[{{"t\u0079pe":"b"}},{}]}}"#,
        entry.text()
    );
    assert_eq!(with(text, &entry), Some(expected));
    let text = r#"{"name":"a","plugins":[{"type":"b"},{"type":"n\u0065tweir"}]}"#;
    assert_eq!(
        without(text).unwrap(),
        r#"{"name":"a","plugins":[{"type":"b"}]}"#
    );
}

#[test]
fn what_is_no_list_is_told_with_the_reason() {
    for (text, reason) in [
        ("", "it is not a JSON object: EOF"),
        ("[]", "it is not a JSON object: invalid type"),
        (
            r#"{"name":"a","plugins":[{"type":"b"}]"#,
            "it is not a JSON object: EOF",
        ),
        (
            r#"{"name":"a","plugins":[{"type":"b"}]} x"#,
            "it is not a JSON object: trailing",
        ),
        (r#"{"plugins":[{"type":"b"}]}"#, "it has no name"),
        (r#"{"name":1,"plugins":[{"type":"b"}]}"#, "it has no name"),
        (r#"{"name":"a"}"#, "it has no array of plugins"),
        (r#"{"name":"a","plugins":{}}"#, "it has no array of plugins"),
        (r#"{"name":"a","plugins":[]}"#, "it has no array of plugins"),
        (
            r#"{"name":"a","plugins":[{"type":"netweir"}]}"#,
            "it has no array of plugins",
        ),
        (r#"{"name":"a","plugins":[{}]}"#, "a plugin has no type"),
        (
            r#"{"name":"a","plugins":[{"type":""}]}"#,
            "a plugin has no type",
        ),
        (r#"{"name":"a","plugins":["b"]}"#, "a plugin has no type"),
        (
            r#"{"name":"a","cniVersion":1,"plugins":[{"type":"b"}]}"#,
            "its cniVersion",
        ),
    ] {
        let error = List::parse(text).expect_err(text).to_string();
        assert!(error.starts_with(reason), "{text}: {error}");
    }
    // A list in a file that should have a plugin.
    let error = Single::parse(&list(&[BRIDGE]))
        .expect_err("no type")
        .to_string();
    assert_eq!(error, "a plugin has no type, or one that is not a string");
}

#[test]
fn a_version_that_the_plugin_does_not_speak_is_told() {
    let spoken = |keys: &str| {
        let text = format!("{{\"name\":\"a\",{keys}\"plugins\":[{BRIDGE}]}}");
        let of_list = List::parse(&text).unwrap().check_version();
        let text = format!("{{\"name\":\"a\",{keys}\"type\":\"bridge\"}}");
        assert_eq!(Single::parse(&text).unwrap().check_version(), of_list);
        of_list.map_err(|error| error.to_string())
    };
    for version in SpecVersion::ALL {
        assert_eq!(spoken(&format!("\"cniVersion\":\"{version}\",")), Ok(()));
    }
    assert_eq!(
        spoken(r#""cniVersion":"0.2.0","cniVersions":["0.3.1","9"],"#),
        Ok(())
    );
    let all = SpecVersion::listed();
    for (keys, found) in [("", "missing"), (r#""cniVersion":"0.2.0","#, "0.2.0")] {
        let expected = format!(
            "its cniVersion is {found}, which the plugin does not speak; accepted are {all}"
        );
        assert_eq!(spoken(keys), Err(expected));
    }
}

#[test]
fn a_single_plugin_becomes_the_list_that_libcni_makes_of_it() {
    let text =
        "\n {\"cniVersion\": \"0.3.1\", \"name\": \"a\", \"type\": \"bridge\", \"mtu\": 1.50e3}\n";
    let single = Single::parse(text).unwrap();
    let (made, older) = (single.with(&entry()), single.with(&other_entry()));
    let parsed: Value = serde_json::from_str(&made).unwrap();
    let plugin: Value = serde_json::from_str(text).unwrap();
    let own: Value = serde_json::from_str(entry().text()).unwrap();
    assert_eq!(
        parsed,
        json!({"cniVersion": "0.3.1", "name": "a", "plugins": [plugin, own]})
    );
    for text in [&made, &older] {
        let list = List::parse(text).unwrap();
        assert_eq!(list.only_other(), Some(single.text));
        assert!(list.has_entry());
    }
    assert!(!List::parse(&without(&made).unwrap()).unwrap().has_entry());
}

fn space() -> impl Strategy<Value = String> {
    "[ \n\t\r]{0,3}"
}

fn string() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        "[a-zA-Z0-9 {}\\[\\]:,._-]{1,6}",
        "[äöü漢🦀]{1,2}",
        Just(r"\u00e9".to_owned()),
        Just(r"\uD83E\uDD80".to_owned()),
        Just(r#"\""#.to_owned()),
        Just(r"\\\/\b\f\n\r\t".to_owned()),
    ];
    vec(parts, 0..4).prop_map(|parts| format!("\"{}\"", parts.concat()))
}

fn number() -> impl Strategy<Value = String> {
    "(-)?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,2})?"
}

/// Any JSON, spelled in any way.
fn anything() -> impl Strategy<Value = String> {
    let words = proptest::sample::select(vec!["true", "false", "null"]).prop_map(str::to_owned);
    prop_oneof![words, number(), string()].prop_recursive(4, 24, 4, |inner| {
        let entry = (space(), string(), space(), inner.clone(), space());
        let entry = entry.prop_map(|(a, key, b, value, c)| format!("{a}{key}{b}:{value}{c}"));
        let element = (space(), inner, space()).prop_map(|(a, value, b)| format!("{a}{value}{b}"));
        prop_oneof![
            vec(entry, 1..4).prop_map(|entries| format!("{{{}}}", entries.join(","))),
            vec(element, 1..4).prop_map(|elements| format!("[{}]", elements.join(","))),
        ]
    })
}

/// An object with this text in it, among other keys that nobody knows.
fn object_with(known: String) -> impl Strategy<Value = String> {
    let others = vec(
        (space(), "[a-z]{1,3}-x", space(), anything(), space()),
        0..4,
    );
    (others, any::<prop::sample::Index>(), space()).prop_map(move |(others, index, space)| {
        let mut entries: Vec<_> = others
            .into_iter()
            .map(|(a, key, b, value, c)| format!("{a}\"{key}\"{b}:{b}{value}{c}"))
            .collect();
        entries.insert(
            index.index(entries.len() + 1),
            format!("{space}{known}{space}"),
        );
        format!("{{{}}}", entries.join(","))
    })
}

fn plugin_text() -> impl Strategy<Value = String> {
    "[a-m]{1,8}".prop_flat_map(|name| object_with(format!("\"type\":\"{name}\"")))
}

fn list_text() -> impl Strategy<Value = String> {
    let plugins = vec((space(), plugin_text(), space()), 1..4);
    (plugins, space(), space()).prop_flat_map(|(plugins, before, after)| {
        let plugins = plugins.into_iter().map(|(a, text, b)| format!("{a}{text}{b}"));
        let plugins = plugins.collect::<Vec<_>>().join(",");
        let known = format!(
            "\"cniVersion\":\"1.0.0\",{before}\"plugins\"{after}:{before}[{plugins}],\"name\" :\"a\""
        );
        object_with(known).prop_map(move |text| format!("{before}{text}{after}"))
    })
}

proptest! {
    #[test]
    fn the_entry_is_added_to_any_list_and_nothing_else_changes(text in list_text()) {
        let after = with(&text, &entry()).unwrap();
        let mut expected: Value = serde_json::from_str(&text).unwrap();
        let own: Value = serde_json::from_str(entry().text()).unwrap();
        expected["plugins"].as_array_mut().unwrap().push(own);
        prop_assert_eq!(serde_json::from_str::<Value>(&after).unwrap(), expected);
        prop_assert_eq!(with(&after, &entry()), None);
        prop_assert_eq!(with(&after, &other_entry()), with(&text, &other_entry()));
        prop_assert_eq!(without(&after), Some(text.clone()));
        prop_assert_eq!(without(&text), None);
    }

    #[test]
    fn any_plugin_is_in_the_list_that_it_becomes(text in plugin_text()) {
        let single = Single::parse(&text).unwrap();
        let made = single.with(&entry());
        let list = List::parse(&made).unwrap_err();
        // It has no name, which a list must have.
        prop_assert!(matches!(list, Broken::NoName));
        let text = text.replacen('{', "{\"name\":\"a\",", 1);
        let single = Single::parse(&text).unwrap();
        let made = single.with(&entry());
        let list = List::parse(&made).unwrap();
        prop_assert_eq!(list.only_other(), Some(text.trim()));
        prop_assert_eq!(list.with(&entry()), None);
    }

    #[test]
    fn no_text_is_too_strange(text in prop_oneof![".*", anything(), list_text()], cut in any::<prop::sample::Index>()) {
        for text in [text.as_str(), text.get(..cut.index(text.len() + 1)).unwrap_or_default()] {
            if let Ok(list) = List::parse(text) {
                list.with(&entry());
                list.without();
            }
            if let Ok(single) = Single::parse(text) {
                single.with(&entry());
            }
        }
    }
}
