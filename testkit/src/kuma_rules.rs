//! The rules that Kuma's own program (2.14, 3) makes of its configuration, as text for iptables-restore: the oracle for what
//! its flags mean.

use std::fmt::Write;
use std::net::IpAddr;

use ipnet::IpNet;

/// What the configuration says.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub uid: u16,
    pub inbound: Flow,
    pub outbound: Flow,
    /// `[PROTOCOL:][PORTS:]UIDS`.
    pub for_uids: Vec<String>,
    pub insert: bool,
    pub dns: Dns,
    pub dns_port: u16,
    pub zones: bool,
    /// `INTERFACE:CIDR`, each interface once for each family.
    pub networks: Vec<String>,
    pub drop_invalid: bool,
}

/// One direction.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    pub enabled: bool,
    pub port: u16,
    pub include: Vec<u16>,
    pub exclude: Vec<u16>,
    /// Addresses and CIDRs.
    pub addresses: Vec<String>,
}

/// Whose queries are captured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Dns {
    #[default]
    Off,
    Servers(Vec<IpAddr>),
    All,
}

/// The rules of one family.
pub fn text(settings: &Settings, ipv6: bool) -> String {
    let rules = Rules { settings, ipv6 };
    format!("{}{}{}", rules.raw(), rules.mangle(), rules.nat())
}

struct Rules<'a> {
    settings: &'a Settings,
    ipv6: bool,
}

impl Rules<'_> {
    fn servers(&self) -> Option<Vec<IpAddr>> {
        match &self.settings.dns {
            Dns::Off => None,
            Dns::All => Some(Vec::new()),
            Dns::Servers(servers) => {
                let own = servers.iter().copied();
                let own: Vec<_> = own.filter(|own| own.is_ipv6() == self.ipv6).collect();
                (!own.is_empty()).then_some(own)
            }
        }
    }

    fn of_family(&self, text: &str) -> bool {
        text.contains(':') == self.ipv6
    }

    fn localhost(&self) -> &'static str {
        if self.ipv6 { "::1/128" } else { "127.0.0.1/32" }
    }

    fn raw(&self) -> String {
        let own = self.settings;
        let mut text = "*raw\n".to_owned();
        if let Some(servers) = self.servers().filter(|_| own.zones) {
            let uid = own.uid;
            let mut add =
                |rule: &str, zone| writeln!(text, "-A {rule} -j CT --zone {zone}").unwrap();
            add(
                &format!("OUTPUT -p udp --dport 53 -m owner --uid-owner {uid}"),
                1,
            );
            add(
                &format!(
                    "OUTPUT -p udp --sport {} -m owner --uid-owner {uid}",
                    own.dns_port
                ),
                2,
            );
            if own.dns == Dns::All {
                add("OUTPUT -p udp --dport 53", 2);
                add("PREROUTING -p udp --sport 53", 1);
            }
            for server in servers {
                add(&format!("OUTPUT -d {server} -p udp --dport 53"), 2);
                if server.is_loopback() {
                    add(
                        &format!("OUTPUT -s {server} -d {} -p udp", self.localhost()),
                        1,
                    );
                }
                add(&format!("PREROUTING -s {server} -p udp --sport 53"), 1);
            }
        }
        text + "COMMIT\n"
    }

    fn mangle(&self) -> String {
        let drop = "-A PREROUTING -m conntrack --ctstate INVALID -j DROP\n";
        let rule = if self.settings.drop_invalid { drop } else { "" };
        format!("*mangle\n{rule}COMMIT\n")
    }

    fn nat(&self) -> String {
        let mut text = "*nat\n:KUMA_MESH_INBOUND - [0:0]\n:KUMA_MESH_INBOUND_REDIRECT - [0:0]\n\
                        :KUMA_MESH_OUTBOUND - [0:0]\n:KUMA_MESH_OUTBOUND_REDIRECT - [0:0]\n"
            .to_owned();
        let chains = [
            self.prerouting(),
            self.output(),
            self.inbound(),
            self.outbound(),
        ];
        for rule in chains.into_iter().flatten() {
            writeln!(text, "-A {rule}").unwrap();
        }
        for (chain, port) in [
            ("INBOUND", self.settings.inbound.port),
            ("OUTBOUND", self.settings.outbound.port),
        ] {
            writeln!(
                text,
                "-A KUMA_MESH_{chain}_REDIRECT -p tcp -j REDIRECT --to-ports {port}"
            )
            .unwrap();
        }
        text + "COMMIT\n"
    }

    fn prerouting(&self) -> Vec<String> {
        let own = self.settings;
        let mut networks: Vec<_> = own
            .networks
            .iter()
            .map(|text| text.split_once(':').unwrap())
            .collect();
        networks.retain(|(_, cidr)| self.of_family(cidr));
        networks.sort_unstable();
        let mut rules = Vec::new();
        for (interface, cidr) in networks {
            let cidr: IpNet = cidr.parse().unwrap();
            rules.push(format!(
                "PREROUTING -i {interface} -p udp --dport 53 -j REDIRECT --to-ports {}",
                own.dns_port
            ));
            rules.push(format!(
                "PREROUTING ! -d {} -i {interface} -p tcp -j REDIRECT --to-ports {}",
                cidr.trunc(),
                own.outbound.port
            ));
        }
        rules.push("PREROUTING -p tcp -j KUMA_MESH_INBOUND".to_owned());
        rules
    }

    fn output(&self) -> Vec<String> {
        let own = self.settings;
        let mut rules = Vec::new();
        for entry in &own.for_uids {
            rules.extend(exclusion(entry));
        }
        let addresses = own.outbound.addresses.iter();
        rules.extend(
            addresses
                .filter(|text| self.of_family(text))
                .map(|text| format!("OUTPUT -d {} -j RETURN", trunc(text))),
        );
        let jump = "OUTPUT -p tcp -j KUMA_MESH_OUTBOUND".to_owned();
        let mut appended = Vec::new();
        if let Some(servers) = self.servers() {
            rules.push(format!(
                "OUTPUT -p udp --dport 53 -m owner --uid-owner {} -j RETURN",
                own.uid
            ));
            let to_proxy = format!("-p udp --dport 53 -j REDIRECT --to-ports {}", own.dns_port);
            if own.dns == Dns::All {
                rules.push(format!("OUTPUT {to_proxy}"));
            }
            let servers = servers.iter();
            rules.extend(servers.map(|server| format!("OUTPUT -d {server} {to_proxy}")));
            appended.push(format!(
                "OUTPUT -p tcp --dport 53 -m owner ! --uid-owner {} -j RETURN",
                own.uid
            ));
        }
        if own.insert {
            rules.push(jump);
            rules.extend(appended);
        } else {
            rules.extend(appended);
            rules.push(jump);
        }
        rules
    }

    fn inbound(&self) -> Vec<String> {
        let own = &self.settings.inbound;
        let chain = "KUMA_MESH_INBOUND";
        if !own.enabled {
            return vec![format!("{chain} -p tcp -j RETURN")];
        }
        let addresses = own.addresses.iter().filter(|text| self.of_family(text));
        let mut rules: Vec<_> = addresses
            .map(|text| format!("{chain} -s {} -j RETURN", trunc(text)))
            .collect();
        rules.extend(ports(own, chain, &format!("-j {chain}_REDIRECT")));
        if own.include.is_empty() {
            rules.push(format!("{chain} -p tcp -j {chain}_REDIRECT"));
        }
        rules
    }

    fn outbound(&self) -> Vec<String> {
        let own = &self.settings.outbound;
        let (chain, uid, localhost) = ("KUMA_MESH_OUTBOUND", self.settings.uid, self.localhost());
        if !own.enabled {
            return vec![format!("{chain} -p tcp -j RETURN")];
        }
        let redirect = format!("-j {chain}_REDIRECT");
        let passthrough = if self.ipv6 { "::6/128" } else { "127.0.0.6/32" };
        let owner = format!("-m owner --uid-owner {uid}");
        let mut rules = Vec::new();
        if own.include.is_empty() {
            rules.extend(ports(own, chain, &redirect));
        }
        rules.extend([
            format!("{chain} -s {passthrough} -o lo -j RETURN"),
            format!("{chain} ! -d {localhost} -o lo -p tcp {owner} -j KUMA_MESH_INBOUND_REDIRECT"),
            format!("{chain} -o lo -p tcp -m owner ! --uid-owner {uid} -j RETURN"),
            format!("{chain} {owner} -j RETURN"),
            format!("{chain} -d {localhost} -j RETURN"),
        ]);
        if own.include.is_empty() {
            rules.push(format!("{chain} {redirect}"));
        } else {
            rules.extend(ports(own, chain, &redirect));
        }
        rules
    }
}

