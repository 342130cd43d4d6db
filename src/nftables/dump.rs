//! Reading the table back.

use nftnl::nftnl_sys as c;
use nftnl::nftnl_sys::libc;
use nix::errno::Errno;

use super::batch::{KeyType, NOTE, family_header, message_type};
use super::disassemble::{Unknown, disassemble};
use super::elements::{Gathered, Key, Layout};
use super::instruction::Instruction;
use crate::intent::Intervals;
use crate::netlink::{ExchangeError, Flags, Message, Request, Socket, text};
use crate::ruleset::{
    Chain, ChainKind, Elements, Hook, Installed, MetadataBytes, Priority, Rule, RuleId, Set, TABLE,
    Unmanaged, UnmanagedKind,
};
use crate::sys::{self, INET, RawRule, parse_elements};
use crate::trace::{KnownRule, Rules};

/// `NFTA_TABLE_NAME`, `NFTA_CHAIN_TABLE`, `NFTA_RULE_TABLE`, `NFTA_SET_TABLE` and `NFTA_SET_ELEM_LIST_TABLE`.
const TABLE_NAME: u16 = 1;
/// `NFTA_TABLE_FLAGS`: `dormant` and `owner` are of interest, of which ours has neither.
const TABLE_FLAGS: u16 = 2;
/// `NFT_TABLE_F_DORMANT`, of the flags.
const DORMANT: u32 = 1;
/// `NFTA_TABLE_USE`: the number of its chains, sets, stateful objects and flow tables.
const TABLE_USE: u16 = 3;
/// `NFTA_TABLE_USERDATA` and `NFTA_CHAIN_USERDATA` (Linux 5.10, commits b131c96496b3 and 002f21765320). An older kernel
/// keeps nothing there.
const TABLE_USERDATA: u16 = 6;
const CHAIN_USERDATA: u16 = 12;
/// `NFTA_CHAIN_TABLE`.
const CHAIN_TABLE: u16 = 1;
/// `NFTA_SET_ELEM_LIST_SET`.
const SET_NAME: u16 = 2;
/// `NFTA_GEN_ID`.
const GENERATION_ID: u16 = 1;

/// The flags of our sets.
const INTERVAL: u32 = libc::NFT_SET_INTERVAL.cast_unsigned();
/// Those of a set that is written out in a rule, such as `{ 80, 443 }`.
const WRITTEN_OUT: u32 = (libc::NFT_SET_ANONYMOUS | libc::NFT_SET_CONSTANT).cast_unsigned();

/// The number of the ruleset's current generation: it changes with every transaction in the namespace.
pub(crate) fn generation(socket: &mut Socket) -> Result<u32, ExchangeError> {
    let request = Request::new(
        message_type(libc::NFT_MSG_GETGEN),
        Flags::REQUEST,
        &family_header(0),
    );
    socket.query(request, |message| {
        let mut attributes = message.attributes(4);
        let (_, id) = attributes.find(|&(kind, _)| kind == GENERATION_ID)?;
        Some(u32::from_be_bytes(*id.first_chunk()?))
    })
}

/// Whether the table is there.
pub(crate) fn table_is_present(socket: &mut Socket) -> Result<bool, ExchangeError> {
    let request = request(libc::NFT_MSG_GETTABLE, Flags::REQUEST);
    match socket.query(request, |_| Some(true)) {
        Err(ExchangeError::Refused(refusal)) if refusal.errno == Errno::ENOENT => Ok(false),
        other => other,
    }
}

