//! Which program a command line is for.

use crate::meshes::{CompatCommand, Istio, IstioFlag, Linkerd, LinkerdFlag};
use crate::options::OptionSet;

/// A program whose command line can be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// netweir itself.
    Netweir,
    /// Istio's.
    Istio,
    /// Linkerd's.
    Linkerd,
}

/// What tells which program is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The name that it is called by.
    ByName,
    /// The first argument, which is no flag.
    ByVerb,
    /// Nothing but flags.
    ByFlags,
}

/// The names that images call Istio's program by.
const ISTIO_NAMES: [&str; 2] = [Istio::VERB, "istio-init"];
/// The names that images call Linkerd's program by.
const LINKERD_NAMES: [&str; 3] = [Linkerd::VERB, "proxy-init", "linkerd2-proxy-init"];
/// What netweir itself is asked for without a verb.
const OWN_FLAGS: [&str; 4] = ["-h", "--help", "-V", "--version"];

impl Program {
    /// The program that is meant by the name it is called by and the arguments, of which some may be verbs of
    /// netweir's own; and what tells.
    ///
    /// The name decides first, then the verb. Flags alone are what the images of init programs are started with:
    /// Linkerd's where its own are among them, and those of Istio's old `proxy_init` otherwise.
    pub(super) fn meant(
        name: &str,
        arguments: &[&str],
        is_verb: impl Fn(&str) -> bool,
    ) -> (Self, Told) {
        let first = arguments.first().copied().unwrap_or_default();
        let by_name = [
            (Self::Istio, &ISTIO_NAMES[..], Istio::VERB),
            (Self::Linkerd, &LINKERD_NAMES[..], Linkerd::VERB),
        ];
        for (program, names, verb) in by_name {
            if names.contains(&name) {
                let by = if first == verb {
                    Told::ByVerb
                } else {
                    Told::ByName
                };
                return (program, by);
            }
        }
        for (program, _, verb) in by_name {
            if first == verb {
                return (program, Told::ByVerb);
            }
        }
        let flags_alone = first.starts_with('-')
            && !OWN_FLAGS.contains(&first)
            && !arguments.iter().any(|argument| is_verb(argument));
        match flags_alone {
            false => (Self::Netweir, Told::ByName),
            true if arguments.iter().any(|flag| is_of_linkerd(flag)) => {
                (Self::Linkerd, Told::ByFlags)
            }
            true => (Self::Istio, Told::ByFlags),
        }
    }
}

/// Whether it is a flag that Linkerd's program has, and Istio's has not.
fn is_of_linkerd(argument: &str) -> bool {
    let flag = argument.split('=').next().unwrap_or_default();
    flag.strip_prefix("--")
        .is_some_and(|long| is_long::<LinkerdFlag>(long) && !is_long::<IstioFlag>(long))
}

fn is_long<F: OptionSet>(text: &str) -> bool {
    F::ALL.iter().any(|flag| flag.spec().long == Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(line: &str) -> (Program, Told) {
        let words: Vec<_> = line.split(' ').collect();
        let (name, arguments) = words.split_first().unwrap();
        Program::meant(name, arguments, |verb| ["apply", "remove"].contains(&verb))
    }

    #[test]
    fn the_name_decides_then_the_verb_then_the_flags() {
        use Program::{Istio, Linkerd, Netweir};
        use Told::{ByFlags, ByName, ByVerb};
        for (line, expected) in [
            ("netweir", (Netweir, ByName)),
            ("netweir apply -b *", (Netweir, ByName)),
            ("netweir aply", (Netweir, ByName)),
            ("netweir --help", (Netweir, ByName)),
            ("netweir -V", (Netweir, ByName)),
            ("netweir -q apply", (Netweir, ByName)),
            ("netweir istio-iptables -p 15001", (Istio, ByVerb)),
            ("netweir linkerd-init -p 4143", (Linkerd, ByVerb)),
            ("istio-iptables", (Istio, ByName)),
            ("istio-iptables apply", (Istio, ByName)),
            ("istio-iptables istio-iptables -p 1", (Istio, ByVerb)),
            ("istio-init -b 80", (Istio, ByName)),
            ("proxy-init -p 4143 -o 4140", (Linkerd, ByName)),
            (
                "netweir -p 15001 -u 1337 -m REDIRECT -i *",
                (Istio, ByFlags),
            ),
            ("netweir -n", (Istio, ByFlags)),
            (
                "netweir --ipv6=false --incoming-proxy-port 4143",
                (Linkerd, ByFlags),
            ),
            (
                "netweir --outgoing-proxy-port=4140 -p 4143",
                (Linkerd, ByFlags),
            ),
            ("pilot-agent istio-iptables -p 15001", (Istio, ByVerb)),
        ] {
            assert_eq!(meant(line), expected, "{line}");
        }
    }
}
