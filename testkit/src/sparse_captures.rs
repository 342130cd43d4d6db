//! Random captures under which a random connection gets somewhere.

use netweir::intent::{Capture, IpRanges, Ports};
use proptest::prelude::*;

/// A capture of which each part is random or the default: where everything is random, hardly a connection gets
/// past all of the exclusions.
pub fn capture() -> impl Strategy<Value = Capture> {
    (crate::captures::capture(), any::<[bool; 8]>()).prop_map(|(mut capture, random)| {
        let default = Capture::default();
        let [
            uids,
            gids,
            ports,
            of_uids,
            ranges,
            interfaces,
            sources,
            others,
        ] = random;
        let outbound = &mut capture.outbound;
        keep(uids, &mut outbound.uids, default.outbound.uids);
        keep(gids, &mut outbound.gids, default.outbound.gids);
        keep(ports, &mut outbound.exclude_ports, Ports::default());
        keep(of_uids, &mut outbound.exclude_ports_for_uids, Vec::new());
        keep(ranges, &mut outbound.exclude_ranges, IpRanges::default());
        keep(
            of_uids,
            &mut outbound.exclude_ranges_first,
            IpRanges::default(),
        );
        keep(interfaces, &mut capture.exclude_interfaces, Vec::new());
        keep(
            sources,
            &mut capture.inbound.exclude_sources,
            IpRanges::default(),
        );
        keep(others, &mut capture.loopback_range, default.loopback_range);
        keep(others, &mut capture.families, default.families);
        capture
    })
}

fn keep<T>(random: bool, part: &mut T, default: T) {
    if !random {
        *part = default;
    }
}
