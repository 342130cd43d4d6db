//! Enumerations whose variants have a text each: the kernel's names, words of options, meanings of codes.

/// An enumeration with a text for each variant.
pub trait Named: Copy {
    /// The texts, with commas between them.
    const LISTED: &'static str;

    /// The variant with this text.
    #[must_use]
    fn named(text: &str) -> Option<Self>;
}

/// Defines enumerations with [`Named`], `Display`, `ALL`, and a method that returns the text. A second text has a method
/// of its own.
macro_rules! named {
    ($(#[$attribute:meta])* $visibility:vis enum $name:ident: $method:ident {
        $($(#[$doc:meta])* $variant:ident $(= $number:literal)? $text:literal;)*
    }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility enum $name {
            $($(#[$doc])* $variant $(= $number)?,)*
        }

        #[allow(dead_code, reason = "not every enumeration is listed and printed")]
        impl $name {
            #[doc = "All variants, in the order of their definition."]
            $visibility const ALL: [Self; [$($text),*].len()] = [$(Self::$variant),*];

            #[doc = "The text of the variant."]
            #[must_use]
            $visibility const fn $method(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl $crate::named::Named for $name {
            const LISTED: &'static str = $crate::named::named!(@listed $($text)*);

            fn named(text: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|known| known.$method() == text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.$method())
            }
        }
    };
    ($(#[$attribute:meta])* $visibility:vis enum $name:ident: $method:ident, $second:ident {
        $($(#[$doc:meta])* $variant:ident $(= $number:literal)? $text:literal $other:literal;)*
    }) => {
        $crate::named::named! {
            $(#[$attribute])*
            $visibility enum $name: $method {
                $($(#[$doc])* $variant $(= $number)? $text;)*
            }
        }

        impl $name {
            #[doc = "The second text of the variant."]
            #[must_use]
            $visibility const fn $second(self) -> &'static str {
                match self {
                    $(Self::$variant => $other,)*
                }
            }
        }
    };
    (@listed $first:literal $($text:literal)*) => { concat!($first $(, ", ", $text)*) };
}
pub(crate) use named;
