//! The transactions for a temporary table that keeps connection tracking away from what leaves by one interface.

use nftnl::nftnl_sys as c;
use nftnl::nftnl_sys::libc;

use super::{Batch, Flags, terminated};
use crate::intent::InterfacePattern;
use crate::netlink::{PROBE_TABLE as TABLE, Subject};
use crate::nftables::assemble::interface_name;
use crate::nftables::instruction::{Instruction, Meta};
use crate::ruleset::{Hook, Priority};
use crate::sys;
use crate::sys::{Expression, RawRule, TooLarge};

const CHAIN: &str = "output";
/// Before others who deal with tracking.
const PRIORITY: i32 = Priority::Raw.number() - 1;

/// `enum nft_table_flags` (`linux/netfilter/nf_tables.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableFlags {
    /// It lasts until it is deleted.
    None,
    /// `NFT_TABLE_F_OWNER` (Linux 5.12, commit 6001a930ce03): it ends with the socket that made it.
    Owner,
}

impl TableFlags {
    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Owner => 1 << 1,
        }
    }
}

impl Batch {
    /// The transaction that leaves untracked what is sent by the interface.
    pub(crate) fn untrack(
        interface: &InterfacePattern,
        flags: TableFlags,
        generation: u32,
        first_sequence: u32,
    ) -> Result<Self, TooLarge> {
        let mut batch = Self::begin(generation, first_sequence);
        let subject = Subject::ProbeTable;
        let object = table()?.with_flags(flags.number());
        batch.add(
            subject.clone(),
            libc::NFT_MSG_NEWTABLE,
            Flags::CREATE,
            &object,
        );
        let object = chain()?;
        batch.add(
            subject.clone(),
            libc::NFT_MSG_NEWCHAIN,
            Flags::CREATE,
            &object,
        );
        let object = rule(interface)?;
        batch.add(subject, libc::NFT_MSG_NEWRULE, Flags::APPEND, &object);
        Ok(batch.end())
    }

    /// The transaction that deletes the temporary table.
    pub(crate) fn track_again(generation: u32, first_sequence: u32) -> Result<Self, TooLarge> {
        let mut batch = Self::begin(generation, first_sequence);
        batch.add(
            Subject::ProbeTable,
            libc::NFT_MSG_DELTABLE,
            Flags::REQUEST,
            &table()?,
        );
        Ok(batch.end())
    }
}

fn table() -> Result<sys::Table, TooLarge> {
    sys::Table::new()?.with_name(c::NFTNL_TABLE_NAME, &terminated(TABLE)?)
}

fn chain() -> Result<sys::Chain, TooLarge> {
    let object = sys::Chain::new()?
        .with_name(c::NFTNL_CHAIN_TABLE, &terminated(TABLE)?)?
        .with_name(c::NFTNL_CHAIN_NAME, &terminated(CHAIN)?)?
        .with_name(c::NFTNL_CHAIN_TYPE, c"filter")?
        .with_u32(c::NFTNL_CHAIN_HOOKNUM, Hook::Output.number())
        .with_u32(c::NFTNL_CHAIN_PRIO, PRIORITY.cast_unsigned())
        .with_u32(c::NFTNL_CHAIN_POLICY, libc::NF_ACCEPT.cast_unsigned());
    Ok(object)
}

fn rule(interface: &InterfacePattern) -> Result<sys::Rule, TooLarge> {
    let raw = RawRule::new()?
        .with_name(c::NFTNL_RULE_TABLE, &terminated(TABLE)?)?
        .with_name(c::NFTNL_RULE_CHAIN, &terminated(CHAIN)?)?;
    let mut object = sys::Rule::new(raw);
    let leaves = [
        Instruction::LoadMeta(Meta::InterfaceNameOut),
        Instruction::Compare {
            equal: true,
            value: interface_name(interface),
        },
    ];
    for instruction in leaves {
        object.push(instruction.expression()?)?;
    }
    object.push(Expression::new(c"notrack")?)?;
    Ok(object)
}
