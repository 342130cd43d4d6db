//! Whole processes, timed one at a time in fresh network namespaces, contenders in turn.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::report::Limit;
use crate::statistics::Summary;

/// Something that installs rules: one command, or several whose times add up.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// The limit of the ratio between its time and ours.
    pub(crate) limit: Limit,
    pub(crate) commands: Vec<Vec<String>>,
}

impl Contender {
    pub(crate) fn new(name: &'static str, limit: Limit, commands: &[&[&str]]) -> Self {
        let commands = commands
            .iter()
            .map(|words| words.iter().map(ToString::to_string).collect())
            .collect();
        Self {
            name,
            limit,
            commands,
        }
    }
}

/// What a contender took.
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    pub(crate) limit: Limit,
    /// From the start of a process to its end, in milliseconds.
    pub(crate) milliseconds: Summary,
    /// Peak resident memory, in megabytes (10^6 bytes).
    pub(crate) megabytes: Summary,
}

/// The program that runs one sample: `benches/programs/launch.rs`.
pub(crate) struct Launcher(pub(crate) PathBuf);

impl Launcher {
    fn sample(&self, contender: &Contender) -> Result<(f64, f64)> {
        let output = Command::new(&self.0)
            .args(contender.commands.join(&":::".to_owned()))
            .output()?;
        if !output.status.success() {
            bail!(
                "{}: {}",
                contender.name,
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        let line = String::from_utf8(output.stdout)?;
        let (nanoseconds, kibibytes) = line
            .trim()
            .split_once(' ')
            .context("two numbers from launch")?;
        Ok((
            nanoseconds.parse::<f64>()? / 1e6,
            kibibytes.parse::<f64>()? * 1024.0 / 1e6,
        ))
    }

    /// Samples all contenders `rounds` times, in turn and every other round in reverse, so that what disturbs the machine
    /// disturbs all alike.
    pub(crate) fn interleaved(
        &self,
        contenders: &[Contender],
        rounds: usize,
    ) -> Result<Vec<Measured>> {
        let mut samples = vec![(Vec::new(), Vec::new()); contenders.len()];
        for contender in contenders {
            // The first run reads the programs from disk: not counted.
            self.sample(contender)?;
        }
        for round in 0..rounds {
            let mut turns: Vec<_> = contenders.iter().zip(&mut samples).collect();
            if round % 2 == 1 {
                turns.reverse();
            }
            for (contender, (times, memories)) in turns {
                let (milliseconds, megabytes) = self.sample(contender)?;
                times.push(milliseconds);
                memories.push(megabytes);
            }
        }
        let summaries = contenders
            .iter()
            .zip(&samples)
            .map(|(contender, (times, memories))| {
                Some(Measured {
                    name: contender.name,
                    limit: contender.limit,
                    milliseconds: Summary::of(times)?,
                    megabytes: Summary::of(memories)?,
                })
            });
        summaries
            .collect::<Option<_>>()
            .context("at least one round")
    }
}

/// A path as a word of a command.
pub(crate) fn word(path: &Path) -> Result<&str> {
    path.to_str()
        .with_context(|| format!("{}: not UTF-8", path.display()))
}
