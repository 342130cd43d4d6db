//! Measures netweir beside `nft`, the iptables programs and a bare sender, in one run.
//!
//! Everything happens in fresh network namespaces. The exit code is not 0 when a figure is not within its limit. With
//! `--base`, the same work by another build of netweir is measured instead.

mod base;
mod connections;
mod material;
mod plugin;
mod report;
mod sample;
mod statistics;

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use connections::{Pod, compare};
use material::{MANY, TYPICAL, dry_run, many_ranges, typical_batch, without_deletion};
use netweir::intent::Family;
use report::{Limit, Report};
use sample::{Contender, Launcher, Measured, word};
use statistics::percentile;

#[derive(Parser)]
struct Options {
    /// The static release binary
    #[arg(long)]
    netweir: PathBuf,
    /// The program that runs a sample
    #[arg(long)]
    launch: PathBuf,
    /// The program that sends a pre-encoded batch
    #[arg(long)]
    bare_sender: PathBuf,
    /// The folder of other programs' dumps
    #[arg(long)]
    peers: PathBuf,
    /// Another build of netweir, to compare with
    #[arg(long)]
    base: Option<PathBuf>,
    /// Write the tables to this file as well
    #[arg(long)]
    write: Option<PathBuf>,
    /// How many samples of each
    #[arg(long, default_value_t = 41)]
    rounds: usize,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

const RACE: &[&str] = &[
    "other",
    "its time, ms",
    "netweir apply, ms",
    "ratio",
    "limit",
];
const ADDS: &[&str] = &[
    "pods",
    "processor time, ms, median",
    "elapsed, ms, 99th percentile",
    "median",
    "limit",
];
const MEMORY: &[&str] = &["program", "peak memory, MB", "median", "limit"];

struct Bench {
    options: Options,
    launcher: Launcher,
    folder: tempfile::TempDir,
    report: Report,
}

impl Bench {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn race(
        &mut self,
        heading: &str,
        explanation: &str,
        contenders: &[Contender],
    ) -> Result<Vec<Measured>> {
        let measured = self.launcher.interleaved(contenders, self.options.rounds)?;
        self.report.section(heading, explanation, RACE);
        self.report.race(&measured);
        Ok(measured)
    }

    fn memory(&mut self, heading: &str, measured: &[Measured], bound: f64) {
        self.report.section(
            heading,
            "Peak resident memory of the whole process.",
            MEMORY,
        );
        for (index, one) in measured.iter().enumerate() {
            let limit = if index == 0 {
                Limit::Below(bound)
            } else {
                Limit::None
            };
            self.report.row(
                &[one.name, &one.megabytes.to_string()],
                one.megabytes.median,
                limit,
            );
        }
    }

    /// We, `nft` with the same rules, and the batch that both end with.
    fn nft_contenders(&self, options: &[&str]) -> Result<Vec<Contender>> {
        let netweir = &self.options.netweir;
        let rules = dry_run(netweir, options, "nft", self.file("rules.nft"))?;
        let only_adds = without_deletion(&rules, self.file("only-adds.nft"))?;
        let twice = Limit::AtLeast(2.0);
        Ok(vec![
            Contender::new(
                "netweir apply",
                Limit::None,
                &[&[&[word(netweir)?, "apply"], options].concat()],
            ),
            Contender::new(
                "nft -f, the same rules",
                twice,
                &[&["nft", "-f", word(&rules)?]],
            ),
            Contender::new(
                "nft -f, the same without deleting an older table",
                twice,
                &[&["nft", "-f", word(&only_adds)?]],
            ),
        ])
    }

    /// The iptables programs with the same rules, and with other programs'.
    fn iptables_contenders(&self) -> Result<Vec<Contender>> {
        let netweir = &self.options.netweir;
        let ipv4 = dry_run(netweir, TYPICAL, "iptables", self.file("iptables"))?;
        let ipv6 = dry_run(netweir, TYPICAL, "ip6tables", self.file("ip6tables"))?;
        let mut contenders = vec![restore(
            "iptables-nft-restore and ip6tables-nft-restore, the same",
            &ipv4,
            &ipv6,
        )?];
        for (name, peer) in [
            ("the two, Istio's rules", "istio"),
            ("the two, Linkerd's rules", "linkerd"),
            ("the two, Kuma's rules", "kuma"),
        ] {
            let dump = |family| self.options.peers.join(format!("{peer}.{family}"));
            contenders.push(restore(name, &dump("iptables"), &dump("ip6tables"))?);
        }
        let native = self.options.peers.join("istio-native.nft");
        let command = ["nft", "-f", word(&native)?];
        contenders.push(Contender::new(
            "nft -f, Istio's native rules",
            Limit::None,
            &[&command],
        ));
        Ok(contenders)
    }

    fn typical(&mut self) -> Result<()> {
        let mut contenders = self.nft_contenders(TYPICAL)?;
        contenders.extend(self.iptables_contenders()?);
        let batch = typical_batch(&self.file("rules.nft"), self.file("batch"))?;
        let send = [word(&self.options.bare_sender)?, word(&batch)?];
        contenders.push(Contender::new(
            "a bare program that sends the same bytes",
            Limit::AtMost(1.3),
            &[&send],
        ));
        let explanation = "Whole processes in a fresh namespace, both families.";
        let measured = self.race("Typical options", explanation, &contenders)?;
        self.memory("Memory, typical options", &measured, 3.0);
        Ok(())
    }

