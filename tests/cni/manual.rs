//! The manual's tables are made of the code, and its example is a configuration. `SNAPSHOTS=overwrite` writes them.

use std::fmt::Write;
use std::path::Path;

use netweir::cni::{Code, Command, Environment, Request, read};
use netweir::meshes::annotation_keys;
use netweir::meshes::reason::Reason;
use netweir::options::OptionSet;
use netweir_testkit::fakes::NoFiles;
use serde_json::Value;
use snapbox::{Data, assert_data_eq};

const MANUAL: &str = include_str!("../../docs/cni.md");

/// The text with what stands between the comments `<!-- NAME -->` and `<!-- end of NAME -->` replaced.
fn marked(text: &str, name: &str, contents: &str) -> String {
    let begin = format!("<!-- {name} -->\n");
    let end = format!("<!-- end of {name} -->");
    let (before, rest) = text.split_once(&begin).expect("the beginning is marked");
    let (_, after) = rest.split_once(&end).expect("the end is marked");
    format!("{before}{begin}{contents}{end}{after}")
}

fn annotations() -> String {
    let mut table = "\n| annotation | option |\n| --- | --- |\n".to_owned();
    for (key, setting) in annotation_keys() {
        writeln!(table, "| `{key}` | `{}` |", setting.spec().name).unwrap();
    }
    table + "\n"
}

fn codes() -> String {
    let mut table = "\n| code | meaning |\n| --- | --- |\n".to_owned();
    for code in Code::ALL {
        writeln!(table, "| {} | {} |", code.number(), code.meaning()).unwrap();
    }
    table + "\n"
}

fn reasons() -> String {
    let mut table = "\n| reason | meaning |\n| --- | --- |\n".to_owned();
    for reason in Reason::ALL {
        writeln!(table, "| `{}` | {} |", reason.code(), reason.text()).unwrap();
    }
    table + "\n"
}

#[test]
fn has_the_tables_of_the_code() {
    let actual = marked(MANUAL, "annotations", &annotations());
    let actual = marked(&actual, "codes", &codes());
    let actual = marked(&actual, "reasons", &reasons());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cni.md");
    assert_data_eq!(actual, Data::read_from(&file, None).raw());
}

#[test]
fn has_a_valid_configuration() {
    let (_, rest) = MANUAL.split_once("```json\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let list: Value = serde_json::from_str(example).unwrap();
    let mut plugin = list["plugins"].as_array().unwrap().last().unwrap().clone();
    plugin["name"] = list["name"].clone();
    assert_accepted(plugin);
}

/// The configurations for Multus are accepted, as STATUS accepts them: nothing is in a pod yet.
#[test]
fn has_valid_configurations_for_multus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/multus");
    let file = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let definition = file("network-attachment-definition.yaml");
    let embedded = definition.split("  config: |\n").skip(1);
    let embedded = embedded.map(|rest| rest.split("---").next().expect("a configuration"));
    let alone = file("netweir.conf");
    for text in embedded.chain([alone.as_str()]) {
        assert_accepted(serde_json::from_str(text).unwrap());
    }
}

fn assert_accepted(mut configuration: Value) {
    assert_eq!(configuration["type"], "netweir");
    // Only this version has STATUS.
    configuration["cniVersion"] = "1.1.0".into();
    let variable = |name: &str| (name == "CNI_COMMAND").then(|| Command::Status.text().into());
    let environment = Environment::read(&variable).unwrap();
    match read(&environment, &configuration.to_string(), &NoFiles) {
        Ok(Request::Status(Some(_))) => {}
        other => panic!("{other:?}"),
    }
}