/// What is in the table, which is there.
pub(crate) fn contents(socket: &mut Socket) -> Result<Installed, ExchangeError> {
    let mut installed = Installed::default();
    let (flags, objects) = table(socket)?;
    let mut names = Vec::new();
    socket.dump(request(libc::NFT_MSG_GETSET, Flags::DUMP), |message| {
        names.push(set(message)?);
        Some(())
    })?;
    for ListedSet {
        name,
        elements: kind,
    } in names
    {
        match kind {
            Ok((empty, layout)) => installed.ruleset.sets.push(Set {
                elements: elements(socket, &name, &empty, layout)?,
                name: text(Some(&name)).into(),
            }),
            Err(what) => installed.foreign.push(Unmanaged {
                chain: None,
                position: 0,
                name: text(Some(&name)),
                what,
                kind: UnmanagedKind::Set,
            }),
        }
    }
    chains(socket, &mut installed)?;
    let listed = installed.ruleset.sets.len() + installed.ruleset.chains.len();
    let others = objects as usize > listed + installed.foreign.len();
    let dormant = flags & DORMANT != 0;
    let strange = [
        (flags != 0).then(|| format!("a table with the flags {flags:#x}")),
        others.then(|| "a table with other objects than sets and chains".to_owned()),
    ];
    installed
        .foreign
        .extend(strange.into_iter().flatten().map(|what| Unmanaged {
            chain: None,
            position: 0,
            name: TABLE.to_owned(),
            what,
            kind: UnmanagedKind::Table { dormant },
        }));
    rules(socket, &mut installed)?;
    Ok(installed)
}

/// The table's flags, and how many objects it has, of whatever type.
fn table(socket: &mut Socket) -> Result<(u32, u32), ExchangeError> {
    socket.query(request(libc::NFT_MSG_GETTABLE, Flags::REQUEST), |message| {
        let number = |wanted| {
            let mut attributes = message.attributes(4);
            let (_, value) = attributes.find(|&(kind, _)| kind == wanted)?;
            Some(u32::from_be_bytes(*value.first_chunk()?))
        };
        Some((number(TABLE_FLAGS)?, number(TABLE_USE)?))
    })
}

/// What is in the table, which is there, and the note that is kept with it.
pub(crate) fn contents_with_note(
    socket: &mut Socket,
) -> Result<(Installed, MetadataBytes), ExchangeError> {
    Ok((contents(socket)?, note(socket)?))
}

fn note(socket: &mut Socket) -> Result<MetadataBytes, ExchangeError> {
    let request = request(libc::NFT_MSG_GETTABLE, Flags::REQUEST);
    let mut bytes = socket.query(request, |message| Some(piece(message, TABLE_USERDATA)))?;
    socket.dump(all_chains(), |message| {
        let mut attributes = message.attributes(4);
        let (_, table) = attributes.find(|&(kind, _)| kind == CHAIN_TABLE)?;
        if table.strip_suffix(&[0]) == Some(TABLE.as_bytes()) {
            bytes.extend(piece(message, CHAIN_USERDATA));
        }
        Some(())
    })?;
    Ok(MetadataBytes::new(bytes))
}

/// The piece of a note in the user data of an object.
fn piece(message: Message<'_>, attribute: u16) -> Vec<u8> {
    let mut attributes = message.attributes(4);
    let userdata = attributes.find(|&(kind, _)| kind == attribute);
    let piece = userdata.and_then(|(_, userdata)| value_of(userdata, NOTE));
    piece.unwrap_or_default().to_vec()
}

/// The kernel lists the chains of all tables; it only filters rules and sets by table.
fn all_chains() -> Request {
    let kind = message_type(libc::NFT_MSG_GETCHAIN);
    Request::new(kind, Flags::DUMP, &family_header(INET))
}

fn request(kind: i32, flags: Flags) -> Request {
    Request::new(message_type(kind), flags, &family_header(INET)).with_text(TABLE_NAME, TABLE)
}

/// A set without what is in it.
struct ListedSet {
    name: Vec<u8>,
    /// Their type, and what they stand for; or what is not known about it.
    elements: Result<(Elements, Layout), String>,
}

