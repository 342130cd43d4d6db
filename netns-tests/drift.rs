//! Each change to the installed rules is reported as one difference.

use netweir::drift::{Change, Difference, RuleChange, compare};
use netweir::intent::Capture;
use netweir::nftables;
use netweir::plan::plan;
use netweir::ruleset::{
    Elements, MetadataBytes, OpenConnections, Rule, RuleId, Ruleset, SetName, Statement,
};

use crate::sandbox::{NetnsTest, run};

pub(crate) fn tests() -> Vec<NetnsTest> {
    vec![
        NetnsTest::alone("drift::one-corrupted-rule-is-exactly-that", || {
            for_each_rule(corrupted_rule);
        }),
        NetnsTest::alone("drift::one-lost-rule-is-exactly-that", || {
            for_each_rule(lost_rule);
        }),
        NetnsTest::alone("drift::one-changed-set-is-exactly-that", changed_set),
        NetnsTest::alone("drift::a-catch-all-element-is-unmanaged", catch_all_element),
        NetnsTest::alone("drift::one-lost-address-is-exactly-that", lost_address),
        NetnsTest::alone("drift::an-unknown-rule-is-foreign", unknown_rule),
    ]
}

fn wanted() -> Ruleset {
    let mut capture = Capture::default();
    capture.outbound.exclude_ports = [22, 3306].into_iter().collect();
    plan(&capture)
}

/// The differences after nft has carried out the command.
fn after(command: &str) -> Vec<Difference> {
    let wanted = wanted();
    nftables::apply(&wanted, &MetadataBytes::default(), OpenConnections::new).expect("applied");
    let listing = run("nft", &["--handle", "list", "ruleset"], "");
    let handle = |id: &str| {
        let mut lines = listing.lines();
        let line = lines.find(|line| line.contains(&format!("\"{id}\"")));
        line.expect("the rule")
            .rsplit(' ')
            .next()
            .expect("a handle")
    };
    let words: Vec<_> = command
        .split(' ')
        .map(|word| word.strip_prefix("handle-of:").map_or(word, handle))
        .collect();
    run("nft", &["-f", "-"], &words.join(" "));
    let installed = nftables::dump().expect("dumped").expect("installed");
    compare(&wanted, Some(&installed))
}

fn for_each_rule(check: fn(&str, &Rule)) {
    let wanted = wanted();
    assert!(wanted.rules().count() > 15);
    for (chain, rule) in wanted.rules() {
        check(&chain.name, rule);
    }
}

fn corrupted_rule(chain: &str, rule: &Rule) {
    let id = &rule.id;
    let found = after(&format!(
        "replace rule inet netweir {chain} handle handle-of:{id} counter drop comment \"{id}\""
    ));
    let installed = Rule {
        id: id.clone(),
        matches: Vec::new(),
        statements: vec![Statement::Drop],
    };
    let wanted = rule.clone();
    let change = RuleChange::Changed { wanted, installed };
    assert_eq!(found, [of_rule(chain, id, change)]);
}

fn lost_rule(chain: &str, rule: &Rule) {
    let id = &rule.id;
    let found = after(&format!(
        "delete rule inet netweir {chain} handle handle-of:{id}"
    ));
    let wanted = rule.clone();
    let change = RuleChange::Missing(wanted);
    assert_eq!(found, [of_rule(chain, id, change)]);
}

fn of_rule(chain: &str, id: &RuleId, change: RuleChange) -> Difference {
    Difference::Rule(chain.to_owned(), id.clone(), change)
}

fn changed_set() {
    let ports = |ports: &[u16]| Elements::Ports(ports.iter().copied().collect());
    for (command, missing, foreign) in [
        ("add element", [].as_slice(), [4000].as_slice()),
        ("delete element", &[3306], &[]),
    ] {
        let port = missing.iter().chain(foreign).next().expect("one");
        let found = after(&format!(
            "{command} inet netweir outbound_exclude_ports {{ {port} }}"
        ));
        let expected = Difference::Elements(
            SetName::OutboundExcludePorts,
            ports(missing),
            ports(foreign),
        );
        assert_eq!(found, [expected], "{command}");
    }
}

/// The table is written anew: some releases of nft crash when they add `*` to an interval set.
fn catch_all_element() {
    let wanted = wanted();
    nftables::apply(&wanted, &MetadataBytes::default(), OpenConnections::new).expect("applied");
    let listing = run("nft", &["list", "table", "inet", "netweir"], "");
    let after = |elements: &str| {
        let (before, rest) = listing.split_once("elements = { 22").expect("the set");
        let text = format!("delete table inet netweir\n{before}elements = {{ {elements}{rest}");
        run("nft", &["-f", "-"], &text);
        let installed = nftables::dump().expect("dumped").expect("installed");
        compare(&wanted, Some(&installed))
    };
    assert_eq!(after("22"), []);
    let found = after("*, 22");
    let [
        Difference::Set(name, change),
        Difference::Unmanaged(unmanaged),
    ] = found.as_slice()
    else {
        panic!("{found:#?}");
    };
    assert_eq!(
        (name, *change),
        (&SetName::OutboundExcludePorts, Change::Missing)
    );
    assert_eq!(unmanaged.name, "outbound_exclude_ports");
    assert_eq!(unmanaged.what, "a set with a catch-all element");
}

fn lost_address() {
    let wanted = wanted();
    nftables::apply(&wanted, &MetadataBytes::default(), OpenConnections::new).expect("applied");
    run("ip", &["-6", "address", "del", "::6/128", "dev", "lo"], "");
    let installed = nftables::dump().expect("dumped").expect("installed");
    let expected = Difference::Routing(wanted.routing[0], Change::Missing);
    assert_eq!(compare(&wanted, Some(&installed)), [expected]);
}

/// A rule that the model cannot express is reported, and the rule that it replaced is missing.
fn unknown_rule() {
    let id = "outbound/redirect";
    let found = after(&format!(
        "replace rule inet netweir outbound handle handle-of:{id} limit rate 5/second log prefix \"odd\" counter \
         accept comment \"{id}\""
    ));
    let [
        Difference::Rule(_, missing, RuleChange::Missing(..)),
        Difference::Unmanaged(foreign),
    ] = found.as_slice()
    else {
        panic!("{found:#?}");
    };
    assert_eq!(missing.to_string(), id);
    assert_eq!(foreign.name, id);
    assert_eq!(foreign.chain.as_deref(), Some("outbound"));
}
