//! A call of the CNI plugin, up to what would be done: the first line is `CNI_ARGS`, the rest is standard input.
#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use netweir::cni::{Command, Environment, Request, SpecVersion, read};
use netweir_fuzz::{LONGEST_ANSWER, member};
use netweir_testkit::fakes::NoFiles;

fuzz_target!(|text: &str| {
    let (arguments, text) = text.split_once('\n').unwrap_or(("", text));
    // The C library has no variables with a NUL.
    let arguments = arguments.replace('\0', "");
    for command in Command::ALL {
        let variable = |name: &str| {
            let value: Cow<str> = match name {
                "CNI_COMMAND" => command.text().into(),
                "CNI_CONTAINERID" | "CNI_NETNS" => "a".into(),
                "CNI_IFNAME" => "eth0".into(),
                "CNI_ARGS" => arguments.as_str().into(),
                _ => return None,
            };
            Some(value.into_owned().into())
        };
        let request = match Environment::read(&variable) {
            Ok(environment) => read(&environment, text, &NoFiles),
            Err(errors) => Err(netweir::cni::PluginError::Environment(errors)),
        };
        match request {
            Ok(Request::Add(attachment) | Request::Check(attachment)) => {
                // The runtime gets the result of the earlier plugins byte for byte.
                let previous = attachment.previous.map(serde_json::value::RawValue::get);
                assert_eq!(previous, member(text, "prevResult"));
            }
            Ok(Request::Status(_) | Request::Version(_) | Request::Del | Request::Gc) => {}
            Err(error) => {
                let json = error.to_json(SpecVersion::LATEST);
                serde_json::from_str::<serde_json::Value>(&json).expect("an error is JSON");
                assert!(json.len() <= LONGEST_ANSWER, "{} bytes", json.len());
            }
        }
    }
});
