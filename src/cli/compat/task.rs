//! Carries out what a front end's flags ask for.

use crate::cli::apply::{install, report, text_of};
use crate::cli::error::Error;
use crate::cli::files::System;
use crate::cli::remove::remove;
use crate::cli::{enter, print};
use crate::exit_code::ExitCode;
use crate::intent::{Capture, Family};
use crate::log::Log;
use crate::meshes::{Action, Notice, Request, Show, Surroundings, Validation};
use crate::options::{self, Files, Setting};
use crate::parse::NetworkNamespace;
use crate::plan::plan;
use crate::process::privileges::Capability;
use crate::process::sysctl;
use crate::rtnetlink::addresses::all_addresses;
use crate::verify::{verify, verify_unprivileged};

/// Does what is asked for, or prints it.
pub(super) fn run(request: &Request, log: Log) -> ExitCode {
    say(&request.notices, log);
    let done = match request.show {
        Some(show) => tell(request, show, log),
        None => carry_out(request, log),
    };
    match done {
        Ok(()) => ExitCode::Done,
        Err(error) => error.report(log),
    }
}

fn say(notices: &[Notice], log: Log) {
    for notice in notices {
        match notice {
            Notice::Warning(_) => log.warning(notice, &[]),
            Notice::Debug(_) => log.debug(notice, &[]),
        }
    }
}

/// Prints what would be done.
fn tell(request: &Request, show: Show, log: Log) -> Result<(), Error> {
    match (request.action, show) {
        (Action::Install, show) => {
            let namespace = request.namespace.as_ref();
            let namespace = namespace.filter(|_| request.needs_addresses());
            enter(namespace, &[], log)?;
            let capture = decide(request, log)?;
            if let Some(seconds) = request.close_wait_timeout {
                let name = sysctl::CLOSE_WAIT_TIMEOUT;
                log.info("a kernel parameter would be set, too", &[(name, &seconds)]);
            }
            match show {
                Show::Rules(format) => print(&text_of(format, &plan(&capture))),
                Show::Options => print(&options_line(request, &capture)),
            }
        }
        (Action::Remove, Show::Options) => {
            let namespace: Vec<_> = namespace_option(request).into_iter().collect();
            print(&format!("{}\n", options::line("remove", &namespace)))
        }
        (Action::Remove | Action::Nothing, _) => {
            log.info("dry run: there are no rules to print", &[]);
            Ok(())
        }
    }
}

fn options_line(request: &Request, capture: &Capture) -> String {
    let mut options = options::options_of(capture);
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

fn carry_out(request: &Request, log: Log) -> Result<(), Error> {
    let namespace = request.namespace.as_ref();
    match request.action {
        Action::Install => {
            enter(namespace, &[Capability::NetAdmin], log)?;
            let capture = decide(request, log)?;
            let ruleset = plan(&capture);
            install(&capture, &ruleset, log)?;
            set_parameters(request, log)?;
            match request.validation {
                Some(_) => {
                    report(&verify(&capture, &ruleset)?, log).map_err(|_| Error::NotValidated)
                }
                None => Ok(()),
            }
        }
        Action::Remove => remove(namespace, log),
        Action::Nothing => {
            log.info("the rules are left as they are", &[]);
            match request.validation {
                Some(validation) => {
                    enter(namespace, &[], log)?;
                    validate(&decide(request, log)?, validation, log)
                }
                None => Ok(()),
            }
        }
    }
}

/// Shows that the rules work which something else installed. Where nothing could be shown, they may not be there.
fn validate(capture: &Capture, validation: Validation, log: Log) -> Result<(), Error> {
    let verification = verify_unprivileged(capture, &plan(capture), validation.port)?;
    report(&verification, log).map_err(|_| Error::NotValidated)?;
    if verification.shows_something() {
        Ok(())
    } else {
        Err(Error::NotValidated)
    }
}

/// What to capture, here and now.
fn decide(request: &Request, log: Log) -> Result<Capture, Error> {
    let mut surroundings = Surroundings::default();
    if request.needs_addresses() {
        surroundings.addresses = all_addresses().map_err(Error::Addresses)?;
    }
    if request.needs_name_servers() {
        let text = System.read("/etc/resolv.conf");
        surroundings.resolv_conf = text.map_err(Error::NameServers)?;
    }
    let (capture, notices) = request.capture(&surroundings);
    say(&notices, log);
    let families: Vec<_> = capture.families.iter().map(Family::name).collect();
    log.debug(
        "what to capture is known",
        &[("families", &families.join(","))],
    );
    Ok(capture)
}

fn set_parameters(request: &Request, log: Log) -> Result<(), Error> {
    let Some(value) = request.close_wait_timeout else {
        return Ok(());
    };
    let name = sysctl::CLOSE_WAIT_TIMEOUT;
    sysctl::set(name, value).map_err(|source| Error::Parameter {
        name,
        value,
        source,
    })?;
    log.info("set a kernel parameter", &[(name, &value)]);
    Ok(())
}
