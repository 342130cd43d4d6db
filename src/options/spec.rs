//! What is known of an option: one specification, from which the command line, environment variables, file keys,
//! annotations, `--help`, man pages, completions and the tables in the documentation are made.

use crate::named::named;

named! {
    /// The heading that `--help` lists an option under.
    pub enum Section: heading {
        /// The proxy's ports and owners.
        Proxy "Proxy";
        /// Connections that arrive at the pod.
        Inbound "Inbound (connections that arrive at the pod)";
        /// Connections made inside the pod.
        Outbound "Outbound (connections made inside the pod)";
        /// Both directions.
        Both "Both directions";
        /// DNS queries.
        Dns "DNS";
        /// The configuration file and the network namespace.
        Target "Configuration file and network namespace";
        /// Installing the rules, and tests of them.
        Installation "Installation";
        /// Printing the rules instead of installing them.
        DryRun "Dry run";
        /// What a mesh's program does with the rules.
        Action "Action";
        /// What a command prints.
        Answer "Output";
        /// Which rules a command reads.
        Rules "Rules";
        /// Where the CNI plugin is installed.
        Node "Node";
        /// The agent that keeps the CNI plugin installed.
        Agent "Agent";
        /// Log messages.
        Logging "Logging";
        /// Options of a mesh's program that are accepted and ignored.
        Ignored "Accepted and ignored";
    }
}

impl Section {
    /// The sections whose options say what to capture.
    pub const CAPTURE: [Self; 5] = [
        Self::Proxy,
        Self::Inbound,
        Self::Outbound,
        Self::Both,
        Self::Dns,
    ];
}

/// How many values an option takes, and how values from one source are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One value; the last one counts.
    One,
    /// One number or time; the last one counts.
    Number,
    /// A comma-separated list; repeated options are joined.
    List,
    /// Values that contain commas: repeated, or separated by semicolons.
    Several,
    /// `true` or `false`; `true` without a value.
    Switch,
    /// A number; without a value, how often the option is repeated.
    Count,
}

/// The value of an option that is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultValue {
    /// This text.
    Text(&'static str),
    /// A value without a text; these words describe it.
    Described(&'static str),
}

impl DefaultValue {
    /// The text, if there is one.
    #[must_use]
    pub const fn text(self) -> Option<&'static str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Described(_) => None,
        }
    }

    /// The description for `--help`.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Text("") => "none",
            Self::Text(text) => text,
            Self::Described(words) => words,
        }
    }
}

/// The specification of one option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionSpec {
    /// Its key in files and annotations: the long flag without dashes, or the variable of an option without a flag.
    pub name: &'static str,
    /// Its long flag without dashes, if it has a flag.
    pub long: Option<&'static str>,
    /// Its short flag.
    pub short: Option<char>,
    /// Its environment variables; the first one that is set counts.
    pub variables: &'static [&'static str],
    /// Its heading.
    pub section: Section,
    /// How many values it takes.
    pub shape: Shape,
    /// The placeholder of the value in `--help`: words separated by `|`, or a description in capitals.
    pub value: &'static str,
    /// Its value when it is not set.
    pub default: DefaultValue,
    /// A valid value.
    pub example: &'static str,
    /// What it does; the first sentence stands alone in `-h`.
    pub about: &'static str,
    /// Whether `-h` lists it.
    pub common: bool,
}

/// The options of one program or subject, as an enumeration.
pub trait OptionSet: Copy + Ord + 'static {
    /// All of them, in the order of `--help`.
    const ALL: &'static [Self];

    /// The specification of the option.
    fn spec(self) -> &'static OptionSpec;

    /// The option with this long flag, key or annotation.
    #[must_use]
    fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|option| option.spec().name == name)
    }
}

/// Declares an [`OptionSet`](crate::options::OptionSet): its enumeration and the specification of each option.
macro_rules! option_set {
    (
        $(#[$attribute:meta])*
        pub enum $name:ident;
        $(
            $(#[doc = $about:literal])*
            $option:ident ($($long:literal $($short:literal)?)?) [$($variable:literal)*] in $section:ident,
            $shape:ident $value:literal = $default:ident($text:literal), like $example:literal $(, $common:ident)?;
        )*
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[doc = $about])* $option,)*
        }

        impl $crate::options::OptionSet for $name {
            const ALL: &'static [Self] = &[$(Self::$option),*];

            fn spec(self) -> &'static $crate::options::OptionSpec {
                match self {
                    $(Self::$option => const { &$crate::options::OptionSpec {
                        name: $crate::options::option_set!(@name [$($long)?] [$($variable)*]),
                        long: $crate::options::option_set!(@optional $($long)?),
                        short: $crate::options::option_set!(@optional $($($short)?)?),
                        variables: &[$($variable),*],
                        section: $crate::options::Section::$section,
                        shape: $crate::options::Shape::$shape,
                        value: $value,
                        default: $crate::options::DefaultValue::$default($text),
                        example: $example,
                        about: concat!($($about),*).trim_ascii_start(),
                        common: $crate::options::option_set!(@is_common $($common)?),
                    } },)*
                }
            }
        }
    };
    (@name [$long:literal] [$($variable:literal)*]) => { $long };
    (@name [] [$first:literal $($variable:literal)*]) => { $first };
    (@optional) => { None };
    (@optional $literal:literal) => { Some($literal) };
    (@is_common) => { false };
    (@is_common common) => { true };
}
pub(crate) use option_set;
