//! The flags and variables that ask Istio's program for certain rules.

use netweir::meshes::IstioFlag;

use crate::istio_rules::{Dns, Settings};

impl Settings {
    /// The flags. What separates the entries of lists separates those of CIDRs without its white space, which would
    /// spoil them.
    pub fn flags(&self, separator: &str) -> Vec<(IstioFlag, String)> {
        let list = |entries: &[String]| entries.join(separator);
        let cidrs = |entries: &[String]| entries.join(separator.trim());
        let dashes = |entries: &[String]| list(entries).replace(':', "-");
        let number = |number: u16| number.to_string();
        let mut flags = vec![
            (IstioFlag::EnvoyPort, number(self.outbound_port)),
            (IstioFlag::InboundCapturePort, number(self.inbound_port)),
            (IstioFlag::InboundTunnelPort, number(self.tunnel_port)),
            (IstioFlag::ProxyUid, list(&self.uids)),
            (IstioFlag::InboundPorts, list(&self.inbound_ports)),
            (
                IstioFlag::InboundPortsExclude,
                dashes(&self.inbound_exclude),
            ),
            (IstioFlag::ExcludeInterfaces, list(&self.interfaces_exclude)),
            (IstioFlag::RerouteInterfaces, list(&self.interfaces_reroute)),
            (IstioFlag::RangesInclude, cidrs(&self.ranges)),
            (IstioFlag::RangesExclude, cidrs(&self.ranges_exclude)),
            (IstioFlag::PortsInclude, dashes(&self.ports)),
            (IstioFlag::PortsExclude, list(&self.ports_exclude)),
            (IstioFlag::TproxyMark, self.mark.to_string()),
            (IstioFlag::DropInvalid, self.drop_invalid.to_string()),
            (IstioFlag::RedirectDns, (self.dns != Dns::Off).to_string()),
            (IstioFlag::CaptureAllDns, (self.dns == Dns::All).to_string()),
        ];
        if self.gids != self.uids {
            flags.push((IstioFlag::ProxyGid, list(&self.gids)));
        }
        if self.tproxy {
            flags.push((IstioFlag::Mode, "TPROXY".to_owned()));
        }
        flags
    }

    /// The variables that have no flag.
    pub fn variables(&self, separator: &str) -> [(&'static str, String); 3] {
        let groups = self.groups.as_ref();
        let groups = groups.map_or_else(|| "*".to_owned(), |groups| groups.join(separator));
        let exclude = self.groups_exclude.join(separator);
        [
            ("ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", self.loopback.clone()),
            ("ISTIO_OUTBOUND_OWNER_GROUPS", groups),
            ("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", exclude),
        ]
    }

    /// The file that names the servers.
    pub fn resolv_conf(&self) -> String {
        match &self.dns {
            Dns::Off | Dns::All => String::new(),
            Dns::Servers(servers) => {
                let lines = servers
                    .iter()
                    .map(|server| format!("nameserver {server}\n"));
                lines.collect()
            }
        }
    }
}
