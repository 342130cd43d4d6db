//! `netweir trace`.

mod show;

use std::mem;
use std::time::{Duration, Instant};

use crate::app::{self, Access, Place};
use crate::connection::ConnectionSpec;
use crate::exit_code::ExitCode;
use crate::log::Log;
use crate::nftables::trace::{Next, Tracer};
use crate::options::{CommandOption, OptionError, OutputFormat, Section};
use crate::parse::{self, NetworkNamespace};
use crate::trace::Filter;

use super::accounts::AccountFiles;
use super::command::CommandSpec;
use super::error::CliError;
use super::invocation::Invocation;
use show::Show;

const FILTER_HELP: &str = "\
Which connections, as for netweir explain: [out|in] [tcp|udp|icmp] [ADDRESS:PORT] [KEY=VALUE ...] with the keys from, \
dev, uid, gid, mark and protocol. What is missing matches everything, except that protocols other than TCP and UDP must be named
[example: out tcp :443 uid=1000] [example: in from=10.1.2.3]";
/// The command.
pub(super) const COMMAND: CommandSpec = CommandSpec {
    name: "trace",
    about: "Show new connections as they are made, the rules they meet and the outcome",
    details: "",
    sections: &[Section::Target, Section::Logging],
    options: &[
        CommandOption::OutputFormat,
        CommandOption::Count,
        CommandOption::Duration,
    ],
    words: Some(("FILTER", FILTER_HELP)),
    examples: &[
        ("netweir trace", "show all new TCP and UDP connections"),
        (
            "netweir trace --count=10 out tcp :443 uid=1000",
            "show ten outbound connections of a user to port 443",
        ),
    ],
    run,
};

/// The arguments and options, all valid.
struct TraceRequest {
    filter: Filter,
    namespace: Option<NetworkNamespace>,
    count: Option<u64>,
    duration: Option<Duration>,
    format: OutputFormat,
}

fn run(invocation: Invocation) -> ExitCode {
    invocation.run(TraceRequest::read, |request, log| request.run(log))
}

/// The filter in the words; without any, one that matches everything.
fn filter(invocation: &mut Invocation) -> Option<Filter> {
    let text = invocation.words.join(" ");
    let spec = ConnectionSpec::parse(&text, &AccountFiles::default());
    let spec = invocation.noting(spec)?;
    let error = |(start, error)| {
        let mut words = text.split_whitespace();
        let word = words.find(|word| word.starts_with(start));
        OptionError::of(word.unwrap_or(&text), error)
    };
    let filter = Filter::new(&spec);
    invocation.noting(filter.map_err(|errors| errors.into_iter().map(error).collect::<Vec<_>>()))
}

impl TraceRequest {
    fn read(invocation: &mut Invocation) -> Option<Self> {
        let namespace = invocation.namespace();
        let filter = filter(invocation);
        let count = invocation.own_if_set(CommandOption::Count, parse::positive);
        let duration = invocation.own_if_set(CommandOption::Duration, parse::duration);
        let format = invocation.own(CommandOption::OutputFormat, parse::word);
        Some(Self {
            filter: filter?,
            namespace: namespace.ok()?,
            count: count.ok()?,
            duration: duration.ok()?,
            format: format?,
        })
    }

    fn run(&self, log: Log) -> Result<ExitCode, CliError> {
        app::enter(Place::of(self.namespace.as_ref()), Access::Rules, log)?;
        let mut tracer = Tracer::start(&self.filter)?;
        let mut show = Show::new(tracer.table(), self.format, self.count)?;
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
        Ok(ExitCode::Done)
    }

    /// When to do something even without a message.
    fn deadline(&self, show: &Show) -> Option<Instant> {
        let soonest = [self.duration, show.deadline()].into_iter().flatten().min();
        soonest.and_then(|after| show.moment(after))
    }
}
