//! `netweir diff`.

use clap::Args;

use crate::drift::{self, Hunk};
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::nftables;
use crate::options::{self, OptionError, Parsed, Section};
use crate::parse::NetworkNamespace;
use crate::plan::plan;
use crate::process::privileges::Capability;

use super::accounts::AccountFiles;
use super::arguments::{OptionsOf, TakesOptions};
use super::error::Error;
use super::families::resolve;
use super::files::System;
use super::form::{Form, FormOption};
use super::hunks;
use super::invocation::Invocation;
use super::rules;
use super::style::Style;

/// The verb's own arguments, and the options.
#[derive(Args)]
pub(super) struct Diff {
    #[command(flatten)]
    form: FormOption,
    #[command(flatten)]
    options: OptionsOf<Self>,
}

impl TakesOptions for Diff {
    const SECTIONS: &[Section] = &[
        Section::Proxy,
        Section::Inbound,
        Section::Outbound,
        Section::Both,
        Section::Dns,
        Section::Target,
        Section::Logging,
    ];
}

/// What is to be compared, with no mistake in it.
struct Task {
    parsed: Parsed,
    namespace: Option<NetworkNamespace>,
    form: Form,
}

impl Diff {
    /// Shows the differences.
    pub(super) fn run(mut self, errors: Vec<OptionError>) -> ExitCode {
        let mut invocation = self.options.invocation(errors);
        let Some(task) = Task::read(&mut invocation, &self.form) else {
            return invocation.report();
        };
        match task.run(invocation.log) {
            Ok(code) => code,
            Err(error) => error.report(invocation.log),
        }
    }
}

impl Task {
    fn read(invocation: &mut Invocation, form: &FormOption) -> Option<Self> {
        let parsed = options::capture(&invocation.given, &AccountFiles::default(), &System);
        let namespace = options::network_namespace(&invocation.given);
        let parsed = invocation.noting(parsed);
        let namespace = invocation.noting(namespace);
        let form = invocation.noting(form.read());
        if !invocation.errors.is_empty() {
            return None;
        }
        Some(Self {
            parsed: parsed?,
            namespace: namespace?,
            form: form?,
        })
    }

    fn run(self, log: Log) -> Result<ExitCode, Error> {
        super::enter(self.namespace.as_ref(), &[Capability::NetAdmin], log)?;
        let wanted = plan(&resolve(self.parsed, log)?);
        let (differences, installed, note) = nftables::differences_from(&wanted)?;
        rules::warn_of_newer(&note, log);
        super::print(&match self.form {
            Form::Text => {
                let amount = hunks::amount(log);
                let hunks = Hunk::all(&differences, &wanted, &installed, amount);
                hunks::text(&hunks, "these options", Style::of_output())
            }
            Form::Json => drift::json(&differences, &wanted, &installed) + "\n",
        })?;
        if differences.is_empty() {
            log.info("nothing differs: these rules are installed", &[]);
            Ok(ExitCode::Done)
        } else {
            Ok(ExitCode::Drift)
        }
    }
}
