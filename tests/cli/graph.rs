//! `netweir graph`.

use snapbox::{assert_data_eq, str};

use crate::program::{netweir, run, within};

fn drawn(setup: &str, arguments: &[&str]) -> String {
    let run = within(setup, &[&["graph"], arguments].concat());
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    run.stdout
}

#[test]
fn default_format_is_mermaid() {
    let mermaid = drawn("", &[]);
    assert!(mermaid.contains("\nflowchart TB\n"), "{mermaid}");
    assert_eq!(drawn("", &["--format=mermaid"]), mermaid);
    assert!(drawn("", &["--format=dot"]).starts_with("digraph "));
    assert!(drawn("", &["--format=svg"]).starts_with("<svg "));
}

#[test]
fn shows_installed_and_unmanaged_rules() {
    let apply = "\"$0\" apply --quiet --exclude-outbound-ports=3306";
    let installed = drawn(apply, &["--from-kernel"]);
    assert_eq!(installed, drawn("", &["--exclude-outbound-ports=3306"]));
    let changed = format!(
        "{apply}
        nft insert rule inet netweir outbound ip ttl 7 drop comment '\"near\"'
        nft add rule inet netweir outbound ip ttl 8 drop comment '\"<b>#&\"'
        nft add rule inet netweir inbound tcp dport 7 drop
        nft 'add chain inet netweir input {{ type filter hook input priority 0; policy drop; }}'"
    );
    let changed = drawn(&changed, &["--from-kernel"]);
    assert!(
        changed.contains("<b>meets what netweir cannot evaluate"),
        "{changed}"
    );
    assert!(
        changed.contains("<b>is tcp dport 7</b><br>→ dropped"),
        "{changed}"
    );
}

#[test]
fn knows_four_formats() {
    let run = run(&mut netweir(&["graph", "--format=png"]));
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert_data_eq!(
        run.stderr,
        str![[r#"
error: --format: expected one of mermaid, dot, svg, json, found "png"

"#]]
    );
}
