//! The status as text.

use std::fmt::Write;

use crate::drift::{Amount, DiffSection};
use crate::metadata::{Metadata, VERSION};
use crate::options::{OptionSet, Setting, line};
use crate::ruleset::{Chain, InstalledRule, TABLE};

use super::counted;
use super::{Status, Sync};

/// How many entries of an abbreviated list are shown.
const FIRST: usize = 8;

/// The parts of a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// What is installed, by which options, and whether it was edited.
    pub head: String,
    /// How the rules differ from those of the options.
    pub sections: Vec<DiffSection>,
    /// What the rules have counted.
    pub counted: String,
}

impl Status {
    /// The status as text.
    #[must_use]
    pub fn words(&self, amount: Amount) -> Words {
        let sections = self
            .wanted
            .as_ref()
            .map(|wanted| DiffSection::all(&self.differences, wanted, &self.installed, amount));
        Words {
            head: self.head(amount),
            sections: sections.unwrap_or_default(),
            counted: self.counted(amount),
        }
    }

    fn head(&self, amount: Amount) -> String {
        let mut text = String::new();
        self.write_head(&mut text, amount)
            .expect("writing to a string succeeds");
        text
    }

    fn write_head(&self, f: &mut String, amount: Amount) -> std::fmt::Result {
        match &self.metadata {
            Ok(Some(metadata)) => write_metadata(f, metadata, amount)?,
            Ok(None) => writeln!(
                f,
                "capture is installed, but not by `netweir apply`: the table inet {TABLE} has no metadata (or the kernel \
                 is older than 5.10)"
            )?,
            Err(error) => writeln!(f, "capture is installed, by unknown options: {error}")?,
        }
        let rules = number(self.installed.ruleset.rules().count(), "rule");
        let sets = number(self.installed.ruleset.sets.len(), "set");
        writeln!(f, "rules: {rules}, {sets}; {}", self.verdict())?;
        for object in &self.installed.ruleset.routing {
            writeln!(f, "routing: {object}")?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        if self.wanted.is_none() {
            for own in &self.installed.unmanaged {
                let place = own.chain.as_deref().unwrap_or(TABLE);
                writeln!(f, "unmanaged: {place}: {}: {}", own.name, own.what)?;
            }
        }
        Ok(())
    }

    fn verdict(&self) -> String {
        let edited = self.metadata().map(|metadata| &metadata.edited);
        let digests = edited.filter(|edited| !edited.is_empty()).map(|edited| {
            let names: Vec<_> = edited.iter().map(|setting| setting.spec().name).collect();
            format!(
                "; the sets of {} were edited, and no copy of their elements is kept",
                names.join(", ")
            )
        });
        let digests = digests.unwrap_or_default();
        let places = number(self.differences.len(), "place");
        match self.sync() {
            Sync::Same => "unchanged since installed".to_owned(),
            Sync::Unknown => "cannot tell whether they were edited".to_owned(),
            Sync::Edited if self.differences.is_empty() => {
                format!("edited since they were installed{digests}")
            }
            Sync::Edited => format!("edited since they were installed, in {places}{digests}"),
            Sync::Differs => format!(
                "edited since they were installed, or made by a version that differs from netweir {VERSION}: they differ in {places}{digests}"
            ),
        }
    }

    /// A line for each outcome, chain by chain. Rules that differ only in the family share a line.
    fn counted(&self, amount: Amount) -> String {
        let mut text = String::new();
        for chain in &self.installed.ruleset.chains {
            write_chain(&mut text, chain, amount).expect("writing to a string succeeds");
        }
        text
    }
}

fn write_chain(f: &mut String, chain: &Chain<InstalledRule>, amount: Amount) -> std::fmt::Result {
    writeln!(f, "\n{}, {}:", chain.name, counted::unit(chain))?;
    match amount {
        Amount::All => {
            for InstalledRule { rule, counter } in &chain.rules {
                let (action, because) = counted::words(rule);
                let count = counter.map_or_else(|| "?".to_owned(), |count| count.to_string());
                writeln!(f, "{count:>10}  {action}: it {because} ({})", rule.id)?;
            }
        }
        Amount::First => {
            for (words, count) in sums(&chain.rules) {
                writeln!(f, "{count:>10}  {words}")?;
            }
            let with = |such: fn(Option<u64>) -> bool| {
                let rules = chain.rules.iter();
                rules.filter(|own| such(own.counter)).count()
            };
            let idle = number(with(|count| count == Some(0)), "other rule");
            match with(|count| count > Some(0)) {
                counting if counting == chain.rules.len() => {}
                0 => writeln!(f, "{:>10}  in total", 0)?,
                _ => writeln!(f, "{:>10}  by {idle}", 0)?,
            }
            let uncounted = with(|count| count.is_none());
            if uncounted > 0 {
                let uncounted = number(uncounted, "rule");
                writeln!(f, "{:>10}  by {uncounted} without a counter", "?")?;
            }
        }
    }
    Ok(())
}

/// A number of things.
fn number(count: usize, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    }
}

/// What the rules do, with the sum of what those with the same words have counted.
fn sums(rules: &[InstalledRule]) -> Vec<(String, u64)> {
    let mut sums: Vec<(String, u64)> = Vec::new();
    for InstalledRule { rule, counter } in rules {
        let Some(count) = counter.filter(|&count| count > 0) else {
            continue;
        };
        let (action, because) = counted::words(rule);
        let words = format!("{action}: it {because}");
        match sums.iter_mut().find(|(own, _)| *own == words) {
            Some((_, sum)) => *sum += count,
            None => sums.push((words, count)),
        }
    }
    sums
}

/// The options, with long lists abbreviated.
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

fn write_metadata(f: &mut String, metadata: &Metadata, amount: Amount) -> std::fmt::Result {
    write!(f, "capture is installed, by netweir {}", metadata.version)?;
    if metadata.is_newer() {
        write!(f, " (newer than this netweir, {VERSION})")?;
    }
    let options = shortened(&metadata.options, amount);
    writeln!(f, "\noptions: {}", line("apply", &options))?;
    for (names, why) in [
        (&metadata.lost, "too long to keep"),
        (&metadata.unknown, "unknown to this version"),
    ] {
        if !names.is_empty() {
            writeln!(f, "options: also {}, {why}", names.join(", "))?;
        }
    }
    Ok(())
}
