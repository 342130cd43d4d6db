//! CHECK: is the pod captured as ADD captured it?

use crate::drift::{Change, Difference, RuleChange};
use crate::log::Log;
use crate::nftables;
use crate::plan::plan;
use crate::render::{elements, ip_command, nft_rule};
use crate::ruleset::TABLE;

use super::super::Error;
use super::super::request::Attachment;
use super::{enter, resolve};

/// Compares every rule, set, route and address with what should be there. In a pod that is left alone nothing
/// should, but what others put there is theirs.
pub(super) fn check(attachment: Attachment<'_>, log: Log) -> Result<(), Error> {
    let Attachment {
        pod,
        namespace,
        capture,
        ..
    } = attachment;
    let parsed = match capture {
        Ok(parsed) => parsed,
        Err(reason) => {
            log.info("left alone", &[("reason", &reason)]);
            return Ok(());
        }
    };
    enter(&namespace)?;
    let wanted = plan(&resolve(*parsed, log)?);
    let compared = nftables::differences_from(&wanted);
    let (differences, ..) = compared.map_err(|source| Error::Unreadable {
        pod: pod.clone(),
        source: Box::new(source),
    })?;
    if differences.is_empty() {
        log.info(
            "captured as it should be",
            &[("rules", &wanted.rules().count())],
        );
        return Ok(());
    }
    // Without the table there is nothing to say of each rule.
    let no_table = differences.contains(&Difference::NoTable);
    let told = |difference: &&Difference| {
        let of_table = !matches!(difference, Difference::NoTable | Difference::Routing { .. });
        !(no_table && of_table)
    };
    let differences = differences.iter().filter(told).map(text_of).collect();
    Err(Error::Drift { pod, differences })
}

/// The difference in one line; that of a rule by its id.
fn text_of(difference: &Difference) -> String {
    match difference {
        Difference::NoTable => format!("the table inet {TABLE} is missing, with all of its rules"),
        Difference::Chain { name, change } => format!("chain {name} {}", word(*change)),
        Difference::Rule { chain, id, change } => {
            let what = match change {
                RuleChange::Missing { .. } => "is missing".to_owned(),
                RuleChange::Changed { wanted, installed } => format!(
                    "is {:?} and should be {:?}",
                    nft_rule(installed),
                    nft_rule(wanted)
                ),
                RuleChange::Unmanaged { installed } => {
                    format!("is {:?} and should not be there", nft_rule(installed))
                }
                RuleChange::Reordered { .. } => "stands elsewhere among the rules".to_owned(),
                RuleChange::Uncounted { .. } => "has no counter".to_owned(),
            };
            format!("rule {id} of chain {chain} {what}")
        }
        Difference::Set { name, change } => format!("set {name} {}", word(*change)),
        Difference::Elements {
            set,
            missing,
            foreign,
        } => {
            let lacks = elements(missing).map(|text| format!("lacks {text}"));
            let has = elements(foreign).map(|text| format!("should not have {text}"));
            let all: Vec<_> = lacks.chain(has).collect();
            format!("set {set} {}", all.join(", "))
        }
        Difference::Routing { object, change } => {
            format!("what \"{}\" adds {}", ip_command(object), word(*change))
        }
        Difference::Unmanaged(foreign) => match &foreign.chain {
            Some(chain) => format!(
                "{} in chain {chain} is not known: {}",
                foreign.name, foreign.what
            ),
            None => format!("{} is not known: {}", foreign.name, foreign.what),
        },
    }
}

const fn word(change: Change) -> &'static str {
    match change {
        Change::Missing => "is missing",
        Change::Changed => "is another than it should be",
        Change::Unmanaged => "should not be there",
    }
}
