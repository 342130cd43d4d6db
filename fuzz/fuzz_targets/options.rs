//! Configuration files, to the options that a capture is written with, the rules and what is stored with them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netweir::options::{self, read_file};
use netweir_fuzz::check_capture;
use netweir_testkit::fakes::{NoFiles, NoUsers};

fuzz_target!(|text: &str| {
    let (values, errors) = read_file("netweir.toml", text);
    for error in &errors {
        assert!(!error.to_string().is_empty());
    }
    match options::capture(&values, &NoUsers, &NoFiles) {
        Ok(parsed) => check_capture(&parsed),
        Err(errors) => assert!(!errors.is_empty()),
    }
});
