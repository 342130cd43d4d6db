//! The outcome of a connection: the verdict, the deciding rule, and every rule that was tried.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::intent::Port;
use crate::ruleset::{Hook, RuleId, Statement, Unmanaged};

use super::matching::Mismatch;

/// What the rules do with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Redirected to this port of this host; `SO_ORIGINAL_DST` has the original destination.
    Redirect(Port),
    /// Handed to the transparent socket on this port, with unchanged addresses.
    Tproxy(Port),
    /// Redirected to this port of another address, which gets it in the proxy's place.
    Dnat(IpAddr, Port),
    /// Not captured.
    Leave,
    /// Dropped.
    Drop,
}

impl Verdict {
    /// `redirect`, `tproxy`, `dnat`, `leave` or `drop`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Redirect(_) => "redirect",
            Self::Tproxy(_) => "tproxy",
            Self::Dnat(..) => "dnat",
            Self::Leave => "leave",
            Self::Drop => "drop",
        }
    }

    /// The port of the proxy that gets the connection.
    #[must_use]
    pub const fn port(self) -> Option<Port> {
        match self {
            Self::Redirect(port) | Self::Tproxy(port) => Some(port),
            Self::Dnat(..) | Self::Leave | Self::Drop => None,
        }
    }

    /// The server that gets the connection in the proxy's place.
    #[must_use]
    pub const fn server(self) -> Option<SocketAddr> {
        match self {
            Self::Dnat(address, port) => Some(SocketAddr::new(address, port.number())),
            Self::Redirect(_) | Self::Tproxy(_) | Self::Leave | Self::Drop => None,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redirect(port) => write!(f, "redirected to port {port}"),
            Self::Tproxy(port) => write!(f, "handed to the transparent listener on port {port}"),
            Self::Dnat(address, port) => {
                let server = SocketAddr::new(*address, port.number());
                write!(f, "redirected to {server}")
            }
            Self::Leave => f.write_str("not captured"),
            Self::Drop => f.write_str("dropped"),
        }
    }
}

/// What the rules do with a connection, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// The rule that decided; `None` when the policies of the chains did.
    pub rule: Option<RuleId>,
    /// Its conntrack zone, if a rule set one.
    pub zone: Option<u16>,
    /// The packet's mark after the last chain.
    pub packet_mark: u32,
    /// The connection's mark after the last chain.
    pub connection_mark: u32,
    /// The chains that it passed, in order.
    pub trace: Vec<Visit>,
    /// Objects on its path that netweir cannot evaluate. If there are any, the outcome holds only as far as they do not
    /// affect the connection.
    pub undetermined: Vec<Unmanaged>,
}

impl Outcome {
    /// All rules that were tried, with their chains, in order.
    pub fn steps(&self) -> impl Iterator<Item = (&Visit, &Step)> {
        let visits = self.trace.iter();
        visits.flat_map(|visit| visit.steps.iter().map(move |step| (visit, step)))
    }

    /// The rules that matched, with their chains, in order.
    pub fn matched(&self) -> impl Iterator<Item = (&Visit, &Step)> {
        self.steps().filter(|(_, step)| step.fit.is_match())
    }

    /// The rules that did not match before the deciding rule, in order; all of them if no rule decided.
    pub fn mismatched_before_decision(&self) -> impl Iterator<Item = (&Visit, &Step, &Mismatch)> {
        let decided = |step: &Step| step.fit.is_match() && self.rule.as_ref() == Some(&step.rule);
        self.steps()
            .take_while(move |(_, step)| !decided(step))
            .filter_map(|(visit, step)| Some((visit, step, step.fit.mismatch()?)))
    }
}

/// A chain that the packet passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The chain's name.
    pub chain: Cow<'static, str>,
    /// Its hook.
    pub hook: Hook,
    /// The rules that were tried, up to the one that ended the chain.
    pub steps: Vec<Step>,
}

/// A rule that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its id.
    pub rule: RuleId,
    /// How many rules of the model precede it in its chain.
    pub position: usize,
    /// The result.
    pub fit: Fit,
}

/// Whether a rule matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Every match succeeded, and these statements were executed.
    Matched(Vec<Statement>),
    /// This match failed first.
    Mismatched(Mismatch),
    /// netweir cannot tell.
    Undetermined,
}

impl Fit {
    const fn is_match(&self) -> bool {
        matches!(self, Self::Matched(_))
    }

    const fn mismatch(&self) -> Option<&Mismatch> {
        match self {
            Self::Mismatched(mismatch) => Some(mismatch),
            Self::Matched(_) | Self::Undetermined => None,
        }
    }
}
