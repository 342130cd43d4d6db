//! What installed the rules: kept in the kernel with them, and read back.
//!
//! The note is three bytes, [`FORM`] and the length of the text, and then the text: the version of netweir on the first line,
//! and on each further line an option that differs from its default, as `name=value`. The kernel keeps 254 bytes with the
//! table and with each of its chains. Where that is too little, the longest lists whose elements are in sets
//! give way to `name@digest`: the elements are read from the sets, and the digest tells whether they are still what they
//! were. Where even that is too little, the longest options give way to their names alone.

use std::cmp::Reverse;
use std::fmt::Write;

use thiserror::Error;

use crate::intent::{Bound, Capture, Families, Family, Intervals, IpRanges, RangeSelection};
use crate::options::{
    self, Files, OptionSet, OptionValues, Origin, Setting, elements_text, options_of,
    options_within,
};
use crate::parse::{Accounts, FamilyChoice, NameError, OwnerKind};
use crate::printable::printable;
use crate::ruleset::{Elements, MetadataBytes, Ruleset, Set};

/// The form of the note that this version writes.
const FORM: u8 = 1;
/// The form and the length.
const HEADER: usize = 3;
/// Stands for options whose names do not fit either.
const OTHERS: &str = "others";
/// The version of this netweir.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What installed the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The version of netweir.
    pub version: String,
    /// The options that differ from their defaults.
    pub options: Vec<(Setting, String)>,
    /// Options that were read from the sets, which hold others than they did.
    pub edited: Vec<Setting>,
    /// Options of which the name alone was kept.
    pub lost: Vec<String>,
    /// Options that this version does not know.
    pub unknown: Vec<String>,
}

/// Why a note cannot be read.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Unreadable {
    /// A later version writes notes in another form.
    #[error(
        "the note is of the form {0}, which a newer netweir writes; this one, {VERSION}, reads form {FORM}"
    )]
    Form(u8),
    /// A part is missing, or it is no text.
    #[error("the note that is kept with the rules is damaged")]
    Damaged,
}

/// Whether an included range of a captured family reaches loopback.
fn own_range_reaches_loopback(capture: &Capture) -> bool {
    match (&capture.outbound.include_ranges, capture.families) {
        (RangeSelection::All, _) => false,
        (RangeSelection::Only(ranges), Families::Both) => ranges.reaches_loopback(),
        (RangeSelection::Only(ranges), Families::Only(family)) => {
            let mut own = IpRanges::default();
            match family {
                Family::Ipv4 => own.ipv4 = ranges.ipv4.clone(),
                Family::Ipv6 => own.ipv6 = ranges.ipv6.clone(),
            }
            own.reaches_loopback()
        }
    }
}

/// What is kept of an option.
enum Kept {
    Text(String),
    InSets(u32),
    Name,
}

impl Metadata {
    /// This netweir with the options of the capture.
    #[must_use]
    pub fn of(capture: &Capture) -> Self {
        Self::with(capture, options_of(capture))
    }

    /// The note to keep with the ruleset of the capture: that of [`Metadata::of`], without writing down
    /// lists that are too long for it.
    #[must_use]
    pub fn note_of(capture: &Capture, ruleset: &Ruleset) -> MetadataBytes {
        let options = options_within(capture, MetadataBytes::capacity(ruleset));
        Self::with(capture, options).note(ruleset)
    }

    fn with(capture: &Capture, mut options: Vec<(Setting, String)>) -> Self {
        let over_loopback = Setting::CaptureOverLoopback;
        let told = options.iter().any(|(setting, _)| *setting == over_loopback);
        if !told && capture.outbound.capture_over_loopback && !own_range_reaches_loopback(capture) {
            // The sets have only the ranges of the captured families; one of another family implied it.
            options.push((over_loopback, "always".to_owned()));
        }
        Self {
            version: VERSION.to_owned(),
            options,
            edited: Vec::new(),
            lost: Vec::new(),
            unknown: Vec::new(),
        }
    }

    /// Whether a later version than this one installed the rules.
    #[must_use]
    pub fn is_newer(&self) -> bool {
        numbers(&self.version) > numbers(VERSION)
    }

