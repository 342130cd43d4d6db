//! Does on paper what the kernel does with a text for `iptables-restore`: a reader of the printed words, which knows
//! nothing of the model that they were printed from.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use netweir::connection::{Connection, Owner, Path, Tracking, Transport};
use netweir::explain;

/// The chains of a text by table and name.
pub struct Tables<'a>(HashMap<(&'a str, &'a str), Vec<Rule<'a>>>);

struct Rule<'a> {
    options: Vec<Choice<'a>>,
    /// `-j` or `-g`, and what follows.
    action: (&'a str, Vec<&'a str>),
}

/// An option with its value. Those of one `-m` or of none belong together.
#[derive(Clone, Copy)]
struct Choice<'a> {
    module: (usize, &'a str),
    not: bool,
    name: &'a str,
    value: &'a str,
}

/// What became of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Result {
    pub target: Option<(&'static str, u16)>,
    /// Of `DNAT` to another address than `REDIRECT` has.
    pub server: Option<IpAddr>,
    pub zone: Option<u16>,
    pub mark: u32,
    pub connection_mark: u32,
}

struct Packet {
    input: Option<String>,
    output: Option<String>,
    owner: Option<Owner>,
    source: IpAddr,
    destination: IpAddr,
    transport: Transport,
    destination_port: Option<u16>,
    tracking: Tracking,
    result: Result,
}

enum Verdict {
    Return,
    /// Of the whole built-in chain.
    Final,
}

impl<'a> Tables<'a> {
    pub fn parse(text: &'a str) -> Self {
        let mut chains: HashMap<_, Vec<_>> = HashMap::new();
        let mut table = "";
        for line in text.lines() {
            let words: Vec<_> = line.split(' ').map(|word| word.trim_matches('"')).collect();
            match (line.get(..1), words.as_slice()) {
                (Some("*"), _) => table = &line[1..],
                (Some(":"), [name, ..]) => {
                    let twice = chains.insert((table, &name[1..]), Vec::new());
                    assert!(twice.is_none(), "declared twice: {line}");
                }
                (Some("-"), ["-A", chain, rule @ ..]) => {
                    let rules = chains.entry((table, *chain)).or_default();
                    rules.push(Rule::parse(rule));
                }
                (Some("#"), _) | (_, ["COMMIT"]) => {}
                _ => panic!("unknown: {line}"),
            }
        }
        Self(chains)
    }

    /// The way of the first hop: out, and in again when by `lo`; or in.
    pub fn evaluate(&self, connection: &Connection) -> Result {
        let mut packet = Packet::first(connection);
        let new = matches!(connection.tracking, Tracking::New | Tracking::Midstream);
        match &connection.path {
            Path::In { .. } => self.built_in("PREROUTING", &mut packet, new),
            Path::Out { .. } => {
                self.built_in("OUTPUT", &mut packet, new);
                if packet.output.as_deref() == Some("lo") && !packet.is_dropped() {
                    packet.input = packet.output.take();
                    packet.owner = None;
                    let zone = packet.result.zone;
                    self.built_in("PREROUTING", &mut packet, false);
                    packet.result.zone = zone;
                }
            }
        }
        packet.result
    }

    fn built_in(&self, chain: &str, packet: &mut Packet, nat: bool) {
        for table in ["raw", "mangle", "nat"] {
            if !packet.is_dropped() && (table != "nat" || nat) {
                self.chain(table, chain, packet);
            }
        }
    }

    fn chain(&self, table: &str, chain: &str, packet: &mut Packet) -> Verdict {
        for rule in self.0.get(&(table, chain)).into_iter().flatten() {
            if !rule.fits(packet) {
                continue;
            }
            let (jump, action) = &rule.action;
            match (self.0.get(&(table, action[0])), packet.target(action)) {
                (Some(_), _) => match (self.chain(table, action[0], packet), *jump) {
                    (Verdict::Final, _) => return Verdict::Final,
                    (Verdict::Return, "-g") => return Verdict::Return,
                    (Verdict::Return, _) => {}
                },
                (None, Some(verdict)) => return verdict,
                (None, None) => {}
            }
        }
        Verdict::Return
    }
}

