//! From the rules of one base chain to the lines of one or more of iptables' chains.

use std::fmt::Write as _;

use super::terms::Terms;
use crate::intent::Family;
use crate::ruleset::{Rule, RuleId, Ruleset, Statement};

/// A chain in the making.
///
/// A rule with a negated set has no single line that says it: what fits an element *goes to* a chain with
/// the rest of the rules, and so does what the rule itself does not fit. Only `-g` leads there, so `RETURN`
/// always returns to the built-in chain.
pub(super) struct Translation<'a> {
    ruleset: &'a Ruleset,
    family: Family,
    name: &'static str,
    /// How many numbered chains there are besides the first.
    numbered: usize,
    /// Which chain the next rule is for.
    current: usize,
    /// Whether no packet comes by the next rule.
    ended: bool,
    lines: String,
}

impl<'a> Translation<'a> {
    /// Nothing yet, for the chain of the name.
    pub(super) fn new(ruleset: &'a Ruleset, family: Family, name: &'static str) -> Self {
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

    /// Whether no rule is of the family.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// All rules, one a line.
    pub(super) fn lines(&self) -> &str {
        &self.lines
    }

    /// Adds what the rule does to packets of the family.
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

    /// A line for each combination of elements, each of another set.
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

    /// What a line of the rule ends in. More than one target needs a chain of its own, in which the conditions are
    /// not asked again: the first target may change what they ask for.
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
            self.name.to_owned()
        } else {
            format!("{}_{nth}", self.name)
        }
    }

    fn line(&mut self, chain: usize, conditions: &[&str], action: &str, id: &RuleId) {
        let chain = self.chain(chain);
        let conditions = conditions.concat();
        // Writing to a string cannot fail.
        let _ = writeln!(
            self.lines,
            "-A {chain}{conditions} -m comment --comment \"{id}\" {action}"
        );
    }
}

/// What a line, or all lines of a rule, end in.
struct Action {
    text: String,
    /// Whether the packet never comes back to the chain.
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
                // Captured, not left. After a second jump to this chain the packet would be one that came with
                // its mark.
                targets.push(going_on(format!("MARK --set-mark {mark:#x}")));
                terminal("ACCEPT".to_owned())
            }
            (Statement::SetPacketMark(mark), _) => going_on(format!("MARK --set-mark {mark:#x}")),
            (Statement::SetConnectionMark(mark), _) => {
                going_on(format!("CONNMARK --set-mark {mark:#x}"))
            }
            (Statement::RestoreMark, _) => going_on("CONNMARK --restore-mark".to_owned()),
            (Statement::SetZone(zone), _) => going_on(format!("CT --zone {zone}")),
            (Statement::Redirect(port), _) => terminal(format!("REDIRECT --to-ports {port}")),
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