/// The included ports, or else the excluded ones.
fn ports(flow: &Flow, chain: &str, redirect: &str) -> Vec<String> {
    let (ports, jump) = if flow.include.is_empty() {
        (&flow.exclude, "-j RETURN")
    } else {
        (&flow.include, redirect)
    };
    let rule = |port| format!("{chain} -p tcp --dport {port} {jump}");
    ports.iter().map(rule).collect()
}

fn exclusion(entry: &str) -> Vec<String> {
    let fields: Vec<_> = entry.split(':').collect();
    let (protocol, ports, uids) = match fields.as_slice() {
        [uids] => ("*", "*", *uids),
        [ports, uids] => ("*", *ports, *uids),
        [protocol, ports, uids] => (*protocol, *ports, *uids),
        _ => panic!("{entry}"),
    };
    let ports = match ports {
        "" | "*" => "1:65535".to_owned(),
        ports => ports.replace('-', ":"),
    };
    let protocols = ["tcp", "udp"].into_iter();
    let protocols = protocols.filter(|own| ["", "*", own].contains(&protocol));
    let rule = |own: &str| {
        format!(
            "OUTPUT -p {own} -m multiport --dports {ports} -m owner --uid-owner {uids} -j RETURN"
        )
    };
    protocols.map(rule).collect()
}

fn trunc(text: &str) -> String {
    match text.parse::<IpNet>() {
        Ok(network) => network.trunc().to_string(),
        Err(_) => text.to_owned(),
    }
}
