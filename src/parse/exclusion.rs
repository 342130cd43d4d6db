//! Destination ports that are not captured for certain users.

use crate::intent::{Interval, Owners, Ports, PortsForUids, Protocol};

use super::{Accounts, LARGEST_OWNER, OwnerKind, Selection, ValueError, owners, ports, selection};

/// `[tcp:|udp:]PORTS:UIDS`: two lists, of ports and ranges of ports, and of users and ranges of ids.
pub fn ports_for_uids(
    text: &str,
    accounts: &dyn Accounts,
) -> Result<PortsForUids, Vec<ValueError>> {
    let form = || vec![ValueError::PortsForUids(text.to_owned())];
    let fields: Vec<_> = text.split(':').map(str::trim).collect();
    let (protocol, ports_text, uids_text) = match fields.as_slice() {
        [ports, uids] => (None, *ports, *uids),
        ["tcp", ports, uids] => (Some(Protocol::Tcp), *ports, *uids),
        ["udp", ports, uids] => (Some(Protocol::Udp), *ports, *uids),
        _ => return Err(form()),
    };
    if ports_text.is_empty() || uids_text.is_empty() {
        return Err(form());
    }
    let ports = selection(ports_text, |text| ports(text, '-'));
    let uids = selection(uids_text, |text| owners(text, OwnerKind::User, accounts));
    match (ports, uids) {
        (Ok(ports), Ok(uids)) => Ok(PortsForUids {
            protocol,
            ports: match ports {
                Selection::All => Ports::from_iter([Interval::between(1, u16::MAX)]),
                Selection::Only(ports) => ports,
            },
            uids: match uids {
                Selection::All => Owners::from_iter([Interval::between(0, LARGEST_OWNER)]),
                Selection::Only(uids) => uids,
            },
        }),
        (ports, uids) => Err([ports.err(), uids.err()]
            .into_iter()
            .flatten()
            .flatten()
            .collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::OwnerId;
    use crate::parse::NameError;

    struct OneUser;

    impl Accounts for OneUser {
        fn id_of(&self, _: OwnerKind, name: &str) -> Result<OwnerId, NameError> {
            (name == "backup").then_some(34).ok_or(NameError::Unknown)
        }
    }

    fn read(text: &str) -> Result<PortsForUids, Vec<ValueError>> {
        ports_for_uids(text, &OneUser)
    }

    fn exclusion(
        protocol: Option<Protocol>,
        ports: &[(u16, u16)],
        uids: &[(u32, u32)],
    ) -> PortsForUids {
        PortsForUids {
            protocol,
            ports: ports
                .iter()
                .map(|&(a, b)| Interval::between(a, b))
                .collect(),
            uids: uids.iter().map(|&(a, b)| Interval::between(a, b)).collect(),
        }
    }

    #[test]
    fn reads_lists_and_ranges_on_both_sides() {
        assert_eq!(
            read("tcp:22,8000-8010:1000-1999,backup"),
            Ok(exclusion(
                Some(Protocol::Tcp),
                &[(22, 22), (8000, 8010)],
                &[(1000, 1999), (34, 34)]
            ))
        );
        assert_eq!(
            read("udp:53:106"),
            Ok(exclusion(Some(Protocol::Udp), &[(53, 53)], &[(106, 106)]))
        );
        assert_eq!(
            read("*:0"),
            Ok(exclusion(None, &[(1, u16::MAX)], &[(0, 0)]))
        );
        assert_eq!(
            read("443:*"),
            Ok(exclusion(None, &[(443, 443)], &[(0, LARGEST_OWNER)]))
        );
    }

    #[test]
    fn refuses_text_of_another_form() {
        for text in [
            "",
            "53",
            "53:",
            ":106",
            "sctp:53:106",
            "tcp:53",
            "tcp:53:106:1",
            "tcp::1",
        ] {
            // `tcp:53` has the form, but no port `tcp`.
            let expected = match text {
                "tcp:53" => ValueError::Port("tcp".to_owned()),
                _ => ValueError::PortsForUids(text.to_owned()),
            };
            assert_eq!(read(text), Err(vec![expected]), "{text:?}");
        }
    }

    #[test]
    fn reports_errors_on_both_sides_at_once() {
        assert_eq!(
            read("0,80:nobody,5-3").unwrap_err().len(),
            3,
            "a port, a name and a range"
        );
    }
}
