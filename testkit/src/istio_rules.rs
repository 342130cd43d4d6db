//! The rules that Istio's own program makes of its flags, as text for iptables-restore: the oracle for what
//! its flags mean.

use std::fmt::Write;

use ipnet::IpNet;

/// What the flags and variables say, each as a text of its own.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub outbound_port: u16,
    pub inbound_port: u16,
    pub tunnel_port: u16,
    pub uids: Vec<String>,
    pub gids: Vec<String>,
    pub tproxy: bool,
    pub mark: u32,
    /// `["*"]`, ports, or nothing.
    pub inbound_ports: Vec<String>,
    pub inbound_exclude: Vec<String>,
    pub interfaces_exclude: Vec<String>,
    pub interfaces_reroute: Vec<String>,
    /// `["*"]`, CIDRs, or nothing.
    pub ranges: Vec<String>,
    pub ranges_exclude: Vec<String>,
    pub ports: Vec<String>,
    pub ports_exclude: Vec<String>,
    /// The only groups, when there are any.
    pub groups: Option<Vec<String>>,
    pub groups_exclude: Vec<String>,
    pub loopback: String,
    pub drop_invalid: bool,
    pub dns: Dns,
}

/// Whose queries are captured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Dns {
    #[default]
    Off,
    /// Those to these addresses.
    Servers(Vec<String>),
    All,
}

/// The table, the chains that are not built in, and the rules.
struct Table {
    name: &'static str,
    chains: &'static [&'static str],
    rules: Vec<String>,
}

impl Table {
    fn new(name: &'static str, chains: &'static [&'static str]) -> Self {
        let rules = Vec::new();
        Self {
            name,
            chains,
            rules,
        }
    }

    fn add(&mut self, chain: &str, rule: &str) {
        self.rules.push(format!("-A {chain} {rule}"));
    }
}

/// The rules of one family.
pub fn text(settings: &Settings, ipv6: bool) -> String {
    let rules = Rules {
        settings,
        ipv6,
        dns: settings.dns != Dns::Off && settings.dns != Dns::Servers(Vec::new()),
    };
    let tables = [rules.raw(), rules.mangle(), rules.nat()];
    let mut text = String::new();
    for table in tables {
        writeln!(text, "*{}", table.name).unwrap();
        for chain in table.chains {
            writeln!(text, ":{chain} - [0:0]").unwrap();
        }
        for rule in &table.rules {
            writeln!(text, "{rule}").unwrap();
        }
        text.push_str("COMMIT\n");
    }
    text
}

struct Rules<'a> {
    settings: &'a Settings,
    ipv6: bool,
    dns: bool,
}

