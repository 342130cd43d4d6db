//! The differences as lines, as `diff` would show them.

use crate::render;
use crate::ruleset::{Chain, Elements, Installed, Rule, Ruleset, Set, TABLE, Unmanaged};

use super::compare::{Change, Difference, RuleChange};

/// How many elements of a set are shown, where not all are.
const FIRST: usize = 8;

/// How much of long lists is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// The first elements, and how many more there are.
    First,
    /// All of them.
    All,
}

/// The differences of one object, or of one kind of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// What they are of.
    pub heading: String,
    /// What is different.
    pub lines: Vec<Line>,
}

/// One line of a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which side has it.
    pub sign: Sign,
    /// What that side has, in nft's words.
    pub text: String,
}

/// Which side has a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It is installed, and would go.
    Installed,
    /// It should be installed, and would come.
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

impl Hunk {
    /// The differences, grouped by set and chain. `wanted` and `installed` are what was compared.
    #[must_use]
    pub fn all(
        differences: &[Difference],
        wanted: &Ruleset,
        installed: &Installed,
        amount: Amount,
    ) -> Vec<Self> {
        let mut hunks = Hunks {
            found: Vec::new(),
            wanted,
            installed,
            amount,
        };
        for difference in differences {
            hunks.add(difference);
        }
        hunks.found
    }
}

struct Hunks<'a> {
    found: Vec<Hunk>,
    wanted: &'a Ruleset,
    installed: &'a Installed,
    amount: Amount,
}

impl Hunks<'_> {
    fn push(&mut self, heading: String, lines: impl IntoIterator<Item = (Sign, String)>) {
        let lines = lines.into_iter().map(|(sign, text)| Line { sign, text });
        match self.found.iter_mut().find(|hunk| hunk.heading == heading) {
            Some(hunk) => hunk.lines.extend(lines),
            None => self.found.push(Hunk {
                heading,
                lines: lines.collect(),
            }),
        }
    }

    fn add(&mut self, difference: &Difference) {
        match difference {
            Difference::NoTable => self.push(format!("table inet {TABLE}: not installed"), []),
            Difference::Chain { name, change } => self.add_chain(name, *change),
            Difference::Rule { chain, change, .. } => {
                let lines = self.rule(chain, change);
                self.push(format!("chain {chain}"), lines);
            }
            Difference::Set { name, change } => self.add_set(name, *change),
            Difference::Elements {
                set,
                missing,
                foreign,
            } => {
                let lines = [(Sign::Installed, foreign), (Sign::Wanted, missing)];
                let lines = lines.map(|(sign, elements)| self.elements(sign, elements));
                self.push(format!("set {set}"), lines.into_iter().flatten());
            }
            Difference::Routing { object, change } => {
                let sign = sign_of(*change);
                let line = (sign, render::ip_command(object));
                self.push("addresses and routes".to_owned(), [line]);
            }
            Difference::Unmanaged(foreign) => self.add_foreign(foreign),
        }
    }

    fn add_foreign(&mut self, foreign: &Unmanaged) {
        let heading = match &foreign.chain {
            Some(chain) => format!("chain {chain}"),
            None => format!("table inet {TABLE}"),
        };
        let text = format!("{}: foreign: {}", foreign.name, foreign.what);
        self.push(heading, [(Sign::Installed, text)]);
    }

    fn add_chain(&mut self, name: &str, change: Change) {
        let wanted = find_chain(self.wanted, name);
        let installed = find_chain(&self.installed.ruleset, name);
        let lines: Vec<_> = match change {
            Change::Missing => whole_chain(Sign::Wanted, wanted).collect(),
            Change::Unmanaged => whole_chain(Sign::Installed, installed).collect(),
            Change::Changed => [(Sign::Installed, installed), (Sign::Wanted, wanted)]
                .into_iter()
                .filter_map(|(sign, chain)| Some((sign, render::nft_chain(chain?))))
                .collect(),
        };
        self.push(format!("chain {name}"), lines);
    }

    fn add_set(&mut self, name: &str, change: Change) {
        let wanted = self.wanted.set(name);
        let installed = self.installed.ruleset.set(name);
        let (gone, come) = match change {
            Change::Missing => (None, wanted),
            Change::Unmanaged => (installed, None),
            Change::Changed => (installed, wanted),
        };
        for (sign, set) in [(Sign::Installed, gone), (Sign::Wanted, come)] {
            if let Some(Set { name, elements }) = set {
                let kind = format!("type {}; flags interval;", elements.type_name());
                let lines = self.elements(sign, elements);
                let lines = std::iter::once((sign, kind)).chain(lines);
                self.push(format!("set {name}"), lines);
            }
        }
    }

    fn elements(&self, sign: Sign, elements: &Elements) -> Vec<(Sign, String)> {
        let shown = match self.amount {
            // A line that says "and 1 more" takes the place of that one.
            Amount::First if elements.len() > FIRST + 1 => FIRST,
            Amount::First | Amount::All => elements.len(),
        };
        let rest = elements.len() - shown;
        let rest = (rest > 0).then(|| (sign, format!("and {rest} more; -v shows them all")));
        let lines = render::elements(elements).take(shown);
        lines.map(|element| (sign, element)).chain(rest).collect()
    }

    fn rule(&self, chain: &str, change: &RuleChange) -> Vec<(Sign, String)> {
        match change {
            RuleChange::Missing { wanted } => vec![(Sign::Wanted, line(wanted))],
            RuleChange::Unmanaged { installed } => vec![(Sign::Installed, line(installed))],
            RuleChange::Changed { wanted, installed } => vec![
                (Sign::Installed, line(installed)),
                (Sign::Wanted, line(wanted)),
            ],
            RuleChange::Reordered { rule } => {
                let side = |sign, chain: Option<&Chain>| {
                    let place = chain.map(|chain| place(chain, rule)).unwrap_or_default();
                    (sign, format!("{} # {place}", line(rule)))
                };
                let installed = find_chain(&self.installed.ruleset, chain);
                vec![
                    side(Sign::Installed, installed),
                    side(Sign::Wanted, find_chain(self.wanted, chain)),
                ]
            }
            RuleChange::Uncounted { wanted } => vec![
                (
                    Sign::Installed,
                    format!("{} # without the counter", line(wanted)),
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

fn find_chain<'a>(ruleset: &'a Ruleset, name: &str) -> Option<&'a Chain> {
    ruleset.chains.iter().find(|chain| chain.name == name)
}

fn whole_chain(sign: Sign, chain: Option<&Chain>) -> impl Iterator<Item = (Sign, String)> {
    chain.into_iter().flat_map(move |chain| {
        let head = std::iter::once(render::nft_chain(chain));
        let lines = head.chain(chain.rules.iter().map(line));
        lines.map(move |text| (sign, text))
    })
}

fn line(rule: &Rule) -> String {
    format!("{}: {}", rule.id, render::nft_rule(rule))
}

/// Which rule it comes after.
fn place(chain: &Chain, rule: &Rule) -> String {
    let before = chain.rules.iter().take_while(|own| own.id != rule.id);
    match before.last() {
        Some(before) => format!("after {}", before.id),
        None => "the first rule".to_owned(),
    }
}
