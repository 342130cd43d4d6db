//! Input for `nft -j -f`: libnftables' JSON schema (libnftables-json(5)), version 1.

use std::net::IpAddr;

use serde::{Serialize, Serializer};

use super::element::{self, Element, Value};
use super::words;
use crate::intent::Family;
use crate::json;
use crate::ruleset::{
    Chain, ConnectionState, Elements, End, MarkOf, Match, Rule, RuleId, Ruleset, Set, SetName,
    Statement, TABLE, Test,
};

/// The input for `nft -j -f` that installs what `apply` installs, in one transaction, replacing the table; one command a
/// line.
///
/// The schema cannot express addresses, policy rules and routes; [`nft`](super::nft()) lists those.
#[must_use]
pub fn json(ruleset: &Ruleset) -> String {
    let table = || Object::Table {
        family: INET,
        name: TABLE,
    };
    let replace = [
        Entry::Metainfo {
            json_schema_version: 1,
        },
        Entry::Add(table()),
        Entry::Delete(table()),
        Entry::Add(table()),
    ];
    let sets = ruleset.sets.iter().map(set_object);
    let chains = ruleset.chains.iter().map(chain_object);
    let rules = ruleset
        .rules()
        .map(|(chain, rule)| rule_object(chain, rule));
    let objects = sets.chain(chains).chain(rules).map(Entry::Add);
    let entries = replace.into_iter().chain(objects);
    let lines: Vec<_> = entries.map(|entry| json::line(&entry)).collect();
    format!("{{\"nftables\":[\n{}\n]}}\n", lines.join(",\n"))
}

const INET: &str = "inet";
/// Between the parts of a key.
const SEPARATOR: &str = " . ";

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Entry<'a> {
    Metainfo { json_schema_version: u8 },
    Add(Object<'a>),
    Delete(Object<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Object<'a> {
    Table {
        family: &'static str,
        name: &'static str,
    },
    Set {
        family: &'static str,
        table: &'static str,
        name: &'a SetName,
        r#type: KeyType,
        flags: [&'static str; 1],
        /// nft refuses an empty `elem`.
        #[serde(skip_serializing_if = "Option::is_none")]
        elem: Option<Elem<'a>>,
    },
    Chain {
        family: &'static str,
        table: &'static str,
        name: &'a str,
        r#type: &'static str,
        hook: &'static str,
        prio: i32,
        policy: &'static str,
    },
    Rule {
        family: &'static str,
        table: &'static str,
        chain: &'a str,
        expr: Vec<Expression<'a>>,
        comment: &'a RuleId,
    },
}

/// The type of a set's key: a word, or a list of them.
struct KeyType(&'static str);

impl Serialize for KeyType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.contains(SEPARATOR) {
            serializer.collect_seq(self.0.split(SEPARATOR))
        } else {
            self.0.serialize(serializer)
        }
    }
}

/// The elements, serialized one at a time.
struct Elem<'a>(&'a Elements);

impl Serialize for Elem<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(element::elements(self.0).map(right))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Expression<'a> {
    Match {
        op: &'static str,
        left: Left,
        right: Right<'a>,
    },
    Counter(()),
    Mangle {
        key: Left,
        value: Right<'a>,
    },
    Tproxy {
        family: &'static str,
        port: u16,
    },
    Redirect {
        port: u16,
    },
    Dnat {
        family: &'static str,
        addr: IpAddr,
        port: u16,
    },
    Accept(()),
    Drop(()),
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Left {
    Meta {
        key: &'static str,
    },
    Ct {
        key: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        dir: Option<&'static str>,
    },
    Payload {
        protocol: &'static str,
        field: &'static str,
    },
    #[serde(rename = "&")]
    Masked((Box<Left>, &'static [&'static str])),
    Concat(Vec<Left>),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Right<'a> {
    Number(u32),
    Word(&'a str),
    Text(String),
    Words(&'static [&'static str]),
    Of(Left),
    Prefix { prefix: Prefix },
    Range { range: [Box<Right<'a>>; 2] },
    Concat { concat: Vec<Right<'a>> },
}

#[derive(Serialize)]
struct Prefix {
    addr: String,
    len: u8,
}

fn set_object(set: &Set) -> Object<'_> {
    Object::Set {
        family: INET,
        table: TABLE,
        name: &set.name,
        r#type: KeyType(set.elements.type_name()),
        flags: [set.elements.flag()],
        elem: (!set.elements.is_empty()).then_some(Elem(&set.elements)),
    }
}

fn chain_object(chain: &Chain) -> Object<'_> {
    Object::Chain {
        family: INET,
        table: TABLE,
        name: &chain.name,
        r#type: chain.kind.name(),
        hook: chain.hook.name(),
        prio: chain.priority.number(),
        policy: "accept",
    }
}

fn rule_object<'a>(chain: &'a Chain, rule: &'a Rule) -> Object<'a> {
    let matches = rule.matches.iter().flat_map(conditions);
    let statements = rule.statements.iter().copied().map(statement);
    Object::Rule {
        family: INET,
        table: TABLE,
        chain: &chain.name,
        expr: matches
            .chain([Expression::Counter(())])
            .chain(statements)
            .collect(),
        comment: &rule.id,
    }
}

