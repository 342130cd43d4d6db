//! YAML as Go's programs read it, to JSON.
//!
//! A pod's author writes the text, so its size and depth are bounded and aliases are refused: time and memory grow with
//! the length alone.

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Number, Value};

/// The longest text, in bytes. All annotations of a pod together have 256 KiB.
const MAX_BYTES: usize = 64 << 10;
/// The deepest nesting of collections.
const MAX_DEPTH: usize = 16;

/// A collection that has not ended yet.
enum Open {
    Sequence(Vec<Value>),
    Mapping(Map<String, Value>, Option<String>),
}

/// The first document of the text; null where it is empty. Of equal keys the last one counts.
///
/// # Errors
/// Why the text cannot be read.
pub(super) fn read(text: &str) -> Result<Value, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("longer than {MAX_BYTES} bytes"));
    }
    let mut open: Vec<Open> = Vec::new();
    let mut document = None;
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        let complete = match event {
            Event::Scalar(text, style, _, tag) => scalar(&text, style, tag.as_deref())?,
            Event::SequenceStart(_, tag) => {
                begin(&mut open, tag.as_deref(), Open::Sequence(Vec::new()))?;
                continue;
            }
            Event::MappingStart(_, tag) => {
                begin(&mut open, tag.as_deref(), Open::Mapping(Map::new(), None))?;
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::Sequence(entries)) => Value::Array(entries),
                Some(Open::Mapping(entries, _)) => Value::Object(entries),
                None => return Err("a collection ends that did not begin".to_owned()),
            },
            Event::Alias(_) => return Err("aliases are not supported".to_owned()),
            Event::DocumentStart(_) if document.is_some() => {
                return Err("more than one document".to_owned());
            }
            _ => continue,
        };
        match open.last_mut() {
            None => document = Some(complete),
            Some(Open::Sequence(entries)) => entries.push(complete),
            Some(Open::Mapping(entries, key)) => match key.take() {
                Some(key) => drop(entries.insert(key, complete)),
                None => *key = Some(key_of(complete)?),
            },
        }
    }
    Ok(document.unwrap_or(Value::Null))
}

fn begin(open: &mut Vec<Open>, tag: Option<&Tag>, collection: Open) -> Result<(), String> {
    untagged(tag)?;
    if open.len() == MAX_DEPTH {
        return Err(format!("nested deeper than {MAX_DEPTH} levels"));
    }
    open.push(collection);
    Ok(())
}

fn key_of(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err("a key is neither a string nor a number".to_owned())
        }
    }
}

fn untagged(tag: Option<&Tag>) -> Result<(), String> {
    match tag {
        None => Ok(()),
        Some(tag) => Err(format!("the tag {tag} is not supported")),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let is_string = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
    if is_string || (tag.is_none() && style != ScalarStyle::Plain) {
        return Ok(text.into());
    }
    untagged(tag)?;
    Ok(plain(text))
}

/// The value of a plain scalar. Go's YAML libraries keep the booleans of YAML 1.1.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            true.into()
        }
        "false" | "False" | "FALSE" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            false.into()
        }
        _ => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            // A leading zero means an octal number to some readers, and none of the values has one.
            let decimal = digits == "0" || digits.starts_with(|c: char| ('1'..='9').contains(&c));
            let number = text.parse::<i64>().ok().filter(|_| decimal);
            number.map_or_else(|| text.into(), |number| Number::from(number).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_block_and_flow_style_and_json() {
        let block = "a:\n  b: \"true\"\n  c: [1, x]\nd: |\n  text\n";
        let expected = json!({"a": {"b": "true", "c": [1, "x"]}, "d": "text\n"});
        assert_eq!(read(block), Ok(expected.clone()));
        assert_eq!(read(&expected.to_string()), Ok(expected));
        assert_eq!(read(""), Ok(Value::Null));
        assert_eq!(read("# nothing\n"), Ok(Value::Null));
    }

    #[test]
    fn plain_scalars_have_the_types_of_yaml_1_1() {
        let text = "[yes, off, 15006, -1, 007, 1.5, ~, !!str 1, '1', 0, text]";
        let expected = json!([
            true, false, 15006, -1, "007", "1.5", null, "1", "1", 0, "text"
        ]);
        assert_eq!(read(text), Ok(expected));
    }

    #[test]
    fn last_of_equal_keys_counts() {
        assert_eq!(read("a: 1\na: 2\n1: x"), Ok(json!({"a": 2, "1": "x"})));
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        for text in [
            "a: [",
            "a: b: c",
            "a:\n\tb: 1",
            "a: &x 1\nb: *x",
            "---\na: 1\n---\nb: 1\n",
            "a: !custom 1",
            "!custom {}",
            "{[a]: b}",
            "a: \"",
        ] {
            assert!(read(text).is_err(), "{text:?}: {:?}", read(text));
        }
    }

    #[test]
    fn size_and_depth_are_bounded() {
        assert!(read(&" ".repeat(MAX_BYTES + 1)).is_err());
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(
            read(&nested(MAX_DEPTH + 1)),
            Err(format!("nested deeper than {MAX_DEPTH} levels"))
        );
    }
}