fn set(message: Message<'_>) -> Option<ListedSet> {
    let set = sys::Set::parse(message.bytes)?;
    let name = set.name(c::NFTNL_SET_NAME)?.to_vec();
    let flags = set.u32(c::NFTNL_SET_FLAGS).unwrap_or(0);
    let kind = set.u32(c::NFTNL_SET_KEY_TYPE).unwrap_or(0);
    let known = [
        Elements::Ports(Intervals::default()),
        Elements::Ipv4(Intervals::default()),
        Elements::Ipv6(Intervals::default()),
        Elements::Uids(Intervals::default()),
        Elements::Gids(Intervals::default()),
    ]
    .into_iter()
    .find(|elements| KeyType::of(elements).number == kind);
    let elements = match known {
        Some(elements) if flags == INTERVAL || flags == WRITTEN_OUT | INTERVAL => {
            Ok((elements, Layout::Intervals))
        }
        Some(elements) if flags == WRITTEN_OUT => Ok((elements, Layout::Singles)),
        Some(_) => Err(format!("a set with the flags {flags:#x}")),
        None => Err(format!("a set of the type {kind}")),
    };
    Some(ListedSet { name, elements })
}

fn elements(
    socket: &mut Socket,
    name: &[u8],
    kind: &Elements,
    layout: Layout,
) -> Result<Elements, ExchangeError> {
    Ok(match kind {
        Elements::Ports(_) => Elements::Ports(intervals(socket, name, layout)?),
        Elements::Ipv4(_) => Elements::Ipv4(intervals(socket, name, layout)?),
        Elements::Ipv6(_) => Elements::Ipv6(intervals(socket, name, layout)?),
        Elements::Uids(_) => Elements::Uids(intervals(socket, name, layout)?),
        Elements::Gids(_) => Elements::Gids(intervals(socket, name, layout)?),
    })
}

fn intervals<T: Key>(
    socket: &mut Socket,
    name: &[u8],
    layout: Layout,
) -> Result<Intervals<T>, ExchangeError> {
    let request = request(libc::NFT_MSG_GETSETELEM, Flags::DUMP).with_text(SET_NAME, name);
    let mut gathered = Gathered::<T>::default();
    socket.dump(request, |message| {
        let mut whole = Some(());
        parse_elements(message.bytes, |key, flags| {
            whole = whole.and(gathered.add(key, flags, layout));
        })?;
        whole
    })?;
    Ok(gathered.intervals())
}

fn chains(socket: &mut Socket, installed: &mut Installed) -> Result<(), ExchangeError> {
    socket.dump(all_chains(), |message| {
        let chain = sys::Chain::parse(message.bytes)?;
        if chain.name(c::NFTNL_CHAIN_TABLE) != Some(TABLE.as_bytes()) {
            return Some(());
        }
        let name = text(chain.name(c::NFTNL_CHAIN_NAME));
        match known_chain(&chain) {
            Some((kind, hook, priority)) => installed.ruleset.chains.push(Chain {
                name: name.into(),
                kind,
                hook,
                priority,
                rules: Vec::new(),
            }),
            None => installed.foreign.push(Unmanaged {
                chain: None,
                position: 0,
                name,
                what: "a chain of another type, hook, priority or policy".to_owned(),
                kind: UnmanagedKind::Chain {
                    hook: chain.u32(c::NFTNL_CHAIN_HOOKNUM),
                },
            }),
        }
        Some(())
    })
}

fn known_chain(chain: &sys::Chain) -> Option<(ChainKind, Hook, Priority)> {
    let word = chain.name(c::NFTNL_CHAIN_TYPE)?;
    let mut kinds = [ChainKind::Filter, ChainKind::Nat, ChainKind::Route].into_iter();
    let kind = kinds.find(|kind| kind.name().as_bytes() == word)?;
    let number = chain.u32(c::NFTNL_CHAIN_HOOKNUM)?;
    let mut hooks = [Hook::Prerouting, Hook::Output].into_iter();
    let hook = hooks.find(|hook| hook.number() == number)?;
    let number = chain.u32(c::NFTNL_CHAIN_PRIO)?.cast_signed();
    let mut priorities = Priority::ALL.into_iter();
    let priority = priorities.find(|priority| priority.number() == number)?;
    let accepts = chain.u32(c::NFTNL_CHAIN_POLICY) == Some(libc::NF_ACCEPT.cast_unsigned());
    accepts.then_some((kind, hook, priority))
}

