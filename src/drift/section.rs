//! The differences as lines, like the output of `diff`.

use crate::render;
use crate::ruleset::{Chain, Elements, Installed, Rule, Ruleset, Set, SetName, TABLE, Unmanaged};

use super::compare::{Change, Difference, RuleChange};

/// How many elements of a set are shown in an abbreviated list.
const FIRST: usize = 8;

/// Whether long lists are abbreviated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// The first entries, and the number of the others.
    First,
    /// All entries.
    All,
}

/// The differences of one object, or of one kind of object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffSection {
    /// The object.
    pub heading: String,
    /// Its differences, in nft's syntax.
    pub lines: Vec<(Sign, String)>,
}

/// The side of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Installed.
    Installed,
    /// Wanted.
    Wanted,
}

impl Sign {
    /// `-` or `+`.
    #[must_use]
    pub const fn character(self) -> char {
        match self {
            Self::Installed => '-',
            Self::Wanted => '+',
        }
    }
}

impl DiffSection {
    /// The differences, grouped by set and chain. `wanted` and `installed` are the compared rules.
    #[must_use]
    pub fn all(
        differences: &[Difference],
        wanted: &Ruleset,
        installed: &Installed,
        amount: Amount,
    ) -> Vec<Self> {
        let mut sections = Sections {
            found: Vec::new(),
            wanted,
            installed,
            amount,
        };
        for difference in differences {
            sections.add(difference);
        }
        sections.found
    }
}

struct Sections<'a> {
    found: Vec<DiffSection>,
    wanted: &'a Ruleset,
    installed: &'a Installed,
    amount: Amount,
}

impl Sections<'_> {
    fn push(&mut self, heading: String, lines: impl IntoIterator<Item = (Sign, String)>) {
        match self
            .found
            .iter_mut()
            .find(|section| section.heading == heading)
        {
            Some(section) => section.lines.extend(lines),
            None => self.found.push(DiffSection {
                heading,
                lines: lines.into_iter().collect(),
            }),
        }
    }

    fn add(&mut self, difference: &Difference) {
        match difference {
            Difference::NoTable => self.push(format!("table inet {TABLE}: not installed"), []),
            Difference::Chain(name, change) => self.add_chain(name, *change),
            Difference::Rule(chain, _, change) => {
                let lines = self.rule(chain, change);
                self.push(format!("chain {chain}"), lines);
            }
            Difference::Set(name, change) => self.add_set(name, *change),
            Difference::Elements(set, missing, unmanaged) => {
                let lines = [(Sign::Installed, unmanaged), (Sign::Wanted, missing)];
                let lines = lines.map(|(sign, elements)| self.elements(sign, elements));
                self.push(format!("set {set}"), lines.into_iter().flatten());
            }
            Difference::Routing(object, change) => {
                let sign = sign_of(*change);
                let line = (sign, render::ip_command(object));
                self.push("addresses and routes".to_owned(), [line]);
            }
            Difference::Unmanaged(unmanaged) => self.add_unmanaged(unmanaged),
        }
    }

    fn add_unmanaged(&mut self, unmanaged: &Unmanaged) {
        let heading = match &unmanaged.chain {
            Some(chain) => format!("chain {chain}"),
            None => format!("table inet {TABLE}"),
        };
        let text = format!("{}: unmanaged: {}", unmanaged.name, unmanaged.what);
        self.push(heading, [(Sign::Installed, text)]);
    }

    fn add_chain(&mut self, name: &str, change: Change) {
        let wanted = self.wanted.chain(name);
        let installed = self.installed.ruleset.chain(name);
        let mut lines = Vec::new();
        if change != Change::Missing
            && let Some(chain) = installed
        {
            lines.push((Sign::Installed, render::nft_chain(chain)));
            if change == Change::Unmanaged {
                let rules = chain.rules.iter().map(|own| line(&own.rule));
                lines.extend(rules.map(|text| (Sign::Installed, text)));
            }
        }
        if change != Change::Unmanaged
            && let Some(chain) = wanted
        {
            lines.push((Sign::Wanted, render::nft_chain(chain)));
            if change == Change::Missing {
                let rules = chain.rules.iter().map(line);
                lines.extend(rules.map(|text| (Sign::Wanted, text)));
            }
        }
        self.push(format!("chain {name}"), lines);
    }

    fn add_set(&mut self, name: &SetName, change: Change) {
        let wanted = self.wanted.set(name);
        let installed = self.installed.ruleset.set(name);
        let (gone, come) = match change {
            Change::Missing => (None, wanted),
            Change::Unmanaged => (installed, None),
            Change::Changed => (installed, wanted),
        };
        for (sign, set) in [(Sign::Installed, gone), (Sign::Wanted, come)] {
            if let Some(Set { name, elements }) = set {
                let (kind, flag) = (elements.type_name(), elements.flag());
                let kind = format!("type {kind}; flags {flag};");
                let lines = self.elements(sign, elements);
                let lines = std::iter::once((sign, kind)).chain(lines);
                self.push(format!("set {name}"), lines);
            }
        }
    }

    fn elements(&self, sign: Sign, elements: &Elements) -> Vec<(Sign, String)> {
        let shown = match self.amount {
            // A line "and 1 more" would take the place of that element.
            Amount::First if elements.len() > FIRST + 1 => FIRST,
            Amount::First | Amount::All => elements.len(),
        };
        let rest = elements.len() - shown;
        let rest = (rest > 0).then(|| (sign, format!("and {rest} more; -v shows all")));
        let lines = render::elements(elements).take(shown);
        lines.map(|element| (sign, element)).chain(rest).collect()
    }

    fn rule(&self, chain: &str, change: &RuleChange) -> Vec<(Sign, String)> {
        match change {
            RuleChange::Missing(wanted) => vec![(Sign::Wanted, line(wanted))],
            RuleChange::Unmanaged(installed) => vec![(Sign::Installed, line(installed))],
            RuleChange::Changed { wanted, installed } => vec![
                (Sign::Installed, line(installed)),
                (Sign::Wanted, line(wanted)),
            ],
            RuleChange::Reordered(rule) => {
                let text = |place: Option<String>| {
                    let place = place.expect("both sides have the chain of a moved rule");
                    format!("{} # {place}", line(rule))
                };
                let installed = self.installed.ruleset.chain(chain);
                let wanted = self.wanted.chain(chain);
                vec![
                    (Sign::Installed, text(installed.map(|own| place(own, rule)))),
                    (Sign::Wanted, text(wanted.map(|own| place(own, rule)))),
                ]
            }
            RuleChange::Uncounted(wanted) => vec![
                (
                    Sign::Installed,
                    format!("{} # without a counter", line(wanted)),
                ),
                (Sign::Wanted, line(wanted)),
            ],
        }
    }
}

const fn sign_of(change: Change) -> Sign {
    match change {
        Change::Missing | Change::Changed => Sign::Wanted,
        Change::Unmanaged => Sign::Installed,
    }
}

fn line(rule: &Rule) -> String {
    format!("{}: {}", rule.id, render::nft_rule(rule))
}

/// The rule that it follows.
fn place<R: AsRef<Rule>>(chain: &Chain<R>, rule: &Rule) -> String {
    let rules = chain.rules.iter().map(AsRef::as_ref);
    match rules.take_while(|own| own.id != rule.id).last() {
        Some(before) => format!("after {}", before.id),
        None => "first rule".to_owned(),
    }
}
