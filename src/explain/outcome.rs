//! The answer: the verdict, the rule behind it, and every rule on the way.

use std::borrow::Cow;
use std::fmt;

use crate::intent::Port;
use crate::ruleset::{Hook, RuleId, Statement, Unmanaged};

use super::matching::Mismatch;

/// Where a connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// To this port of this host; the original destination can be read back.
    Redirect(Port),
    /// To the transparent socket on this port, its addresses unchanged.
    Tproxy(Port),
    /// Straight on, as if there were no capture.
    Leave,
    /// Nowhere.
    Drop,
}

impl Verdict {
    /// `redirect`, `tproxy`, `leave` or `drop`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Redirect(_) => "redirect",
            Self::Tproxy(_) => "tproxy",
            Self::Leave => "leave",
            Self::Drop => "drop",
        }
    }

    /// The port that takes the connection, if one does.
    #[must_use]
    pub const fn port(self) -> Option<Port> {
        match self {
            Self::Redirect(port) | Self::Tproxy(port) => Some(port),
            Self::Leave | Self::Drop => None,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redirect(port) => write!(f, "redirected to port {port}"),
            Self::Tproxy(port) => write!(f, "handed to the transparent listener on port {port}"),
            Self::Leave => f.write_str("left alone"),
            Self::Drop => f.write_str("dropped"),
        }
    }
}

/// What becomes of a connection, and how that came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Where it goes.
    pub verdict: Verdict,
    /// The rule that decided, or `None` when no rule did and a chain's policy let it pass.
    pub rule: Option<RuleId>,
    /// The conntrack zone that it was put into.
    pub zone: Option<u16>,
    /// The packet's mark when the last chain was through.
    pub packet_mark: u32,
    /// The connection's mark then.
    pub connection_mark: u32,
    /// The chains on its way, in the order of evaluation.
    pub trace: Vec<Visit>,
    /// What it met that cannot be judged. If there is anything, the rest of the outcome holds only where none of it
    /// has an effect on the connection.
    pub unjudged: Vec<Unmanaged>,
}

impl Outcome {
    /// The rules that were tried and did not fit, with the chains they are in, in the order of evaluation.
    pub fn tried(&self) -> impl Iterator<Item = (&Visit, &Step, &Mismatch)> {
        self.trace.iter().flat_map(|visit| {
            visit.steps.iter().filter_map(move |step| match &step.fit {
                Fit::Missed(mismatch) => Some((visit, step, mismatch)),
                Fit::Fitted(_) | Fit::Undetermined => None,
            })
        })
    }

    /// The rules that fitted, with their chains and how many known rules of the chain come before each, in the order of
    /// evaluation.
    pub fn fitted_steps(&self) -> impl Iterator<Item = (&Visit, &Step)> {
        let fitted = |step: &&Step| matches!(step.fit, Fit::Fitted(_));
        let visits = self.trace.iter();
        visits.flat_map(move |visit| {
            visit
                .steps
                .iter()
                .filter(fitted)
                .map(move |step| (visit, step))
        })
    }

    /// The rules that were tried before the one that decided, and did not fit. When none decided, all of them.
    pub fn tried_before_decision(&self) -> impl Iterator<Item = (&Visit, &Step, &Mismatch)> {
        let decided = |step: &Step| {
            matches!(step.fit, Fit::Fitted(_)) && self.rule.as_ref() == Some(&step.rule)
        };
        let steps = self.trace.iter();
        steps
            .flat_map(|visit| visit.steps.iter().map(move |step| (visit, step)))
            .take_while(move |(_, step)| !decided(step))
            .filter_map(|(visit, step)| match &step.fit {
                Fit::Missed(mismatch) => Some((visit, step, mismatch)),
                Fit::Fitted(_) | Fit::Undetermined => None,
            })
    }

    /// The rules that fitted, in the order of evaluation.
    pub fn fitted(&self) -> impl Iterator<Item = &RuleId> {
        let steps = self.trace.iter().flat_map(|visit| &visit.steps);
        steps.filter_map(|step| match step.fit {
            Fit::Fitted(_) => Some(&step.rule),
            Fit::Missed(_) | Fit::Undetermined => None,
        })
    }
}

/// A chain on the packet's way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The chain's name.
    pub chain: Cow<'static, str>,
    /// Where the packet met it.
    pub hook: Hook,
    /// Why its rules were not tried, if they were not.
    pub not_walked: Option<NotWalked>,
    /// The rules tried, up to the one that ended the chain. When none did, its policy let the
    /// packet pass.
    pub steps: Vec<Step>,
}

/// Why a nat chain's rules were not tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotWalked {
    /// It was decided with the connection's first packet.
    NotNew,
    /// It was decided on the way out; the packet only comes back by `lo`.
    DecidedOnTheWayOut,
}

impl fmt::Display for NotWalked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotNew => "only the first packet of a connection is asked about",
            Self::DecidedOnTheWayOut => "this was decided on the way out",
        })
    }
}

/// A rule that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its id.
    pub rule: RuleId,
    /// How many known rules of the chain come before it.
    pub position: usize,
    /// Whether it fitted.
    pub fit: Fit,
}

/// Whether a rule fitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Every match fitted; these statements were carried out.
    Fitted(Vec<Statement>),
    /// This was the first that did not.
    Missed(Mismatch),
    /// Whether it did cannot be told.
    Undetermined,
}

impl fmt::Display for Outcome {
    /// The verdict with its rule, and a line for every rule tried.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Some(rule) => writeln!(f, "{}, by {rule}", self.verdict)?,
            None => writeln!(f, "{}, by no rule", self.verdict)?,
        }
        for visit in &self.trace {
            visit.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hook = self.hook.name();
        match self.not_walked {
            Some(reason) => writeln!(f, "  {} ({hook}): {reason}", self.chain)?,
            None => writeln!(f, "  {} ({hook})", self.chain)?,
        }
        for step in &self.steps {
            match &step.fit {
                Fit::Missed(mismatch) => writeln!(f, "    no   {}: {mismatch}", step.rule)?,
                Fit::Fitted(_) => writeln!(f, "    yes  {}", step.rule)?,
                Fit::Undetermined => writeln!(f, "    ?    {}", step.rule)?,
            }
        }
        Ok(())
    }
}
