//! Tables, chains, sets and rules: each written to libnftnl's object and read back from one.

use nftnl::nftnl_sys as c;
use nftnl::nftnl_sys::libc;

use super::c_string::terminated;
use super::expression::Expression;
use super::rule;
use crate::intent::{Family, Interfaces, Intervals, UidPorts};
use crate::netlink::text;
use crate::ruleset::{
    Chain, ChainKind, Elements, Hook, InstalledRule, OpenConnections, Priority, Rule, RuleId, Set,
    TABLE,
};
use crate::sys::{self, RawRule, TooLarge};

/// The type of netweir's metadata in the user data of the table and its chains. nft's own types are small
/// (`enum nftnl_udata_table_types`), and it skips others.
const METADATA: u8 = 133;
/// `NFTNL_UDATA_RULE_COMMENT`: a NUL-terminated text.
const COMMENT: u8 = 0;
/// `NFTNL_UDATA_SET_KEYBYTEORDER`: how nft displays the keys.
const KEY_BYTE_ORDER: u8 = 0;

/// User data: a type, a length, a value.
fn userdata(kind: u8, value: &[u8]) -> Result<Vec<u8>, TooLarge> {
    let length = u8::try_from(value.len()).map_err(|_| TooLarge)?;
    Ok([&[kind, length], value].concat())
}

/// The value of the type in user data.
fn value_of(mut userdata: &[u8], wanted: u8) -> Option<&[u8]> {
    while let [kind, length, rest @ ..] = userdata {
        let (value, after) = rest.split_at_checked(usize::from(*length))?;
        if *kind == wanted {
            return Some(value);
        }
        userdata = after;
    }
    None
}

/// The piece of the metadata in the user data of the table or a chain.
pub(super) fn metadata_piece(userdata: Option<&[u8]>) -> &[u8] {
    userdata
        .and_then(|userdata| value_of(userdata, METADATA))
        .unwrap_or(&[])
}

/// A table of the family inet with flags (`NFT_TABLE_F_...`).
pub(super) fn table(name: &str, flags: u32) -> Result<sys::Table, TooLarge> {
    let table = sys::Table::new()?.with_name(c::NFTNL_TABLE_NAME, &terminated(name)?)?;
    Ok(match flags {
        0 => table,
        _ => table.with_u32(c::NFTNL_TABLE_FLAGS, flags),
    })
}

/// The table inet netweir with a piece of metadata.
pub(super) fn encode_table(metadata: Option<&[u8]>) -> Result<sys::Table, TooLarge> {
    match metadata {
        Some(piece) => {
            table(TABLE, 0)?.with_bytes(c::NFTNL_TABLE_USERDATA, &userdata(METADATA, piece)?)
        }
        None => table(TABLE, 0),
    }
}

/// A base chain whose policy is to accept.
pub(super) fn base_chain(
    table: &str,
    name: &str,
    kind: ChainKind,
    hook: u32,
    priority: i32,
) -> Result<sys::Chain, TooLarge> {
    Ok(sys::Chain::new()?
        .with_name(c::NFTNL_CHAIN_TABLE, &terminated(table)?)?
        .with_name(c::NFTNL_CHAIN_NAME, &terminated(name)?)?
        .with_name(c::NFTNL_CHAIN_TYPE, &terminated(kind.name())?)?
        .with_u32(c::NFTNL_CHAIN_HOOKNUM, hook)
        .with_u32(c::NFTNL_CHAIN_PRIO, priority.cast_unsigned())
        .with_u32(c::NFTNL_CHAIN_POLICY, libc::NF_ACCEPT.cast_unsigned()))
}

/// A chain of the table inet netweir with a piece of metadata, without its rules.
pub(super) fn encode_chain(chain: &Chain, metadata: Option<&[u8]>) -> Result<sys::Chain, TooLarge> {
    let (hook, priority) = (chain.hook.number(), chain.priority.number());
    let object = base_chain(TABLE, &chain.name, chain.kind, hook, priority)?;
    match metadata {
        Some(piece) => object.with_bytes(c::NFTNL_CHAIN_USERDATA, &userdata(METADATA, piece)?),
        None => Ok(object),
    }
}

/// The chain, without its rules; `None` if netweir has none of its type, hook, priority or policy.
pub(super) fn decode_chain(chain: &sys::Chain) -> Option<Chain<InstalledRule>> {
    let kind = chain.name(c::NFTNL_CHAIN_TYPE)?;
    let hook = chain.u32(c::NFTNL_CHAIN_HOOKNUM)?;
    let priority = chain.u32(c::NFTNL_CHAIN_PRIO)?.cast_signed();
    let mut kinds = [ChainKind::Filter, ChainKind::Nat, ChainKind::Route].into_iter();
    let mut hooks = [Hook::Prerouting, Hook::Output].into_iter();
    let mut priorities = Priority::ALL.into_iter();
    let known = Chain {
        name: text(chain.name(c::NFTNL_CHAIN_NAME)?).into(),
        kind: kinds.find(|known| known.name().as_bytes() == kind)?,
        hook: hooks.find(|known| known.number() == hook)?,
        priority: priorities.find(|known| known.number() == priority)?,
        rules: Vec::new(),
    };
    let accepts = chain.u32(c::NFTNL_CHAIN_POLICY) == Some(libc::NF_ACCEPT.cast_unsigned());
    accepts.then_some(known)
}

