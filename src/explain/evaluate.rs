//! Evaluates the chains for a packet.

mod undetermined;

use crate::connection::{Connection, Tracking};
use crate::intent::{Family, LOOPBACK};
use crate::ruleset::{
    Chain, ChainKind, Direction, Hook, Installed, Priority, Rule, RuleId, Ruleset, Set, Statement,
    Unmanaged, UnmanagedKind,
};

use super::outcome::{Fit, Outcome, Step, Verdict, Visit};
use super::packet::Packet;

/// The outcome of the connection under the rules.
///
/// The rules are evaluated as the kernel does: chains by hook and priority; `accept` ends only its own chain; nat chains
/// see only the first packet of a connection, and only once; a packet that leaves on `lo` arrives on it, without its
/// socket. A transparent listener is assumed to exist. A missing set has no elements.
#[must_use]
pub fn evaluate(ruleset: &Ruleset, connection: &Connection) -> Outcome {
    walk(ruleset, &[], connection)
}

/// The outcome of the connection under installed rules.
///
/// Unmanaged objects are assumed not to match. The ones that the connection meets are in [`Outcome::undetermined`]: if
/// there are any, the real outcome may differ.
#[must_use]
pub fn evaluate_installed(installed: &Installed, connection: &Connection) -> Outcome {
    walk(&installed.ruleset, &installed.unmanaged, connection)
}

fn walk<R: AsRef<Rule>>(
    ruleset: &Ruleset<R>,
    unmanaged: &[Unmanaged],
    connection: &Connection,
) -> Outcome {
    let chains = ruleset.chains.iter().map(|chain| {
        let rules = chain.rules.iter().map(AsRef::as_ref);
        chain.with_rules(rules.collect::<Vec<&Rule>>())
    });
    let mut chains: Vec<_> = chains.collect();
    chains.sort_by_key(|chain| chain.priority.number());
    let mut walk = Walk {
        sets: &ruleset.sets,
        unmanaged,
        packet: Packet::first(connection),
        verdict: None,
        left_by: None,
        zone: None,
        trace: Vec::new(),
        undetermined: Vec::new(),
    };
    walk.meets(|kind| *kind == UnmanagedKind::Table { dormant: true });
    let direction = connection.path.direction();
    walk.path(&chains, direction);
    if direction == Direction::Out && walk.packet.interface == LOOPBACK {
        walk.packet.returns();
        walk.path(&chains, Direction::In);
    }
    walk.outcome()
}

/// Where evaluation continues after a rule.
enum Next {
    Rule,
    Chain,
}

struct Walk<'a> {
    sets: &'a [Set],
    unmanaged: &'a [Unmanaged],
    packet: Packet,
    /// The decision to capture or to drop, with its rule.
    verdict: Option<(Verdict, RuleId)>,
    /// The rule that bypassed the last chain that could have captured the packet.
    left_by: Option<RuleId>,
    zone: Option<u16>,
    trace: Vec<Visit>,
    undetermined: Vec<Unmanaged>,
}

impl Walk<'_> {
    /// Passes the hooks of a direction. The chains are sorted by priority.
    fn path(&mut self, chains: &[Chain<&Rule>], direction: Direction) {
        for &hook in Hook::path(direction) {
            if self.dropped() {
                return;
            }
            self.unmanaged_chains(hook);
            for chain in chains.iter().filter(|chain| chain.hook == hook) {
                if self.dropped() {
                    return;
                }
                self.chain(chain);
            }
        }
    }

    fn dropped(&self) -> bool {
        matches!(self.verdict, Some((Verdict::Drop, _)))
    }

    fn chain(&mut self, chain: &Chain<&Rule>) {
        let mut visit = Visit {
            chain: chain.name.clone(),
            hook: chain.hook,
            steps: Vec::new(),
        };
        if self.is_seen_by(chain.kind) {
            self.rules(chain, &mut visit.steps);
        }
        self.trace.push(visit);
    }

    fn rules(&mut self, chain: &Chain<&Rule>, steps: &mut Vec<Step>) {
        for (position, rule) in chain.rules.iter().enumerate() {
            self.unmanaged_rules(chain, position, steps);
            match self.rule(chain, position, rule, steps) {
                Next::Rule => {}
                Next::Chain => return,
            }
        }
        self.unmanaged_rules(chain, chain.rules.len(), steps);
    }

    /// Chains of the type nat see only the first packet of a connection, and only once.
    fn is_seen_by(&self, kind: ChainKind) -> bool {
        match kind {
            ChainKind::Filter | ChainKind::Route => true,
            ChainKind::Nat => {
                matches!(self.packet.tracking, Tracking::New | Tracking::Midstream)
                    && !self.packet.returned
            }
        }
    }

    fn rule(
        &mut self,
        chain: &Chain<&Rule>,
        position: usize,
        rule: &Rule,
        steps: &mut Vec<Step>,
    ) -> Next {
        let mut next = Next::Rule;
        let fit = if let Some(mismatch) = self.mismatch(&rule.matches) {
            Fit::Mismatched(mismatch)
        } else if self.looks_up_unmanaged_set(chain, position, rule) {
            Fit::Undetermined
        } else {
            let mut executed = Vec::new();
            for &statement in &rule.statements {
                let Some(after) = self.statement(chain, rule, statement) else {
                    break;
                };
                executed.push(statement);
                next = after;
            }
            Fit::Matched(executed)
        };
        steps.push(Step {
            rule: rule.id.clone(),
            position,
            fit,
        });
        next
    }

    /// Executes a statement; `None` where the kernel cannot execute it and ends the rule (`NFT_BREAK`).
    fn statement(
        &mut self,
        chain: &Chain<&Rule>,
        rule: &Rule,
        statement: Statement,
    ) -> Option<Next> {
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
                // The zone of a tracked packet does not change.
                if chain.priority == Priority::Raw && !self.packet.returned {
                    self.zone = Some(zone);
                }
            }
            Statement::Tproxy(family, port) => {
                if !self.can_have_listener(family) {
                    return None;
                }
                self.decide(Verdict::Tproxy(port), rule);
            }
            Statement::Redirect(port) => {
                self.packet.redirect(port);
                if !matches!(self.verdict, Some((Verdict::Tproxy(_), _))) {
                    self.decide(Verdict::Redirect(port), rule);
                }
                return Some(Next::Chain);
            }
            Statement::Dnat(address, port) => {
                self.packet.forward(address, port)?;
                if !matches!(self.verdict, Some((Verdict::Tproxy(_), _))) {
                    self.decide(Verdict::Dnat(address, port), rule);
                }
                return Some(Next::Chain);
            }
            Statement::Accept => {
                if can_capture(chain) && !self.packet.returned {
                    self.left_by = Some(rule.id.clone());
                }
                return Some(Next::Chain);
            }
            Statement::Drop => {
                self.decide(Verdict::Drop, rule);
                return Some(Next::Chain);
            }
        }
        Some(Next::Rule)
    }

    fn can_have_listener(&self, family: Family) -> bool {
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
            undetermined: self.undetermined,
        }
    }
}

/// Whether a rule of the chain captures, so that bypassing it is a decision.
fn can_capture(chain: &Chain<&Rule>) -> bool {
    let statements = chain.rules.iter().flat_map(|rule| &rule.statements);
    chain.kind == ChainKind::Nat || statements.copied().any(Statement::captures)
}
