//! This build beside another one, usually that of an earlier commit: every row is the same work done by both, in turn.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context as _, Result};
use netweir::intent::Family;

use crate::Bench;
use crate::connections::{Pod, compare};
use crate::material::{MANY, TYPICAL, many_ranges};
use crate::plugin;
use crate::report::Limit;
use crate::sample::{Contender, word};
use crate::statistics::Summary;

/// How much slower a row may be.
const SLOWER: f64 = 1.03;
/// How many connections there may be less, as a part.
const FEWER: f64 = 0.97;

const COLUMNS: &[&str] = &["work", "base", "this build", "ratio", "limit"];

/// As Linkerd's injector calls it, with the options that have no default.
const LINKERD: &[&str] = &[
    "linkerd-init",
    "--incoming-proxy-port=4143",
    "--outgoing-proxy-port=4140",
    "--proxy-uid=2102",
];

/// The commands of a row, without the program.
type Commands<'a> = Vec<Vec<&'a str>>;

pub(crate) fn bench(bench: &mut Bench, base: &Path) -> Result<()> {
    bench.report.section(
        "Processes",
        "Milliseconds from start to end, in a fresh network namespace. A lower ratio is better.",
        COLUMNS,
    );
    let (ipv4, ipv6) = (
        many_ranges(bench.folder.path(), Family::Ipv4)?,
        many_ranges(bench.folder.path(), Family::Ipv6)?,
    );
    let apply = [&["apply"], TYPICAL].concat();
    let many = |config| Ok::<_, anyhow::Error>(vec!["apply", "--config", word(config)?]);
    let rows: Vec<(String, Commands)> = vec![
        ("apply".to_owned(), vec![apply.clone()]),
        (format!("apply, {MANY} IPv4 ranges"), vec![many(&ipv4)?]),
        (format!("apply, {MANY} IPv6 ranges"), vec![many(&ipv6)?]),
        ("apply twice".to_owned(), vec![apply.clone(), apply.clone()]),
        (
            "apply, status".to_owned(),
            vec![apply.clone(), vec!["status"]],
        ),
        (
            "apply, diff".to_owned(),
            vec![apply.clone(), [&["diff"], TYPICAL].concat()],
        ),
        (
            "apply, remove".to_owned(),
            vec![apply.clone(), vec!["remove"]],
        ),
        (
            "apply --dry-run".to_owned(),
            vec![vec!["apply", "--dry-run"]],
        ),
        (
            "explain".to_owned(),
            vec![vec!["explain", "out", "tcp", "10.9.8.7:443"]],
        ),
        ("istio-iptables".to_owned(), vec![vec!["istio-iptables"]]),
        ("linkerd-init".to_owned(), vec![LINKERD.to_vec()]),
    ];
    let own = bench.options.netweir.clone();
    for (name, commands) in &rows {
        let contender = |who, program: &Path| {
            let program = word(program)?;
            let commands: Vec<_> = commands
                .iter()
                .map(|arguments| [&[program], arguments.as_slice()].concat())
                .collect();
            let commands: Vec<_> = commands.iter().map(Vec::as_slice).collect();
            Ok::<_, anyhow::Error>(Contender::new(who, Limit::None, &commands))
        };
        let both = [contender("base", base)?, contender("this build", &own)?];
        let measured = bench.launcher.interleaved(&both, bench.options.rounds)?;
        let [of_base, of_own] = measured.as_slice() else {
            anyhow::bail!("two contenders");
        };
        bench.row(name, of_base.milliseconds, of_own.milliseconds);
    }
    plugin(bench, base, &own)?;
    connections(bench, base, &own)
}

impl Bench {
    fn row(&mut self, name: &str, base: Summary, own: Summary) {
        let cells = [name, &base.to_string(), &own.to_string()];
        let ratio = own.median / base.median;
        self.report.row(&cells, ratio, Limit::AtMost(SLOWER));
    }
}

/// An ADD of the plugin for one pod, by both in turn.
fn plugin(bench: &mut Bench, base: &Path, own: &Path) -> Result<()> {
    plugin::raise_priority()?;
    let (mut of_base, mut of_own) = (Vec::new(), Vec::new());
    // The namespaces are kept until the end: the kernel takes its time to delete one.
    let mut pods = Vec::new();
    for _ in 0..bench.options.rounds * 3 {
        for (program, times) in [(base, &mut of_base), (own, &mut of_own)] {
            let took = plugin::add(program)?;
            times.push(took.elapsed);
            pods.push(took);
        }
    }
    let summary = |times: &[f64]| Summary::of(times).context("at least one round");
    bench.row("CNI ADD", summary(&of_base)?, summary(&of_own)?);
    Ok(())
}

/// New connections under the rules that each installs.
fn connections(bench: &mut Bench, base: &Path, own: &Path) -> Result<()> {
    bench.report.section(
        "New connections through capture",
        "Thousands a second, one after the other. A higher ratio is better.",
        COLUMNS,
    );
    let [of_base, of_own] = [base, own].map(|program| Pod::start(program, &[]));
    for (name, address) in [
        (
            "IPv4",
            SocketAddr::from((Ipv4Addr::new(203, 0, 113, 1), 80)),
        ),
        (
            "IPv6",
            SocketAddr::from((Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 1), 80)),
        ),
    ] {
        let compared = compare(&of_base, &of_own, address, bench.options.rounds * 2)?;
        let cells = [
            name,
            &crate::thousands(compared.first),
            &crate::thousands(compared.second),
        ];
        let least = Limit::AtLeast(FEWER);
        bench.report.row(&cells, compared.ratio.median, least);
    }
    Ok(())
}
