//! Directories as maps of sources: the changes that are decided, and what they lead to.

use std::collections::BTreeMap;

use super::*;

type Directory = BTreeMap<String, String>;

const LIST_SOURCE: &str = r#"{"name":"a","cniVersion":"1.0.0","plugins":[{"type":"bridge"}]}"#;
const OTHER_LIST: &str =
    r#"{"name":"b","cniVersion":"0.4.0","plugins":[{"type":"calico"},{"type":"portmap"}]}"#;
const SINGLE: &str = "{\"name\":\"a\",\"cniVersion\":\"0.3.1\",\"type\":\"bridge\"}\n";
const NAMELESS: &str = r#"{"cniVersion":"1.0.0","type":"loopback"}"#;

fn entry() -> Entry {
    Entry::read("{}").unwrap()
}

fn directory(files: &[(&str, &str)]) -> Directory {
    let files = files.iter();
    files
        .map(|(name, source)| ((*name).to_owned(), (*source).to_owned()))
        .collect()
}

/// Reads files; a name with a slash is a plugin in the directory of a network.
fn files(directory: &Directory) -> Files {
    let names = directory
        .keys()
        .filter(|name| is_relevant(name) && !name.contains('/'));
    let mut files = Files::default();
    for name in names {
        files.add(name.clone(), Ok(directory[name].clone()), |network| {
            let mut plugins = PluginDirectory::default();
            for (path, source) in directory {
                if path.starts_with(&format!("{network}/")) && is_plugin(path) {
                    plugins.add(path, source).unwrap();
                }
            }
            Ok(plugins)
        });
    }
    files
}

/// The first valid file, as a runtime chooses it.
fn runtime_choice(directory: &Directory) -> Option<(String, String)> {
    let mut files = directory
        .iter()
        .filter(|(name, _)| SUFFIXES.iter().any(|suffix| name.ends_with(suffix)));
    let choice = files.find(|(name, source)| {
        if name.ends_with(LIST) {
            List::parse(source).is_ok()
        } else {
            Single::parse(source).is_ok()
        }
    });
    choice.map(|(name, source)| (name.clone(), source.clone()))
}

fn is_captured(directory: &Directory) -> bool {
    let choice = runtime_choice(directory);
    choice.is_some_and(|(name, source)| name.ends_with(LIST) && source.contains(NAME))
}

