//! The flags and variables of `kumactl install transparent-proxy`, and of the commands that remove and test its rules.

use crate::options::option_set;

option_set! {
    /// A flag, or a variable that has none.
    pub enum KumaFlag;

    /// The configuration of the transparent proxy as YAML or JSON: files, - for standard input, or the text itself. Can be
    /// repeated; later ones override earlier ones, variables all of them, and flags the variables.
    Config ("config") [] in Target,
    Several "FILE" = Described("none"), like "/tmp/transparent-proxy/base/config.yaml", common;

    /// The same as --config.
    ConfigFile ("config-file") [] in Target,
    Several "FILE" = Described("none"), like "/tmp/transparent-proxy/base/config.yaml";

    /// The same as --config.
    TransparentProxyConfig ("transparent-proxy-config") [] in Target,
    Several "FILE" = Described("none"), like "/tmp/transparent-proxy/base/config.yaml";

    /// The user that the proxy runs as, by id or name. Its connections are not captured again.
    KumaDpUser ("kuma-dp-user") ["KUMA_TRANSPARENT_PROXY_KUMA_DP_USER"] in Proxy,
    One "USER" = Described("kuma-dp if there is such a user, else 5678"), like "5678", common;

    /// The same as --kuma-dp-user.
    KumaDpUid ("kuma-dp-uid") [] in Proxy,
    One "USER" = Described("none"), like "5678";

    /// The proxy's port for outbound TCP.
    RedirectOutboundPort ("redirect-outbound-port") ["KUMA_TRANSPARENT_PROXY_REDIRECT_OUTBOUND_PORT"] in Proxy,
    One "PORT" = Text("15001"), like "15001", common;

    /// The proxy's port for inbound TCP.
    RedirectInboundPort ("redirect-inbound-port") ["KUMA_TRANSPARENT_PROXY_REDIRECT_INBOUND_PORT"] in Proxy,
    One "PORT" = Text("15006"), like "15006", common;

    /// Capture inbound connections.
    RedirectInbound ("redirect-inbound") ["KUMA_TRANSPARENT_PROXY_REDIRECT_INBOUND_ENABLED"] in Inbound,
    Switch "true|false" = Text("true"), like "false", common;

    /// The only ports to capture, instead of all.
    IncludeInboundPorts () ["KUMA_TRANSPARENT_PROXY_REDIRECT_INBOUND_INCLUDE_PORTS"] in Inbound,
    List "PORTS" = Text(""), like "80,8080";

    /// Ports not to capture.
    ExcludeInboundPorts ("exclude-inbound-ports") ["KUMA_TRANSPARENT_PROXY_REDIRECT_INBOUND_EXCLUDE_PORTS"] in Inbound,
    List "PORTS" = Text(""), like "22,9901", common;

    /// Sources not to capture: addresses and CIDRs.
    ExcludeInboundIps ("exclude-inbound-ips") ["KUMA_TRANSPARENT_PROXY_REDIRECT_INBOUND_EXCLUDE_PORTS_FOR_IPS"] in Inbound,
    List "RANGES" = Text(""), like "10.0.0.1,fd00::/8", common;

    /// Networks inside the pod. TCP that arrives on the interface for other destinations is treated as outbound, and DNS
    /// queries go to the DNS port. A trailing + of an interface matches any suffix. Can be repeated.
    Vnet ("vnet") ["KUMA_TRANSPARENT_PROXY_REDIRECT_VNET_NETWORKS"] in Inbound,
    List "INTERFACE:CIDR" = Text(""), like "docker0:172.17.0.0/16,br+:fd00:3::/64", common;

    /// Capture outbound connections.
    RedirectOutbound () ["KUMA_TRANSPARENT_PROXY_REDIRECT_OUTBOUND_ENABLED"] in Outbound,
    Switch "true|false" = Text("true"), like "false";

    /// The only destination ports to capture, instead of all.
    IncludeOutboundPorts () ["KUMA_TRANSPARENT_PROXY_REDIRECT_OUTBOUND_INCLUDE_PORTS"] in Outbound,
    List "PORTS" = Text(""), like "80,443";

    /// Destination ports not to capture.
    ExcludeOutboundPorts ("exclude-outbound-ports") ["KUMA_TRANSPARENT_PROXY_REDIRECT_OUTBOUND_EXCLUDE_PORTS"] in Outbound,
    List "PORTS" = Text(""), like "3306,9901", common;

    /// Destinations not to capture, not even their DNS: addresses and CIDRs.
    ExcludeOutboundIps ("exclude-outbound-ips") ["KUMA_TRANSPARENT_PROXY_REDIRECT_OUTBOUND_EXCLUDE_PORTS_FOR_IPS"] in Outbound,
    List "RANGES" = Text(""), like "10.0.0.1,fd00::/8", common;

    /// Destination ports not to capture for certain users: PROTOCOL:PORTS:UIDS, in which protocol and ports may be left out or
    /// *. Can be repeated.
    ExcludeOutboundPortsForUids ("exclude-outbound-ports-for-uids") ["KUMA_TRANSPARENT_PROXY_REDIRECT_OUTBOUND_EXCLUDE_PORTS_FOR_UIDS"] in Outbound,
    Several "PORTS:UIDS" = Text(""), like "tcp:53,3000-5000:106-108", common;

    /// TCP ports not to capture for certain users. Up to Kuma 2.2.
    ExcludeOutboundTcpPortsForUids ("exclude-outbound-tcp-ports-for-uids") [] in Outbound,
    Several "PORTS:UIDS" = Text(""), like "53,3000-5000:106-108";

    /// UDP ports not to capture for certain users. Up to Kuma 2.2.
    ExcludeOutboundUdpPortsForUids ("exclude-outbound-udp-ports-for-uids") [] in Outbound,
    Several "PORTS:UIDS" = Text(""), like "53:106";

    /// Treat DNS over TCP like other TCP, as where Kuma inserts its rules instead of appending them.
    OutboundInsert ("redirect-outbound-insert-instead-of-append") ["KUMA_TRANSPARENT_PROXY_REDIRECT_OUTBOUND_INSERT_REDIRECT_INSTEAD_OF_APPEND"] in Outbound,
    Switch "true|false" = Text("false"), like "true";

    /// Capture DNS over UDP to the servers of resolv.conf.
    RedirectDns ("redirect-dns") ["KUMA_TRANSPARENT_PROXY_REDIRECT_DNS_ENABLED"] in Dns,
    Switch "true|false" = Text("false"), like "true", common;

    /// Capture DNS over UDP to any server.
    RedirectAllDnsTraffic ("redirect-all-dns-traffic") ["KUMA_TRANSPARENT_PROXY_REDIRECT_DNS_CAPTURE_ALL"] in Dns,
    Switch "true|false" = Text("false"), like "true", common;

    /// The proxy's port for DNS.
    RedirectDnsPort ("redirect-dns-port") ["KUMA_TRANSPARENT_PROXY_REDIRECT_DNS_PORT"] in Dns,
    One "PORT" = Text("15053"), like "15053";

    /// The file with the name servers.
    ResolvConf () ["KUMA_TRANSPARENT_PROXY_REDIRECT_DNS_RESOLV_CONFIG_PATH"] in Dns,
    One "FILE" = Text("/etc/resolv.conf"), like "/etc/resolv.conf";

    /// Track all DNS queries in the same conntrack zone.
    SkipZones ("skip-dns-conntrack-zone-split") ["KUMA_TRANSPARENT_PROXY_REDIRECT_DNS_SKIP_CONNTRACK_ZONE_SPLIT"] in Dns,
    Switch "true|false" = Text("false"), like "true";

    /// Capture IPv4 alone, or IPv6 as well if the pod has an address of it.
    IpFamilyMode ("ip-family-mode") ["KUMA_TRANSPARENT_PROXY_IP_FAMILY_MODE"] in Both,
    One "dualstack|ipv4" = Text("dualstack"), like "ipv4", common;

    /// Drop packets that connection tracking calls invalid on arrival.
    DropInvalidPackets ("drop-invalid-packets") ["KUMA_TRANSPARENT_PROXY_DROP_INVALID_PACKETS"] in Both,
    Switch "true|false" = Text("false"), like "true";

    /// Print the rules instead of installing them.
    DryRun ("dry-run") ["KUMA_TRANSPARENT_PROXY_DRY_RUN"] in Action,
    Switch "true|false" = Text("false"), like "true", common;

    /// The format of the printed rules: for nft -f, nft -j -f, iptables-restore or ip6tables-restore.
    Format ("format") [] in Action,
    One "nft|json|iptables|ip6tables" = Text("nft"), like "json";

    /// Print the equal netweir apply command line instead.
    PrintOptions ("print-options") [] in Action,
    Switch "true|false" = Text("false"), like "true", common;

    /// Install the rules even where other pods' traffic passes, such as on a node.
    Host ("host") [] in Action,
    Switch "true|false" = Text("false"), like "true";

    /// The port that connections should be redirected to.
    ValidationServerPort ("validation-server-port") [] in Action,
    One "PORT" = Text("15006"), like "15006", common;

    /// Not supported: netweir redirects with nf_tables only.
    EbpfEnabled ("ebpf-enabled") ["KUMA_TRANSPARENT_PROXY_EBPF_ENABLED"] in Action,
    Switch "true|false" = Text("false"), like "false";

    /// Not supported: netweir redirects with nf_tables only.
    EbpfInstanceIp ("ebpf-instance-ip") [] in Action,
    One "ADDRESS" = Text(""), like "10.0.0.2";

    /// Not supported: netweir redirects with nf_tables only.
    EbpfBpffsPath ("ebpf-bpffs-path") [] in Action,
    One "PATH" = Text(""), like "/sys/fs/bpf";

    /// Not supported: netweir redirects with nf_tables only.
    EbpfCgroupPath ("ebpf-cgroup-path") [] in Action,
    One "PATH" = Text(""), like "/sys/fs/cgroup";

    /// Not supported: netweir redirects with nf_tables only.
    EbpfTcAttachIface ("ebpf-tc-attach-iface") [] in Action,
    One "INTERFACE" = Text(""), like "eth0";

    /// Not supported: netweir redirects with nf_tables only.
    EbpfProgramsSourcePath ("ebpf-programs-source-path") [] in Action,
    One "PATH" = Text(""), like "/tmp/kuma-ebpf";

    /// netweir's rules come before those of other programs anyway.
    InboundInsert ("redirect-inbound-insert-instead-of-append") ["KUMA_TRANSPARENT_PROXY_REDIRECT_INBOUND_INSERT_REDIRECT_INSTEAD_OF_APPEND"] in Ignored,
    Switch "true|false" = Text("false"), like "true";

    /// The port for IPv4 is that for IPv6, too.
    RedirectInboundPortV6 ("redirect-inbound-port-v6") [] in Ignored,
    One "PORT" = Text(""), like "15006";

    /// The rules are the same in the CNI plugin.
    CniMode () ["KUMA_TRANSPARENT_PROXY_CNI_MODE"] in Ignored,
    Switch "true|false" = Text("false"), like "true";

    /// netweir has no rules of iptables to write at length.
    Verbose ("verbose") ["KUMA_TRANSPARENT_PROXY_VERBOSE"] in Ignored,
    Switch "true|false" = Text("false"), like "true";

    /// No message is logged for a packet; netweir trace shows which rule decides.
    IptablesLogs ("iptables-logs") ["KUMA_TRANSPARENT_PROXY_LOG_ENABLED"] in Ignored,
    Switch "true|false" = Text("false"), like "true";

    /// No message is logged for a packet.
    LogRulesLevel () ["KUMA_TRANSPARENT_PROXY_LOG_LEVEL"] in Ignored,
    Number "LEVEL" = Text("7"), like "7";

    /// Every rule has a comment by which netweir knows it.
    DisableComments ("disable-comments") ["KUMA_TRANSPARENT_PROXY_COMMENTS_DISABLED"] in Ignored,
    Switch "true|false" = Text("false"), like "true";

    /// Rules are not stored with firewalld.
    StoreFirewalld ("store-firewalld") ["KUMA_TRANSPARENT_PROXY_STORE_FIREWALLD"] in Ignored,
    Switch "true|false" = Text("false"), like "true";

    /// There is no lock to wait for.
    Wait ("wait") ["KUMA_TRANSPARENT_PROXY_WAIT"] in Ignored,
    Number "SECONDS" = Text("5"), like "5";

    /// There is no lock to wait for.
    WaitInterval ("wait-interval") ["KUMA_TRANSPARENT_PROXY_WAIT_INTERVAL"] in Ignored,
    Number "MICROSECONDS" = Text("0"), like "1000";

    /// Rules are installed in one transaction.
    MaxRetries ("max-retries") ["KUMA_TRANSPARENT_PROXY_RETRY_MAX_RETRIES"] in Ignored,
    Number "NUMBER" = Text("4"), like "4";

    /// Rules are installed in one transaction.
    SleepBetweenRetries ("sleep-between-retries") ["KUMA_TRANSPARENT_PROXY_RETRY_SLEEP_BETWEEN_RETRIES"] in Ignored,
    One "TIME" = Text("2s"), like "2s";

    /// No such program is run.
    IptablesExecutables ("iptables-executables") ["KUMA_TRANSPARENT_PROXY_IPTABLES_EXECUTABLES"] in Ignored,
    One "NAMES:PATHS" = Text(""), like "iptables:/usr/sbin/iptables";

    /// netweir asks no control plane.
    NoConfig ("no-config") [] in Ignored,
    Switch "true|false" = Text("false"), like "true";

    /// netweir asks no control plane.
    ApiTimeout ("api-timeout") [] in Ignored,
    One "TIME" = Text("1m0s"), like "1m0s";

    /// Messages are those of netweir.
    LogLevel ("log-level") [] in Ignored,
    One "LEVEL" = Text("off"), like "info";
}
