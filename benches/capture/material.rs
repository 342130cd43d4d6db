//! What the contenders load: our rules as netweir prints them, configurations with many ranges, a batch.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use netweir::intent::{Capture, Family, InboundPorts, Interval};
use netweir::metadata::Metadata;
use netweir::plan::plan;
use netweir::{nftables, render};

/// Ports that a mesh's injector excludes.
pub(crate) const TYPICAL_PORTS: [u16; 3] = [15020, 15021, 15090];
/// The same as an option.
pub(crate) const TYPICAL: &[&str] = &["--exclude-inbound-ports", "15020,15021,15090"];

/// How many ranges "many" are.
pub(crate) const MANY: u32 = 10_000;

/// Range number `index`: never two that touch, so that none can be merged.
fn range(family: Family, index: u32) -> String {
    let prefixes = [24, 28, 32];
    let prefix = prefixes
        .get(index as usize % prefixes.len())
        .copied()
        .unwrap_or(24);
    match family {
        Family::Ipv4 => format!(
            "{}/{prefix}",
            std::net::Ipv4Addr::from_bits((20 << 24) + index * 512)
        ),
        Family::Ipv6 => format!("2001:db8:{:x}::/{}", index * 2, 32 + prefix),
    }
}

/// Writes a configuration that excludes [`MANY`] outbound ranges, and gives its path.
pub(crate) fn many_ranges(folder: &Path, family: Family) -> Result<PathBuf> {
    let mut text = String::from("exclude-outbound-ip-ranges = [\n");
    for index in 0..MANY {
        writeln!(text, "    \"{}\",", range(family, index))?;
    }
    text.push_str("]\n");
    let path = folder.join(format!("{}.toml", family.name()));
    fs::write(&path, text)?;
    Ok(path)
}

/// Writes what `netweir apply OPTIONS --dry-run --format FORMAT` prints, and gives its path.
pub(crate) fn dry_run(
    netweir: &Path,
    options: &[&str],
    format: &str,
    path: PathBuf,
) -> Result<PathBuf> {
    let output = Command::new(netweir)
        .arg("apply")
        .args(options)
        .args(["--dry-run", "--format", format])
        .output()?;
    if !output.status.success() {
        bail!(
            "netweir apply --dry-run: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    fs::write(&path, output.stdout)?;
    Ok(path)
}

/// Writes the rules without what replaces an older table, and gives their path: deleting a table makes `nft` wait for
/// the kernel's deferred destruction, which is not what is compared.
pub(crate) fn without_deletion(rules: &Path, path: PathBuf) -> Result<PathBuf> {
    let text = fs::read_to_string(rules)?;
    let (before, after) = text
        .split_once("delete table inet netweir\n")
        .context("no table is deleted")?;
    fs::write(&path, [before, after].concat())?;
    Ok(path)
}

/// Writes the batch that installs the rules of [`TYPICAL`], and gives its path.
///
/// `printed` is what the program prints for these options: the bytes must be of the very same rules.
pub(crate) fn typical_batch(printed: &Path, path: PathBuf) -> Result<PathBuf> {
    let mut capture = Capture::default();
    capture.inbound.ports =
        InboundPorts::AllExcept(TYPICAL_PORTS.into_iter().map(Interval::single).collect());
    let ruleset = plan(&capture);
    ensure!(
        render::nft(&ruleset) == fs::read_to_string(printed)?,
        "{TYPICAL:?}: the program prints other rules"
    );
    // Generation 0 fits any (the kernel's nf_tables_valid_genid).
    let note = Metadata::of(&capture).bytes(&ruleset);
    fs::write(&path, nftables::encode(&ruleset, &note, 0)?)?;
    Ok(path)
}