impl<'a> Rule<'a> {
    fn parse(words: &[&'a str]) -> Self {
        let mut options = Vec::new();
        let (mut module, mut not) = ((0, ""), false);
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            match word {
                "!" => not = true,
                "-j" | "-g" => {
                    return Self {
                        options,
                        action: (word, words.collect()),
                    };
                }
                "-m" => module = (module.0 + 1, words.next().unwrap()),
                name => {
                    let value = if ["--socket-exists", "--syn"].contains(&name) {
                        ""
                    } else {
                        words.next().unwrap()
                    };
                    options.push(Choice {
                        module,
                        not,
                        name,
                        value,
                    });
                    not = false;
                }
            }
        }
        panic!("no target");
    }

    fn fits(&self, packet: &Packet) -> bool {
        self.options.iter().all(|option| {
            let same = self
                .options
                .iter()
                .filter(|other| other.module == option.module);
            match (packet.owner, option.module.1) {
                // xt_owner: without a socket, only what is wholly negated fits.
                (None, "owner") => same.into_iter().all(|option| option.not),
                // xt_connmark: without a connection nothing does.
                (_, "connmark") if packet.tracking == Tracking::Invalid => false,
                _ => packet.fits(option) != option.not,
            }
        })
    }
}

impl Packet {
    fn first(connection: &Connection) -> Self {
        use netweir::ruleset::End::{Destination, Source};
        let (input, output, owner) = match &connection.path {
            Path::In { interface } => (Some(interface.clone()), None, None),
            Path::Out { interface, owner } => (None, Some(interface.clone()), *owner),
        };
        Self {
            input,
            output,
            owner,
            source: connection.addresses.end(Source),
            destination: connection.addresses.end(Destination),
            transport: connection.transport,
            destination_port: connection.transport.ports().map(|ports| ports.destination),
            tracking: connection.tracking,
            result: Result {
                target: None,
                server: None,
                zone: None,
                mark: connection.packet_mark,
                connection_mark: connection.connection_mark,
            },
        }
    }

    fn is_dropped(&self) -> bool {
        self.result.target == Some(("DROP", 0))
    }

    fn fits(&self, option: &Choice<'_>) -> bool {
        let value = option.value;
        let ports = self.transport.ports();
        match option.name {
            "-p" => self
                .transport
                .protocol()
                .is_some_and(|own| own.name() == value),
            "-s" => network(value).contains(&self.source),
            "-d" => network(value).contains(&self.destination),
            "-i" => is_interface(value, self.input.as_deref()),
            "-o" => is_interface(value, self.output.as_deref()),
            "--sport" | "--sports" => in_ranges(value, ':', ports.unwrap().source.into()),
            "--dport" | "--dports" => in_ranges(value, ':', self.destination_port.unwrap().into()),
            "--uid-owner" => in_ranges(value, '-', self.owner.unwrap().uid),
            "--gid-owner" => in_ranges(value, '-', self.owner.unwrap().gid),
            "--socket-exists" => self.owner.is_some(),
            "--mark" if option.module.1 == "mark" => hex(value) == self.result.mark,
            "--mark" => hex(value) == self.result.connection_mark,
            "--ctstate" => match self.tracking {
                Tracking::New | Tracking::Midstream => false,
                Tracking::Tracked => {
                    ["ESTABLISHED,RELATED", "RELATED,ESTABLISHED"].contains(&value)
                }
                Tracking::Invalid => value == "INVALID",
            },
            "--syn" => self.tracking == Tracking::New,
            "--comment" => true,
            name => panic!("unknown option: {name}"),
        }
    }

