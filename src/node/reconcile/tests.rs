//! Folders as maps of texts: what is decided, and what that leads to.

use std::collections::BTreeMap;

use super::*;

type ConfDir = BTreeMap<String, String>;

const LIST_TEXT: &str = r#"{"name":"a","cniVersion":"1.0.0","plugins":[{"type":"bridge"}]}"#;
const OTHER_LIST: &str =
    r#"{"name":"b","cniVersion":"0.4.0","plugins":[{"type":"calico"},{"type":"portmap"}]}"#;
const SINGLE: &str = "{\"name\":\"a\",\"cniVersion\":\"0.3.1\",\"type\":\"bridge\"}\n";
const OLD_SPEC: &str = r#"{"name":"a","cniVersion":"0.2.0","plugins":[{"type":"bridge"}]}"#;

fn entry() -> Entry {
    Entry::read("{}").unwrap()
}

fn folder(files: &[(&str, &str)]) -> ConfDir {
    let files = files.iter();
    files
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

fn files(folder: &ConfDir) -> Files {
    let mut files = Files::default();
    for (name, text) in folder.iter().filter(|(name, _)| is_relevant(name)) {
        files.add(name.clone(), Ok(text.clone()));
    }
    files
}

/// Does the steps, and looks after each what a runtime would find.
fn performed(folder: &ConfDir, steps: &[Change]) -> ConfDir {
    let had_primary = files(folder).choose().primary.is_some();
    let mut folder = folder.clone();
    for step in steps {
        match step.clone() {
            Change::Create { name, new, like } => {
                assert!(folder.contains_key(&like), "{like}");
                assert_eq!(folder.insert(name, new), None);
            }
            Change::Rewrite { name, old, new } => {
                assert_eq!(folder.insert(name, new), Some(old));
            }
            Change::Remove { name, old } => {
                assert_eq!(folder.remove(&name), Some(old));
            }
        }
        assert_eq!(
            files(&folder).choose().primary.is_some(),
            had_primary,
            "after {step:?}"
        );
    }
    folder
}

fn installed_as(folder: &ConfDir, entry: &Entry) -> ConfDir {
    let files = files(folder);
    let primary = files.choose().primary.expect("a primary network");
    let after = performed(folder, &files.install(&primary, entry).expect("spoken"));
    // That was all.
    let again = self::files(&after);
    let primary = again.choose().primary.expect("a primary network");
    assert_eq!(again.install(&primary, entry), Ok(Vec::new()));
    after
}

fn installed(folder: &ConfDir) -> ConfDir {
    installed_as(folder, &entry())
}

fn uninstalled(folder: &ConfDir) -> ConfDir {
    let after = performed(folder, &files(folder).uninstall());
    assert_eq!(files(&after).uninstall(), []);
    after
}

fn with_entry(text: &str) -> String {
    List::parse(text).unwrap().with(&entry()).unwrap()
}

fn made_of(text: &str) -> String {
    Single::parse(text).unwrap().with(&entry())
}

#[test]
fn the_first_by_name_that_is_valid_is_the_primary_network() {
    let folder = folder(&[
        ("00-notes.txt", LIST_TEXT),
        ("05-empty.conflist", ""),
        ("10-half.conf", "{\"type\": \"brid"),
        // For runtimes, a list in such a file is a mistake.
        ("20-list.conf", LIST_TEXT),
        ("30-none.json", "{}"),
        ("87-primary.conflist", OTHER_LIST),
        ("99-later.conflist", LIST_TEXT),
    ]);
    let files = files(&folder);
    let choice = files.choose();
    assert_eq!(
        choice.primary.expect("a primary network").name,
        "87-primary.conflist"
    );
    let broken: Vec<_> = choice.broken.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        broken,
        [
            "05-empty.conflist",
            "10-half.conf",
            "20-list.conf",
            "30-none.json"
        ]
    );
    let after = installed(&folder);
    let changed: Vec<_> = after
        .iter()
        .filter(|(name, text)| folder.get(*name) != Some(text))
        .collect();
    assert_eq!(
        changed,
        [(&"87-primary.conflist".to_owned(), &with_entry(OTHER_LIST))]
    );
    assert_eq!(uninstalled(&after), folder);
}

#[test]
fn what_cannot_be_read_is_passed_over() {
    let mut files = Files::default();
    let unreadable = Broken::Unreadable("permission denied".to_owned());
    files.add("05.conflist".to_owned(), Err(unreadable));
    assert!(files.choose().primary.is_none());
    // It may have the entry in it.
    let doubtful: Vec<_> = files.doubtful().map(|(name, _)| name).collect();
    assert_eq!(doubtful, ["05.conflist"]);
    files.add("10.conflist".to_owned(), Ok(LIST_TEXT.to_owned()));
    assert_eq!(files.choose().primary.unwrap().name, "10.conflist");
}

#[test]
fn a_broken_list_is_doubtful_where_it_names_the_plugin() {
    let folder = folder(&[
        ("1.conflist", "{"),
        ("2.conflist", &with_entry(LIST_TEXT).replace("]}", "")),
        ("3.conflist", &with_entry(LIST_TEXT)),
    ]);
    let files = files(&folder);
    let doubtful: Vec<_> = files.doubtful().map(|(name, _)| name).collect();
    assert_eq!(doubtful, ["2.conflist"]);
}

