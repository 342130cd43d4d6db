//! Which families to capture, where the namespace's addresses say it.

use crate::intent::{Capture, Families, Family};
use crate::log::Log;
use crate::options::Parsed;
use crate::parse::FamilyChoice;
use crate::rtnetlink::addresses::families_with_addresses;

use super::error::Error;

const NO_ADDRESS: &str = "--ip-families auto: the network namespace has no global address yet; both \
families are captured";

/// What to capture of which families.
pub(super) fn resolve(parsed: Parsed, log: Log) -> Result<Capture, Error> {
    let families = match parsed.families {
        FamilyChoice::Fixed(families) => families,
        FamilyChoice::Auto => {
            let present = families_with_addresses().map_err(Error::Addresses)?;
            present.unwrap_or_else(|| {
                // Traffic that goes around the proxy would be the worse surprise.
                log.warning(NO_ADDRESS, &[]);
                Families::Both
            })
        }
    };
    let names: Vec<_> = families.iter().map(Family::name).collect();
    log.debug(
        "what to capture is known",
        &[("families", &names.join(","))],
    );
    Ok(parsed.capture_of(families))
}
