//! The table of a front end's flags and variables, of which its parser and its help are made.

use crate::options::{Fallback, LogOptions, OptionError};
use crate::parse::Accounts;

use super::{FlagValues, Notice, Request};

/// The heading that `--help` lists a flag under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// The proxy's ports and owners.
    Proxy,
    /// Connections that arrive at the pod.
    Inbound,
    /// Connections made inside the pod.
    Outbound,
    /// Both directions.
    Both,
    /// What is done with the rules.
    Action,
    /// What is said, and how.
    Logging,
    /// Flags that have no meaning here.
    Accepted,
}

impl Topic {
    /// The heading.
    #[must_use]
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Proxy => "The proxy",
            Self::Inbound => "Inbound (connections that arrive at the pod)",
            Self::Outbound => "Outbound (connections made inside the pod)",
            Self::Both => "Both directions",
            Self::Action => "What is done",
            Self::Logging => "Logging",
            Self::Accepted => "Accepted, and of no effect here",
        }
    }
}

/// What kind of value a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A text; given again, the last one counts.
    One,
    /// A number or a time: a variable that is empty gives none.
    Number,
    /// A comma-separated list; given again, the lists are joined.
    List,
    /// On or off; on where the value is left out. A variable that is empty is as good as none.
    Switch,
}

/// All there is to say about a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Its long form without the dashes; `None` where there is only a variable.
    pub long: Option<&'static str>,
    /// Its short form.
    pub short: Option<char>,
    /// Its environment variables; of those that are set, the first counts.
    pub variables: &'static [&'static str],
    /// Its heading.
    pub topic: Topic,
    /// What kind of value it takes.
    pub shape: Shape,
    /// What `--help` calls the value.
    pub value: &'static str,
    /// What it is when nothing gives it.
    pub default: Fallback,
    /// A value.
    pub example: &'static str,
    /// What it does.
    pub about: &'static str,
}

/// A row of the table.
pub trait Flag: Copy + Ord + 'static {
    /// All of them, in the order of `--help`.
    const ALL: &'static [Self];
    /// All there is to say about it.
    fn spec(self) -> Spec;
}

/// A program whose command line is taken over.
pub trait CompatCommand {
    /// Its flags.
    type Flag: Flag;
    /// The verb that stands for it.
    const VERB: &'static str;
    /// What the verb does.
    const ABOUT: &'static str;

    /// What is said, and how.
    fn log_options(values: &FlagValues<Self::Flag>) -> Result<LogOptions, Vec<OptionError>>;

    /// What to say where nothing but its flags told that this program is meant.
    #[must_use]
    fn remark_on_flags_alone(_texts: &FlagValues<Self::Flag>) -> Option<Notice> {
        None
    }

    /// What the values ask for, or every mistake in them.
    fn read(
        values: &FlagValues<Self::Flag>,
        accounts: &dyn Accounts,
    ) -> Result<Request, Vec<OptionError>>;
}

macro_rules! flags {
    (
        $(#[$attribute:meta])*
        pub enum $name:ident;
        $(
            $(#[doc = $about:literal])*
            $flag:ident ($($long:literal $($short:literal)?)?) [$($variable:literal)*] in $topic:ident,
            $shape:ident $value:literal = $fallback:ident($default:literal), like $example:literal;
        )*
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[doc = $about])* $flag,)*
        }

        impl $crate::meshes::Flag for $name {
            const ALL: &'static [Self] = &[$(Self::$flag),*];

            fn spec(self) -> $crate::meshes::Spec {
                match self {
                    $(Self::$flag => $crate::meshes::Spec {
                        long: flags!(@option $($long)?),
                        short: flags!(@option $($($short)?)?),
                        variables: &[$($variable),*],
                        topic: $crate::meshes::Topic::$topic,
                        shape: $crate::meshes::Shape::$shape,
                        value: $value,
                        default: $crate::options::Fallback::$fallback($default),
                        example: $example,
                        about: concat!($($about),*).trim_ascii_start(),
                    },)*
                }
            }
        }
    };
    (@option) => { None };
    (@option $literal:literal) => { Some($literal) };
}
