//! Fields of JSON objects, each value as its source.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Deserializer, Value};

/// The values of these keys of a JSON object. Of a repeated key the last one counts, as in Go. Other fields take no memory.
///
/// # Errors
/// The source is not a JSON object.
pub(super) fn fields<'a, const N: usize>(
    source: &'a str,
    keys: [&str; N],
) -> serde_json::Result<[Option<&'a RawValue>; N]> {
    let mut deserializer = Deserializer::from_str(source);
    let found = deserializer.deserialize_map(Known(keys))?;
    deserializer.end()?;
    Ok(found)
}

struct Known<'k, const N: usize>([&'k str; N]);

impl<'de, const N: usize> Visitor<'de> for Known<'_, N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match self
                .0
                .iter()
                .zip(&mut found)
                .find(|(known, _)| **known == key)
            {
                Some((_, value)) => *value = Some(map.next_value()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// The value as a string, if it is one.
pub(super) fn string(raw: &RawValue) -> Option<String> {
    match serde_json::from_str(raw.get()) {
        Ok(Value::String(text)) => Some(text),
        _ => None,
    }
}
