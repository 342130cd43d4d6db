//! Prints traced connections.

use std::io::ErrorKind;
use std::time::{Duration, Instant, SystemTime};

use crate::cli::colour::{Colour, Style};
use crate::cli::error::CliError;
use crate::netlink::sock_diag::Sockets;
use crate::nftables;
use crate::nftables::trace::Reader;
use crate::options::OutputFormat;
use crate::trace::{Assembler, Message, Rules, TraceReport, Traced};

/// Assembles connections from messages and prints them.
pub(super) struct Show {
    assembler: Assembler,
    known: Known,
    sockets: Sockets,
    started: Instant,
    format: OutputFormat,
    style: Style,
    left: Option<u64>,
}

/// The rules, as they were read.
///
/// The kernel identifies rules by handles, which are reused when the table is replaced. A rule is named only if its handle
/// is unambiguous.
struct Known {
    reader: Reader,
    generation: u32,
    rules: Rules,
    /// Whether messages refer to these rules. If not, the notice of a change has not arrived yet.
    current: bool,
}

impl Known {
    fn read() -> Result<Self, nftables::Error> {
        let mut reader = Reader::open()?;
        let (generation, rules) = reader.rules()?;
        Ok(Self {
            reader,
            generation,
            rules,
            current: true,
        })
    }

    /// Reads them again if the generation changed. True if the rules changed.
    fn refresh(&mut self) -> Result<bool, nftables::Error> {
        if self.reader.generation()? == self.generation {
            return Ok(false);
        }
        let (generation, rules) = self.reader.rules()?;
        let changed = rules != self.rules;
        self.generation = generation;
        self.rules = rules;
        self.current &= !changed;
        Ok(changed)
    }
}

impl Show {
    /// Shows connections that the table of this family and name traces.
    pub(super) fn new(
        table: &str,
        format: OutputFormat,
        count: Option<u64>,
    ) -> Result<Self, nftables::Error> {
        Ok(Self {
            assembler: Assembler::new(table.to_owned()),
            known: Known::read()?,
            sockets: Sockets::open()?,
            started: Instant::now(),
            format,
            style: Style::of_output(),
            left: count,
        })
    }

    pub(super) fn has_rules(&self) -> bool {
        !self.known.rules.is_empty()
    }

    /// Whether the requested number was shown.
    pub(super) fn is_enough(&self) -> bool {
        self.left == Some(0)
    }

    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// The time this long after the start.
    pub(super) fn moment(&self, after: Duration) -> Option<Instant> {
        self.started.checked_add(after)
    }

    /// When to show something even without a message.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.assembler.deadline()
    }

    /// Takes a message about a packet.
    pub(super) fn take(&mut self, message: Message) -> Result<(), CliError> {
        let starts_out = self.assembler.starts_out(&message);
        let headers = message.headers.as_ref().filter(|_| starts_out);
        let uid = headers.and_then(|headers| self.sockets.uid(headers));
        let seen = self.assembler.take(message, uid, self.now());
        if !self.known.current {
            self.assembler.outdate();
        }
        self.print(seen)
    }

    /// Takes the notice that the ruleset was changed.
    pub(super) fn generation(&mut self, number: u32) -> Result<(), CliError> {
        if self.known.refresh()? {
            self.assembler.outdate();
        }
        self.known.current |= number == self.known.generation;
        Ok(())
    }

    /// Takes the notice that messages were lost and all others were read. A notice of a change may be among the lost ones.
    pub(super) fn skip(&mut self) -> Result<(), CliError> {
        self.known.refresh()?;
        self.assembler.outdate();
        self.known.current = true;
        Ok(())
    }

    /// Shows connections whose deadline has passed.
    pub(super) fn overdue(&mut self) -> Result<(), CliError> {
        let seen = self.assembler.overdue(self.now());
        self.print(seen)
    }

    /// Shows the remaining connections.
    pub(super) fn rest(&mut self) -> Result<(), CliError> {
        let seen = self.assembler.finish(self.now());
        self.print(seen)
    }

    fn print(&mut self, all: Vec<Traced>) -> Result<(), CliError> {
        for mut seen in all {
            if self.is_enough() {
                break;
            }
            self.left = self.left.map(|left| left - 1);
            // The connection may have met the present rules.
            let changed = self.known.refresh()?;
            if changed {
                self.assembler.outdate();
            }
            seen.outdated |= changed || !self.known.current;
            let time = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
            let report = TraceReport::new(&seen, &self.known.rules);
            let printed = crate::cli::output::print(&match self.format {
                OutputFormat::Json => report.json(&time) + "\n",
                OutputFormat::Text => {
                    let (_, of_day) = time.split_once('T').unwrap_or_default();
                    let colour = Colour::of(report.verdict());
                    let report = report.text(|outcome| self.style.paint(colour, outcome));
                    format!("{of_day} {report}\n")
                }
            });
            match printed {
                // The reader, such as `head`, has exited.
                Err(CliError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => {
                    self.left = Some(0);
                }
                other => other?,
            }
        }
        Ok(())
    }
}
