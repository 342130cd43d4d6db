//! All policy: the rules that implement a [`Capture`].
//!
//! [`plan`] cannot fail. It has one function for each chain and one statement for each rule, in the order in which the
//! kernel evaluates them; the first rule with a terminal statement decides. `docs/capture-semantics.md` describes the
//! policy and its reasons.

mod builder;
mod dns;
mod inbound;
mod open;
mod outbound;
mod tproxy;

use crate::intent::{Capture, Family, InboundMode, Tproxy};
use crate::ruleset::{RoutingObject, Ruleset};

use builder::Builder;
pub use open::beside;

/// The rules that capture exactly the traffic of the [`Capture`].
#[must_use]
pub fn plan(capture: &Capture) -> Ruleset {
    let mut builder = Builder::default();
    dns::outbound_raw(&mut builder, capture);
    tproxy::inbound_mangle(&mut builder, capture);
    tproxy::outbound_mangle(&mut builder, capture);
    inbound::inbound(&mut builder, capture);
    outbound::outbound(&mut builder, capture);
    builder.finish(routing(capture))
}

/// The addresses, policy rules and routes that the rules depend on.
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