/// Makes the changes, and checks after each what a runtime would find.
fn performed(directory: &Directory, changes: &[Change<'_>], keeps_capture: bool) -> Directory {
    let (had_network, was_captured) = (runtime_choice(directory).is_some(), is_captured(directory));
    let mut after = directory.clone();
    for change in changes {
        match change.clone() {
            Change::Create { name, new, like } => {
                assert!(like.is_none_or(|like| after.contains_key(like)), "{like:?}");
                assert_eq!(after.insert(name, new), None);
            }
            Change::Rewrite { name, old, new } => {
                assert_eq!(after.insert(name.to_owned(), new), Some(old.to_owned()));
            }
            Change::Remove { name, old, without } => {
                assert!(without.is_none_or(|without| !after.contains_key(without)));
                assert_eq!(after.remove(name), Some(old.to_owned()));
            }
        }
        assert!(
            !had_network || runtime_choice(&after).is_some(),
            "{change:?}"
        );
        assert!(
            !keeps_capture || !was_captured || is_captured(&after),
            "{change:?}"
        );
    }
    after
}

fn installed_as(directory: &Directory, entry: &Entry) -> Directory {
    let files = files(directory);
    let primary = files.select().primary.expect("a network").expect("usable");
    let after = performed(directory, &files.install(&primary, entry), true);
    assert!(is_captured(&after), "{after:#?}");
    let again = self::files(&after);
    let primary = again.select().primary.unwrap().unwrap();
    assert_eq!(again.install(&primary, entry), []);
    after
}

fn installed(directory: &Directory) -> Directory {
    installed_as(directory, &entry())
}

fn uninstalled(directory: &Directory) -> Directory {
    let after = performed(directory, &files(directory).uninstall(), false);
    assert_eq!(files(&after).uninstall(), []);
    after
}

fn blocked(directory: &Directory) -> Unsupported {
    let files = files(directory);
    let blocked = files.select().primary.expect("a network");
    blocked.expect_err("unsupported").reason
}

fn with_entry(source: &str) -> String {
    List::parse(source).unwrap().with(&entry()).unwrap()
}

fn generated(name: &str, source: &str) -> String {
    Single::parse(source).unwrap().list(name, &entry())
}

#[test]
fn first_valid_file_by_name_is_the_primary_network() {
    let directory = directory(&[
        ("00-notes.txt", LIST_SOURCE),
        ("05-empty.conflist", ""),
        ("10-half.conf", "{\"type\": \"brid"),
        // Runtimes refuse a list in such a file.
        ("20-list.conf", LIST_SOURCE),
        ("30-none.json", "{}"),
        ("87-primary.conflist", OTHER_LIST),
        ("99-later.conflist", LIST_SOURCE),
    ]);
    let files = files(&directory);
    let selection = files.select();
    let primary = selection.primary.unwrap().unwrap();
    assert_eq!(primary.file.name, "87-primary.conflist");
    let invalid: Vec<_> = selection.invalid.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        invalid,
        [
            "05-empty.conflist",
            "10-half.conf",
            "20-list.conf",
            "30-none.json"
        ]
    );
    let after = installed(&directory);
    let changed: Vec<_> = after
        .iter()
        .filter(|(name, source)| directory.get(*name) != Some(source))
        .collect();
    assert_eq!(
        changed,
        [(&"87-primary.conflist".to_owned(), &with_entry(OTHER_LIST))]
    );
    assert_eq!(uninstalled(&after), directory);
}

#[test]
fn unreadable_file_before_the_primary_network_blocks_it() {
    let mut files = Files::default();
    let unreadable = || Err(Problem::Unreadable("too many open files".to_owned()));
    files.add("05.conflist".to_owned(), unreadable(), |_| unreachable!());
    files.add(
        "10.conflist".to_owned(),
        Ok(with_entry(LIST_SOURCE)),
        |_| Ok(PluginDirectory::default()),
    );
    let blocked = files.select().primary.unwrap().unwrap_err();
    assert_eq!(blocked.name, "05.conflist");
    assert!(!blocked.reason.is_settled());
    assert_eq!(files.follow_removals(), []);
    let undetermined: Vec<_> = files.undetermined().map(|(name, _)| name).collect();
    assert_eq!(undetermined, ["05.conflist"]);
}

#[test]
fn generated_list_outlives_an_unreadable_or_half_written_source() {
    let whole = installed(&directory(&[
        ("10.conf", SINGLE),
        ("20.conflist", OTHER_LIST),
    ]));
    for source in [
        Err(Problem::Unreadable("input/output error".to_owned())),
        Ok("{\"type\": \"brid".to_owned()),
    ] {
        let mut files = Files::default();
        let mut source = Some(source);
        for (name, text) in &whole {
            let source = if name == "10.conf" {
                source.take().unwrap()
            } else {
                Ok(text.clone())
            };
            files.add(name.clone(), source, |_| Ok(PluginDirectory::default()));
        }
        let is_removal = |change: &Change<'_>| matches!(change, Change::Remove { .. });
        assert!(!files.follow_removals().iter().any(is_removal));
        if let Some(Ok(primary)) = files.select().primary {
            assert_eq!(primary.file.name, "20.conflist");
            let changes = files.install(&primary, &entry());
            assert!(!changes.iter().any(is_removal), "{changes:?}");
        }
    }
}