    /// Carries out a target that is no chain. `None`: go on.
    fn target(&mut self, words: &[&str]) -> Option<Verdict> {
        let tracked = self.tracking != Tracking::Invalid;
        match *words {
            ["RETURN"] => return Some(Verdict::Return),
            ["ACCEPT"] => return Some(Verdict::Final),
            ["DROP"] => self.result.target = Some(("DROP", 0)),
            ["MARK", "--set-mark", mark] => return self.marked(hex(mark)),
            ["CONNMARK", "--set-mark", mark] => {
                if tracked {
                    self.result.connection_mark = hex(mark);
                }
                return None;
            }
            ["CONNMARK", "--save-mark"] => {
                if tracked {
                    self.result.connection_mark = self.result.mark;
                }
                return None;
            }
            ["CONNMARK", "--restore-mark"] => {
                let mark = self.result.connection_mark;
                return if tracked { self.marked(mark) } else { None };
            }
            ["CT", "--zone" | "--zone-orig", zone] => {
                // What is in a zone stays there (`xt_ct_target`).
                let zone = zone.parse().unwrap();
                self.result.zone.get_or_insert(zone);
                return None;
            }
            ["TPROXY", "--on-port", port, "--tproxy-mark", mark] => {
                self.result.mark = hex(mark);
                self.result.target = Some(("TPROXY", port.parse().unwrap()));
            }
            ["REDIRECT", "--to-ports", port] => self.redirect(port.parse().unwrap()),
            ["DNAT", "--to-destination", server] => self.forward(server),
            _ => return None,
        }
        Some(Verdict::Final)
    }

    fn marked(&mut self, mark: u32) -> Option<Verdict> {
        self.result.mark = mark;
        None
    }

    /// To an address, with or without a port.
    fn forward(&mut self, server: &str) {
        let (address, port) = match server.parse::<SocketAddr>() {
            Ok(server) => (server.ip(), server.port()),
            Err(_) => (server.parse().unwrap(), self.destination_port.unwrap()),
        };
        if address == loopback(address) {
            return self.redirect(port);
        }
        self.destination_port = Some(port);
        self.destination = address;
        self.output = Some(String::new());
        if !matches!(self.result.target, Some(("TPROXY", _))) {
            self.result.target = Some(("DNAT", port));
            self.result.server = Some(address);
        }
    }

    fn redirect(&mut self, port: u16) {
        self.destination_port = Some(port);
        if let Some(output) = &mut self.output {
            "lo".clone_into(output);
            self.destination = loopback(self.destination);
        }
        if !matches!(self.result.target, Some(("TPROXY", _))) {
            self.result.target = Some(("REDIRECT", port));
        }
    }
}

/// Where `REDIRECT` sends what is made here.
fn loopback(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    }
}

/// The target and the server, for a verdict.
pub fn target_of(verdict: explain::Verdict) -> (Option<(&'static str, u16)>, Option<IpAddr>) {
    match verdict {
        explain::Verdict::Dnat(to, port) if to == loopback(to) => {
            (Some(("REDIRECT", port.number())), None)
        }
        explain::Verdict::Dnat(to, port) => (Some(("DNAT", port.number())), Some(to)),
        explain::Verdict::Redirect(port) => (Some(("REDIRECT", port.number())), None),
        explain::Verdict::Tproxy(port) => (Some(("TPROXY", port.number())), None),
        explain::Verdict::Drop => (Some(("DROP", 0)), None),
        explain::Verdict::Leave => (None, None),
    }
}

/// A network, or one address.
fn network(text: &str) -> IpNet {
    let address = || text.parse::<IpAddr>().unwrap().into();
    text.parse().unwrap_or_else(|_| address())
}

fn is_interface(pattern: &str, name: Option<&str>) -> bool {
    name.is_some_and(|name| match pattern.strip_suffix('+') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    })
}

/// In one of the numbers and ranges of a list.
fn in_ranges(list: &str, separator: char, number: u32) -> bool {
    list.split(',').any(|range| {
        let ends = range.split_once(separator).unwrap_or((range, range));
        (ends.0.parse().unwrap()..=ends.1.parse().unwrap()).contains(&number)
    })
}

fn hex(text: &str) -> u32 {
    let digits = text.trim_start_matches("0x");
    u32::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("no mark: {text}"))
}