/// The flags of netweir's sets: of intervals, and of connections.
const INTERVAL: u32 = libc::NFT_SET_INTERVAL.cast_unsigned();
const CONSTANT: u32 = libc::NFT_SET_CONSTANT.cast_unsigned();
/// `NFT_SET_CONCAT` (`linux/netfilter/nf_tables.h`, Linux 5.6): ranges of each part of the key.
const CONCATENATION: u32 = 0x80;
/// The lengths of the parts of the key.
const UID_AND_PORT: [u8; 2] = [4, 2];
/// Those of a set that is written out in a rule, such as `{ 80, 443 }`.
const WRITTEN_OUT: u32 = (libc::NFT_SET_ANONYMOUS | libc::NFT_SET_CONSTANT).cast_unsigned();
/// nft's `BYTEORDER_INVALID`, `BYTEORDER_HOST_ENDIAN` and `BYTEORDER_BIG_ENDIAN`.
const NONE: u32 = 0;
const HOST: u32 = 1;
const BIG: u32 = 2;

/// The key type of a set: the kernel uses the length, nft the rest, which the kernel keeps.
struct KeyType {
    /// nft's `enum datatypes`, or several of them in `TYPE_BITS` each.
    number: u32,
    /// In bytes.
    length: u32,
    /// Of the values that rules look up, before their conversion.
    byte_order: u32,
}

impl KeyType {
    const fn of(elements: &Elements) -> Self {
        const SERVICE: u32 = 13;
        const UID: u32 = 24;
        const fn two_ends(address: u32) -> u32 {
            address << 18 | SERVICE << 12 | address << 6 | SERVICE
        }

        let (number, length, byte_order) = match elements {
            Elements::Ipv4(_) => (7, 4, BIG),
            Elements::Ipv6(_) => (8, 16, BIG),
            Elements::Ports(_) => (SERVICE, 2, BIG),
            Elements::Uids(_) => (UID, 4, HOST),
            Elements::Gids(_) => (25, 4, HOST),
            Elements::Connections(Family::Ipv4, _) => (two_ends(7), 16, NONE),
            Elements::Connections(Family::Ipv6, _) => (two_ends(8), 40, NONE),
            Elements::Interfaces(_) => (41, 16, HOST),
            Elements::UidPorts(_) => (UID << 6 | SERVICE, 8, NONE),
        };
        Self {
            number,
            length,
            byte_order,
        }
    }
}

/// A set of the table inet netweir, without its elements.
pub(super) fn encode_set(set: &Set, id: u32) -> Result<sys::Set, TooLarge> {
    let key = KeyType::of(&set.elements);
    let byte_order = userdata(KEY_BYTE_ORDER, &key.byte_order.to_ne_bytes())?;
    let object = sys::Set::new()?
        .with_name(c::NFTNL_SET_TABLE, &terminated(TABLE)?)?
        .with_name(c::NFTNL_SET_NAME, &terminated(&set.name.to_string())?)?
        .with_u32(c::NFTNL_SET_KEY_TYPE, key.number)
        .with_u32(c::NFTNL_SET_KEY_LEN, key.length)
        .with_u32(c::NFTNL_SET_ID, id)
        .with_bytes(c::NFTNL_SET_USERDATA, &byte_order)?;
    Ok(match &set.elements {
        Elements::Ports(_)
        | Elements::Ipv4(_)
        | Elements::Ipv6(_)
        | Elements::Uids(_)
        | Elements::Gids(_)
        | Elements::Interfaces(_) => object.with_u32(c::NFTNL_SET_FLAGS, INTERVAL),
        Elements::UidPorts(_) => object
            .with_u32(c::NFTNL_SET_FLAGS, INTERVAL | CONCATENATION)
            .with_bytes(c::NFTNL_SET_DESC_CONCAT, &UID_AND_PORT)?,
        Elements::Connections(_, connections) => {
            let size = u32::try_from(connections.len()).map_err(|_| TooLarge)?;
            object
                .with_u32(c::NFTNL_SET_FLAGS, CONSTANT)
                .with_u32(c::NFTNL_SET_DESC_SIZE, size)
        }
    })
}

/// A set as the kernel lists it.
pub(super) struct ListedSet {
    /// As the kernel has it: to be sent back.
    pub(super) name: Vec<u8>,
    /// The type of its elements, none of which are read yet, and what they stand for; or what about the set is not
    /// netweir's.
    pub(super) elements: Result<(Elements, Layout), String>,
}

/// What the elements of a set stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Each begins an interval, or ends one.
    Intervals,
    /// Each for itself.
    Singles,
}