#[test]
fn a_version_that_is_not_spoken_leaves_everything_as_it_is() {
    let folder = folder(&[("10.conflist", OLD_SPEC), ("20.conflist", LIST_TEXT)]);
    let files = files(&folder);
    let primary = files.choose().primary.unwrap();
    let error = files.install(&primary, &entry()).unwrap_err().to_string();
    assert!(error.starts_with("its cniVersion is 0.2.0"), "{error}");
}

#[test]
fn a_single_plugin_becomes_a_list_and_comes_back() {
    let before = folder(&[("10-bridge.conf", SINGLE), ("20.conflist", OTHER_LIST)]);
    let after = installed(&before);
    let expected = folder(&[
        ("10-bridge.conf.before-netweir", SINGLE),
        ("10-bridge.conflist", &made_of(SINGLE)),
        ("20.conflist", OTHER_LIST),
    ]);
    assert_eq!(after, expected);
    assert_eq!(uninstalled(&after), before);
}

#[test]
fn a_single_plugin_of_any_suffix_does_not_take_the_name_of_another_list() {
    for (name, list) in [
        ("10.conf", "10.conf.conflist"),
        ("10.json", "10.json.conflist"),
    ] {
        let before = folder(&[(name, SINGLE), ("10.conflist", OTHER_LIST)]);
        // Of the two, `10.conflist` comes before `10.json`.
        let before = if name == "10.json" {
            folder(&[(name, SINGLE)])
        } else {
            before
        };
        let after = installed(&before);
        assert_eq!(after.get(list), Some(&made_of(SINGLE)));
        assert_eq!(uninstalled(&after), before);
    }
}

#[test]
fn a_single_plugin_that_is_written_anew_becomes_a_list_anew() {
    let mut folder = installed(&folder(&[("10.conf", SINGLE)]));
    let newer = SINGLE.replace("bridge", "ptp");
    folder.insert("10.conf".to_owned(), newer.clone());
    // Or the plugin is uninstalled before that.
    assert_eq!(uninstalled(&folder), self::folder(&[("10.conf", &newer)]));
    let after = installed(&folder);
    let expected = self::folder(&[
        ("10.conf.before-netweir", &newer),
        ("10.conflist", &made_of(&newer)),
    ]);
    assert_eq!(after, expected);
}

/// After any of the steps, and whatever another program or version wants then.
#[test]
fn a_killed_installer_is_gone_on_from() {
    let folder = folder(&[("10.conf", SINGLE)]);
    let files = self::files(&folder);
    let steps = files.install(&files.choose().primary.unwrap(), &entry());
    let steps = steps.unwrap();
    assert_eq!(steps.len(), 3);
    let newer = Entry::read(r#"{"policy":"all"}"#).unwrap();
    for done in 0..steps.len() {
        let mut half = performed(&folder, &steps[..done]);
        assert_eq!(installed(&half), installed(&folder));
        assert_eq!(installed_as(&half, &newer), installed_as(&folder, &newer));
        assert_eq!(uninstalled(&half), folder);
        half.insert("10.conf".to_owned(), SINGLE.replace("bridge", "ptp"));
        let names: Vec<_> = installed(&half).into_keys().collect();
        assert_eq!(names, ["10.conf.before-netweir", "10.conflist"]);
    }
    let installed = installed(&folder);
    let steps = self::files(&installed).uninstall();
    assert_eq!(steps.len(), 3);
    for done in 0..steps.len() {
        let half = performed(&installed, &steps[..done]);
        assert_eq!(uninstalled(&half), folder);
        assert_eq!(installed_as(&half, &entry()), installed);
    }
}

#[test]
fn a_list_that_others_extended_is_not_taken_back() {
    let mut folder = installed(&folder(&[("10.conf", SINGLE)]));
    let extended = made_of(SINGLE).replacen("\n  ]", ",\n    {\"type\":\"tuning\"}\n  ]", 1);
    folder.insert("10.conflist".to_owned(), extended);
    assert_eq!(installed(&folder), folder);
    let after = uninstalled(&folder);
    let names: Vec<_> = after.keys().map(String::as_str).collect();
    assert_eq!(names, ["10.conflist"]);
    let text = &after["10.conflist"];
    assert!(
        text.contains("tuning") && !text.contains("netweir"),
        "{text}"
    );
}

#[test]
fn the_entry_moves_to_a_new_primary_network() {
    for (name, text) in [("10.conflist", LIST_TEXT), ("10.conf", SINGLE)] {
        let old = folder(&[(name, text)]);
        let mut both = installed(&old);
        both.insert("05.conflist".to_owned(), OTHER_LIST.to_owned());
        let after = installed(&both);
        let expected = folder(&[("05.conflist", &with_entry(OTHER_LIST)), (name, text)]);
        assert_eq!(after, expected);
        // And back, once that is gone.
        let mut alone = after;
        alone.remove("05.conflist");
        assert_eq!(installed(&alone), installed(&old));
    }
}

#[test]
fn what_somebody_took_away_does_not_come_back() {
    let mut folder = installed(&folder(&[("10.conf", SINGLE)]));
    folder.remove("10.conflist");
    assert_eq!(uninstalled(&folder), ConfDir::new());
    folder.insert("20.conflist".to_owned(), LIST_TEXT.to_owned());
    let after = installed(&folder);
    assert_eq!(
        after,
        self::folder(&[("20.conflist", &with_entry(LIST_TEXT))])
    );
}
