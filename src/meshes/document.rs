//! A structured value that an injector writes as one text: JSON or YAML.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

use crate::options::{OptionError, OptionErrorKind, OptionValues, Origin, Setting};
use crate::parse;

use super::yaml;

/// Where a text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The annotation with this key.
    Annotation(&'static str),
    /// This key of `CNI_ARGS`.
    Argument(&'static str),
    /// Flags, which are its fields.
    Flags,
}

impl Source {
    /// An option's origin: the text, or a field of it.
    fn origin(self, field: &str) -> Origin {
        let name: Rc<str> = match (self, field) {
            (Self::Annotation(key), "") => key.into(),
            (Self::Annotation(key), field) => format!("{key}, {field}").into(),
            (Self::Flags, field) => format!("--{field}").into(),
            (Self::Argument(key), "") => format!("CNI_ARGS, {key}").into(),
            (Self::Argument(key), field) => format!("CNI_ARGS, {key}, {field}").into(),
        };
        match self {
            Self::Annotation(_) => Origin::Annotation(name),
            Self::Argument(_) | Self::Flags => Origin::Runtime(name),
        }
    }

    /// An error in the text, or in a field of it.
    pub(super) fn error(self, field: &str, problem: impl Into<OptionErrorKind>) -> OptionError {
        OptionError::of(self.origin(field).name_of(Setting::ProxyUid), problem)
    }
}

/// A structured value, and what is wrong with the fields read so far.
pub(super) struct Document {
    source: Source,
    value: Value,
    /// What fields are called in messages, by their paths, where they come from several places.
    names: BTreeMap<String, String>,
    pub(super) errors: Vec<OptionError>,
}

impl Document {
    /// The object that a JSON text is.
    pub(super) fn json(source: Source, text: &str) -> Result<Self, OptionError> {
        let value = serde_json::from_str(text).map_err(|error| error.to_string());
        Self::new(source, value)
    }

    /// The object that a YAML text is; an empty text is an empty object.
    pub(super) fn yaml(source: Source, text: &str) -> Result<Self, OptionError> {
        let value = yaml::read(text).map(|value| match value {
            Value::Null => Value::Object(serde_json::Map::new()),
            value => value,
        });
        Self::new(source, value)
    }

    /// An object with these fields.
    pub(super) fn of(source: Source, fields: serde_json::Map<String, Value>) -> Self {
        Self {
            source,
            value: Value::Object(fields),
            names: BTreeMap::new(),
            errors: Vec::new(),
        }
    }

    /// An object without fields, to which files, variables and flags are added.
    pub(super) fn empty() -> Self {
        Self::of(Source::Flags, serde_json::Map::new())
    }

    /// Adds the fields of a YAML text, which override those that are there. Messages name it.
    ///
    /// # Errors
    /// Why the text cannot be read.
    pub(super) fn merge(&mut self, text: &str, name: &str) -> Result<(), String> {
        match yaml::read(text)? {
            Value::Null => Ok(()),
            Value::Object(fields) => {
                self.add("", fields, name);
                Ok(())
            }
            _ => Err("it is not an object".to_owned()),
        }
    }

    fn add(&mut self, above: &str, fields: serde_json::Map<String, Value>, name: &str) {
        for (key, value) in fields {
            let path = match above {
                "" => key,
                above => format!("{above}.{key}"),
            };
            match value {
                Value::Null => {}
                Value::Object(fields) => self.add(&path, fields, name),
                value => self.set_by(&path, value, format!("{path} in {name}")),
            }
        }
    }

    /// Sets the field. Messages give it this name.
    pub(super) fn set_by(&mut self, path: &str, value: Value, name: String) {
        self.set(path, value);
        self.names.insert(path.to_owned(), name);
    }

    /// Sets the field at the path of keys with dots between.
    pub(super) fn set(&mut self, path: &str, value: Value) {
        let mut at = &mut self.value;
        for key in path.split('.') {
            if !at.is_object() {
                *at = Value::Object(serde_json::Map::new());
            }
            let Value::Object(fields) = at else { return };
            at = fields.entry(key).or_insert(Value::Null);
        }
        *at = value;
    }

    fn origin(&self, path: &str) -> Origin {
        match self.names.get(path) {
            Some(name) => Origin::Runtime(name.as_str().into()),
            None => self.source.origin(path),
        }
    }

    fn new(source: Source, value: Result<Value, String>) -> Result<Self, OptionError> {
        let unreadable = |reason| source.error("", OptionErrorKind::Unreadable(reason));
        match value {
            Ok(Value::Object(fields)) => Ok(Self::of(source, fields)),
            Ok(_) => Err(unreadable("it is not an object".to_owned())),
            Err(reason) => Err(unreadable(reason)),
        }
    }

    /// The field at the path of keys with dots between; `None` where it is absent or null.
    pub(super) fn field(&self, path: &str) -> Option<&Value> {
        let mut value = &self.value;
        for key in path.split('.') {
            value = value.get(key)?;
        }
        (!value.is_null()).then_some(value)
    }

    /// Notes an error in the field.
    pub(super) fn note(&mut self, path: &str, problem: impl Into<OptionErrorKind>) {
        self.errors.push(OptionError {
            // The origin names the option itself, whichever it is.
            option: self.origin(path).name_of(Setting::ProxyUid),
            problem: problem.into(),
        });
    }

    fn note_type(&mut self, path: &str, accepted: &'static str) {
        let found = match self.field(path) {
            None | Some(Value::Null) => "null",
            Some(Value::Bool(_)) => "a boolean",
            Some(Value::Number(_)) => "a number",
            Some(Value::String(_)) => "a string",
            Some(Value::Array(_)) => "an array",
            Some(Value::Object(_)) => "an object",
        };
        self.note(path, OptionErrorKind::Type(found, accepted));
    }

    /// A boolean; `None` also where it has another type, which is noted.
    pub(super) fn boolean(&mut self, path: &str) -> Option<bool> {
        let value = self.field(path)?;
        let read = value.as_bool();
        if read.is_none() {
            self.note_type(path, "true or false");
        }
        read
    }

    /// A string or an integer; `None` also where it has another type, which is noted.
    pub(super) fn text(&mut self, path: &str) -> Option<String> {
        let read = text_of(self.field(path)?);
        if read.is_none() {
            self.note_type(path, "a string or an integer");
        }
        read
    }

    /// A list: an array, or one entry, or entries with commas between. Empty where it is absent or has another type,
    /// which is noted.
    pub(super) fn list(&mut self, path: &str) -> Vec<String> {
        let read = match self.field(path) {
            None => return Vec::new(),
            Some(Value::Array(entries)) => entries.iter().map(text_of).collect(),
            Some(value) => text_of(value).map(|text| {
                let entries = parse::entries(&text).filter(|entry| !entry.is_empty());
                entries.map(str::to_owned).collect()
            }),
        };
        read.unwrap_or_else(|| {
            self.note_type(path, "an array of strings and integers");
            Vec::new()
        })
    }

    /// Gives the option the text, as one that the field has.
    pub(super) fn give(
        &self,
        values: &mut OptionValues,
        setting: Setting,
        path: &str,
        text: impl Into<String>,
    ) {
        values.set(setting, self.origin(path), text.into());
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}
