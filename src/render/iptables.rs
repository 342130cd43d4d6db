//! Input for `iptables-restore` and `ip6tables-restore`, legacy and nft variant.
//!
//! It has no sets (a rule becomes one for each element), one family at a time, and verdicts that end the whole built-in
//! chain. Bypassing a connection is therefore to *return* to the built-in chain, where the rules of other programs still
//! see it.

mod chain;
mod terms;

use std::fmt::{self, Display, Formatter};

use super::routing::ip_command;
use crate::intent::Family;
use crate::ruleset::{BaseChain, Direction, Ruleset};

use chain::Translation;

/// The input for `iptables-restore --noflush` or `ip6tables-restore --noflush`: every connection of the family has the
/// same outcome as under the rules that `apply` installs.
///
/// Rules that match no packet of the family are omitted, so the text for a family that is not captured captures nothing.
///
/// - Tables without a rule are omitted, for kernels without them; what an earlier text added there remains. In the other
///   tables all chains are declared, also those without a rule, which empties them. Numbered chains of an earlier text
///   may remain, unused.
/// - Built-in chains are declared for programs that read the text, such as `iptables-xml`: with `--noflush` that changes
///   neither their policy nor their rules.
/// - Every run adds a jump to these chains: iptables cannot add a rule only if it is missing. A second jump has no
///   effect: a packet that is redirected, dropped or handed over does not return, and a bypassed one is bypassed again.
/// - Without a listener, `TPROXY` itself drops the packet; the rule after it, which does so for nft, matches nothing.
/// - A socket that the kernel opened for itself has no file and so no owner. nft treats that as neither equal nor
///   unequal; `! --uid-owner` treats it as unequal, and its connections over `lo` bypass the proxy. `--socket-exists`
///   excludes packets without a socket, which are never the first of a connection.
#[must_use]
pub fn iptables(ruleset: &Ruleset, family: Family) -> String {
    Iptables { ruleset, family }.to_string()
}

struct Iptables<'a> {
    ruleset: &'a Ruleset,
    family: Family,
}

impl Display for Iptables<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let program = match self.family {
            Family::Ipv4 => "iptables",
            Family::Ipv6 => "ip6tables",
        };
        writeln!(
            f,
            "# For `{program}-restore --noflush`: replaces the NETWEIR chains of these tables and keeps all other rules.\n\
             # Each run adds a jump to them. A second jump changes no outcome; to remove it, run\n\
             # `{program} -t TABLE -D PREROUTING -j NETWEIR_INBOUND...` and `-D OUTPUT -j NETWEIR_OUTBOUND...`."
        )?;
        let objects = self.ruleset.routing.iter();
        for object in objects.filter(|object| object.family() == self.family) {
            writeln!(f, "# {}", ip_command(object))?;
        }
        self.write_table(f, "raw", &[BaseChain::OutboundRaw])?;
        let mangle = [BaseChain::InboundMangle, BaseChain::OutboundMangle];
        self.write_table(f, "mangle", &mangle)?;
        self.write_table(f, "nat", &[BaseChain::Inbound, BaseChain::Outbound])
    }
}

impl Iptables<'_> {
    /// Writes a table with the rules of these chains.
    fn write_table(&self, f: &mut Formatter<'_>, table: &str, chains: &[BaseChain]) -> fmt::Result {
        let translations = chains.iter().map(|&chain| {
            let mut translation = Translation::new(self.ruleset, self.family, name(chain));
            let own = self.ruleset.chain(chain.name());
            own.into_iter()
                .flat_map(|own| &own.rules)
                .for_each(|rule| translation.rule(rule));
            (chain, translation)
        });
        let translations: Vec<_> = translations.collect();
        let jumps = translations
            .iter()
            .filter(|(_, translation)| !translation.is_empty())
            .map(|(chain, _)| match chain.direction() {
                Direction::In => ("PREROUTING", name(*chain)),
                Direction::Out => ("OUTPUT", name(*chain)),
            });
        if jumps.clone().next().is_none() {
            return Ok(());
        }
        writeln!(f, "*{table}")?;
        for (built_in, _) in jumps.clone() {
            writeln!(f, ":{built_in} - [0:0]")?;
        }
        for chain in translations.iter().flat_map(|(_, own)| own.chains()) {
            writeln!(f, ":{chain} - [0:0]")?;
        }
        for (built_in, chain) in jumps {
            writeln!(f, "-A {built_in} -j {chain}")?;
        }
        for (_, translation) in &translations {
            f.write_str(translation.lines())?;
        }
        writeln!(f, "COMMIT")
    }
}

/// The name of the chain; with a number at the end, at most 28 bytes (`XT_FUNCTION_MAXNAMELEN`).
fn name(chain: BaseChain) -> String {
    format!("NETWEIR_{}", chain.name().to_uppercase())
}
