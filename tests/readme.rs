//! Runs the `console` blocks of the documents again, and compares the documents' tables and picture with the program's.
//! `SNAPSHOTS=overwrite` rewrites them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, in its own functions, too"
)]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use netweir::exit_code::ExitCode;
use netweir::graph::{Diagram, svg};
use netweir::intent::Capture;
use netweir::meshes::{ConsulFlag, IstioFlag, KumaFlag, LinkerdFlag, LinkerdValidatorFlag};
use netweir::options::{OptionSet, Setting};
use netweir::plan::plan;
use netweir_testkit::console::console_blocks;
use snapbox::{Assert, Data, assert_data_eq};

fn blocks(text: &str) -> String {
    console_blocks(Path::new(env!("CARGO_BIN_EXE_netweir")), text)
}

#[test]
fn readme_shows_what_the_program_prints() {
    assert_shows_current_output("README.md", &[]);
}

#[test]
fn options_are_those_of_the_program() {
    let tables = [("options", options()), ("exit codes", exit_codes())];
    assert_shows_current_output("docs/options.md", &tables);
}

#[test]
fn rules_are_those_of_the_program() {
    assert_shows_current_output("docs/rules.md", &[]);
}

#[test]
fn debugging_shows_what_the_program_prints() {
    assert_shows_current_output("docs/debugging.md", &[]);
}

#[test]
fn drop_in_shows_the_command_lines_of_the_meshes() {
    let tables = [
        ("istio flags", flags::<IstioFlag>()),
        ("linkerd flags", flags::<LinkerdFlag>()),
        ("linkerd validator flags", flags::<LinkerdValidatorFlag>()),
        ("kuma flags", flags::<KumaFlag>()),
        ("consul flags", flags::<ConsulFlag>()),
    ];
    assert_shows_current_output("docs/drop-in.md", &tables);
}

#[test]
fn the_picture_is_as_the_program_draws_it() {
    let drawn = svg(&Diagram::new(&plan(&Capture::default()).into()));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/path.svg");
    let assert = Assert::new().action_env("SNAPSHOTS");
    assert.eq(Data::text(drawn).raw(), Data::read_from(&file, None).raw());
}

/// The document's `console` blocks show what their commands print now, and its marked tables are the given ones.
fn assert_shows_current_output(document: &str, tables: &[(&str, String)]) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = fs::read_to_string(&file).expect("the document exists");
    let with_tables = tables
        .iter()
        .fold(text, |text, (name, contents)| marked(&text, name, contents));
    assert_data_eq!(blocks(&with_tables), Data::read_from(&file, None).raw());
}

/// The text with what stands between the comments `<!-- NAME -->` and `<!-- end of NAME -->` replaced.
fn marked(text: &str, name: &str, contents: &str) -> String {
    let begin = format!("<!-- {name} -->\n");
    let end = format!("<!-- end of {name} -->");
    let (before, rest) = text.split_once(&begin).expect("the beginning is marked");
    let (_, after) = rest.split_once(&end).expect("the end is marked");
    format!("{before}{begin}{contents}{end}{after}")
}

fn options() -> String {
    let mut table = "| option | default | what it does |\n| --- | --- | --- |\n".to_owned();
    for setting in Setting::ALL {
        let spec = setting.spec();
        let flag = match spec.short {
            Some(short) => format!("`--{}`, `-{short}`", spec.name),
            None => format!("`--{}`", spec.name),
        };
        let default = spec.default.describe();
        let default = if spec.default.text().is_some_and(|text| !text.is_empty()) {
            format!("`{default}`")
        } else {
            default.to_owned()
        };
        let about = spec.about.replace('*', "\\*");
        writeln!(table, "| {flag} | {default} | {about} |").unwrap();
    }
    table
}

fn flags<F: OptionSet>() -> String {
    let mut table =
        "| flag | variable | default | what it does |\n| --- | --- | --- | --- |\n".to_owned();
    for spec in F::ALL.iter().map(|flag| flag.spec()) {
        let short = spec.short.map(|short| format!("-{short}"));
        let long = spec.long.map(|long| format!("--{long}"));
        let flags: Vec<_> = short.into_iter().chain(long).map(code).collect();
        let variables: Vec<_> = spec.variables.iter().copied().map(code).collect();
        let default = match spec.default.text() {
            Some("") | None => spec.default.describe().to_owned(),
            Some(text) => code(text),
        };
        let about = spec.about.replace('*', "\\*");
        writeln!(
            table,
            "| {} | {} | {default} | {about} |",
            flags.join(", "),
            variables.join(", ")
        )
        .unwrap();
    }
    table
}

fn code(text: impl std::fmt::Display) -> String {
    format!("`{text}`")
}

fn exit_codes() -> String {
    let mut table = "| exit code | meaning |\n| --- | --- |\n".to_owned();
    for code in ExitCode::ALL {
        writeln!(table, "| {} | {} |", code.number(), code.meaning()).unwrap();
    }
    table
}
