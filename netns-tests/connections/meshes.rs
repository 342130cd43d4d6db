//! Real connections go the same way under the rules of the meshes' own programs, which iptables loads, as they do by our
//! tables: for the same flags.

use netweir::intent::{Capture, Families, Family};
use netweir::meshes::{
    CompatCommand, Consul, ConsulFlag, Environment, Istio, IstioFlag, Linkerd, LinkerdFlag,
};
use netweir::metadata::Metadata;
use netweir::nftables::{self, Outcome};
use netweir::options::{OptionSet, OptionValues, Origin};
use netweir::plan::plan;
use netweir::ruleset::OpenConnections;

use super::assert_connections;
use super::attempts;
use super::iptables::{Variant, add_routing};
use crate::sandbox::{NetnsTest, PEER, POD, Sandbox, run};
use netweir_testkit::consul_rules;
use netweir_testkit::fakes::{NoFiles, NoUsers};
use netweir_testkit::istio_rules::{self, Dns, Settings};
use netweir_testkit::linkerd_rules;

const NETWEIR: &str = env!("CARGO_BIN_EXE_netweir");

/// How much of IPv6 is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stack {
    Single,
    Dual,
}

pub(super) fn tests() -> Vec<NetnsTest> {
    let istio = istio().into_iter().map(|(name, stack, settings)| {
        NetnsTest::new(format!("connections::istio-{name}"), move |sandbox| {
            outcomes_match_istio(sandbox, &settings, stack);
        })
    });
    let linkerd = linkerd().into_iter().map(|(name, stack, settings)| {
        NetnsTest::new(format!("connections::linkerd-{name}"), move |sandbox| {
            outcomes_match_linkerd(sandbox, &settings, stack);
        })
    });
    let consul = consul().into_iter().map(|(name, stack, settings)| {
        NetnsTest::new(format!("connections::consul-{name}"), move |sandbox| {
            outcomes_match_consul(sandbox, &settings, stack);
        })
    });
    let tests = istio.chain(linkerd).chain(consul);
    tests
        .map(|test| test.with(Variant::Nft.programs()).only_as_root())
        .collect()
}

