//! Errors of the compatibility commands, in the terms of the init container that runs them.

use crate::app::{AppError, Remedies};
use crate::cli::error::{CliError, exit_code};
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::meshes::{
    CompatCommand, Consul, Istio, IstioClean, Kuma, KumaUninstall, KumaValidator, Linkerd,
    LinkerdValidator,
};

/// A mesh whose command can fail.
pub(super) trait HasRemedies: CompatCommand {
    /// What to do about errors.
    const REMEDIES: Remedies;
    /// The exit code where validation fails.
    const NOT_VALIDATED: ExitCode;
}

/// An init container's, whatever its flags.
const INIT_CONTAINER: Remedies = Remedies {
    namespace: "network namespace",
    net_admin: "grant it to the init container: securityContext: {capabilities: {drop: [ALL], add: [NET_ADMIN]}}",
    net_admin_as_user: "grant it to the init container: securityContext: {runAsUser: 0, capabilities: {drop: [ALL], \
                        add: [NET_ADMIN]}}",
    sys_admin: "add SYS_ADMIN to the capabilities in the init container's securityContext",
    host: "capture would redirect the traffic of other pods; leave pods with hostNetwork out of the mesh, or give --host \
           to capture here",
    addresses: "the families to capture depend on them",
    name_servers: "DNS is captured only to its name servers",
    modules: "on the node",
    memory: "raise the init container's memory limit",
    loopback: "the container runtime should bring it up",
};

impl HasRemedies for Istio {
    const REMEDIES: Remedies = Remedies {
        namespace: "--network-namespace",
        sys_admin: "--network-namespace needs it: add SYS_ADMIN to the capabilities in the init container's \
                    securityContext, or leave that flag out",
        name_servers: "--redirect-dns without --capture-all-dns needs it",
        ..INIT_CONTAINER
    };
    // What istio-iptables ends with, and Istio's repair controller looks for.
    const NOT_VALIDATED: ExitCode = ExitCode::NotValidated;
}

impl HasRemedies for IstioClean {
    const REMEDIES: Remedies = Istio::REMEDIES;
    // It does not validate.
    const NOT_VALIDATED: ExitCode = ExitCode::Drift;
}

impl HasRemedies for Linkerd {
    const REMEDIES: Remedies = Remedies {
        namespace: "--netns",
        sys_admin: "--netns needs it: add SYS_ADMIN to the capabilities in the init container's securityContext, or \
                    leave that flag out",
        ..INIT_CONTAINER
    };
    // It has no validation of its own.
    const NOT_VALIDATED: ExitCode = ExitCode::Drift;
}

impl HasRemedies for LinkerdValidator {
    const REMEDIES: Remedies = Remedies {
        host: "leave pods with hostNetwork out of the mesh",
        ..INIT_CONTAINER
    };
    // Linkerd's repair controller looks for it.
    const NOT_VALIDATED: ExitCode = ExitCode::NotRedirected;
}

impl HasRemedies for Consul {
    const REMEDIES: Remedies = Linkerd::REMEDIES;
    // It has no validation of its own.
    const NOT_VALIDATED: ExitCode = ExitCode::Drift;
}

impl HasRemedies for Kuma {
    const REMEDIES: Remedies = Remedies {
        name_servers: "--redirect-dns needs it",
        ..INIT_CONTAINER
    };
    // It has no validation of its own.
    const NOT_VALIDATED: ExitCode = ExitCode::Failed;
}

impl HasRemedies for KumaUninstall {
    const REMEDIES: Remedies = INIT_CONTAINER;
    const NOT_VALIDATED: ExitCode = ExitCode::Failed;
}

impl HasRemedies for KumaValidator {
    const REMEDIES: Remedies = Remedies {
        host: "leave pods with hostNetwork out of the mesh",
        ..INIT_CONTAINER
    };
    const NOT_VALIDATED: ExitCode = ExitCode::Failed;
}

