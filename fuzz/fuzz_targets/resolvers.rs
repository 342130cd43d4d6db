//! Name servers in resolv.conf(5).
#![no_main]

use libfuzzer_sys::fuzz_target;
use netweir::parse::name_servers;

fuzz_target!(|text: &str| {
    let lines = text.lines().count();
    assert!(name_servers(text).count() <= lines);
    // Every other line of the file leaves the servers as they are.
    let servers: Vec<_> = name_servers(text).filter_map(Result::ok).collect();
    let with_comment = format!("# a comment\n{text}");
    let again: Vec<_> = name_servers(&with_comment).filter_map(Result::ok).collect();
    assert_eq!(again, servers);
});
