//! Messages to standard error. Standard output has what was asked for, and nothing else.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write};
use std::time::SystemTime;

use serde::ser::{SerializeMap, Serializer};

use crate::options::{Level, LogFormat, LogOptions};

/// Names and values that go with a message.
pub type Fields<'a> = &'a [(&'a str, &'a dyn Display)];

/// Where messages go: standard error, in the format and from the level that the options say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Log {
    options: LogOptions,
    file: Option<&'static LogFile>,
}

/// A file that messages are appended to, as JSON objects, with fields that all of them have.
#[derive(Debug)]
pub struct LogFile {
    file: File,
    fields: Vec<(&'static str, String)>,
}

impl LogFile {
    /// The file, opened to append.
    #[must_use]
    pub const fn new(file: File, fields: Vec<(&'static str, String)>) -> Self {
        Self { file, fields }
    }

    fn write(&self, level: Level, message: &dyn Display, fields: Fields<'_>) {
        let own = self.fields.iter().filter(|(_, value)| !value.is_empty());
        let own = own.map(|(name, value)| (*name, value as &dyn Display));
        let fields: Vec<_> = own.chain(fields.iter().copied()).collect();
        let line = json(level, message, &fields, SystemTime::now());
        // Standard error has the message, too.
        let _ = (&self.file).write_all(line.as_bytes());
    }
}

impl Log {
    /// A log with these options.
    #[must_use]
    pub const fn new(options: LogOptions) -> Self {
        Self {
            options,
            file: None,
        }
    }

    /// The same log, with a file besides standard error. The process has it open until it ends.
    #[must_use]
    pub fn and_to(self, file: LogFile) -> Self {
        Self {
            file: Some(Box::leak(Box::new(file))),
            ..self
        }
    }

    /// Whether messages of the level are written.
    #[must_use]
    pub fn writes(self, level: Level) -> bool {
        level >= self.options.level
    }

    /// Something went wrong.
    pub fn error(self, message: impl Display, fields: Fields<'_>) {
        self.write(Level::Error, &message, fields);
    }

    /// Something may not be meant so.
    pub fn warning(self, message: impl Display, fields: Fields<'_>) {
        self.write(Level::Warning, &message, fields);
    }

    /// Something was done.
    pub fn info(self, message: impl Display, fields: Fields<'_>) {
        self.write(Level::Info, &message, fields);
    }

    /// Something is about to be done.
    pub fn debug(self, message: impl Display, fields: Fields<'_>) {
        self.write(Level::Debug, &message, fields);
    }

    /// What is dealt with, at length.
    pub fn trace(self, message: impl Display, fields: Fields<'_>) {
        self.write(Level::Trace, &message, fields);
    }

    fn write(self, level: Level, message: &dyn Display, fields: Fields<'_>) {
        if !self.writes(level) {
            return;
        }
        let line = match self.options.format {
            LogFormat::Plain => plain(level, message, fields),
            LogFormat::Json => json(level, message, fields, SystemTime::now()),
        };
        // One write a line, so that lines of several processes do not mix. A closed standard error
        // is no reason to leave the traffic uncaptured.
        let _ = io::stderr().lock().write_all(line.as_bytes());
        if let Some(file) = self.file {
            file.write(level, message, fields);
        }
    }
}

const fn word(level: Level) -> &'static str {
    match level {
        Level::Trace => "trace",
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

fn plain(level: Level, message: &dyn Display, fields: Fields<'_>) -> String {
    let mut line = format!("{}: {message}", word(level));
    for (name, value) in fields {
        let value = value.to_string();
        let bare = !value.is_empty() && !value.contains([' ', '"', '=', '\n']);
        let value = if bare { value } else { format!("{value:?}") };
        line.extend([" ", name, "=", &value]);
    }
    line.push('\n');
    line
}

fn json(level: Level, message: &dyn Display, fields: Fields<'_>, now: SystemTime) -> String {
    let mut line = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut line);
    // Strings to memory: neither can fail.
    let _ = (|| {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("time", &humantime::format_rfc3339_millis(now).to_string())?;
        map.serialize_entry("level", word(level))?;
        map.serialize_entry("message", &message.to_string())?;
        for (name, value) in fields {
            map.serialize_entry(name, &value.to_string())?;
        }
        SerializeMap::end(map)
    })();
    line.push(b'\n');
    String::from_utf8_lossy(&line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_line_has_its_values_quoted_where_needed() {
        let fields: Fields<'_> = &[("rules", &12), ("why", &"two words")];
        assert_eq!(
            plain(Level::Info, &"installed", fields),
            "info: installed rules=12 why=\"two words\"\n"
        );
    }

    #[test]
    fn a_json_line_is_one_object_with_a_time() {
        let line = json(
            Level::Warning,
            &"a \"quoted\"\nmessage",
            &[("rules", &12)],
            SystemTime::UNIX_EPOCH,
        );
        assert_eq!(
            line,
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"warning\",\
             \"message\":\"a \\\"quoted\\\"\\nmessage\",\"rules\":\"12\"}\n"
        );
    }
}