    /// The capture that the options ask for; `None` if they are not known as a whole.
    #[must_use]
    pub fn capture(&self) -> Option<Capture> {
        if !(self.lost.is_empty() && self.unknown.is_empty()) {
            return None;
        }
        let mut given = OptionValues::default();
        for (setting, text) in &self.options {
            given.set(*setting, Origin::Flag, text.clone());
        }
        let parsed = options::capture(&given, &Nobody, &Nothing).ok()?;
        match parsed.families {
            FamilyChoice::Fixed(families) => Some(parsed.capture_of(families)),
            FamilyChoice::Auto => None,
        }
    }

    /// The note to keep with the ruleset.
    #[must_use]
    pub fn note(&self, ruleset: &Ruleset) -> MetadataBytes {
        let capacity = MetadataBytes::capacity(ruleset) - HEADER;
        let whole = self.options.iter();
        let mut kept: Vec<_> = whole
            .map(|(setting, text)| (*setting, Kept::Text(text.clone())))
            .collect();
        let mut text = self.text(&kept);
        while text.len() > capacity {
            if !shorten(&mut kept, ruleset) {
                text.truncate(self.version.len());
                let _ = write!(text, "\n{OTHERS}");
                break;
            }
            text = self.text(&kept);
        }
        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
        let [high, low] = length.to_be_bytes();
        MetadataBytes::new([&[FORM, high, low], text.as_bytes()].concat())
    }

    fn text(&self, options: &[(Setting, Kept)]) -> String {
        let mut text = self.version.clone();
        for (setting, kept) in options {
            let name = setting.spec().name;
            // To a string, which takes everything.
            let _ = match kept {
                Kept::Text(value) => write!(text, "\n{name}={value}"),
                Kept::InSets(digest) => write!(text, "\n{name}@{digest:08x}"),
                Kept::Name => write!(text, "\n{name}"),
            };
        }
        text
    }

    /// Reads the note that is kept with the ruleset; `None` if there is none.
    pub fn read(note: &MetadataBytes, ruleset: &Ruleset) -> Result<Option<Self>, Unreadable> {
        let text = match note.bytes() {
            [] => return Ok(None),
            &[FORM, high, low, ref text @ ..] => {
                let length = usize::from(u16::from_be_bytes([high, low]));
                text.get(..length).ok_or(Unreadable::Damaged)?
            }
            [FORM, ..] => return Err(Unreadable::Damaged),
            &[form, ..] => return Err(Unreadable::Form(form)),
        };
        let text = std::str::from_utf8(text).map_err(|_| Unreadable::Damaged)?;
        let mut lines = text.split('\n');
        let mut metadata = Self {
            version: printable(lines.next().unwrap_or_default()).into_owned(),
            options: Vec::new(),
            edited: Vec::new(),
            lost: Vec::new(),
            unknown: Vec::new(),
        };
        for line in lines {
            metadata.read_option(line, ruleset);
        }
        Ok(Some(metadata))
    }

    fn read_option(&mut self, line: &str, ruleset: &Ruleset) {
        let end = line.find(['=', '@']).unwrap_or(line.len());
        let (name, value) = line.split_at(end);
        let Some(setting) = Setting::named(name) else {
            let unknown = if name == OTHERS {
                &mut self.lost
            } else {
                &mut self.unknown
            };
            unknown.push(printable(name).into_owned());
            return;
        };
        if let Some(value) = value.strip_prefix('=') {
            self.options.push((setting, value.to_owned()));
        } else if let Some(noted) = value.strip_prefix('@') {
            let sets = sets_of(setting, ruleset);
            if noted != format!("{:08x}", digest(&sets)) {
                self.edited.push(setting);
            }
            let texts: Vec<_> = sets
                .iter()
                .map(|set| elements_text(&set.elements))
                .collect();
            self.options.push((setting, texts.join(",")));
        } else {
            self.lost.push(name.to_owned());
        }
    }
}

