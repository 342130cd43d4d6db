//! Reading the table inet netweir back, object by object.
//!
//! The kernel lists sets and rules by table, but chains only of a whole family, and other programs may have thousands that
//! keep changing: no such listing ends between two changes. So chains are requested by name. Rules name their chains; the
//! names of chains without rules, which the plan never makes, come from a listing outside of the generation that is read.

use std::collections::BTreeSet;

use nftnl::nftnl_sys as c;
use nftnl::nftnl_sys::libc;
use nix::errno::Errno;

use super::elements::{Collected, Key, LIST_SET, connection_of, uid_ports_of};
use super::message::{HEADER, own_request, request};
use super::object::{
    self, Layout, ListedRule, decode_chain, decode_rule, decode_set, metadata_piece,
};
use super::rule::interface_pattern;
use crate::intent::{Interfaces, Interval, Intervals};
use crate::netlink::{Error, Flags, Message, Socket, retry, text};
use crate::ruleset::{
    Chain, Elements, Hook, Installed, InstalledRule, MetadataBytes, OpenConnections, Set, SetName,
    TABLE, Unmanaged, UnmanagedKind,
};
use crate::sys::{self, INET, parse_elements};
use crate::trace::{KnownRule, Rules};

/// `NFTA_TABLE_FLAGS`, of which netweir's table has none.
const TABLE_FLAGS: u16 = 2;
/// `NFT_TABLE_F_DORMANT`: the kernel passes the table's chains over.
const DORMANT: u32 = 1;
/// `NFTA_TABLE_USE`: the number of its chains, sets, stateful objects and flow tables.
const TABLE_USE: u16 = 3;
/// `NFTA_TABLE_USERDATA` and `NFTA_CHAIN_USERDATA` (Linux 5.10, commits b131c96496b3 and 002f21765320). An older kernel
/// keeps nothing there.
const TABLE_USERDATA: u16 = 6;
const CHAIN_USERDATA: u16 = 12;
/// `NFTA_CHAIN_TABLE`, `NFTA_CHAIN_HANDLE` and `NFTA_CHAIN_NAME`.
const CHAIN_TABLE: u16 = 1;
const CHAIN_HANDLE: u16 = 2;
const CHAIN_NAME: u16 = 3;
/// `NFTA_RULE_HANDLE`.
const RULE_HANDLE: u16 = 3;
/// `NFTA_GEN_ID`.
const GENERATION_ID: u16 = 1;

const READING: &str = "list the table inet netweir";

/// The number of the ruleset's current generation: it changes with every transaction in the namespace.
pub(super) fn generation(socket: &mut Socket) -> Result<u32, Error> {
    let request = request(libc::NFT_MSG_GETGEN, Flags::REQUEST, 0);
    socket.query("read the ruleset's generation", request, |message| {
        message.attributes(HEADER).be32(GENERATION_ID)
    })
}

/// The table itself.
pub(super) struct Table {
    flags: u32,
    /// The number of its chains, sets and other objects.
    objects: usize,
    /// Its piece of the metadata.
    metadata: Vec<u8>,
}

/// The table; `None` if there is none.
pub(super) fn table(socket: &mut Socket) -> Result<Option<Table>, Error> {
    let request = own_request(libc::NFT_MSG_GETTABLE, Flags::REQUEST);
    socket.find("look for the table inet netweir", request, |message| {
        let attributes = message.attributes(HEADER);
        Some(Table {
            flags: attributes.be32(TABLE_FLAGS)?,
            objects: usize::try_from(attributes.be32(TABLE_USE)?).ok()?,
            metadata: metadata_piece(attributes.find(TABLE_USERDATA)).to_vec(),
        })
    })
}

/// The generation and what `read` finds in the table; nothing if there is no table.
///
/// # Errors
/// [`Error::Contended`] if the ruleset changed meanwhile.
pub(super) fn at_generation<T>(
    socket: &mut Socket,
    read: impl FnOnce(&mut Socket, Table) -> Result<T, Error>,
) -> Result<(u32, Option<T>), Error> {
    let generation = generation(socket)?;
    let Some(table) = table(socket)? else {
        return Ok((generation, None));
    };
    match read(socket, table) {
        // A set, a chain or the table is gone since it was listed.
        Err(error) if error.refused_with() == Some(Errno::ENOENT) => Err(Error::contended(READING)),
        Err(error) => Err(error),
        Ok(_) if self::generation(socket)? != generation => Err(Error::contended(READING)),
        Ok(contents) => Ok((generation, Some(contents))),
    }
}

