//! Connections that were open before they could be captured: redirected midstream, they would be reset.

use std::borrow::Cow;

use crate::intent::Family;
use crate::ruleset::{
    BaseChain, Direction, Elements, End, Match, OpenConnections, Rule, RuleId, Ruleset, Set,
    SetName,
};

use super::builder::leave;

/// The chains that would capture or drop a connection's later packets. Of these a nat chain sees only the first one that
/// connection tracking sees.
const CHAINS: [BaseChain; 3] = [
    BaseChain::InboundMangle,
    BaseChain::Inbound,
    BaseChain::Outbound,
];

/// The rules for a namespace in which these connections were open before: their packets bypass capture, except for one that
/// opens a connection anew.
#[must_use]
pub fn beside<'a>(ruleset: &'a Ruleset, open: &OpenConnections) -> Cow<'a, Ruleset> {
    let mut beside = Cow::Borrowed(ruleset);
    for family in Family::ALL {
        let of_family = open
            .iter()
            .filter(|ends| Family::of(ends.local.ip()) == family);
        let connections: OpenConnections = of_family.copied().collect();
        if connections.is_empty() {
            continue;
        }
        let ruleset = beside.to_mut();
        ruleset.sets.push(Set {
            name: SetName::OpenConnections(family),
            elements: Elements::Connections(family, connections),
        });
        for chain in CHAINS {
            let mut chains = ruleset.chains.iter_mut();
            if let Some(own) = chains.find(|own| own.name == chain.name()) {
                let early = own.rules.iter().take_while(|rule| precedes(&rule.id));
                own.rules.insert(early.count(), leave_open(chain, family));
            }
        }
    }
    beside
}

fn leave_open(chain: BaseChain, family: Family) -> Rule {
    let local = match chain.direction() {
        Direction::In => End::Destination,
        Direction::Out => End::Source,
    };
    let set = SetName::OpenConnections(family);
    let open = Match::OpenConnection { family, local, set };
    leave(RuleId::LeaveOpen(chain, family), [open])
}

/// Whether the rule comes before those for open connections: an early exit for other packets.
const fn precedes(id: &RuleId) -> bool {
    matches!(
        id,
        RuleId::LeaveFamily(..)
            | RuleId::LeaveNotTcp(_)
            | RuleId::LeaveNeitherTcpNorUdp
            | RuleId::LeaveOpen(..)
    )
}
