//! The transaction for the temporary table that has the first packets of connections traced.

use nftnl::nftnl_sys as c;
use nftnl::nftnl_sys::libc;

use super::untracked::TableFlags;
use super::{Batch, Flags, terminated};
use crate::intent::Protocol;
use crate::netlink::Subject;
use crate::nftables::assemble::assemble_matches;
use crate::nftables::instruction::{Header, Instruction, Meta};
use crate::ruleset::{ConnectionState, Direction, Hook, Match, Priority};
use crate::sys;
use crate::sys::{Expression, RawRule, TooLarge};
use crate::trace::{Condition, Filter, Kind, Waypoint};

/// `NF_INET_LOCAL_IN` and `NF_INET_POST_ROUTING` (`linux/netfilter.h`): where the ways of packets end.
const LOCAL_IN: u32 = 1;
const POST_ROUTING: u32 = 4;
/// Before whatever else looks at packets, but behind the assembly of fragments (`NF_IP_PRI_CONNTRACK_DEFRAG`, -400).
const FIRST: i32 = -399;
/// As soon as connection tracking (`NF_IP_PRI_CONNTRACK`, -200) has seen the packet.
const TRACKED: i32 = Priority::Mangle.number() - 49;
/// Behind everything but the end of connection tracking (`NF_IP_PRI_LAST`).
const LAST: i32 = i32::MAX - 1;

/// Where the flags are in the header of TCP (RFC 9293, 3.1).
const TCP_FLAGS: u32 = 13;
const FIN_SYN_RST_ACK: u8 = 0b1_0111;
const SYN: u8 = 0b10;

impl Batch {
    /// The transaction that makes a table of this name, which ends with the socket that makes it, and has the first
    /// packets of the connections that the filter fits traced.
    pub(crate) fn trace(
        table: &str,
        filter: &Filter,
        generation: u32,
        first_sequence: u32,
    ) -> Result<Self, TooLarge> {
        let mut batch = Self::begin(generation, first_sequence);
        let subject = Subject::TraceTable(table.to_owned());
        let object = sys::Table::new()?
            .with_name(c::NFTNL_TABLE_NAME, &terminated(table)?)?
            .with_flags(TableFlags::Owner.number());
        batch.add(
            subject.clone(),
            libc::NFT_MSG_NEWTABLE,
            Flags::CREATE,
            &object,
        );
        for waypoint in Waypoint::ALL {
            let object = chain(table, waypoint)?;
            batch.add(
                subject.clone(),
                libc::NFT_MSG_NEWCHAIN,
                Flags::CREATE,
                &object,
            );
            for expressions in rules(waypoint, filter)? {
                let raw = RawRule::new()?
                    .with_name(c::NFTNL_RULE_TABLE, &terminated(table)?)?
                    .with_name(c::NFTNL_RULE_CHAIN, &terminated(waypoint.chain())?)?;
                let mut object = sys::Rule::new(raw);
                for expression in expressions {
                    object.push(expression)?;
                }
                batch.add(
                    subject.clone(),
                    libc::NFT_MSG_NEWRULE,
                    Flags::APPEND,
                    &object,
                );
            }
        }
        Ok(batch.end())
    }
}

fn chain(table: &str, waypoint: Waypoint) -> Result<sys::Chain, TooLarge> {
    let (hook, priority) = match waypoint {
        Waypoint::Start(direction) => (begin(direction), FIRST),
        Waypoint::Known(direction) => (begin(direction), TRACKED),
        Waypoint::End(Direction::Out) => (POST_ROUTING, LAST),
        Waypoint::End(Direction::In) => (LOCAL_IN, LAST),
    };
    let object = sys::Chain::new()?
        .with_name(c::NFTNL_CHAIN_TABLE, &terminated(table)?)?
        .with_name(c::NFTNL_CHAIN_NAME, &terminated(waypoint.chain())?)?
        .with_name(c::NFTNL_CHAIN_TYPE, c"filter")?
        .with_u32(c::NFTNL_CHAIN_HOOKNUM, hook)
        .with_u32(c::NFTNL_CHAIN_PRIO, priority.cast_unsigned())
        .with_u32(c::NFTNL_CHAIN_POLICY, libc::NF_ACCEPT.cast_unsigned());
    Ok(object)
}

const fn begin(direction: Direction) -> u32 {
    match direction {
        Direction::Out => Hook::Output.number(),
        Direction::In => Hook::Prerouting.number(),
    }
}

fn rules(waypoint: Waypoint, filter: &Filter) -> Result<Vec<Vec<Expression>>, TooLarge> {
    let conditions = |direction| {
        let conditions = filter.conditions();
        conditions.filter(move |condition| condition.direction == direction)
    };
    match waypoint {
        Waypoint::Start(direction) => conditions(direction)
            .map(|condition| {
                let mut expressions = fitting(condition)?;
                expressions.extend(set_tracing(true)?);
                Ok(expressions)
            })
            .collect(),
        // The first rule says so, the second has it no longer traced: then it could not say so any more. What others
        // have traced is left to them, as far as the filter goes.
        Waypoint::Known(direction) => {
            let mut rules = Vec::new();
            for condition in conditions(direction) {
                if condition.kind == Kind::TcpSyn {
                    continue;
                }
                rules.push(known(condition)?);
                let mut and_no_more = known(condition)?;
                and_no_more.extend(set_tracing(false)?);
                rules.push(and_no_more);
            }
            Ok(rules)
        }
        // The end of the chain tells of the packet.
        Waypoint::End(_) => Ok(Vec::new()),
    }
}

fn fitting(condition: &Condition) -> Result<Vec<Expression>, TooLarge> {
    let protocol = match condition.kind {
        Kind::TcpSyn => Protocol::Tcp.number(),
        Kind::Protocol(number) => number,
    };
    let mut code = vec![
        Instruction::LoadMeta(Meta::L4Proto),
        Instruction::Compare {
            equal: true,
            value: vec![protocol],
        },
    ];
    if condition.kind == Kind::TcpSyn {
        code.extend([
            Instruction::LoadPayload {
                base: Header::Transport,
                offset: TCP_FLAGS,
                length: 1,
            },
            Instruction::Mask(vec![FIN_SYN_RST_ACK]),
            Instruction::Compare {
                equal: true,
                value: vec![SYN],
            },
        ]);
    }
    code.extend(assemble_matches(&condition.matches));
    code.iter().map(Instruction::expression).collect()
}

/// Packets of connections that were there before.
fn known(condition: &Condition) -> Result<Vec<Expression>, TooLarge> {
    let mut expressions = fitting(condition)?;
    for instruction in assemble_matches(&[Match::State(ConnectionState::Tracked)]) {
        expressions.push(instruction.expression()?);
    }
    Ok(expressions)
}

/// `meta nftrace set`.
fn set_tracing(on: bool) -> Result<[Expression; 2], TooLarge> {
    let value = Instruction::Immediate(vec![u8::from(on)]).expression()?;
    let set = Expression::new(c"meta")?
        .with_u32(
            c::NFTNL_EXPR_META_KEY,
            libc::NFT_META_NFTRACE.cast_unsigned(),
        )
        .with_u32(c::NFTNL_EXPR_META_SREG, libc::NFT_REG_1.cast_unsigned());
    Ok([value, set])
}
