//! Sources by example and at random.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;
use snapbox::assert_data_eq;

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
fn entry_is_laid_out_like_the_plugin_before_it() {
    let entry = entry();
    let text =
        "{\n  \"name\": \"a\",\n  \"plugins\": [\n    {\n      \"type\": \"b\"\n    }\n  ]\n}\n";
    let expected = format!(
        "{{\n  \"name\": \"a\",\n  \"plugins\": [\n    {{\n      \"type\": \"b\"\n    }},\n    {}\n  ]\n}}\n",
        entry.source()
    );
    assert_eq!(with(text, &entry), Some(expected));
}

#[test]
fn entry_with_the_same_meaning_is_kept() {
    let value: Value = serde_json::from_str(entry().source()).unwrap();
    let pretty = serde_json::to_string_pretty(&value).unwrap();
    assert_eq!(with(&list(&[BRIDGE, &pretty]), &entry()), None);
}

#[test]
fn older_entry_is_replaced_in_place() {
    let (old, new) = (other_entry(), entry());
    let tuning = r#"{"type":"tuning"}"#;
    let before = list(&[BRIDGE, old.source(), tuning]);
    let after = list(&[BRIDGE, new.source(), tuning]);
    assert_eq!(with(&before, &new), Some(after));
}

#[test]
fn misplaced_and_repeated_entries_become_one_at_the_end() {
    let (entry, old) = (entry(), other_entry());
    let (own, old) = (entry.source(), old.source());
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
fn keys_are_compared_unescaped_and_the_last_one_counts() {
    let entry = entry();
    // Escaped, and given twice: the last one counts, as it does for Go.
    let text = r#"{"name":"a","plugins":[{"type":"x"}],"plug\u0069ns":[{"t\u0079pe":"b"}]}"#;
    let expected = format!(
        r#"{{"name":"a","plugins":[{{"type":"x"}}],"plug\u0069ns":[{{"t\u0079pe":"b"}},{}]}}"#,
        entry.source()
    );
    assert_eq!(with(text, &entry), Some(expected));
    let text = r#"{"name":"a","plugins":[{"type":"b"},{"type":"n\u0065tweir"}]}"#;
    assert_eq!(
        without(text).unwrap(),
        r#"{"name":"a","plugins":[{"type":"b"}]}"#
    );
}

#[test]
fn invalid_lists_are_refused_with_the_reason() {
    let reasons = [
        "",
        "[]",
        r#"{"name":"a","plugins":[{"type":"b"}]"#,
        r#"{"name":"a","plugins":[{"type":"b"}]} x"#,
        r#"{"plugins":[{"type":"b"}]}"#,
        r#"{"name":1,"plugins":[{"type":"b"}]}"#,
        r#"{"name":"","plugins":[{"type":"b"}]}"#,
        r#"{"name":"../a","plugins":[{"type":"b"}]}"#,
        r#"{"name":"a","loadOnlyInlinedPlugins":true}"#,
        r#"{"name":"a","loadOnlyInlinedPlugins":1,"plugins":[{"type":"b"}]}"#,
        r#"{"name":"a","plugins":{}}"#,
        r#"{"name":"a","plugins":[]}"#,
        r#"{"name":"a","plugins":[{}]}"#,
        r#"{"name":"a","plugins":[{"type":""}]}"#,
        r#"{"name":"a","plugins":["b"]}"#,
        r#"{"name":"a","cniVersion":1,"plugins":[{"type":"b"}]}"#,
    ]
    .map(|source| {
        let error = List::parse(source).expect_err(source);
        format!("{source}\n    {error}\n")
    });
    assert_data_eq!(
        reasons.concat(),
        snapbox::file!["../snapshots/invalid-lists.txt"].raw()
    );
    // A list in a file for a single plugin.
    let error = Single::parse(&list(&[BRIDGE])).expect_err("no type");
    assert!(matches!(error, Invalid::NoType), "{error}");
}

#[test]
fn lists_may_load_a_directory_unless_they_say_otherwise() {
    for (key, loads) in [
        ("", true),
        (r#","loadOnlyInlinedPlugins":false"#, true),
        (r#","loadOnlyInlinedPlugins":"False""#, true),
        (r#","loadOnlyInlinedPlugins":true"#, false),
        (r#","loadOnlyInlinedPlugins":"TRUE""#, false),
    ] {
        let source = format!("{{\"name\":\"a\",\"plugins\":[{BRIDGE}]{key}}}");
        assert_eq!(
            List::parse(&source).unwrap().loads_directory,
            loads,
            "{key}"
        );
    }
    let list = List::parse(r#"{"name":"a"}"#).unwrap();
    assert!(list.others().next().is_none() && list.loads_directory);
}

#[test]
fn one_supported_version_is_enough() {
    let check = |keys: &str| {
        let source = format!("{{\"name\":\"a\",{keys}\"plugins\":[{BRIDGE}]}}");
        let of_list = List::parse(&source).unwrap().versions.check();
        let source = format!("{{\"name\":\"a\",{keys}\"type\":\"bridge\"}}");
        assert_eq!(Single::parse(&source).unwrap().versions.check(), of_list);
        of_list.map_err(|error| error.found)
    };
    for version in SpecVersion::ALL {
        assert_eq!(check(&format!("\"cniVersion\":\"{version}\",")), Ok(()));
    }
    let several = r#""cniVersion":"0.2.0","cniVersions":["0.3.1","9"],"#;
    assert_eq!(check(several), Ok(()));
    assert_eq!(check(""), Err("missing".to_owned()));
    let older = r#""cniVersion":"0.2.0","#;
    assert_eq!(check(older), Err("0.2.0".to_owned()));
}

#[test]
fn generated_list_is_what_libcni_makes_of_the_plugin() {
    let source =
        "\n {\"cniVersion\": \"0.3.1\", \"name\": \"a\", \"type\": \"bridge\", \"mtu\": 1.50e3}\n";
    let single = Single::parse(source).unwrap();
    let generated = single.list("10-\"a\".conf", &entry());
    let parsed: Value = serde_json::from_str(&generated).unwrap();
    let plugin: Value = serde_json::from_str(source).unwrap();
    let own: Value = serde_json::from_str(entry().source()).unwrap();
    assert_eq!(
        parsed,
        json!({
            "netweir.io/generated-from": "10-\"a\".conf",
            "cniVersion": "0.3.1",
            "name": "a",
            "loadOnlyInlinedPlugins": true,
            "plugins": [plugin, own],
        })
    );
    let list = List::parse(&generated).unwrap();
    assert_eq!(list.generated_from.as_deref(), Some("10-\"a\".conf"));
    assert!(list.others().eq([source.trim()]));
    assert!(list.has_entry() && !list.loads_directory);
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

/// Any JSON in any spelling.
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

/// An object with this field among unknown ones.
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
    fn entry_is_added_to_any_list_and_nothing_else_changes(text in list_text()) {
        let after = with(&text, &entry()).unwrap();
        let mut expected: Value = serde_json::from_str(&text).unwrap();
        let own: Value = serde_json::from_str(entry().source()).unwrap();
        expected["plugins"].as_array_mut().unwrap().push(own);
        prop_assert_eq!(serde_json::from_str::<Value>(&after).unwrap(), expected);
        prop_assert_eq!(with(&after, &entry()), None);
        prop_assert_eq!(with(&after, &other_entry()), with(&text, &other_entry()));
        prop_assert_eq!(without(&after), Some(text.clone()));
        prop_assert_eq!(without(&text), None);
    }

    #[test]
    fn generated_list_has_any_plugin_byte_for_byte(text in plugin_text()) {
        prop_assert!(!Single::parse(&text).unwrap().has_name());
        let text = text.replacen('{', "{\"name\":\"a\",", 1);
        let single = Single::parse(&text).unwrap();
        prop_assert!(single.has_name());
        let generated = single.list("10.conf", &entry());
        let list = List::parse(&generated).unwrap();
        prop_assert!(list.others().eq([text.trim()]));
        prop_assert_eq!(list.with(&entry()), None);
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in prop_oneof![".*", anything(), list_text()], cut in any::<prop::sample::Index>()) {
        for text in [text.as_str(), text.get(..cut.index(text.len() + 1)).unwrap_or_default()] {
            if let Ok(list) = List::parse(text) {
                if list.others().next().is_some() {
                    list.with(&entry());
                }
                list.without();
            }
            if let Ok(single) = Single::parse(text) {
                single.list("10.conf", &entry());
            }
        }
    }
}