/// Logs the error in the mesh's terms.
pub(super) fn report<P: HasRemedies>(error: &CliError, log: Log) -> ExitCode {
    match error {
        CliError::App(AppError::NotCaptured) => {
            log.error(
                "validation failed: traffic is not captured as expected",
                &[],
            );
            P::NOT_VALIDATED
        }
        CliError::App(error) => {
            log.error(error.message(&P::REMEDIES), &[]);
            exit_code(error)
        }
        error => error.report(log),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::sample_messages;
    use crate::intent::OwnerId;
    use crate::meshes::{ConsulFlag, IstioFlag, KumaFlag, LinkerdFlag};
    use crate::options::{Files, OptionError, OptionSet, OptionValues, Origin};
    use crate::parse::{Accounts, NameError, OwnerKind};

    /// Values that some flag refuses, for each reason that there is.
    const VALUES: [&str; 28] = [
        "",
        ",",
        "*",
        "*,80",
        " *",
        "0",
        "-1",
        "-2",
        "010",
        "01337",
        "65536",
        "4294967295",
        "80/tcp",
        "9-8",
        "1000-1001",
        "1:2:3",
        "10.0.0.1",
        "10.0.0.0/33",
        "127.0.0.1/7",
        "::1/128",
        "eth*",
        "eth0@veth1",
        "a234567890123456",
        "..",
        "someone",
        "default:loud",
        "json",
        "\u{fffd}\n",
    ];

    struct NoAccounts;

    struct NoFiles;

    impl Files for NoFiles {
        fn read(&self, _: &str) -> Result<String, String> {
            Err("there are none".to_owned())
        }
    }

    impl Accounts for NoAccounts {
        fn id_of(&self, _: OwnerKind, _: &str) -> Result<OwnerId, NameError> {
            Err(NameError::Unknown)
        }
    }

    /// Every error that one of the values is for the flag.
    fn errors_of<P: CompatCommand>(flag: P::Flag) -> Vec<OptionError> {
        let errors = VALUES.into_iter().flat_map(|text| {
            let mut values = OptionValues::default();
            values.set(flag, Origin::Flag, text.to_owned());
            let name = values.name(flag);
            let (_, request) = P::read(&values, &NoAccounts, &NoFiles);
            let mut errors = request.err().unwrap_or_default();
            errors.retain(|error| error.option == name);
            errors
        });
        errors.collect()
    }

    fn names_only_its_own_flags<P: HasRemedies>(free: &[P::Flag])
    where
        P::Flag: PartialEq,
    {
        let specs = P::Flag::ALL.iter().map(|flag| flag.spec());
        let own: Vec<_> = specs.filter_map(|spec| spec.long).collect();
        let mut messages = sample_messages(&P::REMEDIES);
        assert!(
            messages
                .iter()
                .any(|message| message.contains("securityContext"))
        );
        for flag in P::Flag::ALL {
            let errors = errors_of::<P>(*flag);
            let about = flag.spec().about;
            assert_eq!(
                errors.is_empty(),
                free.contains(flag),
                "{about}: {errors:?}"
            );
            messages.extend(errors.iter().map(ToString::to_string));
        }
        for message in &messages {
            for flag in message.split("--").skip(1) {
                let mut words =
                    flag.split(|at: char| !at.is_ascii_alphanumeric() && !"-_".contains(at));
                let name = words.next();
                assert!(name.is_some_and(|name| own.contains(&name)), "{message}");
            }
        }
    }

    #[test]
    fn messages_name_only_flags_of_the_mesh() {
        // Any value is accepted.
        let free = [
            IstioFlag::EnvoyUser,
            IstioFlag::ForceIptablesBinary,
            IstioFlag::IptablesVersion,
            IstioFlag::OutputPaths,
            IstioFlag::LogTarget,
            IstioFlag::LogCaller,
            IstioFlag::LogStacktraceLevel,
            IstioFlag::LogRotate,
        ];
        names_only_its_own_flags::<Istio>(&free);
        let free = [
            LinkerdFlag::FirewallBinPath,
            LinkerdFlag::FirewallSaveBinPath,
        ];
        names_only_its_own_flags::<Linkerd>(&free);
        names_only_its_own_flags::<LinkerdValidator>(&[]);
        let free = [
            ConsulFlag::NodeName,
            ConsulFlag::HttpAddr,
            ConsulFlag::Token,
            ConsulFlag::TokenFile,
            ConsulFlag::CaFile,
            ConsulFlag::CaPath,
            ConsulFlag::ClientCert,
            ConsulFlag::ClientKey,
            ConsulFlag::TlsServerName,
            ConsulFlag::Namespace,
            ConsulFlag::Partition,
        ];
        names_only_its_own_flags::<Consul>(&free);
        let free = [
            KumaFlag::ResolvConf,
            KumaFlag::ValidationServerPort,
            KumaFlag::RedirectInboundPortV6,
            KumaFlag::SleepBetweenRetries,
            KumaFlag::IptablesExecutables,
            KumaFlag::ApiTimeout,
            KumaFlag::LogLevel,
        ];
        names_only_its_own_flags::<Kuma>(&free);
    }
}
