//! Compares the outcome of connections under a mesh's rules and under netweir's.

use netweir::connection::{Connection, Direction, Owner, Path};
use netweir::explain::{Outcome, evaluate};
use netweir::intent::{Capture, DNS_PORT, Family, OwnerId};
use netweir::meshes::{CompatCommand, Request};
use netweir::options::{self, OptionError, OptionSet, OptionValues, Origin};
use netweir::parse::{Accounts, FamilyChoice, NameError, OwnerKind};
use netweir::plan::plan;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use netweir_testkit::connections::connection;
use netweir_testkit::fakes::NoFiles;
use netweir_testkit::steps::steps;
use netweir_testkit::well_formed::check;
use netweir_testkit::xtables::{Result as TableResult, Tables, target_of};

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

/// The request of flags and variables.
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
    P::read(&texts, &SomeNames, &NoFiles).1
}

/// The `netweir apply` options printed for a capture parse to the same capture.
pub(crate) fn assert_round_trip(capture: &Capture) -> Result<(), TestCaseError> {
    let mut given = OptionValues::default();
    for (setting, text) in options::options_of(capture) {
        given.set(setting, Origin::Flag, text);
    }
    let parsed = options::capture(&given, &SomeNames, &NoFiles)
        .map_err(|errors| TestCaseError::fail(format!("{given:?}: {errors:?}")))?;
    let FamilyChoice::Fixed(families) = parsed.families else {
        return Err(TestCaseError::fail("families are printed"));
    };
    prop_assert_eq!(&parsed.capture_of(families), capture, "{:?}", given);
    Ok(())
}

/// Connections near the borders of two captures: the one that was read, and one with every value that can be read, so that
/// a value that reading drops is still tried.
pub(crate) fn connections(
    read: &Capture,
    all: &Capture,
) -> impl Strategy<Value = Vec<Connection>> + use<> {
    let one = prop_oneof![connection(read), connection(all)];
    vec(one, 80)
}

/// Inbound connections, and outbound ones of a process. iptables and nftables differ in how they match the owner of what
/// the kernel itself sends.
fn has_owner(connection: &Connection) -> bool {
    match connection.path {
        Path::Out {
            owner: Some(Owner { uid, gid }),
            ..
        } => uid != OwnerId::MAX && gid != OwnerId::MAX,
        Path::Out { owner: None, .. } => false,
        Path::In { .. } => true,
    }
}

/// Whether it is sent to a DNS server.
fn may_be_query(connection: &Connection) -> bool {
    let ports = connection.transport.ports();
    connection.path.direction() == Direction::Out
        && ports.is_some_and(|ports| ports.destination == DNS_PORT.number())
}

fn table_result(outcome: &Outcome) -> TableResult {
    let (target, server) = target_of(outcome.verdict);
    TableResult {
        target,
        server,
        zone: outcome.zone,
        mark: outcome.packet_mark,
        connection_mark: outcome.connection_mark,
    }
}

/// Fails unless every connection has the same outcome under the capture and under the rules of its family. Returns how many
/// are captured.
pub(crate) fn compare(
    capture: &Capture,
    [ipv4, ipv6]: [&str; 2],
    connections: &[Connection],
) -> Result<usize, TestCaseError> {
    assert_round_trip(capture)?;
    let rules = plan(capture);
    prop_assert_eq!(check(&rules), Ok(()));
    let (tables_ipv4, tables_ipv6) = (Tables::parse(ipv4), Tables::parse(ipv6));
    let mut captured = 0;
    for connection in connections.iter().filter(|one| has_owner(one)) {
        let (tables, text) = match connection.addresses.family() {
            Family::Ipv4 => (&tables_ipv4, ipv4),
            Family::Ipv6 => (&tables_ipv6, ipv6),
        };
        let outcome = evaluate(&rules, connection);
        let mut expected = tables.evaluate(connection);
        // The meshes put answers into zones, too: netweir's are found without.
        expected.zone = expected.zone.filter(|_| may_be_query(connection));
        captured += usize::from(expected.target.is_some());
        prop_assert_eq!(
            table_result(&outcome),
            expected,
            "{}\n{}\n{}",
            connection,
            steps(&outcome),
            text
        );
    }
    Ok(captured)
}
