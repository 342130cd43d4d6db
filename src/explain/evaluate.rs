//! The walk of a packet through the chains.

mod foreign;

use crate::intent::{Family, Port};
use crate::ruleset::{
    Chain, ChainKind, Direction, Hook, Installed, Priority, Rule, RuleId, Ruleset, Statement,
    Unmanaged, UnmanagedKind,
};

use super::outcome::{Fit, NotWalked, Outcome, Step, Verdict, Visit};
use crate::connection::{Addresses, Connection, LOOPBACK, Owner, Path, Tracking, Transport};

/// What becomes of the connection under the rules.
///
/// The kernel's ways are followed: chains by hook and priority; an accepted packet leaves its chain and meets
/// the next; nat chains are asked about the first packet of a connection only, once; what
/// leaves by `lo` arrives by it, without its socket. A transparent listener is taken to be there.
/// The rules are expected to pass [`Ruleset::check`]: a set that is missing has no elements.
#[must_use]
pub fn evaluate(ruleset: &Ruleset, connection: &Connection) -> Outcome {
    walk(ruleset, &[], connection)
}

/// What becomes of the connection under the rules that were read back.
///
/// What is foreign among them is taken not to fit. What of it the connection met is in [`Outcome::unjudged`]: if there is
/// anything, the outcome may be another.
#[must_use]
pub fn evaluate_installed(installed: &Installed, connection: &Connection) -> Outcome {
    walk(&installed.ruleset, &installed.foreign, connection)
}

fn walk(ruleset: &Ruleset, foreign: &[Unmanaged], connection: &Connection) -> Outcome {
    let mut walk = Walk {
        ruleset,
        foreign,
        packet: Packet::first(connection),
        verdict: None,
        left_by: None,
        zone: None,
        trace: Vec::new(),
        unjudged: Vec::new(),
    };
    walk.meets(|kind| *kind == UnmanagedKind::Table { dormant: true });
    match &connection.path {
        Path::Out { .. } => {
            walk.hook(Hook::Output);
            walk.foreign_hook(POSTROUTING);
            if walk.packet.interface == LOOPBACK && !walk.dropped() {
                walk.packet.returns();
                walk.arrive();
            }
        }
        Path::In { .. } => walk.arrive(),
    }
    walk.outcome()
}

/// `NF_INET_LOCAL_IN`, `NF_INET_POST_ROUTING` and `NF_INET_INGRESS` (`linux/netfilter.h`): no chain of ours is there.
const INPUT: u32 = 1;
const POSTROUTING: u32 = 4;
const INGRESS: u32 = 5;

/// A packet between two chains.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) addresses: Addresses,
    pub(super) transport: Transport,
    pub(super) owner: Option<Owner>,
    pub(super) mark: u32,
    pub(super) connection_mark: u32,
    pub(super) tracking: Tracking,
    direction: Direction,
    interface: String,
    /// It was sent by this namespace to itself.
    returned: bool,
}

impl Packet {
    fn first(connection: &Connection) -> Self {
        let (direction, interface, owner) = match &connection.path {
            Path::Out { interface, owner } => (Direction::Out, interface, *owner),
            Path::In { interface } => (Direction::In, interface, None),
        };
        Self {
            addresses: connection.addresses,
            transport: connection.transport,
            owner,
            mark: connection.packet_mark,
            connection_mark: connection.connection_mark,
            tracking: connection.tracking,
            direction,
            interface: interface.clone(),
            returned: false,
        }
    }

    /// The interface that it came by, or that it leaves by. It never has both where the rules look.
    pub(super) fn interface(&self, direction: Direction) -> Option<&str> {
        (self.direction == direction).then_some(self.interface.as_str())
    }

    /// It comes back by `lo`: its socket is gone (`loopback_xmit`), its marks are not.
    fn returns(&mut self) {
        self.direction = Direction::In;
        self.owner = None;
        self.returned = true;
    }

    /// What is redirected on the way out is sent to loopback.
    fn redirect(&mut self, port: Port) {
        self.transport = self.transport.to_port(port.number());
        if self.direction == Direction::Out {
            self.addresses = self.addresses.to_loopback();
            LOOPBACK.clone_into(&mut self.interface);
        }
    }
}

/// What a rule ended.
enum End {
    /// With the next one.
    GoesOn,
    /// With the chain.
    Chain,
}

struct Walk<'a> {
    ruleset: &'a Ruleset,
    foreign: &'a [Unmanaged],
    packet: Packet,
    /// A decision to capture or to drop, with its rule.
    verdict: Option<(Verdict, RuleId)>,
    /// The rule that left the packet alone in the last chain that could have captured it.
    left_by: Option<RuleId>,
    zone: Option<u16>,
    trace: Vec<Visit>,
    unjudged: Vec<Unmanaged>,
}

impl<'a> Walk<'a> {
    fn arrive(&mut self) {
        self.foreign_hook(INGRESS);
        self.hook(Hook::Prerouting);
        self.foreign_hook(INPUT);
    }

    fn hook(&mut self, hook: Hook) {
        self.foreign_hook(hook.number());
        let chains = self.ruleset.chains.iter();
        let mut chains: Vec<&'a Chain> = chains.filter(|chain| chain.hook == hook).collect();
        chains.sort_by_key(|chain| chain.priority.number());
        for chain in chains {
            if self.dropped() {
                return;
            }
            self.chain(chain);
        }
    }

