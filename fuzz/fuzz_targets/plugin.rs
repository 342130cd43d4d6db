//! Standard input of the CNI plugin, up to what would be done: `cargo +nightly fuzz run plugin`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netweir::cni::{Command, Environment, SpecVersion, read};
use netweir::options::Files;

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("there are no files here".to_owned())
    }
}

fuzz_target!(|text: &str| {
    for command in Command::ALL {
        let variable = |name: &str| {
            let value = match name {
                "CNI_COMMAND" => command.text(),
                "CNI_CONTAINERID" | "CNI_NETNS" | "CNI_IFNAME" => "a",
                _ => return None,
            };
            Some(value.into())
        };
        let environment = Environment::read(&variable).expect("complete");
        if let Err(error) = read(&environment, text, &NoFiles) {
            let json = error.to_json(SpecVersion::LATEST);
            serde_json::from_str::<serde_json::Value>(&json).expect("an error is JSON");
        }
    }
});
