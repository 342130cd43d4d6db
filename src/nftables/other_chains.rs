//! Base chains that other programs installed.

use std::fs;

use nftnl::nftnl_sys as c;
use nftnl::nftnl_sys::libc;

use super::Kernel;
use super::message::{HEADER, request};
use crate::intent::Family;
use crate::netlink::{Error, Flags, retry, text};
use crate::ruleset::{ChainKind, Direction, Hook, Rule, RuleId, Ruleset, TABLE, TableFamily};
use crate::sys;
use crate::trace::TABLES;

/// A base chain of another program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherChain {
    /// The family of its table.
    pub family: TableFamily,
    /// The table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// `filter`, `nat` or `route`.
    pub kind: String,
    /// Its hook.
    pub hook: Hook,
    /// The priority; the lower comes first.
    pub priority: i32,
}

impl OtherChain {
    /// Whether it decides about connections before the NAT chains of the ruleset do: the first NAT chain that translates
    /// a connection decides, and of those with the same priority the one that was registered last comes first.
    fn precedes<R: AsRef<Rule>>(&self, ruleset: &Ruleset<R>) -> bool {
        self.kind == ChainKind::Nat.name()
            && ruleset.chains.iter().any(|own| {
                let is_captured = |&family: &Family| {
                    let mut ids = own.rules.iter().map(|rule| &rule.as_ref().id);
                    !ids.any(|id| matches!(id, RuleId::LeaveFamily(_, left) if *left == family))
                };
                own.kind == ChainKind::Nat
                    && own.hook == self.hook
                    && self.priority <= own.priority.number()
                    && Family::ALL
                        .into_iter()
                        .filter(|&family| self.family.sees(family))
                        .any(|family| is_captured(&family))
            })
    }
}

/// Warnings of other programs' NAT chains that come before those of the ruleset.
pub(crate) fn warnings_of_earlier<R: AsRef<Rule>>(
    kernel: &mut Kernel,
    ruleset: &Ruleset<R>,
) -> Result<Vec<String>, Error> {
    let mut earlier = others(kernel)?;
    earlier.retain(|chain| chain.precedes(ruleset));
    let warning = |chain| {
        format!("{chain} comes before netweir's: connections that it redirects are not captured")
    };
    Ok(earlier.iter().map(warning).collect())
}

/// `NFTA_CHAIN_HOOK`, which only base chains have.
const HOOK: u16 = 4;

/// The base chains of nf_tables that connections to and from this host pass, apart from netweir's.
///
/// The kernel lists the chains of all tables, and with thousands of them no listing may end between two changes of another
/// program. One that was interrupted can lack a chain, where another was deleted before it: two in a row that agree are
/// taken for complete.
pub(crate) fn others(kernel: &mut Kernel) -> Result<Vec<OtherChain>, Error> {
    if kernel.is_first {
        return Ok(Vec::new());
    }
    let socket = &mut kernel.nftables;
    let mut previous = None;
    retry(|| {
        let every_family = 0;
        let request = request(libc::NFT_MSG_GETCHAIN, Flags::DUMP, every_family);
        let mut chains = Vec::new();
        let listed = socket.dump("list the chains of other tables", request, |message| {
            // Most chains are none, and other programs may have thousands.
            if message.attributes(HEADER).find(HOOK).is_some() {
                chains.extend(other(&sys::Chain::parse(message.bytes)?));
            }
            Some(())
        });
        match listed {
            Err(error @ Error::Contended { .. }) if previous.as_ref() != Some(&chains) => {
                previous = Some(chains);
                Err(error)
            }
            Ok(()) | Err(Error::Contended { .. }) => Ok(chains),
            Err(error) => Err(error),
        }
    })
}

fn other(chain: &sys::Chain) -> Option<OtherChain> {
    let family = TableFamily::from_number(chain.u32(c::NFTNL_CHAIN_FAMILY)?)?;
    let hook = Hook::from_number(chain.u32(c::NFTNL_CHAIN_HOOKNUM)?)?;
    let on_path = |direction| Hook::path(direction).contains(&hook);
    let table = text(chain.name(c::NFTNL_CHAIN_TABLE)?);
    // Tracing does not change where packets go.
    let own = table == TABLE || table.starts_with(TABLES);
    if family == TableFamily::Inet && own || !(on_path(Direction::In) || on_path(Direction::Out)) {
        return None;
    }
    Some(OtherChain {
        family,
        table,
        chain: text(chain.name(c::NFTNL_CHAIN_NAME)?),
        kind: text(chain.name(c::NFTNL_CHAIN_TYPE)?),
        hook,
        priority: chain.u32(c::NFTNL_CHAIN_PRIO)?.cast_signed(),
    })
}

/// The tables of iptables-legacy (`xtables`), which nf_tables does not list. Only root may see them.
pub(crate) fn legacy_tables(family: Family) -> Vec<String> {
    let file = match family {
        Family::Ipv4 => "/proc/thread-self/net/ip_tables_names",
        Family::Ipv6 => "/proc/thread-self/net/ip6_tables_names",
    };
    // A kernel without xtables has no such file.
    let names = fs::read_to_string(file).unwrap_or_default();
    names.lines().map(ToOwned::to_owned).collect()
}
