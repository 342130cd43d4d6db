//! The command line of Linkerd's network validator, which runs in pods whose rules a CNI plugin installs.

use std::mem;
use std::time::Duration;

use crate::intent::{Capture, Families, Port};
use crate::meshes::reader::Reader;
use crate::meshes::request::{FamilyRule, RedirectTest};
use crate::meshes::{Action, CompatCommand, Request};
use crate::options::{LogOptions, option_set};
use crate::parse::{self, DnsChoice, ValueError, decimal};

use super::log;

option_set! {
    /// A flag.
    pub enum LinkerdValidatorFlag;

    /// The address that connections should be redirected to.
    ListenAddr ("listen-addr") [] in Action,
    One "ADDRESS" = Text("0.0.0.0:4140"), like "[::]:4140", common;

    /// The address to connect to. Nothing needs to listen there.
    ConnectAddr ("connect-addr") [] in Action,
    One "ADDRESS" = Text("192.0.2.2:1404"), like "1.1.1.1:20001", common;

    /// How long the answer may take, with one of the units ms, s, m, h and d.
    Timeout ("timeout") [] in Action,
    One "TIME" = Text("10s"), like "500ms", common;

    /// The format of messages: lines of text, or a JSON object per line.
    LogFormat ("log-format") ["LINKERD_NETWORK_VALIDATOR_LOG_FORMAT"] in Logging,
    One "plain|json" = Text("plain"), like "json";

    /// The least severe messages to log. Levels of single targets are ignored.
    LogLevel ("log-level") ["LINKERD_NETWORK_VALIDATOR_LOG_LEVEL"] in Logging,
    One "LEVEL" = Text("info"), like "debug", common;
}

/// Linkerd's network validator.
#[derive(Clone, Copy, Debug)]
pub struct LinkerdValidator;

impl CompatCommand for LinkerdValidator {
    type Flag = LinkerdValidatorFlag;
    const COMMAND: &'static str = "linkerd-network-validator";
    const ABOUT: &'static str =
        "Test that connections are redirected, like Linkerd's network-validator";

    fn log_options(reader: &mut Reader<'_, LinkerdValidatorFlag>) -> Option<LogOptions> {
        let format = reader.one(LinkerdValidatorFlag::LogFormat, parse::word);
        let level = reader.one(LinkerdValidatorFlag::LogLevel, log::filter);
        Some(LogOptions {
            format: format?,
            level: level?,
        })
    }

    fn request(reader: &mut Reader<'_, LinkerdValidatorFlag>) -> Option<Request> {
        let listen = reader.one(LinkerdValidatorFlag::ListenAddr, parse::socket_address);
        let connect = reader.one(LinkerdValidatorFlag::ConnectAddr, parse::socket_address);
        let within = reader.one(LinkerdValidatorFlag::Timeout, timeout);
        Some(Request {
            capture: Capture::default(),
            families: FamilyRule::Fixed(Families::Both),
            dns: (DnsChoice::Off, Port::new(53)?),
            action: Action::TestRedirect(
                RedirectTest {
                    listen: listen?,
                    connect: connect?,
                    from: None,
                    within: within?,
                },
                None,
            ),
            show: None,
            namespace: None,
            on_host: false,
            close_wait_timeout: None,
            validation: None,
            rules_file: None,
            notices: mem::take(&mut reader.notices),
        })
    }
}

/// A whole number with a unit; 0 needs none.
fn timeout(text: &str) -> Result<Duration, ValueError> {
    let trimmed = text.trim();
    let end = trimmed.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = trimmed.split_at(end.unwrap_or(trimmed.len()));
    let milliseconds = match (unit, number) {
        ("", "0") | ("ms", _) => Some(1),
        ("s", _) => Some(1000),
        ("m", _) => Some(60 * 1000),
        ("h", _) => Some(60 * 60 * 1000),
        ("d", _) => Some(24 * 60 * 60 * 1000),
        _ => None,
    };
    let time = decimal::<u64>(number)
        .zip(milliseconds)
        .and_then(|(number, each)| number.checked_mul(each));
    time.map(Duration::from_millis)
        .ok_or_else(|| ValueError::DurationWithUnit(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeout_is_a_whole_number_with_a_unit() {
        for (text, milliseconds) in [
            ("0", 0),
            ("0s", 0),
            ("500ms", 500),
            (" 10s ", 10_000),
            ("2m", 120_000),
            ("2h", 7_200_000),
            ("2d", 172_800_000),
        ] {
            assert_eq!(timeout(text), Ok(Duration::from_millis(milliseconds)));
        }
        for text in [
            "",
            "s",
            "120",
            "1m30s",
            "1.5s",
            "-1s",
            "10 s",
            "18446744073709551615s",
        ] {
            let error = ValueError::DurationWithUnit(text.to_owned());
            assert_eq!(timeout(text), Err(error));
        }
    }
}
