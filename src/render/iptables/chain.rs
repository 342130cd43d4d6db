//! Translates the rules of a base chain to one or more iptables chains.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::terms::Terms;
use crate::intent::Family;
use crate::ruleset::{Rule, RuleId, Ruleset, Statement};

/// A chain under construction.
///
/// A rule with a negated set cannot be written as a single line: packets that match an element *go to* a chain with the
/// rest of the rules, and so do packets that the rule itself does not match. Only `-g` leads there, so `RETURN` always
/// returns to the built-in chain.
pub(super) struct Translation<'a> {
    ruleset: &'a Ruleset,
    family: Family,
    name: String,
    /// How many numbered chains follow the first.
    numbered: usize,
    /// The chain that the next rule is added to.
    current: usize,
    /// Whether no packet reaches the next rule.
    ended: bool,
    lines: String,
}

impl<'a> Translation<'a> {
    /// An empty chain.
    pub(super) fn new(ruleset: &'a Ruleset, family: Family, name: String) -> Self {
        Self {
            ruleset,
            family,
            name,
            numbered: 0,
            current: 0,
            ended: false,
            lines: String::new(),
        }
    }

    /// The names of all its chains, the first one first.
    pub(super) fn chains(&self) -> impl Iterator<Item = String> {
        (0..=self.numbered).map(|nth| self.chain(nth))
    }

    /// Whether no rule is for the family.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// All rules, one per line.
    pub(super) fn lines(&self) -> &str {
        &self.lines
    }

    /// Adds the rule, as far as it concerns packets of the family.
    pub(super) fn rule(&mut self, rule: &Rule) {
        let terms = match Terms::of(&rule.matches, self.ruleset, self.family) {
            Some(terms) if !self.ended => terms,
            Some(_) | None => return,
        };
        let action = self.action(rule);
        let ends = action.terminal && terms.all_of.is_empty() && terms.any_of.is_empty();
        if terms.none_of.is_empty() {
            self.lines_for(self.current, &terms, &action.text, &rule.id);
            self.ended = ends;
            return;
        }
        let rest = self.another();
        let go_on = format!("-g {}", self.chain(rest));
        for element in &terms.none_of {
            self.line(self.current, &[&terms.all_of, element], &go_on, &rule.id);
        }
        self.lines_for(self.current, &terms, &action.text, &rule.id);
        if !ends {
            self.line(self.current, &[], &go_on, &rule.id);
        }
        self.current = rest;
    }

    /// Adds a line for each combination of elements of different sets.
    fn lines_for(&mut self, chain: usize, terms: &Terms, action: &str, id: &RuleId) {
        let mut combinations = vec![terms.all_of.clone()];
        for elements in &terms.any_of {
            combinations = combinations
                .iter()
                .flat_map(|start| {
                    elements
                        .iter()
                        .map(move |element| format!("{start}{element}"))
                })
                .collect();
        }
        for combination in &combinations {
            self.line(chain, &[combination], action, id);
        }
    }

    /// The action of the rule's lines. Several targets need a chain of their own, which does not repeat the conditions:
    /// the first target may change what they match on.
    fn action(&mut self, rule: &Rule) -> Action {
        let mut targets = targets(&rule.statements);
        let terminal = targets.last().is_some_and(|last| last.terminal);
        let text = match (targets.pop(), targets.as_slice()) {
            (Some(only), []) => format!("-j {}", only.text),
            (last, others) => {
                let chain = self.another();
                for target in others.iter().chain(&last) {
                    self.line(chain, &[], &format!("-j {}", target.text), &rule.id);
                }
                let option = if terminal { "-g" } else { "-j" };
                format!("{option} {}", self.chain(chain))
            }
        };
        Action { text, terminal }
    }

    fn another(&mut self) -> usize {
        self.numbered += 1;
        self.numbered
    }

    fn chain(&self, nth: usize) -> String {
        if nth == 0 {
            self.name.clone()
        } else {
            format!("{}_{nth}", self.name)
        }
    }

    fn line(&mut self, chain: usize, conditions: &[&str], action: &str, id: &RuleId) {
        let chain = self.chain(chain);
        let conditions = conditions.concat();
        writeln!(
            self.lines,
            "-A {chain}{conditions} -m comment --comment \"{id}\" {action}"
        )
        .expect("writing to a string succeeds");
    }
}

/// A target, or a jump to a chain of targets.
struct Action {
    text: String,
    /// Whether the packet never returns to the chain.
    terminal: bool,
}

fn targets(statements: &[Statement]) -> Vec<Action> {
    let mut targets = Vec::new();
    let mut rest = statements;
    while let [first, after @ ..] = rest {
        rest = after;
        let target = match (*first, rest.first()) {
            (Statement::Tproxy(_, port), Some(Statement::SetPacketMark(mark))) => {
                terminal(format!("TPROXY --on-port {port} --tproxy-mark {mark:#x}"))
            }
            (Statement::Tproxy(_, port), _) => {
                terminal(format!("TPROXY --on-port {port} --tproxy-mark 0x0/0x0"))
            }
            (Statement::SetPacketMark(mark), Some(Statement::Accept)) => {
                // `ACCEPT`, since the packet is captured: after a second jump to this chain it would look as if it had
                // arrived with the mark.
                targets.push(going_on(format!("MARK --set-mark {mark:#x}")));
                terminal("ACCEPT".to_owned())
            }
            (Statement::SetPacketMark(mark), _) => going_on(format!("MARK --set-mark {mark:#x}")),
            (Statement::SetConnectionMark(mark), _) => {
                going_on(format!("CONNMARK --set-mark {mark:#x}"))
            }
            (Statement::RestoreMark, _) => going_on("CONNMARK --restore-mark".to_owned()),
            (Statement::SetZone(zone), _) => going_on(format!("CT --zone-orig {zone}")),
            (Statement::Redirect(port), _) => terminal(format!("REDIRECT --to-ports {port}")),
            (Statement::Dnat(to, port), _) => {
                let to = SocketAddr::new(to, port.number());
                terminal(format!("DNAT --to-destination {to}"))
            }
            (Statement::Accept, _) => terminal("RETURN".to_owned()),
            (Statement::Drop, _) => terminal("DROP".to_owned()),
        };
        let ends = target.terminal;
        targets.push(target);
        if ends {
            break;
        }
    }
    targets
}

const fn terminal(text: String) -> Action {
    Action {
        text,
        terminal: true,
    }
}

const fn going_on(text: String) -> Action {
    Action {
        text,
        terminal: false,
    }
}
