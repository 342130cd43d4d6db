use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use proptest::prelude::*;

use super::*;
use crate::intent::{Intervals, IpRanges, Owners};

/// A list in one of the ways that people write lists.
fn written(entries: &[String], spaces: &[usize]) -> String {
    let space = |index: usize| " ".repeat(*spaces.get(index).unwrap_or(&0));
    let entries = entries.iter().enumerate();
    let padded: Vec<_> = entries
        .map(|(i, entry)| format!("{}{entry}{}", space(i), space(i + 1)))
        .collect();
    padded.join(",")
}

fn networks() -> impl Strategy<Value = Vec<IpNet>> {
    let ipv4 = (any::<u32>(), 0..=32u8).prop_map(|(bits, length)| {
        IpNet::V4(
            Ipv4Net::new(Ipv4Addr::from_bits(bits), length)
                .unwrap()
                .trunc(),
        )
    });
    let ipv6 = (any::<u128>(), 0..=128u8).prop_map(|(bits, length)| {
        // Never one of the IPv4-mapped addresses, which are refused.
        let bits = bits | 1 << 127;
        IpNet::V6(
            Ipv6Net::new(Ipv6Addr::from_bits(bits), length)
                .unwrap()
                .trunc(),
        )
    });
    prop::collection::vec(prop_oneof![ipv4, ipv6], 0..20)
}

proptest! {
    #[test]
    fn valid_lists_of_ports_mean_what_they_say(
        pairs in prop::collection::vec((1u16.., 1u16..), 0..20),
        spaces in prop::collection::vec(0usize..3, 21),
    ) {
        let intervals: Vec<_> = pairs.iter().map(|&(a, b)| Interval::between(a, b)).collect();
        let entries: Vec<_> = intervals.iter().map(|interval| {
            if interval.first() == interval.last() {
                interval.first().to_string()
            } else {
                format!("{}-{}", interval.first(), interval.last())
            }
        }).collect();
        let expected: Ports = intervals.into_iter().collect();
        prop_assert_eq!(tcp_ports(&written(&entries, &spaces)), Ok(expected));
    }

    #[test]
    fn valid_lists_of_owners_mean_what_they_say(
        pairs in prop::collection::vec((0..=LARGEST_OWNER, 0..=LARGEST_OWNER), 0..20),
        spaces in prop::collection::vec(0usize..3, 21),
    ) {
        let intervals: Vec<_> = pairs.iter().map(|&(a, b)| Interval::between(a, b)).collect();
        let entries: Vec<_> = intervals.iter()
            .map(|interval| format!("{}-{}", interval.first(), interval.last()))
            .collect();
        let expected: Owners = intervals.into_iter().collect();
        prop_assert_eq!(list(&written(&entries, &spaces), user), Ok(expected));
    }

    #[test]
    fn valid_lists_of_networks_mean_what_they_say(
        networks in networks(),
        spaces in prop::collection::vec(0usize..3, 21),
    ) {
        let entries: Vec<_> = networks.iter().map(IpNet::to_string).collect();
        let expected: IpRanges = networks.into_iter().collect();
        prop_assert_eq!(list(&written(&entries, &spaces), network), Ok(expected));
    }

    #[test]
    fn host_bits_show_a_network_that_is_accepted(bits in any::<u32>(), length in 0..32u8) {
        let net = Ipv4Net::new(Ipv4Addr::from_bits(bits), length).unwrap();
        prop_assume!(net.trunc() != net);
        match network(&net.to_string()) {
            Err(ValueError::HostBits(_, meant)) => {
                prop_assert_eq!(network(&meant.to_string()), Ok(meant));
                prop_assert!(meant.contains(&IpAddr::V4(net.addr())));
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in odd_text()) {
        // What is accepted is not the question here, but that there is an answer.
        let _ = tcp_ports(&text);
        let _ = list::<_, Intervals<OwnerId>>(&text, user);
        let _ = list::<_, IpRanges>(&text, network);
        let _ = list::<_, Vec<_>>(&text, passthrough_source);
        let _ = list::<_, Vec<_>>(&text, interface);
        let _ = (port(&text), optional_port(&text), loopback_range(&text), families(&text));
        let _ = (network_namespace(&text), switch(&text), count(&text));
        let _ = owner(&text, OwnerKind::Group, &Known);
    }

    #[test]
    fn an_error_is_one_line(text in odd_text()) {
        let errors = [
            port(&text).err(), network(&text).err(), user(&text).err(), interface(&text).err(),
            network_namespace(&text).err(), families(&text).err(), passthrough_source(&text).err(),
            ports(&text, '-').err(),
        ];
        for error in errors.into_iter().flatten() {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }
}

/// Any text, and texts of the characters that values are made of.
fn odd_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[0-9a-f.:/,*+ \n-]{0,40}"]
}
