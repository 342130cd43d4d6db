//! The status for people.

use std::fmt::Write;

use crate::drift::{Amount, Hunk};
use crate::metadata::{Metadata, VERSION};
use crate::options::{OptionSet, Setting, line};
use crate::ruleset::{Chain, TABLE};

use super::counted::{self, Counted};
use super::{Status, Sync};

/// How many entries of a list are shown, where not all are.
const FIRST: usize = 8;

/// A status in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// What is installed, by whom, and whether it is still what it was.
    pub head: String,
    /// How the rules differ from those that the noted options make.
    pub hunks: Vec<Hunk>,
    /// What the rules have counted.
    pub counted: String,
}

impl Status {
    /// In words.
    #[must_use]
    pub fn words(&self, amount: Amount) -> Words {
        let hunks = self
            .wanted
            .as_ref()
            .map(|wanted| Hunk::all(&self.differences, wanted, &self.installed, amount));
        Words {
            head: self.head(amount),
            hunks: hunks.unwrap_or_default(),
            counted: self.counted(amount),
        }
    }

    fn head(&self, amount: Amount) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write_head(&mut text, amount);
        text
    }

    fn write_head(&self, f: &mut String, amount: Amount) -> std::fmt::Result {
        match &self.metadata {
            Ok(Some(metadata)) => write_provenance(f, metadata, amount)?,
            Ok(None) => writeln!(
                f,
                "capture is installed; by whom is not known: no note is kept with the table inet {TABLE} (others loaded \
                 its rules, or the kernel is older than 5.10)"
            )?,
            Err(error) => writeln!(f, "capture is installed; by whom is not known: {error}")?,
        }
        let rules = number(self.installed.ruleset.rules().count(), "rule");
        let sets = number(self.installed.ruleset.sets.len(), "set");
        writeln!(f, "rules: {rules}, {sets}; {}", self.verdict())?;
        for object in &self.installed.ruleset.routing {
            writeln!(f, "routing: {object}")?;
        }
        if self.wanted.is_none() {
            for foreign in &self.installed.foreign {
                let place = foreign.chain.as_deref().unwrap_or(TABLE);
                writeln!(f, "foreign: {place}: {}: {}", foreign.name, foreign.what)?;
            }
        }
        Ok(())
    }

    fn verdict(&self) -> String {
        let edited = self.metadata().map(|metadata| &metadata.edited);
        let digests = edited.filter(|edited| !edited.is_empty()).map(|edited| {
            let names: Vec<_> = edited.iter().map(|setting| setting.spec().name).collect();
            format!(
                "; the sets of {} hold others than they did, of which no copy is kept",
                names.join(", ")
            )
        });
        let digests = digests.unwrap_or_default();
        let places = number(self.differences.len(), "place");
        match self.sync() {
            Sync::Same => "exactly those of the options".to_owned(),
            Sync::Unknown => "whether they were edited cannot be told".to_owned(),
            Sync::Edited if self.differences.is_empty() => {
                format!("edited since they were installed{digests}")
            }
            Sync::Edited => format!("edited since they were installed, in {places}{digests}"),
            Sync::Differs => format!(
                "edited since they were installed, or made otherwise than netweir {VERSION} would: they differ in {places}{digests}"
            ),
        }
    }

    /// A line for each thing that became of connections, chain by chain. Of rules that differ in the family alone,
    /// the words and so the lines are the same.
    fn counted(&self, amount: Amount) -> String {
        let mut text = String::new();
        for chain in &self.installed.ruleset.chains {
            // Writing to a string does not fail.
            let _ = self.write_chain(&mut text, chain, amount);
        }
        text
    }

    fn write_chain(&self, f: &mut String, chain: &Chain, amount: Amount) -> std::fmt::Result {
        let own = |counted: &Counted<'_>| counted.chain.name == chain.name;
        let rules: Vec<_> = counted::all(&self.installed).filter(own).collect();
        writeln!(f, "\n{}, {}:", chain.name, counted::unit(chain))?;
        match amount {
            Amount::All => {
                for counted in &rules {
                    let (deed, because) = counted.words();
                    let count = counted
                        .count
                        .map_or_else(|| "?".to_owned(), |count| count.to_string());
                    writeln!(f, "{count:>10}  {deed}: it {because} ({})", counted.rule.id)?;
                }
            }
            Amount::First => {
                for (words, count) in sums(&rules) {
                    writeln!(f, "{count:>10}  {words}")?;
                }
                let idle = number(with(&rules, |count| count == Some(0)), "other rule");
                let met = with(&rules, |count| count > Some(0));
                match (rules.len(), met) {
                    (all, met) if all == met => {}
                    (_, 0) => writeln!(f, "{:>10}  in all", 0)?,
                    _ => writeln!(f, "{:>10}  by {idle}", 0)?,
                }
                let uncounted = with(&rules, |count| count.is_none());
                if uncounted > 0 {
                    let uncounted = number(uncounted, "rule");
                    writeln!(f, "{:>10}  by {uncounted} without a counter", "?")?;
                }
            }
        }
        Ok(())
    }
}

/// So many things.
fn number(count: usize, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    }
}

/// How many rules have counted such.
fn with(rules: &[Counted<'_>], such: impl Fn(Option<u64>) -> bool) -> usize {
    let such = rules.iter().filter(|counted| such(counted.count));
    such.count()
}

/// The words of the rules that counted something, with what those of the same words counted together.
fn sums(rules: &[Counted<'_>]) -> Vec<(String, u64)> {
    let mut sums: Vec<(String, u64)> = Vec::new();
    for counted in rules {
        let Some(count) = counted.count.filter(|&count| count > 0) else {
            continue;
        };
        let (deed, because) = counted.words();
        let words = format!("{deed}: it {because}");
        match sums.iter_mut().find(|(own, _)| *own == words) {
            Some((_, sum)) => *sum += count,
            None => sums.push((words, count)),
        }
    }
    sums
}

/// The options, with the first entries of long lists.
fn shortened(options: &[(Setting, String)], amount: Amount) -> Vec<(Setting, String)> {
    let shortened = |text: &String| match text.match_indices(',').nth(FIRST - 1) {
        Some((end, _)) if amount == Amount::First => {
            let (shown, rest) = text.split_at(end);
            format!("{shown}, and {} more", rest.matches(',').count())
        }
        _ => text.clone(),
    };
    let options = options.iter();
    options
        .map(|(setting, text)| (*setting, shortened(text)))
        .collect()
}

fn write_provenance(f: &mut String, metadata: &Metadata, amount: Amount) -> std::fmt::Result {
    write!(f, "capture is installed, by netweir {}", metadata.version)?;
    if metadata.is_newer() {
        write!(f, ", which is newer than this one, {VERSION}")?;
    }
    let options = shortened(&metadata.options, amount);
    writeln!(f, "\noptions: {}", line("apply", &options))?;
    for (names, why) in [
        (&metadata.lost, "too long to be kept"),
        (&metadata.unknown, "not known to this version"),
    ] {
        if !names.is_empty() {
            writeln!(f, "options: also {}, {why}", names.join(", "))?;
        }
    }
    Ok(())
}
