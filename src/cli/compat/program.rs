//! Which program a command line is for.

use crate::meshes::{
    CompatCommand, Consul, Istio, IstioClean, IstioFlag, Kuma, KumaUninstall, KumaValidator,
    Linkerd, LinkerdFlag, LinkerdValidator,
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
    /// Kuma's, which installs the rules.
    Kuma,
    /// Kuma's, which tests the rules.
    KumaValidator,
    /// Kuma's, which removes the rules.
    KumaUninstall,
    /// Consul's.
    Consul,
}

/// The program that a command line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meant {
    pub(super) program: Program,
    /// How many arguments name the command.
    pub(super) words: usize,
    /// Whether only its flags show which program it is.
    pub(super) by_flags: bool,
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
/// The name of Kuma's program, whose commands have further words.
const KUMA_NAMES: [&str; 1] = ["kumactl"];
/// The name of Consul's program, whose command has further words.
const CONSUL_NAMES: [&str; 1] = ["consul"];
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
    ) -> Meant {
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
            (Self::Kuma, &KUMA_NAMES[..], Kuma::COMMAND),
            (Self::KumaValidator, &KUMA_NAMES[..], KumaValidator::COMMAND),
            (Self::KumaUninstall, &KUMA_NAMES[..], KumaUninstall::COMMAND),
            (Self::Consul, &CONSUL_NAMES[..], Consul::COMMAND),
        ];
        let meant = |program, words, by_flags| Meant {
            program,
            words,
            by_flags,
        };
        // The executable's name stands for the first word.
        let matching = |command: &str| {
            let rest = command.split(' ').skip(1).zip(arguments);
            rest.take_while(|(word, argument)| word == *argument)
                .count()
        };
        let named = by_name.iter().rev();
        let named = named
            .filter(|(_, names, _)| names.contains(&name))
            .max_by_key(|(.., command)| matching(command));
        let by_command = |command: &str| {
            let words: Vec<_> = command.split(' ').collect();
            arguments.starts_with(&words).then_some(words.len())
        };
        if let Some((program, _, command)) = named {
            let words = by_command(command).unwrap_or_else(|| matching(command));
            return meant(*program, words, false);
        }
        for (program, _, command) in by_name {
            if let Some(words) = by_command(command) {
                return meant(program, words, false);
            }
        }
        let first = arguments.first().copied().unwrap_or("");
        let flags_alone = first.starts_with('-')
            && !OWN_FLAGS.contains(&first)
            && !arguments.iter().any(|argument| is_command(argument));
        match flags_alone {
            false => meant(Self::Netweir, 0, false),
            true if arguments.iter().any(|flag| is_of_linkerd(flag)) => {
                meant(Self::Linkerd, 0, true)
            }
            true => meant(Self::Istio, 0, true),
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

    fn meant(line: &str) -> (Program, usize, bool) {
        let words: Vec<_> = line.split(' ').collect();
        let (path, arguments) = words.split_first().unwrap();
        let name = path.rsplit('/').next().unwrap();
        let meant = Program::meant(name, arguments, |command| {
            ["apply", "remove"].contains(&command)
        });
        (meant.program, meant.words, meant.by_flags)
    }

    #[test]
    fn name_decides_before_command_and_flags() {
        use Program::{
            Consul, Istio, IstioClean, Kuma, KumaUninstall, KumaValidator, Linkerd,
            LinkerdValidator, Netweir,
        };
        for (line, expected) in [
            ("netweir", (Netweir, 0, false)),
            ("netweir apply -b *", (Netweir, 0, false)),
            ("netweir aply", (Netweir, 0, false)),
            ("netweir --help", (Netweir, 0, false)),
            ("netweir -V", (Netweir, 0, false)),
            ("netweir -q apply", (Netweir, 0, false)),
            ("netweir istio-iptables -p 15001", (Istio, 1, false)),
            ("netweir linkerd-init -p 4143", (Linkerd, 1, false)),
            ("istio-iptables", (Istio, 0, false)),
            ("istio-iptables apply", (Istio, 0, false)),
            ("istio-iptables istio-iptables -p 1", (Istio, 1, false)),
            ("istio-init -b 80", (Istio, 0, false)),
            ("istio-iptables.sh -b 80", (Istio, 0, false)),
            ("istio-clean-iptables", (IstioClean, 0, false)),
            ("istio-clean-iptables.sh -n", (IstioClean, 0, false)),
            ("netweir istio-clean-iptables -n", (IstioClean, 1, false)),
            ("pilot-agent istio-clean-iptables", (IstioClean, 1, false)),
            (
                "/usr/lib/linkerd/linkerd2-network-validator --timeout 1s",
                (LinkerdValidator, 0, false),
            ),
            (
                "netweir linkerd-network-validator",
                (LinkerdValidator, 1, false),
            ),
            ("proxy-init -p 4143 -o 4140", (Linkerd, 0, false)),
            (
                "netweir -p 15001 -u 1337 -m REDIRECT -i *",
                (Istio, 0, true),
            ),
            ("netweir -n", (Istio, 0, true)),
            (
                "netweir --ipv6=false --incoming-proxy-port 4143",
                (Linkerd, 0, true),
            ),
            (
                "netweir --outgoing-proxy-port=4140 -p 4143",
                (Linkerd, 0, true),
            ),
            ("pilot-agent istio-iptables -p 15001", (Istio, 1, false)),
            (
                "netweir consul connect redirect-traffic -p",
                (Consul, 3, false),
            ),
            ("netweir consul connect envoy", (Netweir, 0, false)),
            (
                "consul connect redirect-traffic -proxy-uid 1",
                (Consul, 2, false),
            ),
            ("consul connect envoy", (Consul, 1, false)),
            (
                "/usr/bin/kumactl install transparent-proxy --verbose",
                (Kuma, 2, false),
            ),
            (
                "kumactl install transparent-proxy-validator",
                (KumaValidator, 2, false),
            ),
            (
                "netweir kumactl uninstall transparent-proxy",
                (KumaUninstall, 3, false),
            ),
            ("kumactl install control-plane", (Kuma, 1, false)),
            ("consul -help", (Consul, 0, false)),
        ] {
            assert_eq!(meant(line), expected, "{line}");
        }
    }
}
