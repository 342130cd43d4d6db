//! Netlink messages, as every kind that netweir reads.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netweir::{nftables, rtnetlink};

fuzz_target!(|datagram: &[u8]| {
    // A copy, because the kernel's messages are aligned.
    let datagram = datagram.to_vec();
    nftables::fuzzing::read(&datagram);
    rtnetlink::fuzzing::read(&datagram);
});
