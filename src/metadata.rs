//! The metadata of the installed rules, which the kernel keeps with them: netweir's version and the options.
//!
//! The encoding is a byte, [`FORMAT`], the length of the text in two bytes (big endian), and the text: the version on the
//! first line, and on each further line an option that differs from its default, as `name=value`. The kernel keeps 254
//! bytes with the table and with each of its chains. If that is too little, the longest lists whose elements are in sets
//! become `name@digest`: the elements are read from the sets, and the digest shows whether they were edited. If even that
//! is too little, the longest options are reduced to their names.

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
use crate::ruleset::{Elements, MetadataBytes, OwnerKind as Owner, Ruleset, Set, SetName};

/// The format that this version writes.
const FORMAT: u8 = 1;
/// The size of the format and the length in bytes.
const HEADER: usize = 3;
/// Replaces options whose names do not fit either.
const OTHERS: &str = "others";
/// The version of this netweir.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The metadata of installed rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The version of netweir that installed them.
    pub version: String,
    /// The options that differ from their defaults.
    pub options: Vec<(Setting, String)>,
    /// Options read from sets that were edited.
    pub edited: Vec<Setting>,
    /// Options of which only the name was kept.
    pub lost: Vec<String>,
    /// Options that are unknown to this version.
    pub unknown: Vec<String>,
}

/// Why metadata cannot be read.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Unreadable {
    /// A newer version wrote another format.
    #[error(
        "the metadata has format {0}, which a newer netweir writes; netweir {VERSION} reads format {FORMAT}"
    )]
    Format(u8),
    /// It is truncated or not UTF-8.
    #[error("the metadata of the rules is damaged")]
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

/// How much of an option is kept.
enum Kept {
    Value(String),
    Digest(u32),
    Name,
}

impl Metadata {
    /// The metadata of this netweir with the options of the capture.
    #[must_use]
    pub fn of(capture: &Capture) -> Self {
        Self::with(capture, options_of(capture))
    }

    /// The encoded metadata for the ruleset of the capture: that of [`Metadata::of`], without formatting lists that
    /// are too long for it.
    #[must_use]
    pub fn bytes_of(capture: &Capture, ruleset: &Ruleset) -> MetadataBytes {
        let options = options_within(capture, MetadataBytes::capacity(ruleset));
        Self::with(capture, options).bytes(ruleset)
    }

