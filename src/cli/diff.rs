//! `netweir diff`.

use clap::Args;

use crate::app::{self, Access, Place, SystemFiles, resolve_options};
use crate::drift::{self, Hunk};
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::options::{self, OptionError, Parsed, Section};
use crate::parse::NetworkNamespace;
use crate::plan::plan;

use super::accounts::AccountFiles;
use super::arguments::{OptionsOf, TakesOptions};
use super::error::CliError;
use super::form::{Form, FormOption};
use super::hunks;
use super::invocation::Invocation;
use super::rules::NO_ADDRESS;
use super::style::Style;

/// The command's own arguments, and the options.
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

/// The arguments and options, all valid.
struct DiffRequest {
    parsed: Parsed,
    namespace: Option<NetworkNamespace>,
    form: Form,
}

impl Diff {
    /// Shows the differences.
    pub(super) fn run(mut self, errors: Vec<OptionError>) -> ExitCode {
        let mut invocation = self.options.invocation(errors);
        let Some(request) = DiffRequest::read(&mut invocation, &self.form) else {
            return invocation.report();
        };
        match request.run(invocation.log) {
            Ok(code) => code,
            Err(error) => error.report(invocation.log),
        }
    }
}

impl DiffRequest {
    fn read(invocation: &mut Invocation, form: &FormOption) -> Option<Self> {
        let parsed = options::capture(&invocation.given, &AccountFiles::default(), &SystemFiles);
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

    fn run(self, log: Log) -> Result<ExitCode, CliError> {
        app::enter(Place::of(self.namespace.as_ref()), Access::Rules, log)?;
        let wanted = plan(&resolve_options(self.parsed, log, NO_ADDRESS)?);
        let (differences, installed) = app::compare(&wanted, log)?;
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