    fn many(&mut self, family: Family, name: &str) -> Result<()> {
        let config = many_ranges(self.folder.path(), family)?;
        let contenders = self.nft_contenders(&["--config", word(&config)?])?;
        let explanation =
            "Whole processes in a fresh namespace; ours reads the ranges from a TOML file.";
        let measured = self.race(
            &format!("{MANY} excluded {name} ranges"),
            explanation,
            &contenders,
        )?;
        self.memory(&format!("Memory, {MANY} {name} ranges"), &measured, 12.0);
        Ok(())
    }

    fn connections(&mut self) -> Result<()> {
        let folder = self.folder.path();
        let (ipv4, ipv6) = (
            many_ranges(folder, Family::Ipv4)?,
            many_ranges(folder, Family::Ipv6)?,
        );
        let netweir = &self.options.netweir;
        let none = Pod::start(netweir, &[]);
        let many_ipv4 = Pod::start(netweir, &["--config", word(&ipv4)?]);
        let many_ipv6 = Pod::start(netweir, &["--config", word(&ipv6)?]);
        // Documentation addresses that no range holds (RFC 5737, RFC 9637).
        let to_ipv4 = SocketAddr::from((Ipv4Addr::new(203, 0, 113, 1), 80));
        let to_ipv6 = SocketAddr::from((Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 1), 80));
        let rounds = self.options.rounds * 2;
        let measured = [
            ("IPv4", compare(&none, &many_ipv4, to_ipv4, rounds)?),
            ("IPv6", compare(&none, &many_ipv6, to_ipv6, rounds)?),
        ];
        self.report.section(
            "New connections through capture",
            "Thousands a second, one after the other, with no excluded range and with 10,000.",
            &["family", "none", "10,000", "ratio", "limit"],
        );
        for (family, compared) in measured {
            let cells = [
                family,
                &thousands(compared.first),
                &thousands(compared.second),
            ];
            self.report
                .row(&cells, compared.ratio.median, Limit::AtLeast(0.97));
        }
        Ok(())
    }
}

impl Bench {
    fn plugin(&mut self) -> Result<()> {
        let explanation = format!(
            "{} pods, each in a network namespace of its own: whole processes, from the runtime's call to the \
             answer.",
            plugin::PODS
        );
        plugin::raise_priority()?;
        self.report
            .section("An ADD of the CNI plugin", &explanation, ADDS);
        for (name, at_once, limit) in [
            ("one at a time", 1, Limit::AtMost(5.0)),
            ("eight at a time", 8, Limit::None),
        ] {
            let took = plugin::add_all(&self.options.netweir, at_once)?;
            let elapsed: Vec<_> = took.iter().map(|took| took.elapsed).collect();
            let processor: Vec<_> = took.iter().map(|took| took.processor).collect();
            let cells = [
                name,
                &format!("{:.2}", percentile(&processor, 50)),
                &format!("{:.2}", percentile(&elapsed, 99)),
            ];
            self.report.row(&cells, percentile(&elapsed, 50), limit);
        }
        self.long_annotations()
    }

    fn long_annotations(&mut self) -> Result<()> {
        let costs = plugin::long_annotations(&self.options.netweir)?;
        let explanation =
            "The most that one of ADD, CHECK and DEL takes for a pod with 256 KiB of annotations.";
        self.report.section(
            "Processor time, the longest annotations",
            explanation,
            &["much of", "milliseconds", "promised"],
        );
        for cost in &costs {
            self.report
                .row(&[cost.name], cost.processor, Limit::Below(300.0));
        }
        self.report.section(
            "Memory, the longest annotations",
            explanation,
            &["much of", "megabytes", "promised"],
        );
        for cost in &costs {
            self.report
                .row(&[cost.name], cost.memory, Limit::Below(32.0));
        }
        Ok(())
    }
}

fn thousands(rate: statistics::Summary) -> String {
    let statistics::Summary {
        median,
        least,
        most,
    } = rate;
    statistics::Summary {
        median: median / 1e3,
        least: least / 1e3,
        most: most / 1e3,
    }
    .to_string()
}

fn restore(name: &'static str, ipv4: &Path, ipv6: &Path) -> Result<Contender> {
    let commands: [&[&str]; 2] = [
        &["iptables-nft-restore", word(ipv4)?],
        &["ip6tables-nft-restore", word(ipv6)?],
    ];
    Ok(Contender::new(name, Limit::AtLeast(3.0), &commands))
}

fn bench() -> Result<bool> {
    let options = Options::parse();
    let launcher = Launcher(options.launch.clone());
    let mut bench = Bench {
        options,
        launcher,
        folder: tempfile::tempdir()?,
        report: Report::default(),
    };
    if let Some(base) = bench.options.base.clone() {
        base::bench(&mut bench, &base)?;
    } else {
        bench.typical()?;
        bench.many(Family::Ipv4, "IPv4")?;
        bench.many(Family::Ipv6, "IPv6")?;
        bench.connections()?;
        bench.plugin()?;
    }
    if let Some(path) = &bench.options.write {
        let preface = format!(
            "# Benchmarks\n\nWritten by `make bench WRITE=1`. Medians of {} samples, taken in turn; in brackets the least and the \
             most.\n",
            bench.options.rounds
        );
        fs::write(path, bench.report.markdown(&preface))?;
    }
    for row in bench.report.missed() {
        eprintln!("bench: limit not met: {row}");
    }
    Ok(bench.report.missed().is_empty())
}

fn main() -> Result<ExitCode> {
    Ok(if bench()? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