/// What Istio's injector asks for, changed.
fn changed(change: impl FnOnce(&mut Settings)) -> Settings {
    let one = |text: &str| vec![text.to_owned()];
    let mut settings = Settings {
        outbound_port: 15001,
        inbound_port: 15006,
        tunnel_port: 15008,
        uids: one("1337"),
        gids: one("1337"),
        mark: 1337,
        inbound_ports: one("*"),
        inbound_exclude: texts(&["15090", "15021", "15020"]),
        ranges: one("*"),
        loopback: "127.0.0.1/32".to_owned(),
        ..Settings::default()
    };
    change(&mut settings);
    settings
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

type Sets<T> = Vec<(&'static str, Stack, T)>;

fn istio() -> Sets<Settings> {
    let dual = |name, change: fn(&mut Settings)| (name, Stack::Dual, changed(change));
    let mut sets = vec![
        ("injector-single-stack", Stack::Single, changed(|_| {})),
        dual("injector", |_| {}),
        dual("nothing", |own| {
            own.inbound_ports.clear();
            own.ranges.clear();
        }),
        dual("ports-listed", |own| {
            own.inbound_ports = texts(&["80", "8000:8090"]);
        }),
        dual("ports-excluded", |own| {
            own.inbound_exclude = texts(&["22", "8080"]);
            own.ports_exclude = texts(&["53", "443"]);
        }),
        dual("ranges-listed", |own| {
            own.ranges = texts(&["10.9.1.2/16", "10.1.0.0/24", "fd09::5/16"]);
            own.ranges_exclude = texts(&["10.9.8.0/25", "fd09:1::/32"]);
            own.ports = texts(&["443"]);
        }),
        dual("ranges-with-loopback", |own| {
            own.ranges = texts(&["127.0.0.5/8", "10.0.0.0/8"]);
        }),
        dual("ranges-of-everything", |own| {
            own.ranges = texts(&["0.0.0.0/0", "::/0"]);
        }),
        dual("ranges-none-but-ports", |own| {
            own.ranges.clear();
            own.ports = texts(&["80", "8080"]);
        }),
        dual("interfaces", |own| {
            own.interfaces_exclude = texts(&["eth1", "tun+"]);
        }),
        dual("reroute", |own| {
            own.interfaces_reroute = texts(&["eth1"]);
            own.ranges = texts(&["10.0.0.0/8", "fd00::/8"]);
        }),
        dual("owners", |own| {
            own.uids = texts(&["1337", "1000"]);
            own.gids = texts(&["2000", "1337"]);
        }),
        dual("wide-loopback", |own| {
            own.loopback = String::from("127.0.0.0/8");
        }),
        dual("ports-of-the-proxy", |own| {
            own.outbound_port = 15011;
            own.inbound_port = 15016;
            own.tunnel_port = 443;
            own.drop_invalid = true;
        }),
    ];
    sets.extend(istio_groups());
    sets.extend(istio_dns());
    sets.extend(istio_tproxy());
    sets
}

fn istio_groups() -> Sets<Settings> {
    let dual = |name, change: fn(&mut Settings)| (name, Stack::Dual, changed(change));
    vec![
        dual("groups-included", |own| {
            own.groups = Some(texts(&["1000", "3000-3010"]));
            own.groups_exclude = texts(&["1000"]);
        }),
        dual("groups-none", |own| own.groups = Some(Vec::new())),
        dual("groups-excluded", |own| {
            own.groups_exclude = texts(&["1000", "3000"]);
        }),
    ]
}

fn istio_dns() -> Sets<Settings> {
    let dual = |name, change: fn(&mut Settings)| (name, Stack::Dual, changed(change));
    vec![
        dual("dns-all", |own| own.dns = Dns::All),
        dual("dns-resolvers", |own| {
            own.dns = Dns::Servers(texts(&["10.9.8.7", "127.0.0.2", "fd09::7"]));
            own.uids = texts(&["1337", "1000"]);
        }),
        dual("dns-no-resolvers", |own| own.dns = Dns::Servers(Vec::new())),
        dual("dns-resolvers-of-ipv6", |own| {
            own.dns = Dns::Servers(texts(&["fd09::7"]));
            own.ranges.clear();
        }),
        dual("dns-and-loopback", |own| {
            own.dns = Dns::All;
            own.ranges = texts(&["::1/128", "10.0.0.0/8"]);
        }),
    ]
}

fn istio_tproxy() -> Sets<Settings> {
    let dual = |name, change: fn(&mut Settings)| {
        let mut settings = changed(|own| own.tproxy = true);
        change(&mut settings);
        (name, Stack::Dual, settings)
    };
    vec![
        dual("tproxy", |_| {}),
        dual("tproxy-ports-listed", |own| {
            own.inbound_ports = texts(&["80", "8080"]);
            own.mark = 7;
        }),
        dual("tproxy-ports-excluded", |own| {
            own.inbound_exclude = texts(&["80"]);
            own.interfaces_exclude = texts(&["eth1"]);
            own.drop_invalid = true;
        }),
        dual("tproxy-dns", |own| own.dns = Dns::All),
    ]
}

fn outcomes_match_istio(sandbox: &Sandbox, settings: &Settings, stack: Stack) {
    let mut flags = settings.flags(", ");
    let dual_stack = (stack == Stack::Dual).to_string();
    flags.push((IstioFlag::DualStack, dual_stack));
    let variables = settings.variables(",");
    let all = IstioFlag::ALL.iter().copied();
    let (mut texts, _) = OptionValues::from_variables(all, true, |name| {
        let mut set = variables.iter();
        set.find(|(own, _)| *own == name)
            .map(|(_, text)| text.into())
    });
    for (flag, text) in &flags {
        texts.set(*flag, Origin::Flag, text.clone());
    }
    let request = Istio::read(&texts, &NoUsers, &NoFiles).1.expect("valid");
    let environment = Environment {
        addresses: POD.to_vec(),
        resolv_conf: settings.resolv_conf(),
    };
    let (capture, _) = request.capture(&environment);
    let families = match stack {
        Stack::Single => Families::Only(Family::Ipv4),
        Stack::Dual => Families::Both,
    };
    assert_eq!(capture.families, families);
    // The program reads the machine's own file.
    if !matches!(settings.dns, Dns::Servers(_)) {
        installs("istio-iptables", &flags, &variables, &capture);
    }
    let text = |family| match family {
        Family::Ipv4 => istio_rules::text(settings, false),
        Family::Ipv6 => istio_rules::text(settings, true),
    };
    assert_same_outcomes(sandbox, &capture, text);
}

fn linkerd() -> Sets<linkerd_rules::Settings> {
    let settings = |change: fn(&mut linkerd_rules::Settings)| {
        let mut settings = linkerd_rules::Settings {
            incoming_port: 4143,
            outgoing_port: 4140,
            uid: 1337,
            gid: -1,
            redirect: Vec::new(),
            inbound_ignore: texts(&["4190", "4191", "4567", "4568"]),
            outbound_ignore: texts(&["4567", "4568"]),
            subnets: Vec::new(),
        };
        change(&mut settings);
        settings
    };
    vec![
        ("injector", Stack::Single, settings(|_| {})),
        ("dual-stack", Stack::Dual, settings(|_| {})),
        (
            "groups",
            Stack::Dual,
            settings(|own| (own.uid, own.gid) = (0, 1000)),
        ),
        (
            "ports-listed",
            Stack::Dual,
            settings(|own| {
                own.redirect = texts(&["80", "8080"]);
                own.inbound_ignore = texts(&["22", "8000-8090"]);
                own.outbound_ignore = texts(&["443", "9000-9100"]);
            }),
        ),
        (
            "subnets",
            Stack::Dual,
            settings(|own| own.subnets = texts(&["10.9.1.2/16", "fd01::1/64"])),
        ),
    ]
}

fn outcomes_match_linkerd(sandbox: &Sandbox, settings: &linkerd_rules::Settings, stack: Stack) {
    let list = |entries: &[String]| entries.join(",");
    let flags = [
        (
            LinkerdFlag::IncomingProxyPort,
            settings.incoming_port.to_string(),
        ),
        (
            LinkerdFlag::OutgoingProxyPort,
            settings.outgoing_port.to_string(),
        ),
        (LinkerdFlag::ProxyUid, settings.uid.to_string()),
        (LinkerdFlag::ProxyGid, settings.gid.to_string()),
        (LinkerdFlag::PortsToRedirect, list(&settings.redirect)),
        (
            LinkerdFlag::InboundPortsToIgnore,
            list(&settings.inbound_ignore),
        ),
        (
            LinkerdFlag::OutboundPortsToIgnore,
            list(&settings.outbound_ignore),
        ),
        (LinkerdFlag::SubnetsToIgnore, list(&settings.subnets)),
        (LinkerdFlag::Ipv6, (stack == Stack::Dual).to_string()),
    ];
    let mut texts = OptionValues::default();
    for (flag, text) in &flags {
        texts.set(*flag, Origin::Flag, text.clone());
    }
    let request = Linkerd::read(&texts, &NoUsers, &NoFiles).1.expect("valid");
    let (capture, _) = request.capture(&Environment::default());
    installs("linkerd-init", &flags, &[], &capture);
    let text = |family| {
        let ipv6 = family == Family::Ipv6;
        let mut settings = settings.clone();
        settings
            .subnets
            .retain(|subnet| subnet.contains(':') == ipv6);
        linkerd_rules::text(&settings)
    };
    assert_same_outcomes(sandbox, &capture, text);
}

fn consul() -> Sets<consul_rules::Settings> {
    let settings = |change: fn(&mut consul_rules::Settings)| {
        let mut settings = consul_rules::Settings {
            uid: "1337".to_owned(),
            inbound_port: 15006,
            outbound_port: 15001,
            exclude_inbound_ports: texts(&["8085"]),
            exclude_uids: texts(&["1000"]),
            ..consul_rules::Settings::default()
        };
        change(&mut settings);
        settings
    };
    vec![
        ("injector", Stack::Single, settings(|_| {})),
        ("dns", Stack::Single, settings(|own| own.dns_port = 15_053)),
        (
            "dns-dual-stack",
            Stack::Dual,
            settings(|own| {
                (own.dns_address, own.dns_port) = ("::1".to_owned(), 15_053);
                own.exclude_outbound_ports = texts(&["443", "9000:9100"]);
                own.exclude_outbound_cidrs = texts(&["10.9.1.2/16", "fd09::1/64"]);
            }),
        ),
        (
            "dns-of-the-node",
            Stack::Single,
            settings(|own| {
                (own.dns_address, own.dns_port) = (PEER[0].to_string(), 8600);
                own.exclude_uids = texts(&["0", "100-2000"]);
            }),
        ),
        (
            "all-dns",
            Stack::Dual,
            settings(|own| own.dns_address = PEER[1].to_string()),
        ),
    ]
}

fn outcomes_match_consul(sandbox: &Sandbox, settings: &consul_rules::Settings, stack: Stack) {
    let list = |entries: &[String]| entries.join(";");
    let texts = [
        (ConsulFlag::ConsulDnsIp, settings.dns_address.clone()),
        (ConsulFlag::ConsulDnsPort, settings.dns_port.to_string()),
        (ConsulFlag::ProxyUid, settings.uid.clone()),
        (
            ConsulFlag::ProxyInboundPort,
            settings.inbound_port.to_string(),
        ),
        (
            ConsulFlag::ProxyOutboundPort,
            settings.outbound_port.to_string(),
        ),
        (
            ConsulFlag::ExcludeInboundPort,
            list(&settings.exclude_inbound_ports),
        ),
        (
            ConsulFlag::ExcludeOutboundPort,
            list(&settings.exclude_outbound_ports),
        ),
        (
            ConsulFlag::ExcludeOutboundCidr,
            list(&settings.exclude_outbound_cidrs),
        ),
        (ConsulFlag::ExcludeUid, list(&settings.exclude_uids)),
    ];
    let dual_stack = (stack == Stack::Dual).to_string();
    let mut values = OptionValues::default();
    for (flag, text) in &texts {
        values.set(*flag, Origin::Flag, text.clone());
    }
    let variable = Origin::Variable("CONSUL_DUAL_STACK");
    values.set(ConsulFlag::DualStack, variable, dual_stack.clone());
    let request = Consul::read(&values, &NoUsers, &NoFiles).1.expect("valid");
    let (capture, _) = request.capture(&Environment::default());
    let repeated = texts.iter().flat_map(|(flag, text)| {
        let entries = text.split(';').filter(|entry| !entry.is_empty());
        entries.map(|entry| (*flag, entry.to_owned()))
    });
    let flags: Vec<_> = repeated.collect();
    let variables = [("CONSUL_DUAL_STACK", dual_stack)];
    installs(Consul::COMMAND, &flags, &variables, &capture);
    let text = |family| consul_rules::text(settings, family == Family::Ipv6);
    assert_same_outcomes(sandbox, &capture, text);
}

/// The program installs the rules of the capture.
fn installs<F: OptionSet>(
    command: &str,
    flags: &[(F, String)],
    variables: &[(&str, String)],
    capture: &Capture,
) {
    let flags = flags.iter().map(|(flag, text)| {
        let long = flag.spec().long.expect("a flag");
        format!("--{long}={text}")
    });
    let mut arguments: Vec<_> = variables
        .iter()
        .map(|(name, text)| format!("{name}={text}"))
        .collect();
    arguments.push(NETWEIR.to_owned());
    arguments.extend(command.split(' ').map(str::to_owned));
    arguments.extend(flags);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    run("env", &arguments, "");
    let rules = plan(capture);
    let note = Metadata::of(capture).bytes(&rules);
    let outcome = nftables::apply(&rules, &note, OpenConnections::new).expect("applied");
    assert_eq!(outcome, Outcome::Unchanged);
    nftables::remove().expect("removed");
}

/// Every attempt of the matrix has the same outcome under the capture and under the text, loaded with iptables.
fn assert_same_outcomes(sandbox: &Sandbox, capture: &Capture, text: impl Fn(Family) -> String) {
    let rules = plan(capture);
    for (family, program) in Family::ALL.into_iter().zip(Variant::Nft.programs()) {
        if capture.families.contains(family) {
            run(program, &["--wait"], &text(family));
        }
    }
    add_routing(&rules);
    assert_connections(sandbox, capture, &rules, attempts::matrix(capture));
}
