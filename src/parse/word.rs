//! Fixed words.

use crate::intent::{Families, Family};

use super::{ValueError, decimal};

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
        _ => Err(ValueError::Word {
            text: text.to_owned(),
            accepted: "ipv4, ipv6, both, auto",
        }),
    }
}

/// `true` or `1`, `false` or `0`.
pub fn switch(text: &str) -> Result<bool, ValueError> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(ValueError::Word {
            text: text.to_owned(),
            accepted: "true, 1, false, 0",
        }),
    }
}

/// A small number: how often something is wanted.
pub fn count(text: &str) -> Result<u8, ValueError> {
    decimal(text).ok_or_else(|| ValueError::Count(text.to_owned()))
}