fn rules(socket: &mut Socket, installed: &mut Installed) -> Result<(), ExchangeError> {
    let mut all = Vec::new();
    socket.dump(request(libc::NFT_MSG_GETRULE, Flags::DUMP), |message| {
        let rule = RawRule::parse(message.bytes)?;
        let chain = text(rule.name(c::NFTNL_RULE_CHAIN));
        all.push((chain, id(&rule), sys::Rule::new(rule)));
        Some(())
    })?;
    for (chain, id, rule) in all {
        let (code, counter) = instructions(&rule);
        add_rule(
            installed,
            &chain,
            disassemble(id.clone(), &code),
            &id,
            counter,
        );
    }
    Ok(())
}

/// The rules of the table, which is there, as far as they are known, by chain and handle.
pub(crate) fn by_handle(socket: &mut Socket) -> Result<Rules, ExchangeError> {
    /// `NFTA_RULE_HANDLE`.
    const HANDLE: u16 = 3;
    let mut rules = Rules::new();
    socket.dump(request(libc::NFT_MSG_GETRULE, Flags::DUMP), |message| {
        let mut attributes = message.attributes(4);
        let (_, handle) = attributes.find(|&(kind, _)| kind == HANDLE)?;
        let handle = u64::from_be_bytes(*handle.first_chunk()?);
        let rule = RawRule::parse(message.bytes)?;
        let chain = text(rule.name(c::NFTNL_RULE_CHAIN));
        let id = id(&rule);
        let (code, _) = instructions(&sys::Rule::new(rule));
        if let Ok(rule) = disassemble(id, &code) {
            rules.push(KnownRule {
                chain,
                handle,
                rule,
            });
        }
        Some(())
    })?;
    Ok(rules)
}

fn add_rule(
    installed: &mut Installed,
    chain: &str,
    rule: Result<Rule, Unknown>,
    id: &RuleId,
    counter: Option<u64>,
) {
    let known = installed
        .ruleset
        .chains
        .iter_mut()
        .find(|known| known.name == chain);
    let position = known.as_ref().map_or(0, |known| known.rules.len());
    let (what, matches) = match (known, rule) {
        (Some(known), Ok(rule)) => {
            known.rules.push(rule);
            installed.counters.push(counter);
            return;
        }
        (None, _) => ("a rule in an unknown chain".to_owned(), Vec::new()),
        (Some(_), Err(Unknown { instruction, known })) => {
            let name = instruction.name();
            let what =
                format!("a rule with an expression that netweir does not know there ({name})");
            (what, known)
        }
    };
    installed.foreign.push(Unmanaged {
        chain: Some(chain.to_owned()),
        position,
        name: id.to_string(),
        what,
        kind: UnmanagedKind::Rule { known: matches },
    });
}

/// The instructions of a rule, and what its counter says.
fn instructions(rule: &sys::Rule) -> (Vec<Instruction>, Option<u64>) {
    let expressions = rule.expressions();
    let counter = expressions
        .iter()
        .find(|expression| expression.name() == b"counter")
        .and_then(|counter| counter.u64(c::NFTNL_EXPR_CTR_PACKETS));
    (
        expressions.into_iter().map(Instruction::read).collect(),
        counter,
    )
}

fn id(rule: &RawRule) -> RuleId {
    let comment = rule.userdata().and_then(comment);
    RuleId::new(comment.unwrap_or_else(|| "a rule without a comment".to_owned()))
}

/// The comment in a rule's user data.
fn comment(userdata: &[u8]) -> Option<String> {
    const COMMENT: u8 = 0;
    let value = value_of(userdata, COMMENT)?;
    Some(text(value.strip_suffix(&[0])))
}

/// The value of the type in user data: type-length-value triples of one byte, one byte and the value.
fn value_of(mut userdata: &[u8], wanted: u8) -> Option<&[u8]> {
    while let [kind, length, rest @ ..] = userdata {
        let value = rest.get(..usize::from(*length))?;
        if *kind == wanted {
            return Some(value);
        }
        userdata = rest.get(usize::from(*length)..)?;
    }
    None
}
