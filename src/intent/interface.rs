//! Names of network interfaces, whole or as a prefix.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The longest interface name in bytes (`IFNAMSIZ - 1`, `linux/if.h`).
const LONGEST_NAME: usize = 15;

/// The loopback interface: the kernel registers it under this name in every network namespace
/// (`loopback_net_init`, `drivers/net/loopback.c`).
pub const LOOPBACK: &str = "lo";

/// An interface name, or a prefix of names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InterfacePattern {
    /// One interface.
    Name(String),
    /// Every interface whose name starts with this, which is shorter than a name can be.
    Prefix(String),
}

/// Why a text is no interface pattern.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum InterfaceNameError {
    /// There is nothing before the wildcard, or nothing at all.
    #[error("is empty")]
    Empty,
    /// The kernel has no longer names.
    #[error("is longer than {LONGEST_NAME} bytes")]
    TooLong,
    /// The kernel allows neither `/`, `:` nor white space (`dev_valid_name`); quotes, backslashes,
    /// wildcards inside the name and control characters cannot be written to a rule listing and read back;
    /// nor can a leading `@` in JSON, and inside a name it is `ip link`'s: `eth0@if7` is `eth0`.
    #[error("has a character that an interface name cannot have: {0:?}")]
    Character(char),
    /// `.` and `..` are no names to the kernel.
    #[error("is not a name to the kernel")]
    Dots,
}

impl InterfacePattern {
    /// The loopback interface.
    #[must_use]
    pub fn loopback() -> Self {
        Self::Name(LOOPBACK.to_owned())
    }

    /// The name or the prefix.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Name(text) | Self::Prefix(text) => text,
        }
    }

    /// Whether the pattern fits the interface.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Name(own) => own == name,
            Self::Prefix(prefix) => name.starts_with(prefix.as_str()),
        }
    }
}

impl FromStr for InterfacePattern {
    type Err = InterfaceNameError;

    /// `eth0` is a name; `cali+` and `cali*` are prefixes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, prefix) = match text.strip_suffix(['+', '*']) {
            Some(name) => (name, true),
            None => (text, false),
        };
        if name.is_empty() {
            return Err(InterfaceNameError::Empty);
        }
        if name.len() > LONGEST_NAME {
            return Err(InterfaceNameError::TooLong);
        }
        if let Some(character) = name
            .chars()
            .find(|c| c.is_whitespace() || c.is_control() || "/:\"\\*+@".contains(*c))
        {
            return Err(InterfaceNameError::Character(character));
        }
        if !prefix && (name == "." || name == "..") {
            return Err(InterfaceNameError::Dots);
        }
        let name = name.to_owned();
        // A prefix of full length fits the name alone, and nft takes none so long.
        Ok(if prefix && name.len() < LONGEST_NAME {
            Self::Prefix(name)
        } else {
            Self::Name(name)
        })
    }
}

impl fmt::Display for InterfacePattern {
    /// As nft writes it: a prefix ends in `*`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

/// Interface patterns in their order, of which none matches what another does: equal ones match the same interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interfaces(Vec<InterfacePattern>);

impl Interfaces {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of patterns.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The patterns in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = &InterfacePattern> {
        self.0.iter()
    }

    /// Whether one of them fits the interface.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(name))
    }

    /// The patterns that the other has not.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let others: BTreeSet<_> = other.0.iter().collect();
        let own = self.0.iter().filter(|pattern| !others.contains(pattern));
        Self(own.cloned().collect())
    }
}

impl FromIterator<InterfacePattern> for Interfaces {
    fn from_iter<I: IntoIterator<Item = InterfacePattern>>(patterns: I) -> Self {
        let mut patterns: Vec<_> = patterns.into_iter().collect();
        // What a prefix fits follows it.
        patterns.sort_unstable_by(|a, b| {
            let key = |pattern: &InterfacePattern| matches!(pattern, InterfacePattern::Name(_));
            (a.text(), key(a)).cmp(&(b.text(), key(b)))
        });
        patterns.dedup_by(|later, kept| match kept {
            InterfacePattern::Name(_) => later == kept,
            InterfacePattern::Prefix(prefix) => later.text().starts_with(prefix.as_str()),
        });
        Self(patterns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_others_cover_are_dropped() {
        let set = |texts: &[&str]| -> Interfaces {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let texts = |set: &Interfaces| set.iter().map(ToString::to_string).collect::<Vec<_>>();
        let all = set(&[
            "veth0", "eth0", "veth+", "vethab*", "vet", "eth0", "eth", "a*",
        ]);
        assert_eq!(texts(&all), ["a*", "eth", "eth0", "vet", "veth*"]);
        assert_eq!(all, set(&["vet", "veth*", "eth0", "a+", "eth"]));
        assert!(all.matches("veth9") && !all.matches("eth1"));
        assert_eq!(
            texts(&all.without(&set(&["eth", "veth*"]))),
            ["a*", "eth0", "vet"]
        );
    }

    #[test]
    fn reads_names_and_prefixes() {
        assert_eq!("eth0".parse(), Ok(InterfacePattern::Name("eth0".into())));
        assert_eq!("cali+".parse(), Ok(InterfacePattern::Prefix("cali".into())));
        assert_eq!("cali*".parse(), Ok(InterfacePattern::Prefix("cali".into())));
        let longest = "a23456789012345";
        assert_eq!(
            format!("{longest}*").parse(),
            Ok(InterfacePattern::Name(longest.into()))
        );
    }

    #[test]
    fn refuses_what_the_kernel_refuses() {
        for (text, error) in [
            ("", InterfaceNameError::Empty),
            ("*", InterfaceNameError::Empty),
            ("a234567890123456", InterfaceNameError::TooLong),
            ("a b", InterfaceNameError::Character(' ')),
            ("a/b", InterfaceNameError::Character('/')),
            ("a\"b", InterfaceNameError::Character('"')),
            ("a*b", InterfaceNameError::Character('*')),
            ("eth0@if7", InterfaceNameError::Character('@')),
            ("..", InterfaceNameError::Dots),
        ] {
            assert_eq!(text.parse::<InterfacePattern>(), Err(error), "{text:?}");
        }
    }
}