/// What the table consists of.
pub(super) struct Contents {
    pub(super) installed: Installed,
    /// The metadata that is kept with it.
    pub(super) metadata: MetadataBytes,
    /// Whether the table has more objects than were read: chains without rules, or other kinds of objects.
    pub(super) has_others: bool,
}

/// Everything in the table; `None` if there is no table.
pub(super) fn everything(socket: &mut Socket) -> Result<Option<Contents>, Error> {
    let mut chains = BTreeSet::new();
    let mut nothing_new = false;
    retry(|| {
        let (_, found) = at_generation(socket, |socket, table| contents(socket, table, &chains))?;
        let contents = match found {
            Some(contents) if contents.has_others => contents,
            found => return Ok(found),
        };
        let known = chains.len();
        let interrupted = match list_chains(socket, &mut chains) {
            Err(Error::Contended { .. }) => true,
            other => other.map(|()| false)?,
        };
        // An interrupted listing can lack a chain; two that agree are taken as complete.
        let before = std::mem::replace(&mut nothing_new, chains.len() == known);
        if nothing_new && (before || !interrupted) {
            return Ok(Some(contents));
        }
        Err(Error::contended(READING))
    })
}

/// The table's sets, rules and chains: those that have rules, and those of the names.
pub(super) fn contents(
    socket: &mut Socket,
    table: Table,
    names: &BTreeSet<Vec<u8>>,
) -> Result<Contents, Error> {
    let mut installed = Installed::default();
    sets(socket, &mut installed)?;
    let rules = rules(socket)?;
    let with_rules = rules.iter().map(|rule| rule.chain.clone());
    let chains = chains(socket, with_rules.chain(names.iter().cloned()).collect())?;
    let objects = installed.ruleset.sets.len() + installed.unmanaged.len() + chains.len();
    let mut metadata = table.metadata;
    for chain in chains {
        metadata.extend_from_slice(&chain.metadata);
        match chain.chain {
            Ok(chain) => installed.ruleset.chains.push(chain),
            Err(unmanaged) => installed.unmanaged.push(unmanaged),
        }
    }
    let has_others = objects < table.objects;
    let unmanaged = [
        (table.flags != 0).then(|| format!("a table with the flags {:#x}", table.flags)),
        has_others.then(|| "a table with other objects than sets and chains".to_owned()),
    ];
    let dormant = table.flags & DORMANT != 0;
    let unmanaged = unmanaged.into_iter().flatten().map(|what| Unmanaged {
        chain: None,
        position: 0,
        name: TABLE.to_owned(),
        what,
        kind: UnmanagedKind::Table { dormant },
    });
    installed.unmanaged.extend(unmanaged);
    for rule in rules {
        add_rule(&mut installed, rule);
    }
    Ok(Contents {
        installed,
        metadata: MetadataBytes::new(metadata),
        has_others,
    })
}

fn sets(socket: &mut Socket, installed: &mut Installed) -> Result<(), Error> {
    let request = own_request(libc::NFT_MSG_GETSET, Flags::DUMP);
    let mut listed = Vec::new();
    socket.dump(READING, request, |message| {
        listed.push(decode_set(&sys::Set::parse(message.bytes)?)?);
        Some(())
    })?;
    for set in listed {
        let name = text(&set.name);
        let elements = match set.elements {
            Ok((empty, layout)) => elements(socket, &set.name, &empty, layout)?,
            Err(what) => Err(what),
        };
        match elements {
            Ok(elements) => installed.ruleset.sets.push(Set {
                elements,
                name: SetName::from(name.as_str()),
            }),
            Err(what) => installed.unmanaged.push(Unmanaged {
                chain: None,
                position: 0,
                name,
                what,
                kind: UnmanagedKind::Set,
            }),
        }
    }
    Ok(())
}

