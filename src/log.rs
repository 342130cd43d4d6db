//! Messages to standard error. Standard output is for results alone.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path;
use std::sync::OnceLock;
use std::time::SystemTime;

use serde::ser::{SerializeMap, Serializer};

use crate::options::{Level, LogFormat, LogOptions};
use crate::printable::{one_line, printable};

/// Names and values that go with a message.
pub type Fields<'a> = &'a [(&'a str, &'a dyn Value)];

/// The value of a field.
pub trait Value: Display {
    /// The number that it is, for logs in JSON; `None` for text.
    fn number(&self) -> Option<u64> {
        None
    }
}

impl<T: Value + ?Sized> Value for &T {
    fn number(&self) -> Option<u64> {
        (**self).number()
    }
}

macro_rules! numbers {
    ($($integer:ty),*) => {$(
        impl Value for $integer {
            fn number(&self) -> Option<u64> {
                Some(u64::try_from(*self).expect("no integer is wider than 64 bits"))
            }
        }
    )*};
}
numbers!(u8, u16, u32, u64, usize);

impl Value for str {}
impl Value for String {}
impl Value for io::Error {}
impl Value for path::Display<'_> {}
impl Value for SocketAddr {}

/// Writes messages to standard error, in the format and from the level of the options.
#[derive(Clone, Copy, Debug, Default)]
pub struct Log {
    options: LogOptions,
    file: Option<&'static LogFile>,
}

/// The file of the process besides standard error.
static FILE: OnceLock<LogFile> = OnceLock::new();

/// A file that messages are appended to, as JSON objects with common fields.
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
        let own = own.map(|(name, value)| (*name, value as &dyn Value));
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

    /// The same log, with a file besides standard error. A process has one such file: the first.
    #[must_use]
    pub fn and_to(self, file: LogFile) -> Self {
        Self {
            file: Some(FILE.get_or_init(|| file)),
            ..self
        }
    }

    /// Whether messages of the level are written.
    #[must_use]
    pub fn writes(self, level: Level) -> bool {
        level >= self.options.level
    }

    /// A failure.
    pub fn error(self, message: impl Display, fields: Fields<'_>) {
        self.write(Level::Error, &message, fields);
    }

    /// Something that is probably unintended.
    pub fn warning(self, message: impl Display, fields: Fields<'_>) {
        self.write(Level::Warning, &message, fields);
    }

    /// Something was done.
    pub fn info(self, message: impl Display, fields: Fields<'_>) {
        self.write(Level::Info, &message, fields);
    }

    /// A step of the run.
    pub fn debug(self, message: impl Display, fields: Fields<'_>) {
        self.write(Level::Debug, &message, fields);
    }

    /// Everything, such as the rules.
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
        // One write for each line, so that lines of several processes do not mix. A closed standard error does not prevent
        // capture.
        let _ = io::stderr().lock().write_all(line.as_bytes());
        if let Some(file) = self.file {
            file.write(level, message, fields);
        }
    }
}

fn plain(level: Level, message: &dyn Display, fields: Fields<'_>) -> String {
    let message = message.to_string();
    let message = match level {
        // The rules have many lines.
        Level::Trace => message.into(),
        _ => one_line(&message),
    };
    let mut line = format!("{}: {message}", level.name());
    for (name, value) in fields {
        let value = value.to_string();
        let special = |character: char| [' ', '"', '='].contains(&character);
        let bare = !value.is_empty() && !value.contains(special) && printable(&value) == value;
        let value = if bare { value } else { format!("{value:?}") };
        line.extend([" ", name, "=", &value]);
    }
    line.push('\n');
    line
}

fn json(level: Level, message: &dyn Display, fields: Fields<'_>, now: SystemTime) -> String {
    let mut line = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut line);
    (|| {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("time", &humantime::format_rfc3339_millis(now).to_string())?;
        map.serialize_entry("level", level.name())?;
        map.serialize_entry("message", &message.to_string())?;
        for (name, value) in fields {
            match value.number() {
                Some(number) => map.serialize_entry(name, &number)?,
                None => map.serialize_entry(name, &value.to_string())?,
            }
        }
        SerializeMap::end(map)
    })()
    .expect("strings and numbers are written to memory");
    line.push(b'\n');
    String::from_utf8(line).expect("JSON is UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_line_quotes_values_with_spaces() {
        let fields: Fields<'_> = &[("rules", &12_usize), ("why", &"two words")];
        assert_eq!(
            plain(Level::Info, &"installed", fields),
            "info: installed rules=12 why=\"two words\"\n"
        );
    }

    #[test]
    fn plain_line_escapes_control_characters() {
        let fields: Fields<'_> = &[("pod", &"a\u{1b}[2J"), ("why", &"two\nlines")];
        assert_eq!(
            plain(Level::Error, &"pod a\nerror: b\u{1b}[2J", fields),
            "error: pod a\\nerror: b\\u{1b}[2J pod=\"a\\u{1b}[2J\" why=\"two\\nlines\"\n"
        );
        assert_eq!(plain(Level::Trace, &"a\nb", &[]), "trace: a\nb\n");
    }

    #[test]
    fn json_line_is_one_object_in_which_numbers_are_numbers() {
        let line = json(
            Level::Warning,
            &"a \"quoted\"\nmessage",
            &[("rules", &12_usize), ("pod", &"12")],
            SystemTime::UNIX_EPOCH,
        );
        assert_eq!(
            line,
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"warning\",\
             \"message\":\"a \\\"quoted\\\"\\nmessage\",\"rules\":12,\"pod\":\"12\"}\n"
        );
    }
}
