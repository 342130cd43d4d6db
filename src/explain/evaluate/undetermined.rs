//! Objects on the packet's path that the model cannot express.

use crate::explain::matching::{Mismatch, matches};
use crate::explain::outcome::{Fit, Step};
use crate::ruleset::{Chain, Hook, Match, Rule, RuleId, SetName, Unmanaged, UnmanagedKind};

use super::Walk;

impl<'a> Walk<'a> {
    /// Passes the unmanaged chains on the hook.
    pub(super) fn unmanaged_chains(&mut self, hook: Hook) {
        self.meets(|kind| *kind == UnmanagedKind::Chain { hook: Some(hook) });
    }

    pub(super) fn meets(&mut self, is_met: impl Fn(&UnmanagedKind) -> bool) {
        let met = self.unmanaged.iter().filter(|own| is_met(&own.kind));
        self.undetermined.extend(met.cloned());
    }

    /// Tries the unmanaged rules that follow this many known rules of the chain.
    pub(super) fn unmanaged_rules(
        &mut self,
        chain: &Chain<&Rule>,
        position: usize,
        steps: &mut Vec<Step>,
    ) {
        for unmanaged in self.unmanaged {
            let UnmanagedKind::Rule { known } = &unmanaged.kind else {
                continue;
            };
            if unmanaged.chain.as_deref() == Some(chain.name.as_ref())
                && unmanaged.position == position
            {
                let fit = if let Some(mismatch) = self.mismatch(known) {
                    Fit::Mismatched(mismatch)
                } else {
                    self.undetermined.push(unmanaged.clone());
                    Fit::Undetermined
                };
                steps.push(Step {
                    rule: RuleId::Other(unmanaged.name.clone()),
                    position,
                    fit,
                });
            }
        }
    }

    /// The first match that fails. Lookups in unmanaged sets are skipped: their result is undetermined.
    pub(super) fn mismatch(&self, conditions: &[Match]) -> Option<Mismatch> {
        conditions
            .iter()
            .filter(|condition| self.unmanaged_set(condition).is_none())
            .find_map(|condition| matches(self.sets, condition, &self.packet).err())
    }

    /// Whether the rule looks up an unmanaged set, which makes its result undetermined.
    pub(super) fn looks_up_unmanaged_set(
        &mut self,
        chain: &Chain<&Rule>,
        position: usize,
        rule: &Rule,
    ) -> bool {
        let mut conditions = rule.matches.iter();
        let Some(set) = conditions.find_map(|condition| self.unmanaged_set(condition)) else {
            return false;
        };
        self.undetermined.push(Unmanaged {
            chain: Some(chain.name.clone().into_owned()),
            position: position + 1,
            name: rule.id.to_string(),
            what: format!("a lookup in {}, {}", set.name, set.what),
            kind: UnmanagedKind::Set,
        });
        true
    }

    fn unmanaged_set(&self, condition: &Match) -> Option<&'a Unmanaged> {
        let name = condition.set_name()?;
        self.unmanaged
            .iter()
            .find(|own| own.kind == UnmanagedKind::Set && SetName::from(own.name.as_str()) == *name)
    }
}