/// The set's elements, or what about them is not netweir's.
fn elements(
    socket: &mut Socket,
    set: &[u8],
    kind: &Elements,
    layout: Layout,
) -> Result<Result<Elements, String>, Error> {
    Ok(match kind {
        Elements::Ports(_) => intervals(socket, set, layout)?.map(Elements::Ports),
        Elements::Ipv4(_) => intervals(socket, set, layout)?.map(Elements::Ipv4),
        Elements::Ipv6(_) => intervals(socket, set, layout)?.map(Elements::Ipv6),
        Elements::Uids(_) => intervals(socket, set, layout)?.map(Elements::Uids),
        Elements::Gids(_) => intervals(socket, set, layout)?.map(Elements::Gids),
        Elements::Connections(family, _) => {
            let mut connections = OpenConnections::new();
            each_key(socket, set, &mut |key, _, _| {
                connections.push(connection_of(key)?);
                Some(())
            })?
            .map(|()| Elements::Connections(*family, connections))
        }
        Elements::UidPorts(_) => {
            let mut ranges = Vec::new();
            each_key(socket, set, &mut |key, end, _| {
                ranges.push(uid_ports_of(key, end.unwrap_or(key))?);
                Some(())
            })?
            .map(|()| Elements::UidPorts(ranges.into_iter().collect()))
        }
        Elements::Interfaces(_) => listed(socket, set, layout)?.and_then(|names: Vec<_>| {
            let patterns = names.iter().map(interface_pattern);
            let patterns: Option<Interfaces> = patterns.collect();
            let patterns = patterns.filter(|patterns| patterns.len() == names.len());
            let what = || "a set with elements that netweir does not write".to_owned();
            patterns.map(Elements::Interfaces).ok_or_else(what)
        }),
    })
}

fn intervals<T: Key>(
    socket: &mut Socket,
    set: &[u8],
    layout: Layout,
) -> Result<Result<Intervals<T>, String>, Error> {
    let listed = listed(socket, set, layout)?;
    Ok(listed.map(|intervals| intervals.into_iter().collect()))
}

/// The intervals as they are listed, or what about the set is not netweir's.
fn listed<T: Key>(
    socket: &mut Socket,
    set: &[u8],
    layout: Layout,
) -> Result<Result<Vec<Interval<T>>, String>, Error> {
    let mut collected = Collected::<T>::default();
    let mut add = |key: &[u8], _: Option<&[u8]>, flags| collected.add(key, flags, layout);
    let read = each_key(socket, set, &mut add)?;
    Ok(read.map(|()| collected.intervals()))
}

/// Takes a key, the last one of a range and flags; `None` if they are not netweir's.
type ReadElement<'a> = dyn FnMut(&[u8], Option<&[u8]>, u32) -> Option<()> + 'a;

/// Reads the keys of the set's elements, unless one of them is a catch-all.
fn each_key(
    socket: &mut Socket,
    set: &[u8],
    read: &mut ReadElement<'_>,
) -> Result<Result<(), String>, Error> {
    let request = own_request(libc::NFT_MSG_GETSETELEM, Flags::DUMP).with_text(LIST_SET, set);
    let mut has_catch_all = false;
    socket.dump(READING, request, |message| {
        let mut whole = Some(());
        parse_elements(message.bytes, |key, end, flags| {
            match key {
                Some(key) => whole = whole.and(read(key, end, flags)),
                // nft's `*` (Linux 5.13).
                None => has_catch_all = true,
            }
        })?;
        whole
    })?;
    let catch_all = || "a set with a catch-all element".to_owned();
    Ok((!has_catch_all).then_some(()).ok_or_else(catch_all))
}

fn rules(socket: &mut Socket) -> Result<Vec<ListedRule>, Error> {
    let request = own_request(libc::NFT_MSG_GETRULE, Flags::DUMP);
    let mut rules = Vec::new();
    socket.dump(READING, request, |message| {
        rules.push(decode_rule(message.bytes)?);
        Some(())
    })?;
    Ok(rules)
}

/// A chain without its rules.
struct ListedChain {
    /// Ascends in the order in which chains are added.
    handle: u64,
    chain: Result<Chain<InstalledRule>, Unmanaged>,
    metadata: Vec<u8>,
}

fn listed_chain(message: Message<'_>) -> Option<ListedChain> {
    let object = sys::Chain::parse(message.bytes)?;
    let attributes = message.attributes(HEADER);
    let name = text(object.name(c::NFTNL_CHAIN_NAME)?);
    Some(ListedChain {
        handle: attributes.be64(CHAIN_HANDLE)?,
        chain: decode_chain(&object).ok_or_else(|| Unmanaged {
            chain: None,
            position: 0,
            name,
            what: "a chain of another type, hook, priority or policy".to_owned(),
            kind: UnmanagedKind::Chain {
                hook: object
                    .u32(c::NFTNL_CHAIN_HOOKNUM)
                    .and_then(Hook::from_number),
            },
        }),
        metadata: metadata_piece(attributes.find(CHAIN_USERDATA)).to_vec(),
    })
}

