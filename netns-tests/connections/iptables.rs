//! The rules as `iptables-restore` loads them.

use netweir::intent::Family;
use netweir::render;
use netweir::ruleset::{RoutingObject, Ruleset};

use crate::sandbox::run;

/// Which iptables.
#[derive(Clone, Copy, Debug)]
pub(super) enum Variant {
    /// The one that makes nf_tables rules.
    Nft,
    /// The one of the kernel's older interface.
    Legacy,
}

impl Variant {
    pub(super) const ALL: [Self; 2] = [Self::Nft, Self::Legacy];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Nft => "nft",
            Self::Legacy => "legacy",
        }
    }

    /// Its programs, IPv4 first.
    pub(super) const fn programs(self) -> &'static [&'static str; 2] {
        match self {
            Self::Nft => &["iptables-nft-restore", "ip6tables-nft-restore"],
            Self::Legacy => &["iptables-legacy-restore", "ip6tables-legacy-restore"],
        }
    }
}

/// Loads the printed rules, and adds the addresses, policy rules and routes that they need.
pub(super) fn install(ruleset: &Ruleset, variant: Variant) {
    for (family, program) in Family::ALL.into_iter().zip(variant.programs()) {
        // The older interface has one lock for all namespaces.
        run(program, &["--wait"], &render::iptables(ruleset, family));
    }
    add_routing(ruleset);
}

/// Adds the addresses, policy rules and routes that the rules need.
pub(super) fn add_routing(ruleset: &Ruleset) {
    for &object in &ruleset.routing {
        let option = |family| match family {
            Family::Ipv4 => "-4",
            Family::Ipv6 => "-6",
        };
        let command = match object {
            RoutingObject::LoopbackAddress(address) => {
                format!("address add {address}/128 dev lo nodad")
            }
            RoutingObject::MarkRule {
                family,
                mark,
                table,
            } => format!("{} rule add fwmark {mark} lookup {table}", option(family)),
            RoutingObject::LocalRoute { family, table } => {
                format!(
                    "{} route add local default dev lo table {table}",
                    option(family)
                )
            }
        };
        run("ip", &command.split(' ').collect::<Vec<_>>(), "");
    }
}
