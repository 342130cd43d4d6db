//! The rules that Consul's own program makes of its flags, as text for iptables-restore: the oracle for what its flags
//! mean.

use std::fmt::Write;

/// What the flags say.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Empty if there is none.
    pub dns_address: String,
    /// 0 if there is none.
    pub dns_port: u16,
    pub uid: String,
    pub inbound_port: u16,
    pub outbound_port: u16,
    pub exclude_inbound_ports: Vec<String>,
    pub exclude_outbound_ports: Vec<String>,
    pub exclude_outbound_cidrs: Vec<String>,
    pub exclude_uids: Vec<String>,
}

/// The rules of a family. Where no rule may match an address of the other one, it has none.
pub fn text(settings: &Settings, ipv6: bool) -> String {
    let mut text = "*nat\n".to_owned();
    let chains = [
        INBOUND,
        INBOUND_REDIRECT,
        OUTPUT,
        OUTPUT_REDIRECT,
        DNS_REDIRECT,
    ];
    for chain in chains {
        writeln!(text, ":{chain} - [0:0]").unwrap();
    }
    let mut add = |chain: &str, rule: String| writeln!(text, "-A {chain} {rule}").unwrap();
    let of_family = |address: &str| address.contains(':') == ipv6;
    let loopback = if ipv6 { "::1" } else { "127.0.0.1" };
    let redirect = |port| format!("-p tcp -j REDIRECT --to-ports {port}");
    add(OUTPUT_REDIRECT, redirect(settings.outbound_port));
    let address = match settings.dns_address.as_str() {
        "" => loopback,
        address => address,
    };
    let has_dns = settings.dns_port != 0 || !settings.dns_address.is_empty();
    if has_dns && of_family(address) {
        let (to, server) = match settings.dns_port {
            0 => (String::new(), address.to_owned()),
            port if ipv6 => (format!("-d {address} "), format!("[{address}]:{port}")),
            port => (format!("-d {address} "), format!("{address}:{port}")),
        };
        for protocol in ["udp", "tcp"] {
            let query = format!("-p {protocol} {to}--dport 53");
            add(
                DNS_REDIRECT,
                format!("{query} -j DNAT --to-destination {server}"),
            );
            add("OUTPUT", format!("{query} -j {DNS_REDIRECT}"));
        }
    }
    add("OUTPUT", format!("-p tcp -j {OUTPUT}"));
    // Those that Consul inserts, the last one first.
    for uid in settings.exclude_uids.iter().rev() {
        add(OUTPUT, format!("-m owner --uid-owner {uid} -j RETURN"));
    }
    let cidrs = settings.exclude_outbound_cidrs.iter().rev();
    for cidr in cidrs.filter(|cidr| of_family(cidr)) {
        add(OUTPUT, format!("-d {cidr} -j RETURN"));
    }
    for port in settings.exclude_outbound_ports.iter().rev() {
        add(OUTPUT, format!("-p tcp --dport {port} -j RETURN"));
    }
    add(
        OUTPUT,
        format!("-m owner --uid-owner {} -j RETURN", settings.uid),
    );
    add(OUTPUT, format!("-d {loopback} -j RETURN"));
    add(OUTPUT, format!("-j {OUTPUT_REDIRECT}"));
    add(INBOUND_REDIRECT, redirect(settings.inbound_port));
    add("PREROUTING", format!("-p tcp -j {INBOUND}"));
    for port in settings.exclude_inbound_ports.iter().rev() {
        add(INBOUND, format!("-p tcp --dport {port} -j RETURN"));
    }
    add(INBOUND, format!("-p tcp -j {INBOUND_REDIRECT}"));
    text.push_str("COMMIT\n");
    text
}

const INBOUND: &str = "CONSUL_PROXY_INBOUND";
const INBOUND_REDIRECT: &str = "CONSUL_PROXY_IN_REDIRECT";
const OUTPUT: &str = "CONSUL_PROXY_OUTPUT";
const OUTPUT_REDIRECT: &str = "CONSUL_PROXY_REDIRECT";
const DNS_REDIRECT: &str = "CONSUL_DNS_REDIRECT";