/// The set, without its elements.
pub(super) fn decode_set(set: &sys::Set) -> Option<ListedSet> {
    let name = set.name(c::NFTNL_SET_NAME)?.to_vec();
    // The kernel leaves out flags that are 0.
    let flags = set.u32(c::NFTNL_SET_FLAGS).unwrap_or(0);
    let number = set.u32(c::NFTNL_SET_KEY_TYPE)?;
    let known = [
        Elements::Ports(Intervals::default()),
        Elements::Ipv4(Intervals::default()),
        Elements::Ipv6(Intervals::default()),
        Elements::Uids(Intervals::default()),
        Elements::Gids(Intervals::default()),
        Elements::Connections(Family::Ipv4, OpenConnections::new()),
        Elements::Connections(Family::Ipv6, OpenConnections::new()),
        Elements::Interfaces(Interfaces::default()),
        Elements::UidPorts(UidPorts::default()),
    ]
    .into_iter()
    .find(|elements| KeyType::of(elements).number == number);
    let elements = match known {
        Some(elements) => match layout(&elements, flags) {
            Some(layout) => Ok((elements, layout)),
            None => Err(format!("a set with the flags {flags:#x}")),
        },
        None => Err(format!("a set of the type {number}")),
    };
    Some(ListedSet { name, elements })
}

/// What the elements stand for; `None` if no such set of netweir, or of one of its rules, has the flags.
fn layout(elements: &Elements, flags: u32) -> Option<Layout> {
    match (elements, flags) {
        (Elements::Connections(..), CONSTANT) => Some(Layout::Singles),
        (Elements::UidPorts(_), flags) if flags == INTERVAL | CONCATENATION => {
            Some(Layout::Singles)
        }
        (Elements::Connections(..) | Elements::UidPorts(_), _) => None,
        (_, INTERVAL) => Some(Layout::Intervals),
        (_, WRITTEN_OUT) => Some(Layout::Singles),
        (_, _) => (flags == WRITTEN_OUT | INTERVAL).then_some(Layout::Intervals),
    }
}

/// A rule of the table inet netweir, with the text of its id.
pub(super) fn encode_rule(chain: &str, rule: &Rule, id: &str) -> Result<sys::Rule, TooLarge> {
    let id = terminated(id)?;
    let object = new_rule(TABLE, chain)?.with_bytes(
        c::NFTNL_RULE_USERDATA,
        &userdata(COMMENT, id.as_bytes_with_nul())?,
    )?;
    with_expressions(object, &rule::encode(rule))
}

/// A rule of these expressions, without a comment.
pub(super) fn bare_rule(
    table: &str,
    chain: &str,
    expressions: &[Expression],
) -> Result<sys::Rule, TooLarge> {
    with_expressions(new_rule(table, chain)?, expressions)
}

fn new_rule(table: &str, chain: &str) -> Result<RawRule, TooLarge> {
    RawRule::new()?
        .with_name(c::NFTNL_RULE_TABLE, &terminated(table)?)?
        .with_name(c::NFTNL_RULE_CHAIN, &terminated(chain)?)
}

fn with_expressions(object: RawRule, expressions: &[Expression]) -> Result<sys::Rule, TooLarge> {
    let mut object = sys::Rule::new(object);
    for expression in expressions {
        object.push(expression.encode()?)?;
    }
    Ok(object)
}

/// A rule as the kernel lists it.
pub(super) struct ListedRule {
    /// The name of its chain, as the kernel has it: to be sent back.
    pub(super) chain: Vec<u8>,
    /// Its id, or a text in place of one.
    pub(super) id: RuleId,
    /// The packets that its counter has counted; `None` without a counter.
    pub(super) counter: Option<u64>,
    /// The rule, or what about it is not netweir's.
    pub(super) rule: Result<Rule, rule::Unknown>,
}

/// The rule in a message from the kernel; `None` if that is malformed.
pub(super) fn decode_rule(message: &[u8]) -> Option<ListedRule> {
    let object = RawRule::parse(message)?;
    let chain = object.name(c::NFTNL_RULE_CHAIN)?.to_vec();
    let comment = object
        .bytes(c::NFTNL_RULE_USERDATA)
        .and_then(|data| value_of(data, COMMENT));
    let comment = comment.and_then(|comment| comment.strip_suffix(&[0]));
    let comment = comment.map_or_else(|| "a rule without a comment".to_owned(), text);
    let id = RuleId::from(comment.as_str());
    let object = sys::Rule::new(object);
    let expressions = object.expressions();
    let mut counters = expressions
        .iter()
        .filter(|object| object.name() == b"counter");
    let counter = counters
        .next()
        .and_then(|counter| counter.u64(c::NFTNL_EXPR_CTR_PACKETS));
    let code: Vec<_> = expressions.into_iter().map(Expression::decode).collect();
    Some(ListedRule {
        chain,
        rule: rule::decode(id.clone(), &code),
        id,
        counter,
    })
}
