//! The name servers of resolv.conf(5).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ValueError;

/// The addresses to which queries for the name servers go, in their order, and what is wrong with lines that
/// name none.
pub fn name_servers(text: &str) -> impl Iterator<Item = Result<IpAddr, ValueError>> + '_ {
    text.lines().enumerate().filter_map(|(index, line)| {
        let mut words = line.split_ascii_whitespace();
        if words.next() != Some("nameserver") {
            return None;
        }
        let server = words.next().unwrap_or_default();
        // The C library ends the address at a comment, too.
        let server = server.split([';', '#']).next().unwrap_or_default();
        Some(
            destination(server).ok_or_else(|| ValueError::NameServer(index + 1, server.to_owned())),
        )
    })
}

/// Where packets to the server go.
fn destination(server: &str) -> Option<IpAddr> {
    // Packets do not carry the interface of a link-local address.
    let address = match server.split_once('%') {
        Some((address, scope)) if !scope.is_empty() => IpAddr::V6(address.parse().ok()?),
        Some(_) => return None,
        None => server.parse().ok()?,
    };
    Some(match address.to_canonical() {
        // To connect to no address is to connect to this host (`ip_route_output_key_hash_rcu`,
        // `ip6_datagram_connect`).
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        address => address,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(text: &str) -> Vec<String> {
        name_servers(text)
            .map(|server| server.map_or_else(|error| error.to_string(), |own| own.to_string()))
            .collect()
    }

    #[test]
    fn reads_what_is_found_in_pods_and_on_hosts() {
        let text = "# generated\n\
                    ; nameserver 10.9.9.9\n\
                    search default.svc.cluster.local svc.cluster.local\n\
                    nameserver 10.96.0.10\n\
                    nameserver\tfd00:10::a # the cluster's\n\
                    nameserver 127.0.0.11\r\n\
                    nameserver fe80::1%eth0\n\
                    nameserver 10.0.0.2;comment\n\
                    options ndots:5\n\
                    nameservers 10.8.8.8\n";
        let expected = [
            "10.96.0.10",
            "fd00:10::a",
            "127.0.0.11",
            "fe80::1",
            "10.0.0.2",
        ];
        assert_eq!(servers(text), expected);
    }

    #[test]
    fn mapped_and_unspecified_addresses_become_destinations() {
        assert_eq!(servers("nameserver ::ffff:10.0.0.1"), ["10.0.0.1"]);
        assert_eq!(
            servers("nameserver 0.0.0.0\nnameserver ::"),
            ["127.0.0.1", "::1"]
        );
    }

    #[test]
    fn reports_the_number_of_a_line_without_an_address() {
        let wrong = |line, text: &str| {
            let text = text.to_owned();
            ValueError::NameServer(line, text).to_string()
        };
        assert_eq!(
            servers(
                "nameserver\nnameserver dns.example\nnameserver fe80::1%\nnameserver 10.1%eth0"
            ),
            [
                wrong(1, ""),
                wrong(2, "dns.example"),
                wrong(3, "fe80::1%"),
                wrong(4, "10.1%eth0")
            ]
        );
    }

    #[test]
    fn text_without_nameserver_lines_has_no_server() {
        assert_eq!(servers("search example.com\n"), [""; 0]);
        assert_eq!(servers(""), [""; 0]);
    }
}
