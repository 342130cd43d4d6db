//! Values as Go programs and iptables write them.

use ipnet::IpNet;

use crate::intent::{InterfacePattern, Interval};

use crate::parse::{ValueError, decimal, interface, network_with_host_bits, ports};

/// A boolean (Go's `strconv.ParseBool`).
pub fn go_switch(text: &str) -> Result<bool, ValueError> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(ValueError::word(text, "true, t, 1, false, f, 0")),
    }
}

/// A CIDR, with its host bits. An address without a prefix length is an error.
pub fn cidr(text: &str) -> Result<IpNet, ValueError> {
    let wrong = || ValueError::Cidr(text.to_owned());
    let (_, length) = text.split_once('/').ok_or_else(wrong)?;
    if length.len() > 1 && length.starts_with('0') {
        return Err(wrong());
    }
    network_with_host_bits(text)
}

/// One port, or a range: `8000-8010`, `8000:8010`, `8000:` or `:1024`.
pub fn iptables_ports(text: &str) -> Result<Interval<u16>, ValueError> {
    if text.split([':', '-']).any(is_octal) {
        return Err(ValueError::LeadingZero(text.to_owned()));
    }
    match text.split_once(':') {
        Some(("", "")) | None => ports(text, '-'),
        Some((first, "")) => ports(&format!("{first}:65535"), ':'),
        Some(("", last)) => ports(&format!("1:{last}"), ':'),
        Some(_) => ports(text, ':'),
    }
    .map_err(|error| as_written(text, error))
}

/// The ports of the services that Go knows without a file (`net/lookup.go` of Go).
const SERVICES: [(&str, u16); 14] = [
    ("ftp", 21),
    ("ftps", 990),
    ("gopher", 70),
    ("http", 80),
    ("https", 443),
    ("imap2", 143),
    ("imap3", 220),
    ("imaps", 993),
    ("pop3", 110),
    ("pop3s", 995),
    ("smtp", 25),
    ("ssh", 22),
    ("submissions", 465),
    ("telnet", 23),
];

/// One port, or a range as of [`iptables_ports`]; names of services in place of numbers.
pub fn consul_ports(text: &str) -> Result<Interval<u16>, ValueError> {
    let number = |word: &str| {
        let mut services = SERVICES.iter();
        let service = services.find(|(name, _)| word.eq_ignore_ascii_case(name));
        service.map_or_else(|| word.to_owned(), |(_, port)| port.to_string())
    };
    let Some(separator) = [':', '-'].into_iter().find(|&sign| text.contains(sign)) else {
        return iptables_ports(&number(text));
    };
    let ends: Vec<_> = text.split(separator).map(number).collect();
    iptables_ports(&ends.join(&separator.to_string())).map_err(|error| as_written(text, error))
}

/// A number without a leading zero, with which iptables would read it as octal.
pub fn no_leading_zero<T>(
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, ValueError>,
) -> Result<T, ValueError> {
    if is_octal(text) {
        return Err(ValueError::LeadingZero(text.to_owned()));
    }
    parse(text)
}

fn is_octal(number: &str) -> bool {
    let mut bytes = number.bytes();
    bytes.next() == Some(b'0') && bytes.next().is_some_and(|byte| byte.is_ascii_digit())
}

/// The error with the text that was written, not the one that was read.
fn as_written(text: &str, error: ValueError) -> ValueError {
    match error {
        ValueError::PortRange(_) => ValueError::PortRange(text.to_owned()),
        error => error,
    }
}

/// An interface name, or a prefix with a trailing `+`. In iptables `*` is not a wildcard.
pub fn iptables_interface(text: &str) -> Result<InterfacePattern, ValueError> {
    if text.ends_with('*') {
        return Err(ValueError::InterfaceStar(text.to_owned()));
    }
    interface(text).map_err(|error| match error {
        ValueError::Interface { text, reason, .. } => ValueError::Interface {
            text,
            reason,
            wildcards: "+",
        },
        error => error,
    })
}

/// A decimal number.
pub fn whole_number(text: &str) -> Result<u32, ValueError> {
    decimal(text).ok_or_else(|| ValueError::WholeNumber(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_switches_as_go_does() {
        for text in ["1", "t", "T", "true", "TRUE", "True"] {
            assert_eq!(go_switch(text), Ok(true));
        }
        for text in ["0", "f", "F", "false", "FALSE", "False"] {
            assert_eq!(go_switch(text), Ok(false));
        }
        for text in ["", "yes", "tRUE", " true", "2"] {
            assert!(go_switch(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn cidr_has_a_prefix_length_and_keeps_host_bits() {
        assert_eq!(cidr("10.0.0.1/8"), Ok("10.0.0.1/8".parse().unwrap()));
        assert_eq!(cidr("fd00::1/8"), Ok("fd00::1/8".parse().unwrap()));
        for text in ["10.0.0.1", "", "*", "10.0.0.0/08"] {
            assert_eq!(cidr(text), Err(ValueError::Cidr(text.to_owned())));
        }
        for text in ["10.0.0.0/33", " 10.0.0.0/8", "10.0.0.0/", "10.0.0/8"] {
            assert!(cidr(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn port_ranges_may_be_open() {
        let between = |first, last| Ok(Interval::between(first, last));
        assert_eq!(iptables_ports("80"), between(80, 80));
        assert_eq!(iptables_ports("8000-8010"), between(8000, 8010));
        assert_eq!(iptables_ports("8000:8010"), between(8000, 8010));
        assert_eq!(iptables_ports("8000:"), between(8000, u16::MAX));
        assert_eq!(iptables_ports(":1024"), between(1, 1024));
        for text in [
            "",
            "0",
            "http",
            ":",
            "8010:8000",
            "0:80",
            "8000-",
            "-80",
            "1:2:3",
            "1-2:3",
            "080",
            "80:090",
            "65536",
            "+80",
            "0x50",
        ] {
            assert!(iptables_ports(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn consuls_ports_may_be_names_of_services() {
        let between = |first, last| Ok(Interval::between(first, last));
        assert_eq!(consul_ports("ssh"), between(22, 22));
        assert_eq!(consul_ports("HTTP:https"), between(80, 443));
        assert_eq!(consul_ports("ftp-80"), between(21, 80));
        assert_eq!(consul_ports(":ssh"), between(1, 22));
        assert_eq!(consul_ports("8000:8010"), between(8000, 8010));
        for text in ["", "nonsense", "https:http", "80,81", "ssh:", "0"] {
            let is_open = text == "ssh:";
            assert_eq!(consul_ports(text).is_ok(), is_open, "{text:?}");
        }
    }

    #[test]
    fn star_is_no_wildcard_for_interfaces() {
        assert_eq!(iptables_interface("tun+"), interface("tun*"));
        assert_eq!(iptables_interface("eth0"), interface("eth0"));
        assert!(iptables_interface("tun*").is_err());
        assert!(iptables_interface("+").is_err());
    }

    #[test]
    fn suggests_an_interface_name_that_is_accepted() {
        for text in ["net1@if3", "eth0@veth123", "tun+@if3"] {
            let Err(ValueError::InterfaceWithPeer(_, name)) = iptables_interface(text) else {
                panic!("{text}");
            };
            assert!(iptables_interface(&name).is_ok(), "{name}");
        }
        let error = iptables_interface("a/b").unwrap_err().to_string();
        assert!(error.contains("prefix with +,"), "{error}");
    }
}
