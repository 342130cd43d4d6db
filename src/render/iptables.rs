//! The text that `iptables-restore` and `ip6tables-restore` take, of the legacy and of the nft variant.
//!
//! There are no sets there (a rule becomes one for each element), one family at a time, and verdicts that
//! end the whole built-in chain. To leave a connection is therefore to *return* to the built-in chain, where the rules
//! of others still see it.

mod chain;
mod terms;

use std::fmt::{self, Display, Formatter};

use super::routing::IpCommand;
use crate::intent::Family;
use crate::ruleset::{Hook, Priority, Ruleset};

use chain::Translation;

/// The text for `iptables-restore --noflush`, or `ip6tables-restore --noflush`, of the family: every connection of
/// the family goes where the rules that `apply` installs send it.
///
/// Rules that no packet of the family fits are left out, so the text for a family that is not captured
/// captures nothing.
///
/// - All chains are declared, also those without a rule: what an earlier text put into them is gone. Older
///   numbered chains may remain, unused.
/// - Every run adds a jump to our chains, since there is no way to say "unless it is there". A packet that
///   comes by a second time fares as it did the first time: what is redirected, dropped or handed over does not
///   return, and what was left is left again.
/// - Where no listener is there, `TPROXY` itself drops the packet; the rule behind it, which does so for nft,
///   is idle.
/// - A socket that the kernel opened for itself has no file and so no owner. nft calls that neither equal nor
///   unequal; `! --uid-owner` calls it unequal, and its connections by `lo` are left alone. A packet without a
///   socket, which is never the first of a connection, is told apart by `--socket-exists`.
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
            "# For `{program}-restore --noflush`: fills the NETWEIR chains anew and leaves all other rules alone.\n\
             # Each run adds a jump to them. A second one changes no outcome; it is taken away by\n\
             # `{program} -t TABLE -D PREROUTING -j NETWEIR_INBOUND...` and `-D OUTPUT -j NETWEIR_OUTBOUND...`."
        )?;
        let commands = self.ruleset.routing.iter().map(IpCommand);
        for command in commands.filter(|command| command.family() == self.family) {
            writeln!(f, "# {command}")?;
        }
        for priority in Priority::ALL {
            self.write_table(f, priority)?;
        }
        Ok(())
    }
}

impl Iptables<'_> {
    fn write_table(&self, f: &mut Formatter<'_>, priority: Priority) -> fmt::Result {
        let translations = [Hook::Prerouting, Hook::Output].map(|hook| {
            let mut translation = Translation::new(self.ruleset, self.family, name(priority, hook));
            let chains = self.ruleset.chains.iter();
            chains
                .filter(|chain| chain.priority == priority && chain.hook == hook)
                .flat_map(|chain| &chain.rules)
                .for_each(|rule| translation.rule(rule));
            (hook, translation)
        });
        writeln!(f, "*{}", table(priority))?;
        for chain in translations.iter().flat_map(|(_, own)| own.chains()) {
            writeln!(f, ":{chain} - [0:0]")?;
        }
        for (hook, translation) in &translations {
            if !translation.is_empty() {
                writeln!(f, "-A {} -j {}", built_in(*hook), name(priority, *hook))?;
            }
        }
        for (_, translation) in &translations {
            f.write_str(translation.lines())?;
        }
        writeln!(f, "COMMIT")
    }
}

/// The table whose chains have the priority (`iptable_raw.c`, `iptable_mangle.c`, `iptable_nat.c`).
const fn table(priority: Priority) -> &'static str {
    match priority {
        Priority::Raw => "raw",
        Priority::Mangle => "mangle",
        Priority::Dstnat => "nat",
    }
}

const fn built_in(hook: Hook) -> &'static str {
    match hook {
        Hook::Prerouting => "PREROUTING",
        Hook::Output => "OUTPUT",
    }
}

/// Our chain on the hook; at most 28 bytes (`XT_FUNCTION_MAXNAMELEN`), with a number at the end.
const fn name(priority: Priority, hook: Hook) -> &'static str {
    match (priority, hook) {
        (Priority::Raw, Hook::Prerouting) => "NETWEIR_INBOUND_RAW",
        (Priority::Raw, Hook::Output) => "NETWEIR_OUTBOUND_RAW",
        (Priority::Mangle, Hook::Prerouting) => "NETWEIR_INBOUND_MANGLE",
        (Priority::Mangle, Hook::Output) => "NETWEIR_OUTBOUND_MANGLE",
        (Priority::Dstnat, Hook::Prerouting) => "NETWEIR_INBOUND",
        (Priority::Dstnat, Hook::Output) => "NETWEIR_OUTBOUND",
    }
}
