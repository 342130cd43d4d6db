//! Fixed words.

use crate::intent::{DnsOverTcp, Families, Family};

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
        _ => Err(ValueError::word(text, "ipv4, ipv6, both, auto")),
    }
}

/// How captured inbound connections reach the proxy, as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModeChoice {
    /// With their destination rewritten.
    Redirect,
    /// As they are, to a transparent listener.
    Tproxy,
}

/// `redirect` or `tproxy`.
pub fn inbound_mode(text: &str) -> Result<ModeChoice, ValueError> {
    match text {
        "redirect" => Ok(ModeChoice::Redirect),
        "tproxy" => Ok(ModeChoice::Tproxy),
        _ => Err(ValueError::word(text, "redirect, tproxy")),
    }
}

/// The name servers to which queries are captured, as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsChoice {
    /// None.
    Off,
    /// Those of resolv.conf(5).
    Resolvers,
    /// All.
    All,
}

/// `off`, `resolvers` or `all`.
pub fn dns(text: &str) -> Result<DnsChoice, ValueError> {
    match text {
        "off" => Ok(DnsChoice::Off),
        "resolvers" => Ok(DnsChoice::Resolvers),
        "all" => Ok(DnsChoice::All),
        _ => Err(ValueError::word(text, "off, resolvers, all")),
    }
}

/// `redirect`, `bypass` or `outbound`.
pub fn dns_over_tcp(text: &str) -> Result<DnsOverTcp, ValueError> {
    match text {
        "redirect" => Ok(DnsOverTcp::Redirect),
        "bypass" => Ok(DnsOverTcp::Bypass),
        "outbound" => Ok(DnsOverTcp::Outbound),
        _ => Err(ValueError::Word {
            text: text.to_owned(),
            accepted: "redirect, bypass, outbound",
        }),
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
