//! Errors of the compatibility commands, in the terms of the init container that runs them.

use crate::app::{AppError, Remedies};
use crate::cli::error::{CliError, exit_code};
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::meshes::{CompatCommand, Istio, Linkerd};

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

/// Logs the error in the mesh's terms.
pub(super) fn report<P: HasRemedies>(error: &CliError, log: Log) -> ExitCode {
    match error {
        CliError::App(AppError::NotCaptured) => {
            log.error(
                "validation failed: traffic is not captured as it should be",
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
    use crate::options::OptionSet;

    fn speaks_of_its_own_flags<P: HasRemedies>() {
        let own: Vec<_> = P::Flag::ALL
            .iter()
            .filter_map(|flag| flag.spec().long)
            .collect();
        let messages = sample_messages(&P::REMEDIES);
        for message in &messages {
            for flag in message.split("--").skip(1) {
                let name = flag.split([' ', ':', ';', ',']).next();
                assert!(name.is_some_and(|name| own.contains(&name)), "{message}");
            }
        }
        assert!(
            messages
                .iter()
                .any(|message| message.contains("securityContext"))
        );
    }

    #[test]
    fn messages_name_only_flags_of_the_mesh() {
        speaks_of_its_own_flags::<Istio>();
        speaks_of_its_own_flags::<Linkerd>();
    }
}
