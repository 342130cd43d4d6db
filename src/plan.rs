//! All policy: which rules make the traffic go where the [`Capture`] wants it.
//!
//! [`plan`] is total and pure. There is one function for each chain and one statement for each
//! rule; they read in the order in which the kernel evaluates them, and the first rule with a terminal statement
//! decides. What is decided, and why, is described in `docs/capture-semantics.md`.

mod builder;
mod dns;
mod inbound;
mod outbound;
mod tproxy;

use crate::intent::{Capture, Families, Family, InboundMode, Tproxy};
use crate::ruleset::{Match, RoutingObject, Rule, Ruleset, Statement};

use builder::{Builder, rule};

/// The rules that capture what the intent says, and nothing else.
#[must_use]
pub fn plan(capture: &Capture) -> Ruleset {
    let mut builder = Builder::default();
    dns::outbound_raw(&mut builder, capture);
    dns::inbound_raw(&mut builder, capture);
    tproxy::inbound_mangle(&mut builder, capture);
    tproxy::outbound_mangle(&mut builder, capture);
    inbound::inbound(&mut builder, capture);
    outbound::outbound(&mut builder, capture);
    builder.finish(routing(capture))
}

/// What the rules need of the namespace's addresses and routes.
fn routing(capture: &Capture) -> Vec<RoutingObject> {
    let mut objects = Vec::new();
    if capture.families.contains(Family::Ipv6) {
        let addresses = capture.passthrough.ipv6.iter().copied();
        objects.extend(addresses.map(RoutingObject::LoopbackAddress));
    }
    if let InboundMode::Tproxy(tproxy) = capture.inbound.mode {
        let Tproxy { mark, table, .. } = tproxy;
        let rule = |family| RoutingObject::MarkRule {
            family,
            mark,
            table,
        };
        let route = |family| RoutingObject::LocalRoute { family, table };
        objects.extend(capture.families.iter().map(rule));
        objects.extend(capture.families.iter().map(route));
    }
    objects
}

/// The first rule of every chain: a family that is not captured is left alone.
fn leave_other_family(chain: &str, capture: &Capture) -> Option<Rule> {
    let other = match capture.families {
        Families::Both => return None,
        Families::Only(Family::Ipv4) => Family::Ipv6,
        Families::Only(Family::Ipv6) => Family::Ipv4,
    };
    Some(rule(
        format!("{chain}/leave-{}", other.name()),
        [Match::Family(other)],
        [Statement::Accept],
    ))
}
