//! Fixed words.

use crate::intent::{Families, Family};
use crate::named::{Named, named};

use super::{ValueError, decimal};

/// One of the texts of an enumeration.
pub fn word<T: Named>(text: &str) -> Result<T, ValueError> {
    T::named(text).ok_or_else(|| ValueError::word(text, T::LISTED))
}

/// The families to capture, as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyChoice {
    /// These.
    Fixed(Families),
    /// The ones that the network namespace has a global address of.
    Auto,
}

/// `ipv4`, `ipv6`, `both` or `auto`.
pub fn families(text: &str) -> Result<FamilyChoice, ValueError> {
    match text {
        "ipv4" => Ok(FamilyChoice::Fixed(Families::Only(Family::Ipv4))),
        "ipv6" => Ok(FamilyChoice::Fixed(Families::Only(Family::Ipv6))),
        "both" => Ok(FamilyChoice::Fixed(Families::Both)),
        "auto" => Ok(FamilyChoice::Auto),
        _ => Err(ValueError::word(text, "ipv4, ipv6, both, auto")),
    }
}

named! {
    /// How captured inbound connections reach the proxy, as asked for.
    pub enum ModeChoice: name {
        /// With their destination rewritten.
        Redirect "redirect";
        /// As they are, to a transparent listener.
        Tproxy "tproxy";
    }
}

/// Whether everyone's DNS queries are captured: `apps` or `everyone`.
pub fn dns_of_everyone(text: &str) -> Result<bool, ValueError> {
    match text {
        "apps" => Ok(false),
        "everyone" => Ok(true),
        _ => Err(ValueError::word(text, "apps, everyone")),
    }
}

named! {
    /// The name servers to which queries are captured, as asked for.
    pub enum DnsChoice: name {
        /// None.
        Off "off";
        /// Those of resolv.conf(5).
        Resolvers "resolvers";
        /// All.
        All "all";
    }
}

/// `always`, `never` or `auto`, which is `None`.
pub fn over_loopback(text: &str) -> Result<Option<bool>, ValueError> {
    match text {
        "auto" => Ok(None),
        "always" => Ok(Some(true)),
        "never" => Ok(Some(false)),
        _ => Err(ValueError::word(text, "auto, always, never")),
    }
}

/// `true` or `1`, `false` or `0`.
pub fn switch(text: &str) -> Result<bool, ValueError> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(ValueError::word(text, "true, 1, false, 0")),
    }
}

/// A small number: how often something is wanted.
pub fn count(text: &str) -> Result<u8, ValueError> {
    decimal(text).ok_or_else(|| ValueError::Count(text.to_owned()))
}
