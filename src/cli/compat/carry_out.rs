//! Carries out a mesh's flags.

use std::fs;

use crate::app::{self, Access, OpenConnections, Place, Planned, resolve_flags};
use crate::cli::apply::{install, text_of};
use crate::cli::error::CliError;
use crate::cli::output::print;
use crate::cli::remove::remove;
use crate::intent::Family;
use crate::log::Log;
use crate::meshes::{Action, Notice, Request, Show, Validation};
use crate::options::{self, Format, Setting};
use crate::parse::NetworkNamespace;
use crate::process::sysctl;

/// Does what the flags ask for, or prints it.
pub(super) fn run(request: &Request, log: Log) -> Result<(), CliError> {
    log_notices(&request.notices, log);
    match request.show {
        Some(show) => dry_run(request, show, log),
        None => carry_out(request, log),
    }
}

fn log_notices(notices: &[Notice], log: Log) {
    for notice in notices {
        match notice {
            Notice::Warning(_) => log.warning(notice, &[]),
            Notice::Info(_) => log.info(notice, &[]),
            Notice::Debug(_) => log.debug(notice, &[]),
        }
    }
}

fn dry_run(request: &Request, show: Show, log: Log) -> Result<(), CliError> {
    match (request.action, show) {
        (Action::Install, show) => {
            let namespace = request.namespace.as_ref();
            let namespace = namespace.filter(|_| request.needs_addresses());
            app::enter(Place::of(namespace), Access::Unprivileged, log)?;
            let planned = plan(request, log)?;
            write_rules(request, &planned)?;
            if let Some(seconds) = request.close_wait_timeout {
                let name = sysctl::CLOSE_WAIT_TIMEOUT;
                log.info("would also set a kernel parameter", &[(name, &seconds)]);
            }
            match show {
                Show::Rules(format) => print(&text_of(format, &planned.ruleset)),
                Show::Options => print(&options_line(request, &planned)),
            }
        }
        (Action::Remove, Show::Options) => {
            let namespace: Vec<_> = namespace_option(request).into_iter().collect();
            print(&format!("{}\n", options::line("remove", &namespace)))
        }
        (Action::Remove | Action::Nothing | Action::TestRedirect(..), _) => {
            log.info("dry run: there are no rules to print", &[]);
            Ok(())
        }
    }
}

fn options_line(request: &Request, planned: &Planned) -> String {
    let mut options = options::options_of(&planned.capture);
    options.extend(namespace_option(request));
    if request.validation.is_some() {
        options.push((Setting::Verify, "true".to_owned()));
    }
    format!("{}\n", options::line("apply", &options))
}

fn namespace_option(request: &Request) -> Option<(Setting, String)> {
    let text = match request.namespace.as_ref()? {
        NetworkNamespace::Path(path) => path.display().to_string(),
        NetworkNamespace::Name(name) => name.clone(),
        NetworkNamespace::Process(id) => id.to_string(),
    };
    Some((Setting::Netns, text))
}

fn carry_out(request: &Request, log: Log) -> Result<(), CliError> {
    let place = Place::of(request.namespace.as_ref());
    match request.action {
        Action::Install => {
            app::enter(place, Access::Rules, log)?;
            let planned = plan(request, log)?;
            write_rules(request, &planned)?;
            install(&planned, request.on_host, log)?;
            if let Some(seconds) = request.close_wait_timeout {
                app::set_close_wait_timeout(seconds, log)?;
            }
            if request.validation.is_some() {
                planned.verify(log)?;
            }
            Ok(())
        }
        Action::Remove => remove(request.namespace.as_ref(), OpenConnections::Break, log),
        Action::TestRedirect(test, over_ipv6) => {
            app::enter(place, Access::Unprivileged, log)?;
            let mut tests = vec![test];
            if let Some(test) = over_ipv6 {
                let (capture, _) = resolve_flags(request, log)?;
                tests.extend(capture.families.contains(Family::Ipv6).then_some(test));
            }
            for test in tests {
                app::test_redirect(test, log)?;
            }
            Ok(())
        }
        Action::Nothing => {
            log.info("the rules are not changed", &[]);
            if let Some(Validation { port, within }) = request.validation {
                app::enter(place, Access::Unprivileged, log)?;
                plan(request, log)?.verify_unprivileged(port, within, log)?;
            }
            Ok(())
        }
    }
}

/// Writes the rules to the file that the flags name.
fn write_rules(request: &Request, planned: &Planned) -> Result<(), CliError> {
    let Some(file) = &request.rules_file else {
        return Ok(());
    };
    let format = match request.show {
        Some(Show::Rules(format)) => format,
        Some(Show::Options) | None => Format::Nft,
    };
    let written = fs::write(file, text_of(format, &planned.ruleset));
    written.map_err(|source| CliError::RulesFile {
        file: file.clone(),
        source,
    })
}

fn plan(request: &Request, log: Log) -> Result<Planned, CliError> {
    let (capture, notices) = resolve_flags(request, log)?;
    log_notices(&notices, log);
    Ok(Planned::new(capture))
}