/// The chains of these names that exist, in the order in which they were added.
fn chains(socket: &mut Socket, names: BTreeSet<Vec<u8>>) -> Result<Vec<ListedChain>, Error> {
    let mut chains = Vec::with_capacity(names.len());
    for name in names {
        let request = own_request(libc::NFT_MSG_GETCHAIN, Flags::REQUEST);
        chains.extend(socket.find(READING, request.with_text(CHAIN_NAME, name), listed_chain)?);
    }
    chains.sort_unstable_by_key(|chain| chain.handle);
    Ok(chains)
}

/// Adds the names of the table's chains.
///
/// # Errors
/// [`Error::Contended`] if any chain of the family changed meanwhile: a name may be missing.
fn list_chains(socket: &mut Socket, names: &mut BTreeSet<Vec<u8>>) -> Result<(), Error> {
    let request = request(libc::NFT_MSG_GETCHAIN, Flags::DUMP, INET);
    socket.dump(READING, request, |message| {
        let attributes = message.attributes(HEADER);
        if attributes.string(CHAIN_TABLE) == Some(TABLE.as_bytes()) {
            names.insert(attributes.string(CHAIN_NAME)?.to_vec());
        }
        Some(())
    })
}

/// Reads a message's attributes as what netweir itself reads of tables, chains and elements. The library that reads the rest
/// ends the process at an attribute of another length than the kernel's; so sockets only receive from the kernel.
#[cfg(feature = "fuzzing")]
pub(super) fn fuzz(message: Message<'_>) {
    let attributes = message.attributes(HEADER);
    let _ = attributes.be64(CHAIN_HANDLE);
    let _ = attributes.string(CHAIN_NAME).map(text);
    let _ = metadata_piece(attributes.find(CHAIN_USERDATA));
    let body = message.body();
    for key in body.chunks(40) {
        let _ = (connection_of(key), key.get(..16).map(connection_of));
    }
    let mut ports = Collected::<u16>::default();
    for element in body.chunks(3) {
        let (flags, key) = element.split_first().unwrap_or((&0, &[]));
        ports.add(key, u32::from(*flags), Layout::Intervals);
    }
    let mut networks = Collected::<std::net::Ipv6Addr>::default();
    for element in body.chunks(17) {
        let (flags, key) = element.split_first().unwrap_or((&0, &[]));
        networks.add(key, u32::from(*flags), Layout::Intervals);
    }
    drop((ports.intervals(), networks.intervals()));
}

fn add_rule(installed: &mut Installed, listed: ListedRule) {
    let chain_name = text(&listed.chain);
    let mut chains = installed.ruleset.chains.iter_mut();
    let chain = chains.find(|chain| chain.name == chain_name);
    let position = chain.as_ref().map_or(0, |chain| chain.rules.len());
    let (what, known) = match (chain, listed.rule) {
        (Some(chain), Ok(rule)) => {
            let counter = listed.counter;
            chain.rules.push(InstalledRule { rule, counter });
            return;
        }
        (None, _) => ("a rule in an unknown chain".to_owned(), Vec::new()),
        (Some(_), Err(unknown)) => {
            let name = unknown.expression.name();
            let what =
                format!("a rule with an expression that netweir does not know there ({name})");
            (what, unknown.matches)
        }
    };
    installed.unmanaged.push(Unmanaged {
        chain: Some(chain_name),
        position,
        name: listed.id.to_string(),
        what,
        kind: UnmanagedKind::Rule { known },
    });
}

/// The table's rules, as far as they are known, by chain and handle.
pub(super) fn by_handle(socket: &mut Socket, _: Table) -> Result<Rules, Error> {
    let request = own_request(libc::NFT_MSG_GETRULE, Flags::DUMP);
    let mut rules = Rules::new();
    socket.dump(READING, request, |message| {
        let handle = message.attributes(HEADER).be64(RULE_HANDLE)?;
        let ListedRule { chain, rule, .. } = object::decode_rule(message.bytes)?;
        if let Ok(rule) = rule {
            rules.push(KnownRule {
                chain: text(&chain),
                handle,
                rule,
            });
        }
        Some(())
    })?;
    Ok(rules)
}