impl Rules<'_> {
    fn loopback(&self) -> &str {
        if self.ipv6 {
            "::1/128"
        } else {
            &self.settings.loopback
        }
    }

    fn passthrough(&self) -> &str {
        if self.ipv6 { "::6/128" } else { "127.0.0.6/32" }
    }

    /// The CIDRs of the family, without host bits.
    fn of_family<'b>(&self, cidrs: &'b [String]) -> impl Iterator<Item = String> + use<'b> {
        let ipv6 = self.ipv6;
        let networks = cidrs.iter().filter(|text| *text != "*");
        let networks = networks.map(|text| text.parse::<IpNet>().unwrap());
        networks
            .filter(move |network| network.addr().is_ipv6() == ipv6)
            .map(|network| network.trunc().to_string())
    }

    fn owners(&self) -> Vec<String> {
        let uids = self
            .settings
            .uids
            .iter()
            .map(|uid| format!("--uid-owner {uid}"));
        let gids = self
            .settings
            .gids
            .iter()
            .map(|gid| format!("--gid-owner {gid}"));
        uids.chain(gids).collect()
    }

    /// The name servers of the family, as matches; one match of everything for all.
    fn servers(&self, option: &str) -> Vec<String> {
        match &self.settings.dns {
            Dns::Off => Vec::new(),
            Dns::All => vec![String::new()],
            Dns::Servers(servers) => servers
                .iter()
                .filter(|server| server.contains(':') == self.ipv6)
                .map(|server| {
                    let length = if self.ipv6 { 128 } else { 32 };
                    format!("{option} {server}/{length} ")
                })
                .collect(),
        }
    }

    fn raw(&self) -> Table {
        let mut table = Table::new("raw", &[]);
        if !self.dns {
            return table;
        }
        for owner in self.owners() {
            table.add(
                "OUTPUT",
                &format!("-p udp --dport 53 -m owner {owner} -j CT --zone 1"),
            );
            table.add(
                "OUTPUT",
                &format!("-p udp --sport 15053 -m owner {owner} -j CT --zone 2"),
            );
        }
        for server in self.servers("-d") {
            table.add(
                "OUTPUT",
                &format!("{server}-p udp --dport 53 -j CT --zone 2"),
            );
        }
        for server in self.servers("-s") {
            table.add(
                "PREROUTING",
                &format!("{server}-p udp --sport 53 -j CT --zone 1"),
            );
        }
        table
    }

    fn mangle(&self) -> Table {
        let own = self.settings;
        let mut table = Table::new("mangle", &["ISTIO_DIVERT", "ISTIO_TPROXY", "ISTIO_INBOUND"]);
        if own.drop_invalid {
            table.add("PREROUTING", "-m conntrack --ctstate INVALID -j DROP");
        }
        if !own.tproxy {
            return table;
        }
        let mark = format!("{:#x}", own.mark);
        for interface in &own.interfaces_exclude {
            table.add("PREROUTING", &format!("-i {interface} -j RETURN"));
            table.add("OUTPUT", &format!("-o {interface} -j RETURN"));
        }
        if !own.inbound_ports.is_empty() {
            table.add("PREROUTING", "-p tcp -j ISTIO_INBOUND");
        }
        table.add(
            "PREROUTING",
            &format!("-p tcp -m mark --mark {mark} -j CONNMARK --save-mark"),
        );
        table.add("ISTIO_DIVERT", &format!("-j MARK --set-mark {mark}"));
        table.add("ISTIO_DIVERT", "-j ACCEPT");
        let (loopback, passthrough) = (self.loopback(), self.passthrough());
        let (port, tproxy) = (own.inbound_port, "TPROXY --on-port");
        table.add(
            "ISTIO_TPROXY",
            &format!("! -d {loopback} -p tcp -j {tproxy} {port} --tproxy-mark {mark}"),
        );
        let inbound = "ISTIO_INBOUND";
        table.add(inbound, &format!("-p tcp -m mark --mark {mark} -j RETURN"));
        table.add(inbound, &format!("-s {passthrough} -i lo -p tcp -j RETURN"));
        table.add(inbound, "-i lo -p tcp -m mark ! --mark 0x53a -j RETURN");
        self.inbound_ports(&mut table, |table, port| {
            let tracked = "-m conntrack --ctstate RELATED,ESTABLISHED -j ISTIO_DIVERT";
            table.add(inbound, &format!("-p tcp {port}{tracked}"));
            table.add(inbound, &format!("-p tcp {port}-j ISTIO_TPROXY"));
        });
        let output = "OUTPUT";
        table.add(
            output,
            &format!("-o lo -p tcp -m mark --mark {mark} -j RETURN"),
        );
        for owner in self.owners() {
            let own_pod = format!("! -d {loopback} -o lo -p tcp -m owner {owner}");
            table.add(output, &format!("{own_pod} -j MARK --set-mark 0x53a"));
        }
        table.add(
            output,
            &format!("-p tcp -m connmark --mark {mark} -j CONNMARK --restore-mark"),
        );
        table
    }

    /// What is excluded, and the ports that are captured; of all of them there is one match of everything.
    fn inbound_ports(&self, table: &mut Table, capture: impl Fn(&mut Table, &str)) {
        let own = self.settings;
        if own.inbound_ports == ["*"] {
            for port in &own.inbound_exclude {
                table.add("ISTIO_INBOUND", &format!("-p tcp --dport {port} -j RETURN"));
            }
            capture(table, "");
        } else {
            for port in &own.inbound_ports {
                capture(table, &format!("--dport {port} "));
            }
        }
    }

    fn nat(&self) -> Table {
        let own = self.settings;
        let mut table = Table::new(
            "nat",
            &[
                "ISTIO_INBOUND",
                "ISTIO_IN_REDIRECT",
                "ISTIO_OUTPUT",
                "ISTIO_REDIRECT",
            ],
        );
        let redirect = |port| format!("-p tcp -j REDIRECT --to-ports {port}");
        table.add("ISTIO_REDIRECT", &redirect(own.outbound_port));
        table.add("ISTIO_IN_REDIRECT", &redirect(own.inbound_port));
        for interface in &own.interfaces_reroute {
            if own.ranges == ["*"] {
                table.add("PREROUTING", &format!("-i {interface} -j ISTIO_REDIRECT"));
            }
            for cidr in self.of_family(&own.ranges) {
                let to = format!("-d {cidr} -i {interface} -j ISTIO_REDIRECT");
                table.add("PREROUTING", &to);
            }
        }
        for interface in &own.interfaces_reroute {
            table.add("PREROUTING", &format!("-i {interface} -j RETURN"));
        }
        for interface in &own.interfaces_exclude {
            table.add("PREROUTING", &format!("-i {interface} -j RETURN"));
            table.add("OUTPUT", &format!("-o {interface} -j RETURN"));
        }
        let tunnel = own.tunnel_port;
        table.add(
            "ISTIO_INBOUND",
            &format!("-p tcp --dport {tunnel} -j RETURN"),
        );
        if !own.tproxy && !own.inbound_ports.is_empty() {
            table.add("PREROUTING", "-p tcp -j ISTIO_INBOUND");
            self.inbound_ports(&mut table, |table, port| {
                table.add(
                    "ISTIO_INBOUND",
                    &format!("-p tcp {port}-j ISTIO_IN_REDIRECT"),
                );
            });
        }
        table.add("OUTPUT", "-j ISTIO_OUTPUT");
        self.outbound(&mut table);
        table
    }

    fn outbound(&self, table: &mut Table) {
        let own = self.settings;
        let mut add = |rule: String| table.add("ISTIO_OUTPUT", &rule);
        for port in &own.ports_exclude {
            add(format!("-p tcp --dport {port} -j RETURN"));
            add(format!("-p udp --dport {port} -j RETURN"));
        }
        add(format!("-s {} -o lo -j RETURN", self.passthrough()));
        for owner in own.uids.iter().map(|uid| format!("--uid-owner {uid}")) {
            self.proxy_owner(&mut add, &owner, self.dns);
        }
        for owner in own.gids.iter().map(|gid| format!("--gid-owner {gid}")) {
            self.proxy_owner(&mut add, &owner, false);
        }
        match &own.groups {
            None => {
                for group in &own.groups_exclude {
                    add(format!("-m owner --gid-owner {group} -j RETURN"));
                }
            }
            Some(groups) => {
                let none_of = groups
                    .iter()
                    .map(|group| format!("-m owner ! --gid-owner {group} "));
                add(format!("{}-j RETURN", none_of.collect::<String>()));
            }
        }
        for server in self.servers("-d") {
            for protocol in ["tcp", "udp"] {
                let query = format!("{server}-p {protocol} --dport 53");
                add(format!("{query} -j REDIRECT --to-ports 15053"));
            }
        }
        add(format!("-d {} -j RETURN", self.loopback()));
        for cidr in self.of_family(&own.ranges_exclude) {
            add(format!("-d {cidr} -j RETURN"));
        }
        for port in &own.ports {
            add(format!("-p tcp --dport {port} -j ISTIO_REDIRECT"));
        }
        if own.ranges == ["*"] {
            add("-j ISTIO_REDIRECT".to_owned());
        }
        for cidr in self.of_family(&own.ranges) {
            add(format!("-d {cidr} -j ISTIO_REDIRECT"));
        }
    }

    fn proxy_owner(&self, add: &mut impl FnMut(String), owner: &str, spare_dns: bool) {
        let own = self.settings;
        let tunnel = own.tunnel_port;
        let ports = if spare_dns {
            format!("-m multiport ! --dports 53,{tunnel}")
        } else {
            format!("! --dport {tunnel}")
        };
        let loopback = self.loopback();
        add(format!(
            "! -d {loopback} -o lo -p tcp {ports} -m owner {owner} -j ISTIO_IN_REDIRECT"
        ));
        let loopback = |text: &String| {
            let network = text.parse::<IpNet>();
            network.is_ok_and(|network| network.addr().is_loopback())
        };
        if !own.ranges.iter().any(loopback) {
            let port = if self.dns { "-p tcp ! --dport 53 " } else { "" };
            add(format!("-o lo {port}-m owner ! {owner} -j RETURN"));
        }
        add(format!("-m owner {owner} -j RETURN"));
    }
}