    fn with(capture: &Capture, mut options: Vec<(Setting, String)>) -> Self {
        let over_loopback = Setting::CaptureOverLoopback;
        let is_given = options.iter().any(|(setting, _)| *setting == over_loopback);
        if !is_given
            && capture.outbound.capture_over_loopback
            && !own_range_reaches_loopback(capture)
        {
            // A range of a family that is not captured implied it, and the sets do not have that range.
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

    /// Whether a newer version than this one installed the rules.
    #[must_use]
    pub fn is_newer(&self) -> bool {
        numbers(&self.version) > numbers(VERSION)
    }

    /// The capture of the options; `None` if some of them are lost or unknown.
    #[must_use]
    pub fn capture(&self) -> Option<Capture> {
        if !(self.lost.is_empty() && self.unknown.is_empty()) {
            return None;
        }
        let mut values = OptionValues::default();
        for (setting, text) in &self.options {
            values.set(*setting, Origin::Flag, text.clone());
        }
        let parsed = options::capture(&values, &NoUsers, &NoFiles).ok()?;
        match parsed.families {
            FamilyChoice::Fixed(families) => Some(parsed.capture_of(families)),
            FamilyChoice::Auto => None,
        }
    }

    /// The encoded metadata for the ruleset.
    #[must_use]
    pub fn bytes(&self, ruleset: &Ruleset) -> MetadataBytes {
        let capacity = MetadataBytes::capacity(ruleset) - HEADER;
        let options = self.options.iter();
        let mut kept: Vec<_> = options
            .map(|(setting, text)| (*setting, Kept::Value(text.clone())))
            .collect();
        let mut text = self.text(&kept);
        while text.len() > capacity {
            if !shorten(&mut kept, &ruleset.sets) {
                text.truncate(self.version.len());
                text.extend(["\n", OTHERS]);
                break;
            }
            text = self.text(&kept);
        }
        let length = u16::try_from(text.len()).expect("the capacity is less than 64 KiB");
        let [high, low] = length.to_be_bytes();
        MetadataBytes::new([&[FORMAT, high, low], text.as_bytes()].concat())
    }

    fn text(&self, options: &[(Setting, Kept)]) -> String {
        let mut text = self.version.clone();
        for (setting, kept) in options {
            let name = setting.spec().name;
            match kept {
                Kept::Value(value) => write!(text, "\n{name}={value}"),
                Kept::Digest(digest) => write!(text, "\n{name}@{digest:08x}"),
                Kept::Name => write!(text, "\n{name}"),
            }
            .expect("writing to a string succeeds");
        }
        text
    }

    /// Reads the metadata that is kept with these sets; `None` if there is none.
    ///
    /// # Errors
    /// It is damaged, or has another format.
    pub fn read(bytes: &MetadataBytes, sets: &[Set]) -> Result<Option<Self>, Unreadable> {
        let text = match bytes.bytes() {
            [] => return Ok(None),
            &[FORMAT, high, low, ref text @ ..] => {
                let length = usize::from(u16::from_be_bytes([high, low]));
                text.get(..length).ok_or(Unreadable::Damaged)?
            }
            [FORMAT, ..] => return Err(Unreadable::Damaged),
            &[format, ..] => return Err(Unreadable::Format(format)),
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
            metadata.read_option(line, sets);
        }
        Ok(Some(metadata))
    }

    fn read_option(&mut self, line: &str, sets: &[Set]) {
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
        } else if let Some(kept) = value.strip_prefix('@') {
            let sets = sets_of(setting, sets);
            if kept != format!("{:08x}", digest(&sets)) {
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

/// Shortens the longest option, preferably one that can be read from sets. False if none can be shortened.
fn shorten(options: &mut [(Setting, Kept)], sets: &[Set]) -> bool {
    let longest = options
        .iter_mut()
        .filter_map(|(setting, kept)| match kept {
            Kept::Value(text) => {
                // A digest would be no shorter than 8 characters.
                let sets = match text.len() {
                    ..=8 => Vec::new(),
                    _ => sets_of(*setting, sets),
                };
                Some((sets, text.len(), kept))
            }
            Kept::Digest(_) | Kept::Name => None,
        })
        .min_by_key(|(sets, length, _)| (sets.is_empty(), Reverse(*length)));
    let Some((sets, _, kept)) = longest else {
        return false;
    };
    *kept = match sets.as_slice() {
        [] => Kept::Name,
        sets => Kept::Digest(digest(sets)),
    };
    true
}

/// The sets that have the elements of the option, IPv4 first.
fn sets_of(setting: Setting, sets: &[Set]) -> Vec<&Set> {
    let sets = sets.iter();
    let mut own: Vec<_> = sets
        .filter(|set| option_of(&set.name) == Some(setting))
        .collect();
    own.sort_by_key(|set| &set.name);
    own
}

/// The option whose elements the set has, if it has all of them.
const fn option_of(name: &SetName) -> Option<Setting> {
    Some(match name {
        SetName::InboundIncludePorts => Setting::IncludeInboundPorts,
        SetName::InboundExcludePorts => Setting::ExcludeInboundPorts,
        SetName::InboundExclude(_) => Setting::ExcludeInboundIpRanges,
        SetName::OutboundInclude(_) => Setting::IncludeOutboundIpRanges,
        SetName::OutboundExclude(_) => Setting::ExcludeOutboundIpRanges,
        SetName::OutboundExcludeFirst(_) => Setting::ExcludeOutboundIpRangesFirst,
        SetName::OutboundIncludePorts => Setting::IncludeOutboundPorts,
        SetName::OutboundExcludePorts => Setting::ExcludeOutboundPorts,
        SetName::OutboundIncludeOwners(Owner::Uid) => Setting::IncludeOutboundUids,
        SetName::OutboundExcludeOwners(Owner::Uid) => Setting::ExcludeOutboundUids,
        SetName::OutboundIncludeOwners(Owner::Gid) => Setting::IncludeOutboundGids,
        SetName::OutboundExcludeOwners(Owner::Gid) => Setting::ExcludeOutboundGids,
        SetName::ExcludeInterfaces => Setting::ExcludeInterfaces,
        SetName::RerouteInterfaces => Setting::RerouteInterfaces,
        SetName::DnsServers(_) => Setting::DnsServers,
        // Their order is that of the rules, and a set has none; one of the families may have no set.
        SetName::ProxyOwners(_)
        | SetName::PassthroughSources(_)
        | SetName::OutboundExcludePortsForUids(_)
        | SetName::OutboundExcludePortsUids(_)
        | SetName::OutboundExcludeUidPorts(_)
        | SetName::OpenConnections(_)
        | SetName::Other(_) => return None,
    })
}

/// FNV-1a (64 bits) over the bounds of the intervals, or the bytes of names, in 32-bit words, folded to 32 bits. It detects edits, not forgery.
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
            // The elements of no option.
            Elements::Connections(..) | Elements::UidPorts(_) => {}
            Elements::Interfaces(interfaces) => {
                let texts = interfaces.iter().map(ToString::to_string);
                let bytes = texts.flat_map(|text| [text.as_bytes(), &[0]].concat());
                hash.words(bytes.map(u32::from));
            }
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
        self.words(bounds.flat_map(words));
    }

    fn words(&mut self, words: impl Iterator<Item = u32>) {
        for word in words {
            self.0 = (self.0 ^ u64::from(word)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// The numbers of a version, for comparison.
fn numbers(version: &str) -> Vec<u64> {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    core.split('.')
        .map(|number| number.parse().unwrap_or(0))
        .collect()
}

/// Knows no users: options are kept with ids.
struct NoUsers;

impl Accounts for NoUsers {
    fn id_of(&self, _: OwnerKind, _: &str) -> Result<u32, NameError> {
        Err(NameError::Unknown)
    }
}

/// Reads no files: options are kept with the contents of files.
struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("no files are read".to_owned())
    }
}
