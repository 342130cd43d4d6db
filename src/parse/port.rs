//! Ports and ranges of ports.

use crate::intent::{Interval, Port};

use super::{ValueError, decimal};

/// One port, 1 to 65535.
pub fn port(text: &str) -> Result<Port, ValueError> {
    number(text).ok_or_else(|| ValueError::Port(text.to_owned()))
}

/// One port, or `none`.
pub fn optional_port(text: &str) -> Result<Option<Port>, ValueError> {
    if text == "none" {
        return Ok(None);
    }
    number(text)
        .map(Some)
        .ok_or_else(|| ValueError::OptionalPort(text.to_owned()))
}

/// One port, or a range with the separator between its ends.
pub fn ports(text: &str, separator: char) -> Result<Interval<u16>, ValueError> {
    let Some((first, last)) = text.split_once(separator) else {
        return port(text).map(|port| Interval::single(port.number()));
    };
    let (Some(first), Some(last)) = (number(first), number(last)) else {
        return Err(ValueError::PortRange(text.to_owned()));
    };
    if first > last {
        return Err(ValueError::Backwards(
            text.to_owned(),
            first.number().into(),
            last.number().into(),
        ));
    }
    Ok(Interval::between(first.number(), last.number()))
}

fn number(text: &str) -> Option<Port> {
    decimal(text).and_then(Port::new)
}
