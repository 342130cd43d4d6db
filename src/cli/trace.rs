//! `netweir trace`.

mod show;

use std::mem;
use std::time::{Duration, Instant};

use clap::Args;

use crate::app::{self, Access, Place};
use crate::connection::{ConnectionSpec, SpecError};
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::nftables::trace::{Next, Tracer};
use crate::options::{self, OptionError, OptionErrorKind, Section};
use crate::parse::{self, NetworkNamespace};
use crate::trace::Filter;

use super::accounts::AccountFiles;
use super::arguments::{OptionsOf, TakesOptions};
use super::error::CliError;
use super::form::{Form, FormOption};
use super::invocation::Invocation;
use show::Show;

const FILTER_HELP: &str = "\
Which connections, in the form of netweir explain: [out|in] [tcp|udp|icmp] [ADDRESS:PORT] [KEY=VALUE ...], where the keys are from, \
dev, uid, gid, mark and protocol. What is left out fits everything, but of protocols TCP and UDP alone
[example: out tcp :443 uid=1000] [example: in from=10.1.2.3]";
const COUNT_HELP: &str = "End after so many connections
[default: no end] [example: 10]";
const DURATION_HELP: &str = "End after this time, in seconds or with a unit
[default: no end] [example: 30s]";

/// The command's own arguments, and the options.
#[derive(Args)]
pub(super) struct Trace {
    #[arg(value_name = "FILTER", help = FILTER_HELP)]
    filter: Vec<String>,
    #[arg(long, value_name = "N", help_heading = "The answer", help = COUNT_HELP)]
    count: Option<String>,
    #[arg(long, value_name = "TIME", help_heading = "The answer", help = DURATION_HELP)]
    duration: Option<String>,
    #[command(flatten)]
    form: FormOption,
    #[command(flatten)]
    options: OptionsOf<Self>,
}

impl TakesOptions for Trace {
    const SECTIONS: &[Section] = &[Section::Target, Section::Logging];
}

/// The arguments and options, all valid.
struct TraceRequest {
    filter: Filter,
    namespace: Option<NetworkNamespace>,
    count: Option<u64>,
    duration: Option<Duration>,
    form: Form,
}

impl Trace {
    /// Shows connections as they are made.
    pub(super) fn run(mut self, errors: Vec<OptionError>) -> ExitCode {
        let mut invocation = self.options.invocation(errors);
        let Some(request) = self.request(&mut invocation) else {
            return invocation.report();
        };
        match request.run(invocation.log) {
            Ok(()) => ExitCode::Done,
            Err(error) => error.report(invocation.log),
        }
    }

    fn request(&self, invocation: &mut Invocation) -> Option<TraceRequest> {
        let namespace = options::network_namespace(&invocation.given);
        let namespace = invocation.noting(namespace);
        let filter = invocation.noting(filter(&self.filter.join(" ")));
        let count = invocation.noting(read("--count", self.count.as_deref(), parse::positive));
        let duration = self.duration.as_deref();
        let duration = invocation.noting(read("--duration", duration, parse::duration));
        let form = invocation.noting(self.form.read());
        if !invocation.errors.is_empty() {
            return None;
        }
        Some(TraceRequest {
            filter: filter?,
            namespace: namespace?,
            count: count?,
            duration: duration?,
            form: form?,
        })
    }
}

/// Everything, or what the words say.
fn filter(text: &str) -> Result<Filter, Vec<OptionError>> {
    let question = match text {
        "" => ConnectionSpec::default(),
        text => {
            let question = ConnectionSpec::parse(text, &AccountFiles::default());
            let error = |error: SpecError| OptionError {
                option: error.word,
                problem: OptionErrorKind::Connection(error.kind),
            };
            let errors = |errors: Vec<_>| errors.into_iter().map(error).collect::<Vec<_>>();
            question.map_err(errors)?
        }
    };
    let error = |(start, error)| OptionError {
        option: text
            .split_whitespace()
            .find(|word| word.starts_with(start))
            .unwrap_or(text)
            .to_owned(),
        problem: OptionErrorKind::Filter(error),
    };
    Filter::new(&question).map_err(|errors| errors.into_iter().map(error).collect())
}

fn read<T>(
    option: &str,
    text: Option<&str>,
    parse: fn(&str) -> Result<T, parse::ValueError>,
) -> Result<Option<T>, Vec<OptionError>> {
    let value = text.map(|text| parse(text.trim())).transpose();
    value.map_err(|error| {
        vec![OptionError {
            option: option.to_owned(),
            problem: error.into(),
        }]
    })
}

impl TraceRequest {
    fn run(&self, log: Log) -> Result<(), CliError> {
        app::enter(Place::of(self.namespace.as_ref()), Access::Rules, log)?;
        let mut tracer = Tracer::start(&self.filter)?;
        let mut show = Show::new(tracer.table(), self.form, self.count)?;
        if !show.has_rules() {
            log.warning(
                "no table inet netweir is installed in this network namespace",
                &[],
            );
        }
        log.info(
            "new connections are shown as they are made, until SIGINT or SIGTERM",
            &[],
        );
        let mut warned = false;
        let over = |show: &Show| self.duration.is_some_and(|longest| show.now() >= longest);
        while !show.is_enough() && !over(&show) {
            match tracer.next(self.deadline(&show))? {
                Next::Message(message) => show.take(message)?,
                Next::Generation(number) => show.generation(number)?,
                Next::Lost => {
                    if !mem::replace(&mut warned, true) {
                        log.warning(
                            "connections are made faster than they can be shown: some are left out",
                            &[],
                        );
                    }
                    show.skip()?;
                }
                Next::Elapsed => {}
                Next::Ended => break,
            }
            show.overdue()?;
        }
        let lost = tracer.lost();
        // Nothing is traced any more.
        drop(tracer);
        show.rest()?;
        if lost > 0 {
            log.warning(
                "the kernel's messages were not all read in time",
                &[("lost", &lost)],
            );
        }
        Ok(())
    }

    /// When there is something to do although nothing is told.
    fn deadline(&self, show: &Show) -> Option<Instant> {
        let soonest = [self.duration, show.deadline()].into_iter().flatten().min();
        soonest.and_then(|after| show.moment(after))
    }
}
