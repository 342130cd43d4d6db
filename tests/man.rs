//! The man pages that `make man` writes.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "../examples/man/page.rs"]
mod page;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use netweir::options::{OptionSet, Setting};

fn pages() -> BTreeMap<String, String> {
    page::pages().unwrap().into_iter().collect()
}

#[test]
fn every_command_has_a_page_with_all_sections() {
    let pages = pages();
    for name in [
        "netweir",
        "netweir-apply",
        "netweir-cni",
        "netweir-cni-install",
        "netweir-cni-uninstall",
        "netweir-completions",
        "netweir-consul-connect-redirect-traffic",
        "netweir-kumactl-install-transparent-proxy",
        "netweir-diff",
        "netweir-explain",
        "netweir-graph",
        "netweir-istio-clean-iptables",
        "netweir-istio-iptables",
        "netweir-linkerd-init",
        "netweir-linkerd-network-validator",
        "netweir-remove",
        "netweir-status",
        "netweir-trace",
        "netweir-version",
    ] {
        let page = pages.get(name).expect(name);
        for section in [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "\"EXIT STATUS\"",
            "\"SEE ALSO\"",
        ] {
            assert!(
                page.contains(&format!(".SH {section}\n")),
                "{name}: {section}"
            );
        }
        let documents_options =
            page.contains(".SH ENVIRONMENT\n") && page.contains(".SH EXAMPLES\n");
        let has_none = [
            "netweir",
            "netweir-cni",
            "netweir-completions",
            "netweir-version",
        ];
        let is_of_mesh = [
            "netweir-istio-",
            "netweir-linkerd-",
            "netweir-consul",
            "netweir-kumactl",
        ]
        .iter()
        .any(|start| name.starts_with(start));
        assert!(
            documents_options || is_of_mesh || has_none.contains(&name),
            "{name}"
        );
    }
    assert_eq!(pages.len(), 27, "{:?}", pages.keys());
}

#[test]
fn the_page_of_apply_has_every_option_and_variable() {
    let page = &pages()["netweir-apply"];
    for setting in Setting::ALL {
        let spec = setting.spec();
        let flag = format!("\\-\\-{}", spec.name.replace('-', "\\-"));
        assert!(page.contains(&flag), "{flag}");
        for variable in spec.variables {
            assert!(page.contains(&format!("\\fB{variable}\\fR")), "{variable}");
        }
    }
}

#[test]
fn groff_reads_every_page_without_a_warning() {
    for (name, page) in pages() {
        let mut groff = Command::new("groff")
            .args(["-man", "-Tutf8", "-ww", "-z"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("groff runs");
        let mut input = groff.stdin.take().unwrap();
        input.write_all(page.as_bytes()).unwrap();
        drop(input);
        let output = groff.wait_with_output().unwrap();
        let warnings = String::from_utf8_lossy(&output.stderr);
        assert!(warnings.is_empty(), "{name}: {warnings}");
    }
}
