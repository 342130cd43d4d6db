//! Messages of checks.

use std::fmt;

use super::cause::Cause;
use super::check::{Bypassed, Check, Direction, Finding, Skip, Try};
use crate::intent::Family;
use crate::nftables::OtherChain;

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = format_args!("{} {}", self.direction, self.family.name());
        match &self.finding {
            Finding::Proven(Try { destination, port }) if self.direction == Direction::Dns => {
                write!(
                    f,
                    "verified: {what}: a query to {destination} reached port {port}"
                )
            }
            Finding::Proven(Try { destination, port }) => write!(
                f,
                "verified: {what}: {destination} reached port {port}, original destination read back"
            ),
            Finding::Skipped(skip) => write!(f, "not verified: {what}: {skip}"),
            Finding::Failed(failure) => write!(f, "verification failed: {what}: {failure}"),
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress => {
                f.write_str("the network namespace has no global address of this family")
            }
            Self::Taken(port) => write!(
                f,
                "something listens on port {port} already (the proxy, if it runs)"
            ),
            Self::Elsewhere(server) => write!(f, "queries go to {server}, which is not the proxy"),
            Self::Bypassed { owner, examples } => {
                match owner {
                    Some(owner) => write!(
                        f,
                        "no connection of this process (uid {}, gid {}) would be captured",
                        owner.uid, owner.gid
                    )?,
                    None => f.write_str("no connection would be captured")?,
                }
                if examples.is_empty() {
                    return f.write_str(": there is no route to any destination");
                }
                let mut before = ": ";
                for example in examples {
                    write!(f, "{before}{example}")?;
                    before = "; ";
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Bypassed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "to {}", self.destination)?;
        if let Some(source) = self.source {
            write!(f, " from {source}")?;
        }
        write!(f, ": {}", self.verdict)?;
        match &self.rule {
            Some(rule) => write!(f, " by {rule}"),
            None => f.write_str(": no rule matches"),
        }
    }
}

const LIKELY: &str = "a likely cause";

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TableMissing => write!(f, "{LIKELY}: the table inet netweir is gone"),
            Self::TableChanged => write!(
                f,
                "{LIKELY}: the table inet netweir is no longer what was installed"
            ),
            Self::Chain(chain) => write!(f, "{LIKELY}: {chain}"),
            Self::Iptables(family, tables) => {
                let program = match family {
                    Family::Ipv4 => "iptables-legacy",
                    Family::Ipv6 => "ip6tables-legacy",
                };
                let tables = tables.join(", ");
                write!(f, "{LIKELY}: rules of {program} in {tables}")
            }
            Self::Unreadable(what, reason) => {
                write!(f, "{what} may be the cause, but cannot be read: {reason}")
            }
        }
    }
}

impl fmt::Display for OtherChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the chain {} of the table {} {} ({} at {}, priority {})",
            self.chain,
            self.family.name(),
            self.table,
            self.kind,
            self.hook.name(),
            self.priority
        )
    }
}