/// Makes the longest option shorter, one that can be read from sets rather than another. False if none can be.
fn shorten(options: &mut [(Setting, Kept)], ruleset: &Ruleset) -> bool {
    let longest = options
        .iter_mut()
        .filter_map(|(setting, kept)| match kept {
            Kept::Text(text) => {
                // No longer than the digest that would take its place.
                let sets = match text.len() {
                    ..=8 => Vec::new(),
                    _ => sets_of(*setting, ruleset),
                };
                Some((sets, text.len(), kept))
            }
            Kept::InSets(_) | Kept::Name => None,
        })
        .min_by_key(|(sets, length, _)| (sets.is_empty(), Reverse(*length)));
    let Some((sets, _, kept)) = longest else {
        return false;
    };
    *kept = match sets.as_slice() {
        [] => Kept::Name,
        sets => Kept::InSets(digest(sets)),
    };
    true
}

/// The sets with the option's elements, as far as they are there.
fn sets_of(setting: Setting, ruleset: &Ruleset) -> Vec<&Set> {
    let names: &[&str] = match setting {
        Setting::IncludeInboundPorts => &["inbound_include_ports"],
        Setting::ExcludeInboundPorts => &["inbound_exclude_ports"],
        Setting::ExcludeInboundIpRanges => &["inbound_exclude_ipv4", "inbound_exclude_ipv6"],
        Setting::IncludeOutboundIpRanges => &["outbound_include_ipv4", "outbound_include_ipv6"],
        Setting::ExcludeOutboundIpRanges => &["outbound_exclude_ipv4", "outbound_exclude_ipv6"],
        Setting::IncludeOutboundPorts => &["outbound_include_ports"],
        Setting::ExcludeOutboundPorts => &["outbound_exclude_ports"],
        Setting::IncludeOutboundUids => &["outbound_include_uids"],
        Setting::ExcludeOutboundUids => &["outbound_exclude_uids"],
        Setting::IncludeOutboundGids => &["outbound_include_gids"],
        Setting::ExcludeOutboundGids => &["outbound_exclude_gids"],
        Setting::DnsServers => &["dns_servers_ipv4", "dns_servers_ipv6"],
        _ => &[],
    };
    names.iter().filter_map(|name| ruleset.set(name)).collect()
}

/// FNV-1a of 64 bits over the sets' bounds in words of 32, folded to half: it tells an edited list from another, and
/// withstands no forger.
fn digest(sets: &[&Set]) -> u32 {
    let mut hash = Hash(0xcbf2_9ce4_8422_2325);
    for set in sets {
        match &set.elements {
            Elements::Ports(ports) => hash.add(ports, |port| [u32::from(port)]),
            Elements::Uids(ids) | Elements::Gids(ids) => hash.add(ids, |id| [id]),
            Elements::Ipv4(addresses) => hash.add(addresses, |address| [address.to_bits()]),
            Elements::Ipv6(addresses) => hash.add(addresses, |address| {
                let bits = address.to_bits();
                [96, 64, 32, 0].map(|shift| (bits >> shift & 0xffff_ffff) as u32)
            }),
        }
    }
    (((hash.0 >> 32) ^ hash.0) & 0xffff_ffff) as u32
}

struct Hash(u64);

impl Hash {
    fn add<T: Bound, const N: usize>(
        &mut self,
        intervals: &Intervals<T>,
        words: impl Fn(T) -> [u32; N],
    ) {
        let bounds = intervals
            .iter()
            .flat_map(|interval| [interval.first(), interval.last()]);
        for word in bounds.flat_map(words) {
            self.0 = (self.0 ^ u64::from(word)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// The numbers of a version.
fn numbers(version: &str) -> Vec<u64> {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    core.split('.')
        .map(|number| number.parse().unwrap_or(0))
        .collect()
}

/// Options are kept with ids, not names, and with what files said, not their names.
struct Nobody;

impl Accounts for Nobody {
    fn id_of(&self, _: OwnerKind, _: &str) -> Result<u32, NameError> {
        Err(NameError::Unknown)
    }
}

struct Nothing;

impl Files for Nothing {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("nothing is read".to_owned())
    }
}
