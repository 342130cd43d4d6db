//! Verifies capture with real connections.
//!
//! For each direction and each captured family of the namespace, a listener takes the place of the proxy. A connection that the
//! rules should capture is made, and the listener sends a random token back through it. Capture is proven if the connection
//! arrives, the token returns, and the listener can read the original destination. If capture works, no packet leaves the
//! host.
//!
//! [`explain`](crate::explain) selects the connection: one that the rules capture, among those that this process can
//! make.

mod candidates;
mod cause;
mod check;
mod dns;
mod error;
mod inbound;
mod outbound;
mod own_pod;
pub(crate) mod prober;
mod redirect;
mod trial;
mod veth_pair;
mod words;

use std::time::Duration;

use crate::intent::{Capture, Port};
use crate::nftables;
use crate::nftables::turn::Turn;
use crate::process::lock::Lock;
use crate::ruleset::Ruleset;
use trial::Trial;

pub use cause::Cause;
pub use check::{Bypassed, Check, Direction, Failure, Finding, Skip, Try};
pub use error::Error;
pub use prober::Fault;
pub(crate) use redirect::redirected;
pub(crate) use veth_pair::remove_leftovers;

/// How long one verification waits for others: longer than one takes where nothing answers.
const TURN_LIMIT: Duration = Duration::from_secs(20);

/// The result of a verification.
#[derive(Debug)]
pub struct Verification {
    /// One for each direction and captured family.
    pub checks: Vec<Check>,
    /// Likely causes of the failed checks.
    pub causes: Vec<Cause>,
    /// Why temporary links or a temporary table may be left.
    pub clean_up: Option<nftables::Error>,
}

impl Verification {
    /// Whether no check failed; some may be skipped.
    #[must_use]
    pub fn passed(&self) -> bool {
        !self.checks.iter().any(Check::failed)
    }

    /// Whether a check proved capture, or found a running proxy.
    #[must_use]
    pub fn shows_something(&self) -> bool {
        self.checks.iter().any(|check| {
            matches!(
                check.finding,
                Finding::Proven(_) | Finding::Skipped(Skip::Taken(_))
            )
        })
    }
}

/// Verifies the installed ruleset, which is the plan of the capture, in the calling thread's network namespace.
///
/// # Errors
/// No connection could be tried.
pub fn verify(capture: &Capture, ruleset: &Ruleset) -> Result<Verification, Error> {
    let turn = Turn::wait(TURN_LIMIT).map_err(Error::Turn)?;
    // On older kernels, other processes of the pod can prevent this.
    let lock = match turn {
        Some(_) => None,
        None => Some(Lock::wait(TURN_LIMIT).map_err(Error::Lock)?),
    };
    veth_pair::remove_leftovers()?;
    let checks = all_checks(capture, ruleset);
    let clean_up = veth_pair::remove_leftovers().err();
    drop((turn, lock));
    let (checks, clean_up) = match (checks, clean_up) {
        (Ok(checks), clean_up) => (checks, clean_up),
        (Err(error), None) => return Err(error),
        (Err(error), Some(clean_up)) => {
            let error = Box::new(error);
            return Err(Error::NotCleanedUp { error, clean_up });
        }
    };
    let mut verification = Verification {
        checks,
        causes: Vec::new(),
        clean_up,
    };
    if !verification.passed() {
        verification.causes = cause::find(&verification.checks, ruleset);
    }
    Ok(verification)
}

fn all_checks(capture: &Capture, ruleset: &Ruleset) -> Result<Vec<Check>, Error> {
    let mut trial = Trial::new(capture, ruleset)?;
    let mut checks = outbound::check(&mut trial)?;
    checks.extend(dns::check(&mut trial)?);
    checks.extend(inbound::check(&mut trial)?);
    Ok(checks)
}

/// Verifies without privileges, in the calling thread's network namespace: as the proxy's user by a connection to its own pod
/// on this port, on which no process listens; as another user by outbound connections.
///
/// # Errors
/// No connection could be tried.
pub fn verify_unprivileged(
    capture: &Capture,
    ruleset: &Ruleset,
    port: Port,
) -> Result<Verification, Error> {
    let lock = Lock::wait(TURN_LIMIT).map_err(Error::Lock)?;
    let mut trial = Trial::new(capture, ruleset)?;
    let mut checks = own_pod::check(&mut trial, port)?;
    if checks.iter().all(|check| check.finding.is_bypassed()) {
        checks.extend(outbound::check(&mut trial)?);
    }
    drop(lock);
    Ok(Verification {
        checks,
        causes: Vec::new(),
        clean_up: None,
    })
}