fn conditions(condition: &Match) -> Vec<Expression<'_>> {
    vec![match condition {
        Match::Family(family) => is(meta("nfproto"), true, Right::Word(family.name())),
        Match::Protocol {
            is: equal,
            protocol,
        } => is(meta("l4proto"), *equal, Right::Word(protocol.name())),
        Match::Port {
            protocol,
            end,
            test,
        } => {
            let field = words::port(*end);
            let protocol = protocol.name();
            comparison(Left::Payload { protocol, field }, test, |port| {
                Right::Number(port.number().into())
            })
        }
        Match::Address { family, end, test } => {
            let field = words::address(*end);
            let protocol = words::header(*family);
            comparison(Left::Payload { protocol, field }, test, |&net| {
                right(Element::network(net))
            })
        }
        Match::Interface { direction, pattern } => {
            let key = meta(words::interface(*direction));
            is(key, true, Right::Text(pattern.to_string()))
        }
        Match::UidAndPort { protocol, set } => {
            let protocol = protocol.name();
            let field = words::port(End::Destination);
            let port = Left::Payload { protocol, field };
            let pair = Left::Concat(vec![meta("skuid"), port]);
            is(pair, true, Right::Text(format!("@{set}")))
        }
        Match::InterfaceIn { direction, set } => {
            let key = meta(words::interface(*direction));
            is(key, true, Right::Text(format!("@{set}")))
        }
        Match::Owner { kind, test } => {
            comparison(meta(words::owner(*kind)), test, |&id| Right::Number(id))
        }
        Match::Mark {
            of,
            is: equal,
            value,
        } => is(mark(*of), *equal, Right::Number(*value)),
        Match::State(state) => Expression::Match {
            op: "in",
            left: ct("state"),
            right: match state {
                ConnectionState::Invalid => Right::Word("invalid"),
                ConnectionState::Tracked => Right::Words(&["established", "related"]),
            },
        },
        Match::OpenConnection { family, local, set } => {
            let field = |protocol, field| Left::Payload { protocol, field };
            let flags = Left::Masked((
                Box::new(field("tcp", "flags")),
                &["fin", "syn", "rst", "ack"],
            ));
            let ends = local.and_other().into_iter().flat_map(|end| {
                let address = field(words::header(*family), words::address(end));
                [address, field("tcp", words::port(end))]
            });
            let ends = Left::Concat(ends.collect());
            return vec![
                is(flags, false, Right::Word("syn")),
                is(ends, true, Right::Text(format!("@{set}"))),
            ];
        }
    }]
}

fn statement<'a>(statement: Statement) -> Expression<'a> {
    let set = |key, value| Expression::Mangle { key, value };
    match statement {
        Statement::SetPacketMark(value) => set(mark(MarkOf::Packet), Right::Number(value)),
        Statement::SetConnectionMark(value) => set(mark(MarkOf::Connection), Right::Number(value)),
        Statement::RestoreMark => set(mark(MarkOf::Packet), Right::Of(mark(MarkOf::Connection))),
        Statement::SetZone(zone) => {
            let (key, dir) = ("zone", Some("original"));
            set(Left::Ct { key, dir }, Right::Number(zone.into()))
        }
        Statement::Tproxy(family, port) => Expression::Tproxy {
            family: words::header(family),
            port: port.number(),
        },
        Statement::Redirect(port) => Expression::Redirect {
            port: port.number(),
        },
        Statement::Dnat(to, port) => Expression::Dnat {
            family: words::header(Family::of(to)),
            addr: to,
            port: port.number(),
        },
        Statement::Accept => Expression::Accept(()),
        Statement::Drop => Expression::Drop(()),
    }
}

fn comparison<'a, T>(
    left: Left,
    test: &'a Test<T>,
    value: impl Fn(&'a T) -> Right<'a>,
) -> Expression<'a> {
    match test {
        Test::Is(operand) => is(left, true, value(operand)),
        Test::IsNot(operand) => is(left, false, value(operand)),
        Test::In(set) => is(left, true, Right::Text(format!("@{set}"))),
        Test::NotIn(set) => is(left, false, Right::Text(format!("@{set}"))),
    }
}

fn is(left: Left, equal: bool, right: Right<'_>) -> Expression<'_> {
    let op = if equal { "==" } else { "!=" };
    Expression::Match { op, left, right }
}

const fn meta(key: &'static str) -> Left {
    Left::Meta { key }
}

const fn ct(key: &'static str) -> Left {
    Left::Ct { key, dir: None }
}

const fn mark(of: MarkOf) -> Left {
    match of {
        MarkOf::Packet => meta("mark"),
        MarkOf::Connection => ct("mark"),
    }
}

fn right<'a>(element: Element<'_>) -> Right<'a> {
    let value = |value| match value {
        Value::Number(number) => Right::Number(number),
        Value::Address(address) => Right::Text(address.to_string()),
    };
    match element {
        Element::Interface(pattern) => Right::Text(pattern.to_string()),
        Element::One(one) => value(one),
        Element::Network(network) => Right::Prefix {
            prefix: Prefix {
                addr: network.addr().to_string(),
                len: network.prefix_len(),
            },
        },
        Element::Range(first, last) => Right::Range {
            range: [first, last].map(|end| Box::new(value(end))),
        },
        Element::UidPort(uids, ports) => Right::Concat {
            concat: vec![
                right(Element::numbers(&uids)),
                right(Element::numbers(&ports)),
            ],
        },
        Element::Connection(ends) => Right::Concat {
            concat: ends.map(value).into(),
        },
    }
}
