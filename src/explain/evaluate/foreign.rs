//! What is met on the way that is not known.

use crate::explain::matching::{Mismatch, fits};
use crate::explain::outcome::{Fit, Step};
use crate::ruleset::{Chain, Match, Rule, RuleId, Unmanaged, UnmanagedKind};

use super::Walk;

impl<'a> Walk<'a> {
    /// Chains that are not known on a hook where none of ours is.
    pub(super) fn foreign_hook(&mut self, number: u32) {
        if !self.dropped() {
            self.meets(|kind| *kind == UnmanagedKind::Chain { hook: Some(number) });
        }
    }

    pub(super) fn meets(&mut self, is_met: impl Fn(&UnmanagedKind) -> bool) {
        let met = self.foreign.iter().filter(|foreign| is_met(&foreign.kind));
        self.unjudged.extend(met.cloned());
    }

    /// The rules that are not known, after so many of the chain that are.
    pub(super) fn foreign_rules(&mut self, chain: &Chain, position: usize, steps: &mut Vec<Step>) {
        for foreign in self.foreign {
            let UnmanagedKind::Rule { known } = &foreign.kind else {
                continue;
            };
            if foreign.chain.as_deref() != Some(chain.name.as_ref()) || foreign.position != position
            {
                continue;
            }
            let fit = self.first_fit(known, foreign);
            let rule = RuleId::new(foreign.name.clone());
            steps.push(Step {
                rule,
                position,
                fit,
            });
        }
    }

    fn first_fit(&mut self, known: &[Match], foreign: &Unmanaged) -> Fit {
        if let Some(mismatch) = self.misfit(known) {
            return Fit::Missed(mismatch);
        }
        self.unjudged.push(foreign.clone());
        Fit::Undetermined
    }

    /// The first match that does not fit. One that looks into a set that is not known can be neither told to fit nor
    /// not to.
    pub(super) fn misfit(&self, matches: &[Match]) -> Option<Mismatch> {
        matches
            .iter()
            .filter(|condition| self.unknown_set(condition).is_none())
            .find_map(|condition| fits(self.ruleset, condition, &self.packet).err())
    }

    /// Whether the rule looks into a set that is not known, which is noted.
    pub(super) fn looks_into_unknown_set(
        &mut self,
        chain: &Chain,
        position: usize,
        rule: &Rule,
    ) -> bool {
        let mut conditions = rule.matches.iter();
        let Some(set) = conditions.find_map(|condition| self.unknown_set(condition)) else {
            return false;
        };
        self.unjudged.push(Unmanaged {
            chain: Some(chain.name.clone().into_owned()),
            position: position + 1,
            name: rule.id.to_string(),
            what: format!("it looks into {}, {}", set.name, set.what),
            kind: UnmanagedKind::Set,
        });
        true
    }

    fn unknown_set(&self, condition: &Match) -> Option<&'a Unmanaged> {
        let name = condition.set_name()?;
        let is_it =
            |foreign: &&Unmanaged| foreign.kind == UnmanagedKind::Set && foreign.name == name;
        self.foreign.iter().find(is_it)
    }
}
