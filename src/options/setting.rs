//! The options of `netweir apply` and the commands that share them.

use super::option_set;

option_set! {
    /// An option of `netweir apply` and the commands that share its options.
    pub enum Setting;

    /// The proxy's port for outbound TCP.
    OutboundPort ("outbound-port") ["NETWEIR_OUTBOUND_PORT"] in Proxy,
    One "PORT" = Text("15001"), like "15001", common;

    /// The proxy's port for inbound TCP.
    InboundPort ("inbound-port") ["NETWEIR_INBOUND_PORT"] in Proxy,
    One "PORT" = Text("15006"), like "15006", common;

    /// The proxy's own mutual-TLS port, or none. Connections to it are not captured.
    TunnelPort ("tunnel-port") ["NETWEIR_TUNNEL_PORT"] in Proxy,
    One "PORT|none" = Text("15008"), like "none";

    /// The users that the proxy runs as, or none. Their connections are not captured again. Ids, or names in /etc/passwd
    /// of the image that netweir runs in.
    ProxyUid ("proxy-uid") ["NETWEIR_PROXY_UID"] in Proxy,
    List "UIDS" = Text("1337"), like "1337,istio-proxy", common;

    /// The groups that the proxy runs as. Ids, or names in /etc/group of the image that netweir runs in.
    ProxyGid ("proxy-gid") ["NETWEIR_PROXY_GID"] in Proxy,
    List "GIDS" = Described("the ids of --proxy-uid"), like "1337";

    /// Rewrite the destination, or keep it with TPROXY. With tproxy the proxy needs a transparent listener and sees the
    /// client's address.
    InboundMode ("inbound-mode") ["NETWEIR_INBOUND_MODE"] in Inbound,
    One "redirect|tproxy" = Text("redirect"), like "tproxy", common;

    /// In tproxy mode, the mark of packets for the transparent listener and of their connections.
    TproxyMark ("tproxy-mark") ["NETWEIR_TPROXY_MARK"] in Inbound,
    One "MARK" = Text("1337"), like "0x539";

    /// In tproxy mode, the mark of packets from the proxy to its own pod.
    OutboundMark ("outbound-mark") ["NETWEIR_OUTBOUND_MARK"] in Inbound,
    One "MARK" = Text("1338"), like "0x53a";

    /// In tproxy mode, the routing table for packets with the tproxy mark. All its destinations are local.
    TproxyTable ("tproxy-table") ["NETWEIR_TPROXY_TABLE"] in Inbound,
    One "TABLE" = Text("133"), like "133";

    /// Ports to capture: all (*), a list, or none (empty).
    IncludeInboundPorts ("include-inbound-ports") ["NETWEIR_INCLUDE_INBOUND_PORTS"] in Inbound,
    List "PORTS" = Text("*"), like "80,8000-8999", common;

    /// Ports not to capture. Only used when --include-inbound-ports is *.
    ExcludeInboundPorts ("exclude-inbound-ports") ["NETWEIR_EXCLUDE_INBOUND_PORTS"] in Inbound,
    List "PORTS" = Text(""), like "22,9000-9010", common;

    /// Sources not to capture: addresses and CIDRs of both families.
    ExcludeInboundIpRanges ("exclude-inbound-ip-ranges") ["NETWEIR_EXCLUDE_INBOUND_IP_RANGES"] in Inbound,
    List "RANGES" = Text(""), like "10.0.0.0/24,fd00:1::/64";

    /// Interfaces of virtual machines or nested containers. Traffic that arrives there is treated as outbound. A trailing +
    /// or * matches any suffix.
    RerouteInterfaces ("reroute-interfaces") ["NETWEIR_REROUTE_INTERFACES"] in Inbound,
    List "NAMES" = Text(""), like "tap0,k6t+";

    /// Networks inside the pod, such as those of containers on its bridge: INTERFACE:CIDR, one of each family. TCP that
    /// arrives there for other destinations is treated as outbound, and DNS queries go to --dns-port, even with --dns off. A
    /// trailing + or * of an interface matches any suffix.
    VirtualNetworks ("virtual-networks") ["NETWEIR_VIRTUAL_NETWORKS"] in Inbound,
    List "INTERFACE:CIDR" = Text(""), like "docker0:172.17.0.0/16,br+:fd00:3::/64";

    /// Destinations to capture: all (*), a list, or none (empty). Addresses and CIDRs of both families.
    IncludeOutboundIpRanges ("include-outbound-ip-ranges") ["NETWEIR_INCLUDE_OUTBOUND_IP_RANGES"] in Outbound,
    List "RANGES" = Text("*"), like "10.96.0.0/12,fd00:2::/108", common;

    /// Destinations not to capture. Addresses and CIDRs of both families.
    ExcludeOutboundIpRanges ("exclude-outbound-ip-ranges") ["NETWEIR_EXCLUDE_OUTBOUND_IP_RANGES"] in Outbound,
    List "RANGES" = Text(""), like "169.254.169.254,10.1.0.0/16", common;

    /// Destinations not to capture, before anything else is compared: DNS queries to them bypass the proxy, too, and calls of
    /// the proxy to its own pod. Addresses and CIDRs of both families.
    ExcludeOutboundIpRangesFirst ("exclude-outbound-ip-ranges-first") ["NETWEIR_EXCLUDE_OUTBOUND_IP_RANGES_FIRST"] in Outbound,
    List "RANGES" = Text(""), like "10.96.0.10,fd00:4::/64";

    /// Destination ports to capture at every address.
    IncludeOutboundPorts ("include-outbound-ports") ["NETWEIR_INCLUDE_OUTBOUND_PORTS"] in Outbound,
    List "PORTS" = Text(""), like "80,443";

    /// Destination ports not to capture.
    ExcludeOutboundPorts ("exclude-outbound-ports") ["NETWEIR_EXCLUDE_OUTBOUND_PORTS"] in Outbound,
    List "PORTS" = Text(""), like "3306,6379", common;

    /// Destination ports not to capture for certain users: PORTS:UIDS. A prefix tcp: or udp: limits it to one protocol; *
    /// stands for all ports or users. Repeat the option, or separate values with semicolons, of which several have at most
    /// 1024 combinations. UDP other than DNS is never captured.
    ExcludeOutboundPortsForUids ("exclude-outbound-ports-for-uids") ["NETWEIR_EXCLUDE_OUTBOUND_PORTS_FOR_UIDS"] in Outbound,
    Several "PORTS:UIDS" = Text(""), like "tcp:3306,6000-6999:999,2000-2999";

    /// Whether to capture connections between processes of the pod. They are captured if an included range contains
    /// loopback addresses (auto), like other connections (always), or never. Connections to the loopback range are
    /// never captured.
    CaptureOverLoopback ("capture-over-loopback") ["NETWEIR_CAPTURE_OVER_LOOPBACK"] in Outbound,
    One "auto|always|never" = Text("auto"), like "never";

    /// Users to capture: ids, ranges of ids and names; * for all. A connection must match --include-outbound-gids, too.
    IncludeOutboundUids ("include-outbound-uids") ["NETWEIR_INCLUDE_OUTBOUND_UIDS"] in Outbound,
    List "UIDS" = Text("*"), like "1000-1999,www-data";

    /// Users not to capture.
    ExcludeOutboundUids ("exclude-outbound-uids") ["NETWEIR_EXCLUDE_OUTBOUND_UIDS"] in Outbound,
    List "UIDS" = Text(""), like "999,backup";

    /// Groups to capture: ids, ranges of ids and names; * for all. A connection must match --include-outbound-uids, too.
    IncludeOutboundGids ("include-outbound-gids") ["NETWEIR_INCLUDE_OUTBOUND_GIDS"] in Outbound,
    List "GIDS" = Text("*"), like "1000-1999,www-data";

    /// Groups not to capture.
    ExcludeOutboundGids ("exclude-outbound-gids") ["NETWEIR_EXCLUDE_OUTBOUND_GIDS"] in Outbound,
    List "GIDS" = Text(""), like "202,backup";

    /// Interfaces not to capture. A trailing + or * matches any suffix.
    ExcludeInterfaces ("exclude-interfaces") ["NETWEIR_EXCLUDE_INTERFACES"] in Both,
    List "NAMES" = Text(""), like "eth1,tun+", common;

    /// IPv4 destinations inside 127.0.0.0/8 that are the application itself. They are never captured as outbound. For IPv6
    /// this is always the loopback address alone.
    LoopbackRange ("loopback-range") ["NETWEIR_LOOPBACK_RANGE"] in Both,
    One "RANGE" = Text("127.0.0.1/32"), like "127.0.0.0/8";

    /// The source addresses of the proxy's connections to its own application, at most 16 of IPv6.
    PassthroughSource ("passthrough-source") ["NETWEIR_PASSTHROUGH_SOURCE"] in Both,
    List "ADDRESSES" = Text("127.0.0.6,::6"), like "127.0.0.6,::6";

    /// Drop arriving packets that connection tracking calls invalid. The proxy would answer them with a reset.
    DropInvalid ("drop-invalid") ["NETWEIR_DROP_INVALID"] in Both,
    Switch "true|false" = Text("false"), like "true";

    /// IP families to capture; auto: those with a global address. The other family is not captured.
    IpFamilies ("ip-families") ["NETWEIR_IP_FAMILIES"] in Both,
    One "ipv4|ipv6|both|auto" = Text("both"), like "auto", common;

    /// DNS queries to capture: none, to configured servers, or all. The servers of resolvers are those
    /// of --dns-servers or --resolv-conf.
    Dns ("dns") ["NETWEIR_DNS"] in Dns,
    One "off|resolvers|all" = Text("off"), like "resolvers", common;

    /// DNS queries over TCP: redirect them like those over UDP, bypass them, or treat them like other TCP (outbound). With
    /// bypass or outbound, port exclusions and the passthrough source do not apply to UDP.
    DnsTcp ("dns-tcp") ["NETWEIR_DNS_TCP"] in Dns,
    One "redirect|bypass|outbound" = Text("redirect"), like "bypass";

    /// Track the DNS queries of applications and of the proxy in separate conntrack zones.
    DnsZones ("dns-zones") ["NETWEIR_DNS_ZONES"] in Dns,
    Switch "true|false" = Text("true"), like "false";

    /// The proxy's port for DNS.
    DnsPort ("dns-port") ["NETWEIR_DNS_PORT"] in Dns,
    One "PORT" = Text("15053"), like "15053";

    /// A DNS server that gets the captured queries of its IP family, at --dns-port, in the proxy's place. Queries of the other
    /// family are then not captured, and --dns-zones has no effect.
    DnsTo ("dns-to") ["NETWEIR_DNS_TO"] in Dns,
    One "ADDRESS" = Described("the proxy"), like "10.96.0.20";

    /// Whose DNS queries are captured: those of applications (apps), or those of everyone, even the proxy's and the
    /// excluded ones. With everyone, --dns-zones has no effect.
    DnsOf ("dns-of") ["NETWEIR_DNS_OF"] in Dns,
    One "apps|everyone" = Text("apps"), like "everyone";

    /// The name servers of --dns resolvers, instead of those of --resolv-conf. Addresses and CIDRs of both families.
    DnsServers ("dns-servers") ["NETWEIR_DNS_SERVERS"] in Dns,
    List "SERVERS" = Described("those of --resolv-conf"), like "10.96.0.10,fd00:10::a";

    /// The file with the name servers of --dns resolvers, in the format of resolv.conf(5).
    ResolvConf ("resolv-conf") ["NETWEIR_RESOLV_CONF"] in Dns,
    One "FILE" = Text("/etc/resolv.conf"), like "/etc/resolv.conf";

    /// A TOML file with options, without the leading dashes. Flags override variables, and variables override the file.
    Config ("config") ["NETWEIR_CONFIG"] in Target,
    One "FILE" = Described("none"), like "/etc/netweir.toml", common;

    /// The network namespace: path, name or process id. Names are those under /run/netns.
    Netns ("netns") ["NETWEIR_NETNS"] in Target,
    One "NAMESPACE" = Described("the current one"), like "/proc/4711/ns/net", common;

    /// Test the installed rules with real connections. netweir listens in the proxy's place, connects in both directions and
    /// each captured family that has an address, and reads a token and the original destination back. Checks that
    /// cannot run are warnings, not failures: for example if the proxy listens already.
    Verify ("verify") ["NETWEIR_VERIFY"] in Installation,
    Switch "true|false" = Text("false"), like "true", common;

    /// Install the rules even where other pods' traffic passes. Without it, netweir refuses the network namespace of a node
    /// or of another host of pods.
    Host ("host") ["NETWEIR_HOST"] in Installation,
    Switch "true|false" = Text("false"), like "true";

    /// Print the rules instead of installing them. Needs no privileges.
    DryRun ("dry-run") ["NETWEIR_DRY_RUN"] in DryRun,
    Switch "true|false" = Text("false"), like "true", common;

    /// The format of the printed rules: for nft -f, nft -j -f, iptables-restore or ip6tables-restore.
    Format ("format") ["NETWEIR_FORMAT"] in DryRun,
    One "nft|json|iptables|ip6tables" = Text("nft"), like "json";

    /// The format of messages on standard error: lines of text, or a JSON object per line.
    LogFormat ("log-format") ["NETWEIR_LOG_FORMAT"] in Logging,
    One "plain|json" = Text("plain"), like "json";

    /// Print more; -vv also prints the rules.
    Verbose ("verbose" 'v') ["NETWEIR_VERBOSE"] in Logging,
    Count "LEVEL" = Text("0"), like "2", common;

    /// Print errors only.
    Quiet ("quiet" 'q') ["NETWEIR_QUIET"] in Logging,
    Switch "true|false" = Text("false"), like "true", common;
}
