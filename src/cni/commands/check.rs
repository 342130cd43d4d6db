//! CHECK: whether the pod is captured as by ADD.

use crate::app::{self, Access, AppError, Place, Planned, resolve_options};
use crate::drift::{Change, Difference, RuleChange};
use crate::log::Log;
use crate::render::{elements, ip_command, nft_rule};
use crate::ruleset::TABLE;

use super::super::error::PluginError;
use super::super::request::Attachment;
use super::add::{NO_ADDRESS, not_captured};

/// Compares every rule, set, route and address with those that ADD installs. Of a pod that is not captured nothing is
/// read: rules there belong to other programs.
pub(super) fn check(attachment: Attachment<'_>, log: Log) -> Result<(), PluginError> {
    let Some(parsed) = attachment.capture else {
        not_captured(attachment.reason, log);
        return Ok(());
    };
    let compared = (|| -> Result<_, AppError> {
        app::enter(Place::Pod(&attachment.namespace), Access::Rules, log)?;
        let wanted = Planned::new(resolve_options(*parsed, log, NO_ADDRESS)?).ruleset;
        let (differences, _) = app::compare(&wanted, log)?;
        Ok((wanted, differences))
    })();
    let pod = attachment.pod;
    let (wanted, differences) = compared.map_err(|source| PluginError::unreadable(&pod, source))?;
    if differences.is_empty() {
        let rules = wanted.rules().count();
        log.info(
            "captured, with the rules that ADD installs",
            &[("rules", &rules)],
        );
        return Ok(());
    }
    // Every rule of a table that is missing is missing, too.
    let no_table = differences.contains(&Difference::NoTable);
    let is_listed = |difference: &&Difference| {
        !no_table || matches!(difference, Difference::NoTable | Difference::Routing(..))
    };
    let differences = differences.iter().filter(is_listed).map(text_of).collect();
    Err(PluginError::Drift(pod, differences))
}

/// The difference on one line; rules are named by id.
fn text_of(difference: &Difference) -> String {
    match difference {
        Difference::NoTable => format!("the table inet {TABLE} is missing, with all of its rules"),
        Difference::Chain(name, change) => format!("chain {name} {}", word(*change)),
        Difference::Rule(chain, id, change) => {
            let what = match change {
                RuleChange::Missing(..) => "is missing".to_owned(),
                RuleChange::Changed { wanted, installed } => format!(
                    "is {:?} and should be {:?}",
                    nft_rule(installed),
                    nft_rule(wanted)
                ),
                RuleChange::Unmanaged(installed) => {
                    format!("is {:?} and should not be there", nft_rule(installed))
                }
                RuleChange::Reordered(..) => "is at another position".to_owned(),
                RuleChange::Uncounted(..) => "has no counter".to_owned(),
            };
            format!("rule {id} of chain {chain} {what}")
        }
        Difference::Set(name, change) => format!("set {name} {}", word(*change)),
        Difference::Elements(set, missing, unmanaged) => {
            let lacks = elements(missing).map(|text| format!("lacks {text}"));
            let has = elements(unmanaged).map(|text| format!("should not have {text}"));
            let all: Vec<_> = lacks.chain(has).collect();
            format!("set {set} {}", all.join(", "))
        }
        Difference::Routing(object, change) => {
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
