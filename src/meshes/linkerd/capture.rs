//! What Linkerd's flags capture.

use crate::intent::{
    Capture, Inbound, InboundPorts, Interval, IpRanges, OwnerId, Port, Ports, Proxy,
};
use crate::meshes::notation;
use crate::meshes::reader::{Reader, Space};
use crate::options::{OptionErrorKind, OptionSet};
use crate::parse::{self, OwnerKind};

use super::LinkerdFlag;

impl Reader<'_, LinkerdFlag> {
    pub(super) fn proxy(&mut self) -> Option<Proxy> {
        let inbound_port = self.required_port(LinkerdFlag::IncomingProxyPort);
        let outbound_port = self.required_port(LinkerdFlag::OutgoingProxyPort);
        let uids = self.owner(LinkerdFlag::ProxyUid, OwnerKind::User);
        let gids = self.owner(LinkerdFlag::ProxyGid, OwnerKind::Group);
        if uids.is_empty() && gids.is_empty() {
            let text = "names no user or group of the proxy: its own connections are captured again, without end";
            self.warn(LinkerdFlag::ProxyUid, text);
        }
        Some(Proxy {
            outbound_port: outbound_port?,
            inbound_port: inbound_port?,
            tunnel_port: None,
            uids,
            gids,
        })
    }

    fn required_port(&mut self, flag: LinkerdFlag) -> Option<Port> {
        if self.values.has(flag) {
            return self.one(flag, parse::port);
        }
        let spec = flag.spec();
        let (value, example) = (spec.value, spec.example);
        self.note(flag, OptionErrorKind::Required(value, example));
        None
    }

    /// An id above 0. -1 and 0 mean none; so does an error.
    fn owner(&mut self, flag: LinkerdFlag, kind: OwnerKind) -> Vec<OwnerId> {
        let id = self.one(flag, |text| match text {
            "-1" | "0" => Ok(None),
            _ => parse::owner_id(text, kind).map(Some),
        });
        id.flatten().into_iter().collect()
    }

    /// The ports of `--ports-to-redirect`, or all, without those to ignore.
    pub(super) fn inbound(&mut self) -> Option<Inbound> {
        let listed = self.ports(LinkerdFlag::PortsToRedirect);
        let ignored = self.ports(LinkerdFlag::InboundPortsToIgnore);
        let subnets: Option<IpRanges> =
            self.list(LinkerdFlag::SubnetsToIgnore, Space::Free, notation::cidr);
        let (listed, ignored) = (listed?, ignored?);
        Some(Inbound {
            ports: if listed.is_empty() {
                InboundPorts::AllExcept(ignored)
            } else {
                InboundPorts::Only(listed.without(&ignored))
            },
            exclude_sources: subnets?,
            ..Capture::default().inbound
        })
    }

    pub(super) fn ports(&mut self, flag: LinkerdFlag) -> Option<Ports> {
        self.list(flag, Space::Counts, |text| -> Result<Interval<u16>, _> {
            parse::ports(text, '-')
        })
    }
}
