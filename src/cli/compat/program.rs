//! Which program a command line is for.

use crate::meshes::{
    CompatCommand, Istio, IstioClean, IstioFlag, Linkerd, LinkerdFlag, LinkerdValidator,
};
use crate::options::OptionSet;

/// A program whose command line netweir understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// netweir itself.
    Netweir,
    /// Istio's.
    Istio,
    /// Istio's, which removes the rules.
    IstioClean,
    /// Linkerd's.
    Linkerd,
    /// Linkerd's, which tests the rules.
    LinkerdValidator,
}

/// How the program was recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecognizedBy {
    /// By the name of the executable.
    Name,
    /// By the command.
    Command,
    /// By its flags alone.
    Flags,
}

/// The names of Istio's program in images: up to 1.3 it is a script, up to 1.4 there are both.
const ISTIO_NAMES: [&str; 4] = [
    Istio::COMMAND,
    "istio-iptables-go",
    "istio-iptables.sh",
    "istio-init",
];
/// The names of Istio's program that removes the rules.
const ISTIO_CLEAN_NAMES: [&str; 2] = [IstioClean::COMMAND, "istio-clean-iptables.sh"];
/// The names of Linkerd's program in images.
const LINKERD_NAMES: [&str; 3] = [Linkerd::COMMAND, "proxy-init", "linkerd2-proxy-init"];
/// The names of Linkerd's program that tests the rules.
const LINKERD_VALIDATOR_NAMES: [&str; 2] =
    [LinkerdValidator::COMMAND, "linkerd2-network-validator"];
/// netweir's own flags without a command.
const OWN_FLAGS: [&str; 4] = ["-h", "--help", "-V", "--version"];

impl Program {
    /// The program for the executable's name and the arguments.
    ///
    /// The name decides first, then the command. Images of init programs are started with flags alone: Linkerd's if
    /// one of them is Linkerd's only, otherwise those of Istio's old `proxy_init`.
    pub(super) fn meant(
        name: &str,
        arguments: &[&str],
        is_command: impl Fn(&str) -> bool,
    ) -> (Self, RecognizedBy) {
        let first = arguments.first().copied().unwrap_or("");
        let by_name = [
            (Self::Istio, &ISTIO_NAMES[..], Istio::COMMAND),
            (
                Self::IstioClean,
                &ISTIO_CLEAN_NAMES[..],
                IstioClean::COMMAND,
            ),
            (Self::Linkerd, &LINKERD_NAMES[..], Linkerd::COMMAND),
            (
                Self::LinkerdValidator,
                &LINKERD_VALIDATOR_NAMES[..],
                LinkerdValidator::COMMAND,
            ),
        ];
        for (program, names, command) in by_name {
            if names.contains(&name) {
                let by = if first == command {
                    RecognizedBy::Command
                } else {
                    RecognizedBy::Name
                };
                return (program, by);
            }
        }
        for (program, _, command) in by_name {
            if first == command {
                return (program, RecognizedBy::Command);
            }
        }
        let flags_alone = first.starts_with('-')
            && !OWN_FLAGS.contains(&first)
            && !arguments.iter().any(|argument| is_command(argument));
        match flags_alone {
            false => (Self::Netweir, RecognizedBy::Name),
            true if arguments.iter().any(|flag| is_of_linkerd(flag)) => {
                (Self::Linkerd, RecognizedBy::Flags)
            }
            true => (Self::Istio, RecognizedBy::Flags),
        }
    }
}

/// Whether the flag is one of Linkerd's and none of Istio's.
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

    fn meant(line: &str) -> (Program, RecognizedBy) {
        let words: Vec<_> = line.split(' ').collect();
        let (path, arguments) = words.split_first().unwrap();
        let name = path.rsplit('/').next().unwrap();
        Program::meant(name, arguments, |command| {
            ["apply", "remove"].contains(&command)
        })
    }

    #[test]
    fn name_decides_before_command_and_flags() {
        use Program::{Istio, IstioClean, Linkerd, LinkerdValidator, Netweir};
        use RecognizedBy::{Command, Flags, Name};
        for (line, expected) in [
            ("netweir", (Netweir, Name)),
            ("netweir apply -b *", (Netweir, Name)),
            ("netweir aply", (Netweir, Name)),
            ("netweir --help", (Netweir, Name)),
            ("netweir -V", (Netweir, Name)),
            ("netweir -q apply", (Netweir, Name)),
            ("netweir istio-iptables -p 15001", (Istio, Command)),
            ("netweir linkerd-init -p 4143", (Linkerd, Command)),
            ("istio-iptables", (Istio, Name)),
            ("istio-iptables apply", (Istio, Name)),
            ("istio-iptables istio-iptables -p 1", (Istio, Command)),
            ("istio-init -b 80", (Istio, Name)),
            ("istio-iptables.sh -b 80", (Istio, Name)),
            ("istio-clean-iptables", (IstioClean, Name)),
            ("istio-clean-iptables.sh -n", (IstioClean, Name)),
            ("netweir istio-clean-iptables -n", (IstioClean, Command)),
            ("pilot-agent istio-clean-iptables", (IstioClean, Command)),
            (
                "/usr/lib/linkerd/linkerd2-network-validator --timeout 1s",
                (LinkerdValidator, Name),
            ),
            (
                "netweir linkerd-network-validator",
                (LinkerdValidator, Command),
            ),
            ("proxy-init -p 4143 -o 4140", (Linkerd, Name)),
            ("netweir -p 15001 -u 1337 -m REDIRECT -i *", (Istio, Flags)),
            ("netweir -n", (Istio, Flags)),
            (
                "netweir --ipv6=false --incoming-proxy-port 4143",
                (Linkerd, Flags),
            ),
            (
                "netweir --outgoing-proxy-port=4140 -p 4143",
                (Linkerd, Flags),
            ),
            ("pilot-agent istio-iptables -p 15001", (Istio, Command)),
        ] {
            assert_eq!(meant(line), expected, "{line}");
        }
    }
}
