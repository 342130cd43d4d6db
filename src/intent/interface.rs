//! Names of network interfaces, whole or as a prefix.

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

#[cfg(test)]
mod tests {
    use super::*;

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
