//! The most that a pod's author can write: annotations of 256 KiB (Kubernetes' `TotalAnnotationSizeLimitB`).

use std::collections::BTreeMap;

/// The longest value in bytes.
const LONGEST: usize = (256 << 10) - 200;

/// Names and values.
pub type Annotations = BTreeMap<String, String>;

/// Annotations, by what they have much of, and whether they are accepted.
pub fn all() -> Vec<(&'static str, Annotations, bool)> {
    let odd = || (0..).map(|n: u32| (2 * n + 1).to_string());
    let ids = || (0..).map(|n: u32| (100_001 + 2 * n).to_string());
    let ipv4 = || (0..).map(|n: u32| std::net::Ipv4Addr::from_bits((10 << 24) + 2 * n).to_string());
    let ipv6 = || (0..0x7fff).map(|n: u32| format!("1::{:x}", 2 * n + 1));
    let names = |rest: &'static str| (0..).map(move |n: u32| format!("{n:x}{rest}"));
    let pairs = (1..).map(|n: u32| format!("{}:{n}", n % 60_000 + 1));
    let overlapping = (1..=1024).map(|n: u32| format!("80:0-{}", 2 * n));
    let product = [odd(), odd()].map(|numbers| list(numbers, ",", LONGEST / 2));
    let one = |option: &str, value: String| annotations([(option, value)]);
    let commas = |items: &mut dyn Iterator<Item = String>| list(items, ",", LONGEST);
    let ports = || commas(&mut odd().take(32_767));
    let exclusions = "exclude-outbound-ports-for-uids";
    vec![
        (
            "users of the proxy",
            one("proxy-uid", commas(&mut ids())),
            true,
        ),
        (
            "excluded users",
            one("exclude-outbound-uids", commas(&mut ids())),
            true,
        ),
        (
            "exclusions for users",
            one(exclusions, list(pairs, ";", LONGEST)),
            false,
        ),
        (
            "overlapping exclusions",
            one(exclusions, list(overlapping, ";", LONGEST)),
            true,
        ),
        (
            "ports and users of one exclusion",
            one(exclusions, product.join(":")),
            true,
        ),
        (
            "excluded interfaces",
            one("exclude-interfaces", commas(&mut names(""))),
            false,
        ),
        (
            "as many interfaces as possible",
            one("exclude-interfaces", commas(&mut names("+").take(4096))),
            true,
        ),
        (
            "interfaces of machines",
            one("reroute-interfaces", commas(&mut names("+").take(4096))),
            true,
        ),
        (
            "networks",
            one("virtual-networks", commas(&mut names(":10.0.0.0/8"))),
            false,
        ),
        (
            "passthrough sources",
            one("passthrough-source", commas(&mut ipv6())),
            false,
        ),
        (
            "excluded outbound ports",
            one("exclude-outbound-ports", ports()),
            true,
        ),
        (
            "included inbound ports",
            one("include-inbound-ports", ports()),
            true,
        ),
        (
            "excluded IPv4 ranges",
            one("exclude-outbound-ip-ranges", commas(&mut ipv4())),
            true,
        ),
        (
            "excluded IPv6 ranges",
            one("exclude-outbound-ip-ranges", commas(&mut ipv6())),
            true,
        ),
        (
            "DNS servers",
            annotations([
                ("dns", "resolvers".to_owned()),
                ("dns-servers", commas(&mut ipv4())),
            ]),
            true,
        ),
    ]
}

fn annotations<const N: usize>(options: [(&str, String); N]) -> Annotations {
    let capture = [("capture", "enabled".to_owned())];
    let all = capture.into_iter().chain(options);
    all.map(|(option, value)| (format!("netweir.io/{option}"), value))
        .collect()
}

/// As many of the items as fit.
fn list(items: impl Iterator<Item = String>, separator: &str, most: usize) -> String {
    let mut text = String::new();
    for item in items {
        if text.len() + separator.len() + item.len() > most {
            break;
        }
        if !text.is_empty() {
            text += separator;
        }
        text += &item;
    }
    text
}
