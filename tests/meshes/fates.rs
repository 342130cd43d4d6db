//! Compares what becomes of a connection under a mesh's rules and under ours.

use netweir::connection::{Connection, Owner, Path};
use netweir::explain::{Outcome, Verdict, evaluate};
use netweir::intent::{Capture, Family, OwnerId};
use netweir::meshes::{CompatCommand, Request};
use netweir::options::{self, OptionError, OptionSet, OptionValues, Origin};
use netweir::parse::{Accounts, FamilyChoice, NameError, OwnerKind};
use netweir::plan::plan;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use netweir_testkit::connections::connection;
use netweir_testkit::fakes::NoFiles;
use netweir_testkit::xtables::{Result as Fate, Tables};

/// Two users and two groups.
pub(crate) struct SomeNames;

impl Accounts for SomeNames {
    fn id_of(&self, kind: OwnerKind, name: &str) -> Result<OwnerId, NameError> {
        match (kind, name) {
            (OwnerKind::User, "envoy") => Ok(101),
            (OwnerKind::Group, "envoy") => Ok(102),
            (OwnerKind::Group, "backup") => Ok(34),
            _ => Err(NameError::Unknown),
        }
    }
}

/// What flags and variables ask for.
pub(crate) fn read<P: CompatCommand>(
    flags: &[(P::Flag, &str)],
    variables: &[(&str, &str)],
) -> Result<Request, Vec<OptionError>> {
    let all = P::Flag::ALL.iter().copied();
    let (mut texts, _) = OptionValues::from_variables(all, true, |name| {
        let mut set = variables.iter();
        set.find(|(own, _)| *own == name)
            .map(|(_, text)| (*text).into())
    });
    for (flag, text) in flags {
        texts.set(*flag, Origin::Flag, (*text).to_owned());
    }
    P::read(&texts, &SomeNames)
}

/// The options of `netweir apply` that are printed for a capture give it back.
pub(crate) fn comes_back(capture: &Capture) -> Result<(), TestCaseError> {
    let mut given = OptionValues::default();
    for (setting, text) in options::options_of(capture) {
        given.set(setting, Origin::Flag, text);
    }
    let parsed = options::capture(&given, &SomeNames, &NoFiles)
        .map_err(|errors| TestCaseError::fail(format!("{given:?}: {errors:?}")))?;
    let FamilyChoice::Fixed(families) = parsed.families else {
        return Err(TestCaseError::fail("the families are written"));
    };
    prop_assert_eq!(&parsed.capture_of(families), capture, "{:?}", given);
    Ok(())
}

/// Connections that either capture has something to say about: the one that was read, and one that has all that can be
/// read, lest what was lost be lost here, too.
pub(crate) fn connections(
    read: &Capture,
    all: &Capture,
) -> impl Strategy<Value = Vec<Connection>> + use<> {
    let one = prop_oneof![connection(read), connection(all)];
    vec(one, 80)
}

/// Every connection that a process makes and every one that arrives. What the kernel sends by itself has no owner, and
/// iptables and nftables disagree on whether it is nobody's.
fn has_an_owner(connection: &Connection) -> bool {
    match connection.path {
        Path::Out {
            owner: Some(Owner { uid, gid }),
            ..
        } => uid != OwnerId::MAX && gid != OwnerId::MAX,
        Path::Out { owner: None, .. } => false,
        Path::In { .. } => true,
    }
}

fn fate(outcome: &Outcome) -> Fate {
    Fate {
        target: match outcome.verdict {
            Verdict::Redirect(port) => Some(("REDIRECT", port.number())),
            Verdict::Tproxy(port) => Some(("TPROXY", port.number())),
            Verdict::Drop => Some(("DROP", 0)),
            Verdict::Leave => None,
        },
        zone: outcome.zone,
        mark: outcome.packet_mark,
        connection_mark: outcome.connection_mark,
    }
}

/// Fails unless the connections fare alike under the capture and under the texts of both families. Counts those that are
/// captured.
pub(crate) fn compare(
    capture: &Capture,
    [ipv4, ipv6]: [&str; 2],
    connections: &[Connection],
) -> Result<usize, TestCaseError> {
    comes_back(capture)?;
    let rules = plan(capture);
    prop_assert_eq!(rules.check(), Ok(()));
    let (tables_ipv4, tables_ipv6) = (Tables::parse(ipv4), Tables::parse(ipv6));
    let mut captured = 0;
    for connection in connections.iter().filter(|own| has_an_owner(own)) {
        let (tables, text) = match connection.addresses.family() {
            Family::Ipv4 => (&tables_ipv4, ipv4),
            Family::Ipv6 => (&tables_ipv6, ipv6),
        };
        let outcome = evaluate(&rules, connection);
        let expected = tables.evaluate(connection);
        captured += usize::from(expected.target.is_some());
        prop_assert_eq!(
            fate(&outcome),
            expected,
            "{}\n{}\n{}",
            connection,
            outcome,
            text
        );
    }
    Ok(captured)
}