    fn dropped(&self) -> bool {
        matches!(self.verdict, Some((Verdict::Drop, _)))
    }

    fn chain(&mut self, chain: &'a Chain) {
        let mut visit = Visit {
            chain: chain.name.clone(),
            hook: chain.hook,
            not_walked: self.not_walked(chain.kind),
            steps: Vec::new(),
        };
        if visit.not_walked.is_none() {
            self.rules(chain, &mut visit.steps);
        }
        self.trace.push(visit);
    }

    fn rules(&mut self, chain: &Chain, steps: &mut Vec<Step>) {
        for (position, rule) in chain.rules.iter().enumerate() {
            self.foreign_rules(chain, position, steps);
            match self.rule(chain, position, rule, steps) {
                End::GoesOn => {}
                End::Chain => return,
            }
        }
        self.foreign_rules(chain, chain.rules.len(), steps);
    }

    fn not_walked(&self, kind: ChainKind) -> Option<NotWalked> {
        match (kind, self.packet.tracking) {
            (ChainKind::Filter | ChainKind::Route, _) => None,
            (ChainKind::Nat, Tracking::Tracked | Tracking::Invalid) => Some(NotWalked::NotNew),
            (ChainKind::Nat, Tracking::New) => self
                .packet
                .returned
                .then_some(NotWalked::DecidedOnTheWayOut),
        }
    }

    fn rule(&mut self, chain: &Chain, position: usize, rule: &Rule, steps: &mut Vec<Step>) -> End {
        let mut end = End::GoesOn;
        let fit = if let Some(mismatch) = self.misfit(&rule.matches) {
            Fit::Missed(mismatch)
        } else if self.looks_into_unknown_set(chain, position, rule) {
            Fit::Undetermined
        } else {
            let mut done = Vec::new();
            for &statement in &rule.statements {
                let Some(after) = self.statement(chain, rule, statement) else {
                    break;
                };
                done.push(statement);
                end = after;
            }
            Fit::Fitted(done)
        };
        steps.push(Step {
            rule: rule.id.clone(),
            position,
            fit,
        });
        end
    }

    /// Carries out a statement. `None`: it breaks its rule off, as the kernel does where it cannot be
    /// carried out.
    fn statement(&mut self, chain: &Chain, rule: &Rule, statement: Statement) -> Option<End> {
        match statement {
            Statement::SetPacketMark(mark) => self.packet.mark = mark,
            Statement::SetConnectionMark(mark) => {
                if self.packet.tracking != Tracking::Invalid {
                    self.packet.connection_mark = mark;
                }
            }
            Statement::RestoreMark => {
                if self.packet.tracking == Tracking::Invalid {
                    return None;
                }
                self.packet.mark = self.packet.connection_mark;
            }
            Statement::SetZone(zone) => {
                // The zone of what is tracked already does not change.
                if chain.priority == Priority::Raw && !self.packet.returned {
                    self.zone = Some(zone);
                }
            }
            Statement::Tproxy(family, port) => {
                if !self.can_be_handed_over(family) {
                    return None;
                }
                self.decide(Verdict::Tproxy(port), rule);
            }
            Statement::Redirect(port) => {
                self.packet.redirect(port);
                if !matches!(self.verdict, Some((Verdict::Tproxy(_), _))) {
                    self.decide(Verdict::Redirect(port), rule);
                }
                return Some(End::Chain);
            }
            Statement::Accept => {
                if can_capture(chain) && !self.packet.returned {
                    self.left_by = Some(rule.id.clone());
                }
                return Some(End::Chain);
            }
            Statement::Drop => {
                self.decide(Verdict::Drop, rule);
                return Some(End::Chain);
            }
        }
        Some(End::GoesOn)
    }

    fn can_be_handed_over(&self, family: Family) -> bool {
        let has_sockets = self.packet.transport.ports().is_some();
        has_sockets && self.packet.addresses.family() == family
    }

    fn decide(&mut self, verdict: Verdict, rule: &Rule) {
        self.verdict = Some((verdict, rule.id.clone()));
    }

    fn outcome(self) -> Outcome {
        let (verdict, rule) = match self.verdict {
            Some((verdict, rule)) => (verdict, Some(rule)),
            None => (Verdict::Leave, self.left_by),
        };
        Outcome {
            verdict,
            rule,
            zone: self.zone,
            packet_mark: self.packet.mark,
            connection_mark: self.packet.connection_mark,
            trace: self.trace,
            unjudged: self.unjudged,
        }
    }
}

/// Whether a chain is one that captures, so that leaving it is a decision not to.
fn can_capture(chain: &Chain) -> bool {
    chain.kind == ChainKind::Nat
        || chain
            .rules
            .iter()
            .flat_map(|rule| &rule.statements)
            .any(|statement| match statement {
                Statement::Redirect(_) | Statement::Tproxy(..) => true,
                Statement::SetPacketMark(_)
                | Statement::SetConnectionMark(_)
                | Statement::RestoreMark
                | Statement::SetZone(_)
                | Statement::Accept
                | Statement::Drop => false,
            })
}