#[test]
fn invalid_list_is_undetermined_where_it_mentions_the_plugin() {
    let directory = directory(&[
        ("1.conflist", "{"),
        ("2.conflist", &with_entry(LIST_SOURCE).replace("]}", "")),
        ("3.conflist", &with_entry(LIST_SOURCE)),
        ("4.conf", r#"{"name":"b","type":"netweir"}"#),
    ]);
    let files = files(&directory);
    let undetermined: Vec<_> = files.undetermined().map(|(name, _)| name).collect();
    assert_eq!(undetermined, ["2.conflist", "4.conf"]);
}

#[test]
fn networks_that_cannot_have_the_plugin_are_not_skipped() {
    let old = LIST_SOURCE.replace("1.0.0", "0.2.0");
    let multus = r#"{"cniVersion":"0.3.1","name":"multus","type":"multus"}"#;
    let empty = r#"{"cniVersion":"1.1.0","name":"n"}"#;
    let own_entry = entry();
    let reasons = [
        ("10.conflist", old.as_str(), None),
        ("10.conf", NAMELESS, None),
        ("10-multus.conf", multus, None),
        ("10.conflist", empty, Some(("n/aa.conf", SINGLE))),
        (
            "10.conflist",
            LIST_SOURCE,
            Some(("a/zz.conf", own_entry.source())),
        ),
        ("10.conf", SINGLE, Some(("10-netweir.conflist", "{"))),
    ]
    .map(|(name, source, more)| {
        let mut directory = directory(&[(name, source), ("20.conflist", OTHER_LIST)]);
        if let Some((name, source)) = more {
            directory.insert(name.to_owned(), source.to_owned());
        }
        assert_eq!(uninstalled(&directory), directory);
        format!("{name} {source}\n    {}\n", blocked(&directory))
    });
    snapbox::assert_data_eq!(
        reasons.concat(),
        snapbox::file!["../snapshots/unsupported.txt"].raw()
    );
}

#[test]
fn list_with_plugins_in_its_directory_gets_the_entry_behind_its_own() {
    let before = directory(&[("10.conflist", LIST_SOURCE), ("a/aa.conf", SINGLE)]);
    let after = installed(&before);
    assert_eq!(after["10.conflist"], with_entry(LIST_SOURCE));
    assert_eq!(uninstalled(&after), before);
    // A directory that libcni does not load is none of the network's.
    let inlined = LIST_SOURCE.replace("\"plugins\"", "\"loadOnlyInlinedPlugins\":true,\"plugins\"");
    let own = entry();
    let before = directory(&[("10.conflist", &inlined), ("a/aa.conf", own.source())]);
    assert_eq!(uninstalled(&installed(&before)), before);
}

#[test]
fn single_plugin_stays_and_a_generated_list_outranks_it() {
    for name in ["10-bridge.conf", "10-bridge.json"] {
        let before = directory(&[(name, SINGLE), ("20.conflist", OTHER_LIST)]);
        let after = installed(&before);
        let expected = directory(&[
            (name, SINGLE),
            ("10-bridge-netweir.conflist", &generated(name, SINGLE)),
            ("20.conflist", OTHER_LIST),
        ]);
        assert_eq!(after, expected);
        assert_eq!(files(&after).uninstall().len(), 1);
        assert_eq!(uninstalled(&after), before);
    }
}

#[test]
fn generated_list_follows_its_source() {
    let mut directory = installed(&directory(&[("10.conf", SINGLE)]));
    let newer = SINGLE.replace("bridge", "ptp");
    directory.insert("10.conf".to_owned(), newer.clone());
    let after = installed(&directory);
    assert_eq!(after["10-netweir.conflist"], generated("10.conf", &newer));
    let entry = Entry::read(r#"{"policy":"all"}"#).unwrap();
    let other = installed_as(&after, &entry);
    assert!(other["10-netweir.conflist"].contains("\"policy\":\"all\""));
    assert_eq!(uninstalled(&other), self::directory(&[("10.conf", &newer)]));
    // And goes with it.
    let mut gone = after;
    gone.remove("10.conf");
    let files = files(&gone);
    assert!(files.select().primary.is_none());
    let changes = files.follow_removals();
    assert!(
        matches!(
            changes.as_slice(),
            [Change::Remove {
                name: "10-netweir.conflist",
                without: Some("10.conf"),
                ..
            }]
        ),
        "{changes:?}"
    );
}

#[test]
fn lists_that_only_look_generated_belong_to_others() {
    // Without the mark, or with that of another name.
    let copied = generated("10.conf", SINGLE);
    for (name, source) in [
        ("10-netweir.conflist", with_entry(LIST_SOURCE)),
        ("05-copy.conflist", copied),
    ] {
        let before = directory(&[(name, &source), ("20.conf", SINGLE)]);
        assert_eq!(installed(&before), before);
        let after = uninstalled(&before);
        assert!(!after[name].contains("\"type\":\"netweir\""), "{after:?}");
        assert_eq!(after.len(), 2);
    }
}

#[test]
fn entry_moves_to_a_new_primary_network_and_back() {
    for (name, source) in [("10.conflist", LIST_SOURCE), ("10.conf", SINGLE)] {
        let old = directory(&[(name, source)]);
        let mut both = installed(&old);
        both.insert("05.conflist".to_owned(), OTHER_LIST.to_owned());
        let after = installed(&both);
        let expected = directory(&[("05.conflist", &with_entry(OTHER_LIST)), (name, source)]);
        assert_eq!(after, expected);
        let mut alone = after;
        alone.remove("05.conflist");
        assert_eq!(installed(&alone), installed(&old));
    }
}

#[test]
fn network_between_a_generated_list_and_its_source_is_primary() {
    let mut directory = installed(&directory(&[("10.conf", SINGLE)]));
    directory.insert("10-other.conflist".to_owned(), OTHER_LIST.to_owned());
    let after = installed(&directory);
    let expected = self::directory(&[
        ("10-other.conflist", &with_entry(OTHER_LIST)),
        ("10.conf", SINGLE),
    ]);
    assert_eq!(after, expected);
}

#[test]
fn standalone_plugin_has_its_own_file() {
    let standalone = Entry::read(r#"{"standalone":true,"policy":"all"}"#).unwrap();
    let others = directory(&[("10-net.conf", SINGLE), ("20.conflist", OTHER_LIST)]);
    let install = |directory: &Directory| {
        let files = files(directory);
        let changes = files.install_standalone(&standalone).unwrap();
        performed(directory, &changes, false)
    };
    let mut expected = others.clone();
    expected.insert(STANDALONE.to_owned(), standalone.standalone());
    // Also in place of an entry in the primary network.
    for before in [&others, &installed(&others)] {
        let after = install(before);
        assert_eq!(after, expected);
        assert_eq!(install(&after), after);
        assert_eq!(uninstalled(&after), others);
        assert_eq!(installed(&after), installed(&others));
    }
    // A file of another program stays.
    for source in [SINGLE, r#"{"name":"netweir","type":"netweir"}"#, "{"] {
        let taken = directory(&[(STANDALONE, source)]);
        let files = files(&taken);
        let blocked = files.install_standalone(&standalone).unwrap_err();
        assert_eq!(
            blocked.reason,
            Unsupported::NameTaken(STANDALONE.to_owned())
        );
        assert_eq!(files.uninstall(), []);
    }
}

#[test]
fn sources_are_kept_only_while_a_change_may_need_them() {
    let padding = " ".repeat(1 << 20);
    let mut files = Files::default();
    for number in 0..200 {
        let source = format!("{LIST_SOURCE}{padding}");
        files.add(format!("{number:03}.conflist"), Ok(source), |_| {
            Ok(PluginDirectory::default())
        });
    }
    assert!(files.kept < 2 << 20, "{}", files.kept);
    // Entries everywhere are not expected, and must not exhaust memory either.
    let mut files = Files::default();
    for number in 0..20 {
        let source = with_entry(&format!("{LIST_SOURCE}{padding}"));
        files.add(format!("{number:03}.conflist"), Ok(source), |_| {
            Ok(PluginDirectory::default())
        });
    }
    assert!(files.kept <= MAX_KEPT, "{}", files.kept);
    assert!(files.undetermined().next().is_some());
}
