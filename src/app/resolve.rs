//! Decides what options and flags leave to the network namespace: families by its addresses, name servers by
//! resolv.conf(5).

use crate::intent::{Capture, Families, Family};
use crate::log::Log;
use crate::meshes::{Environment, Notice, Request};
use crate::options::{Files, Parsed};
use crate::parse::FamilyChoice;
use crate::rtnetlink::addresses::{all_addresses, families_with_addresses};

use super::{AppError, SystemFiles};

/// The name servers of a pod (resolv.conf(5)).
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// What netweir's own options capture in this namespace. The warning is for a namespace without a global address, where
/// both families are captured: traffic that bypasses the proxy would be worse.
pub(crate) fn resolve_options(
    parsed: Parsed,
    log: Log,
    no_address: &str,
) -> Result<Capture, AppError> {
    let families = match parsed.families {
        FamilyChoice::Fixed(families) => families,
        FamilyChoice::Auto => {
            let present = families_with_addresses(parsed.passthrough());
            present.map_err(AppError::Addresses)?.unwrap_or_else(|| {
                log.warning(no_address, &[]);
                Families::Both
            })
        }
    };
    log_families(families, log);
    Ok(parsed.capture_of(families))
}

/// What a mesh's flags capture in this namespace, and what the user should know about it.
pub(crate) fn resolve_flags(
    request: &Request,
    log: Log,
) -> Result<(Capture, Vec<Notice>), AppError> {
    let mut environment = Environment::default();
    if request.needs_addresses() {
        environment.addresses = all_addresses().map_err(AppError::Addresses)?;
    }
    if request.needs_name_servers() {
        let text = SystemFiles.read(RESOLV_CONF);
        environment.resolv_conf = text.map_err(AppError::NameServers)?;
    }
    let (capture, notices) = request.capture(&environment);
    log_families(capture.families, log);
    Ok((capture, notices))
}

fn log_families(families: Families, log: Log) {
    let names: Vec<_> = families.iter().map(Family::name).collect();
    log.debug("resolved the options", &[("families", &names.join(","))]);
}
