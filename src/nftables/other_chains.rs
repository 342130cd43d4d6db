//! Who else has a say in where connections go.

use std::fs;

use nftnl::nftnl_sys as c;
use nftnl::nftnl_sys::libc;

use super::batch::{family_header, message_type};
use crate::intent::Family;
use crate::netlink::Error;
use crate::netlink::{Flags, Request, open, text};
use crate::ruleset::TABLE;
use crate::sys;
use crate::trace::TABLES;

/// A base chain of another program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherChain {
    /// The table's family, in nft's words.
    pub family: &'static str,
    /// The table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// `filter`, `nat` or `route`.
    pub kind: String,
    /// The hook, in nft's words.
    pub hook: &'static str,
    /// The priority; the lower comes first.
    pub priority: i32,
}

/// The base chains of nf_tables that connections to and from this host meet, apart from our own.
pub(crate) fn others() -> Result<Vec<OtherChain>, Error> {
    let mut socket = open(mnl::Bus::Netfilter)?;
    let every_family = family_header(0);
    let request = Request::new(
        message_type(libc::NFT_MSG_GETCHAIN),
        Flags::DUMP,
        &every_family,
    );
    let mut chains = Vec::new();
    let listed = socket.dump(request, |message| {
        let chain = sys::Chain::parse(message.bytes)?;
        chains.extend(other(&chain));
        Some(())
    });
    listed.map_err(Error::reading("list the chains of other tables"))?;
    Ok(chains)
}

fn other(chain: &sys::Chain) -> Option<OtherChain> {
    let family = family(chain.u32(c::NFTNL_CHAIN_FAMILY)?)?;
    let hook = hook(chain.u32(c::NFTNL_CHAIN_HOOKNUM)?)?;
    let table = text(chain.name(c::NFTNL_CHAIN_TABLE));
    // What has packets traced leaves their ways as they are.
    let own = table == TABLE || table.starts_with(TABLES);
    (family != "inet" || !own).then(|| OtherChain {
        family,
        table,
        chain: text(chain.name(c::NFTNL_CHAIN_NAME)),
        kind: text(chain.name(c::NFTNL_CHAIN_TYPE)),
        hook,
        priority: chain
            .u32(c::NFTNL_CHAIN_PRIO)
            .unwrap_or_default()
            .cast_signed(),
    })
}

/// The families whose chains IP packets meet (`linux/netfilter.h`).
const fn family(number: u32) -> Option<&'static str> {
    match number {
        1 => Some("inet"),
        2 => Some("ip"),
        10 => Some("ip6"),
        _ => None,
    }
}

/// The hooks that a connection passes which starts or ends here (`enum nf_inet_hooks`).
const fn hook(number: u32) -> Option<&'static str> {
    match number {
        0 => Some("prerouting"),
        1 => Some("input"),
        3 => Some("output"),
        4 => Some("postrouting"),
        _ => None,
    }
}

/// The tables of the older iptables (`xtables`), which nf_tables does not list. Only root may see them.
pub(crate) fn legacy_tables(family: Family) -> Vec<String> {
    let file = match family {
        Family::Ipv4 => "/proc/thread-self/net/ip_tables_names",
        Family::Ipv6 => "/proc/thread-self/net/ip6_tables_names",
    };
    let names = fs::read_to_string(file).unwrap_or_default();
    names.lines().map(ToOwned::to_owned).collect()
}
