//! Installs the rules of a capture and verifies them.

use std::thread;
use std::time::{Duration, Instant};

use crate::error_kind::with_sources;
use crate::intent::{Capture, Port};
use crate::log::Log;
use crate::meshes::RedirectTest;
use crate::metadata::Metadata;
use crate::netlink::sock_diag::OpenList;
use crate::nftables::{self, Kernel, Outcome};
use crate::options::Level;
use crate::plan::plan;
use crate::process::shutdown::Shutdown;
use crate::process::sysctl;
use crate::render;
use crate::rtnetlink;
use crate::ruleset::{RoutingObject, Ruleset};
use crate::verify::{self, Finding, Skip, Verification, redirected, verify, verify_unprivileged};

use super::AppError;
use super::host::refuse_host;

/// How often rules that another program installs are looked for.
const RETRY: Duration = Duration::from_millis(200);

/// A capture and its rules.
#[derive(Debug)]
pub(crate) struct Planned {
    /// What is captured.
    pub(crate) capture: Capture,
    /// The rules.
    pub(crate) ruleset: Ruleset,
}

impl Planned {
    /// The rules of the capture.
    pub(crate) fn new(capture: Capture) -> Self {
        let ruleset = plan(&capture);
        Self { capture, ruleset }
    }

    /// Fails where others' traffic passes the namespace, such as on a node.
    pub(crate) fn refuse_host(&self, kernel: &mut Kernel, log: Log) -> Result<(), AppError> {
        let inbound = &self.capture.inbound;
        let virtual_networks = inbound.virtual_networks.iter();
        let networks = virtual_networks.flat_map(|own| &own.networks);
        let inside = networks.map(|own| &own.interface);
        let inside: Vec<_> = inbound
            .reroute_interfaces
            .iter()
            .chain(inside)
            .cloned()
            .collect();
        refuse_host(kernel, &inside, log)
    }

    /// Makes the kernel's rules be these. Warns of other programs' chains that come before them.
    pub(crate) fn install(&self, kernel: &mut Kernel, log: Log) -> Result<Outcome, AppError> {
        let (rules, sets) = (self.ruleset.rules().count(), self.ruleset.sets.len());
        log.debug("planned the rules", &[("rules", &rules), ("sets", &sets)]);
        if log.writes(Level::Trace) {
            log.trace(render::nft(&self.ruleset), &[]);
        }
        let note = Metadata::bytes_of(&self.capture, &self.ruleset);
        let mut open = Ok(OpenList::default());
        let outcome = kernel.apply(&self.ruleset, &note, || {
            open = OpenList::read();
            let listed = open.as_ref().map(|open| open.listed.clone());
            listed.unwrap_or_default()
        })?;
        report_open(&open, log);
        match nftables::other_chains::warnings_of_earlier(kernel, &self.ruleset) {
            Ok(warnings) => {
                for warning in &warnings {
                    log.warning(warning, &[]);
                }
            }
            Err(error) => {
                let error = with_sources(&error);
                log.warning("cannot list other programs' chains", &[("error", &error)]);
            }
        }
        Ok(outcome)
    }

    /// Sets `lo` up if the rules need routes by it. Some runtimes do so only after their plugins; earlier makes no
    /// difference.
    pub(crate) fn prepare_loopback(&self, kernel: &mut Kernel) -> Result<(), AppError> {
        let is_route = |object: &RoutingObject| matches!(object, RoutingObject::LocalRoute { .. });
        if self.ruleset.routing.iter().any(is_route) {
            rtnetlink::set_loopback_up(&mut kernel.rtnetlink)?;
        }
        Ok(())
    }

    /// Proves by connections that the installed rules work, and logs each check.
    pub(crate) fn verify(&self, log: Log) -> Result<(), AppError> {
        report(&verify(&self.capture, &self.ruleset)?, log)
    }

    /// The same without a privilege, for rules that another program has installed or will install within the given time: as
    /// the proxy, by connections to its own pod at the port, on which nothing listens. Fails where nothing can be proven,
    /// too.
    pub(crate) fn verify_unprivileged(
        &self,
        port: Port,
        within: Duration,
        log: Log,
    ) -> Result<(), AppError> {
        let start = Instant::now();
        let verification = loop {
            let verification = verify_unprivileged(&self.capture, &self.ruleset, port)?;
            let left = within.saturating_sub(start.elapsed());
            if verification.passed() || left.is_zero() {
                break verification;
            }
            log.debug("traffic is not captured yet", &[]);
            // The kernel announces changes of rules to privileged processes only.
            thread::sleep(left.min(RETRY));
        };
        report(&verification, log)?;
        if verification.shows_something() {
            Ok(())
        } else {
            Err(AppError::NotCaptured)
        }
    }
}

/// What happens to the connections that were open when the rules were installed.
fn report_open(open: &Result<OpenList, nftables::Error>, log: Log) {
    match open {
        Ok(OpenList { listed, others }) => {
            if !listed.is_empty() {
                let count = listed.len();
                log.info("open connections bypass capture", &[("connections", &count)]);
            }
            if *others > 0 {
                log.warning(
                    "too many open connections: the others break when their next packet is redirected",
                    &[("listed", &listed.len()), ("others", others)],
                );
            }
        }
        Err(error) => log.warning(
            "cannot list the open connections, which break when their next packet is redirected; the kernel modules inet_diag \
             and tcp_diag list them",
            &[("error", &with_sources(error))],
        ),
    }
}

/// Proves that connections to one address arrive at another one, whatever rules redirect them.
pub(crate) fn test_redirect(test: RedirectTest, log: Log) -> Result<(), AppError> {
    let RedirectTest {
        listen,
        connect,
        from,
        within,
    } = test;
    // Before the message: a process that reads it may end this one.
    let shutdown = Shutdown::expect().map_err(verify::Error::Signals)?;
    log.info(
        format_args!("listening on {listen}, connecting to {connect}"),
        &[],
    );
    redirected(listen, (from, connect), within, &shutdown).map_err(|error| {
        log.error(error, &[]);
        AppError::NotCaptured
    })?;
    log.info(format_args!("verified: {connect} reached {listen}"), &[]);
    Ok(())
}

/// Sets how long connection tracking remembers a connection that its peer has closed and its application has not, in
/// seconds.
pub(crate) fn set_close_wait_timeout(seconds: u32, log: Log) -> Result<(), AppError> {
    let name = sysctl::CLOSE_WAIT_TIMEOUT;
    sysctl::set(name, seconds).map_err(|source| AppError::Sysctl {
        name,
        value: seconds,
        source,
    })?;
    log.info("set a kernel parameter", &[(name, &seconds)]);
    Ok(())
}

fn report(verification: &Verification, log: Log) -> Result<(), AppError> {
    if let Some(error) = &verification.clean_up {
        log.warning(
            "cannot delete the temporary links and table of the verification; netweir remove deletes them",
            &[("error", &with_sources(error))],
        );
    }
    for check in &verification.checks {
        match &check.finding {
            Finding::Proven(_) | Finding::Skipped(Skip::NoAddress) => log.info(check, &[]),
            Finding::Skipped(Skip::Taken(_) | Skip::Elsewhere(_) | Skip::Bypassed { .. }) => {
                log.warning(check, &[]);
            }
            Finding::Failed(_) => log.error(check, &[]),
        }
    }
    for cause in &verification.causes {
        log.error(cause, &[]);
    }
    if verification.passed() {
        Ok(())
    } else {
        Err(AppError::NotCaptured)
    }
}
