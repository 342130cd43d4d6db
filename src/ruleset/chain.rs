//! Base chains.

use std::borrow::Cow;

use super::base_chain::BaseChain;
use super::hook::{ChainKind, Hook, Priority};
use super::rule::Rule;

/// A base chain. Its policy is `accept`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain<R = Rule> {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its type.
    pub kind: ChainKind,
    /// The hook that it is attached to.
    pub hook: Hook,
    /// Its place among the chains of the hook.
    pub priority: Priority,
    /// Its rules in evaluation order.
    pub rules: Vec<R>,
}

impl<R> Chain<R> {
    /// The same chain with other rules.
    #[must_use]
    pub fn with_rules<S>(&self, rules: Vec<S>) -> Chain<S> {
        Chain {
            name: self.name.clone(),
            kind: self.kind,
            hook: self.hook,
            priority: self.priority,
            rules,
        }
    }

    /// Whether name, type, hook and priority are those of the other chain.
    #[must_use]
    pub fn has_same_head<S>(&self, other: &Chain<S>) -> bool {
        self.name == other.name
            && (self.kind, self.hook, self.priority) == (other.kind, other.hook, other.priority)
    }
}

impl Chain {
    /// The chain of the plan, with these rules.
    #[must_use]
    pub fn new(base: BaseChain, rules: Vec<Rule>) -> Self {
        Self {
            name: base.name().into(),
            kind: base.kind(),
            hook: base.hook(),
            priority: base.priority(),
            rules,
        }
    }
}
