//! Network configurations of other programs, as the node agent reads and extends them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netweir::node::{Entry, fuzz_list};

fuzz_target!(|text: &str| {
    let entry = Entry::read("{}").expect("every key has a default");
    fuzz_list(text, &entry);
});
