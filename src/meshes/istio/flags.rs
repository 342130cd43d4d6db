//! The flags and variables of Istio's `istio-iptables`, and those of its old `proxy_init`.

use crate::options::option_set;

option_set! {
    /// A flag, or a variable that has none.
    pub enum IstioFlag;

    /// The proxy's port for outbound TCP.
    EnvoyPort ("envoy-port" 'p') ["ENVOY_PORT"] in Proxy,
    One "PORT" = Text("15001"), like "15001", common;

    /// The proxy's port for inbound TCP.
    InboundCapturePort ("inbound-capture-port" 'z') ["INBOUND_CAPTURE_PORT"] in Proxy,
    One "PORT" = Text("15006"), like "15006", common;

    /// The proxy's own mutual-TLS port. Connections to it are not captured.
    InboundTunnelPort ("inbound-tunnel-port" 'e') ["INBOUND_TUNNEL_PORT"] in Proxy,
    One "PORT" = Text("15008"), like "15008";

    /// The users that the proxy runs as. Ids or names; their connections are not captured again.
    ProxyUid ("proxy-uid" 'u') ["PROXY_UID"] in Proxy,
    One "UIDS" = Described("the user named by ENVOY_USER if there is one, else 1337"), like "1337", common;

    /// The groups that the proxy runs as. Ids or names.
    ProxyGid ("proxy-gid" 'g') ["PROXY_GID"] in Proxy,
    One "GIDS" = Described("the users of -u"), like "1337";

    /// The name of the user that the proxy runs as, if -u is not given.
    EnvoyUser () ["ENVOY_USER"] in Proxy,
    One "NAME" = Text("istio-proxy"), like "istio-proxy";

    /// Rewrite the destination, or keep it with TPROXY. With TPROXY the proxy needs a transparent listener and sees the
    /// client's address.
    Mode ("istio-inbound-interception-mode" 'm') ["ISTIO_INBOUND_INTERCEPTION_MODE"] in Inbound,
    One "REDIRECT|TPROXY" = Text("REDIRECT"), like "TPROXY", common;

    /// Ports to capture: all (*), a list, or none (empty).
    InboundPorts ("istio-inbound-ports" 'b') ["ISTIO_INBOUND_PORTS"] in Inbound,
    One "PORTS" = Text(""), like "8080,9000-9010", common;

    /// Ports not to capture. Only used when -b is *.
    InboundPortsExclude ("istio-local-exclude-ports" 'd') ["ISTIO_LOCAL_EXCLUDE_PORTS"] in Inbound,
    One "PORTS" = Text(""), like "15090,15021,15020", common;

    /// In TPROXY mode, the mark of packets for the transparent listener and of their connections.
    TproxyMark ("istio-inbound-tproxy-mark" 't') ["ISTIO_INBOUND_TPROXY_MARK"] in Inbound,
    One "MARK" = Text("1337"), like "0x539";

    /// In TPROXY mode, the routing table for packets with the mark. All its destinations are local.
    TproxyTable ("istio-inbound-tproxy-route-table" 'r') ["ISTIO_INBOUND_TPROXY_ROUTE_TABLE"] in Inbound,
    One "TABLE" = Text("133"), like "133";

    /// Interfaces of virtual machines. Traffic that arrives there is treated as outbound.
    RerouteInterfaces ("kube-virt-interfaces" 'k') ["KUBE_VIRT_INTERFACES"] in Inbound,
    One "NAMES" = Text(""), like "k6t-net0";

    /// Destinations to capture: all (*), CIDRs, or none. A loopback address among the CIDRs also captures connections
    /// between processes of the pod.
    RangesInclude ("istio-service-cidr" 'i') ["ISTIO_SERVICE_CIDR"] in Outbound,
    One "CIDRS" = Text(""), like "10.0.0.0/8,fd00::/8", common;

    /// CIDRs not to capture.
    RangesExclude ("istio-service-exclude-cidr" 'x') ["ISTIO_SERVICE_EXCLUDE_CIDR"] in Outbound,
    One "CIDRS" = Text(""), like "169.254.169.254/32", common;

    /// Destination ports to capture at every address.
    PortsInclude ("istio-outbound-ports" 'q') ["ISTIO_OUTBOUND_PORTS"] in Outbound,
    One "PORTS" = Text(""), like "443";

    /// Destination ports not to capture, TCP and UDP.
    PortsExclude ("istio-local-outbound-ports-exclude" 'o') ["ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE"] in Outbound,
    One "PORTS" = Text(""), like "3306,6379", common;

    /// Groups to capture: ids or names; * for all.
    GroupsInclude () ["ISTIO_OUTBOUND_OWNER_GROUPS"] in Outbound,
    One "GIDS" = Text("*"), like "1000,www-data";

    /// Groups not to capture. Only used when all other groups (*) are captured.
    GroupsExclude () ["ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE"] in Outbound,
    One "GIDS" = Text(""), like "202,backup";

    /// IPv4 destinations inside 127.0.0.0/8 that are the application itself. They are never captured as outbound.
    LoopbackCidr () ["ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR"] in Outbound,
    One "CIDR" = Text("127.0.0.1/32"), like "127.0.0.0/8";

    /// Capture DNS to the servers of /etc/resolv.conf. Over UDP and TCP.
    RedirectDns ("redirect-dns") ["ISTIO_META_DNS_CAPTURE" "REDIRECT_DNS"] in Outbound,
    Switch "true|false" = Text("false"), like "true", common;

    /// Capture DNS to any server. Only used with --redirect-dns.
    CaptureAllDns ("capture-all-dns") ["CAPTURE_ALL_DNS"] in Outbound,
    Switch "true|false" = Text("false"), like "true";

    /// DNS capture of Istio 1.6 and 1.7. It is refused: the proxy of these releases answers over UDP only.
    OldDns () ["DNS_CAPTURE" "DNS_AGENT"] in Outbound,
    One "ANY" = Text(""), like "ALL";

    /// Up to Istio 1.4: do not capture the proxy's connections to its own pod. It is refused: netweir always does.
    NoOwnPod () ["DISABLE_REDIRECTION_ON_LOCAL_LOOPBACK"] in Outbound,
    One "ANY" = Text(""), like "1";

    /// Interfaces not to capture. A trailing + matches any suffix.
    ExcludeInterfaces ("istio-exclude-interfaces" 'c') ["ISTIO_EXCLUDE_INTERFACES"] in Both,
    One "NAMES" = Text(""), like "eth1,tun+", common;

    /// Drop packets that connection tracking calls invalid on arrival.
    DropInvalid ("drop-invalid") ["INVALID_DROP" "DROP_INVALID"] in Both,
    Switch "true|false" = Text("false"), like "true";

    /// Capture IPv6 if the pod has any IPv6 address. Otherwise only if its first address is one.
    DualStack ("dual-stack") ["ISTIO_DUAL_STACK" "ISTIO_AGENT_DUAL_STACK" "DUAL_STACK"] in Both,
    Switch "true|false" = Text("false"), like "true", common;

    /// Print the rules instead of installing them.
    DryRun ("dry-run" 'n') ["DRY_RUN"] in Action,
    Switch "true|false" = Text("false"), like "true", common;

    /// Print rules for iptables-restore, unless --format selects something else. Rules are installed in one change anyway.
    RestoreFormat ("restore-format" 'f') ["RESTORE_FORMAT"] in Action,
    Switch "true|false" = Text("false"), like "true";

    /// The format of the printed rules: for nft -f, nft -j -f, iptables-restore or ip6tables-restore.
    Format ("format") [] in Action,
    One "nft|json|iptables|ip6tables" = Text("nft"), like "json";

    /// Print the equal netweir apply command line instead.
    PrintOptions ("print-options") [] in Action,
    Switch "true|false" = Text("false"), like "true", common;

    /// Also write the rules to this file, for nft -f.
    OutputPaths ("output-paths") ["OUTPUT_PATHS"] in Action,
    One "FILE" = Text(""), like "/tmp/rules.nft";

    /// Do not change the rules.
    SkipRuleApply ("skip-rule-apply") ["SKIP_RULE_APPLY"] in Action,
    Switch "true|false" = Text("false"), like "true";

    /// Remove what is installed.
    CleanupOnly ("cleanup-only") ["CLEANUP_ONLY"] in Action,
    Switch "true|false" = Text("false"), like "true";

    /// Test the rules with real connections. With --skip-rule-apply, the proxy's own user tests rules that something else
    /// installed, without any privilege.
    RunValidation ("run-validation") ["RUN_VALIDATION"] in Action,
    Switch "true|false" = Text("false"), like "true", common;

    /// The port that the proxy's user connects to in that test.
    ProbePort ("iptables-probe-port") ["IPTABLES_PROBE_PORT"] in Action,
    Number "PORT" = Text("15002"), like "15002";

    /// With --skip-rule-apply, how long something else may take to install the rules. Without it they are tested at once.
    ProbeTimeout ("probe-timeout") ["PROBE_TIMEOUT"] in Action,
    Number "TIME" = Text("5s"), like "500ms";

    /// Has no effect but a warning. netweir trace shows which rule decides about a connection.
    TraceLogging ("iptables-trace-logging") ["IPTABLES_TRACE_LOGGING"] in Action,
    Switch "true|false" = Text("false"), like "true";

    /// The network namespace: path, name or process id. Names are those under /run/netns.
    NetworkNamespace ("network-namespace") ["NETWORK_NAMESPACE"] in Action,
    One "NAMESPACE" = Described("the current one"), like "/proc/4711/ns/net", common;

    /// Scripts that set variables, for Istio up to 1.4. They are refused: netweir runs no shell.
    ConfigScripts () ["ISTIO_SIDECAR_CONFIG" "ISTIO_CLUSTER_CONFIG"] in Action,
    One "FILE" = Text(""), like "/var/lib/istio/envoy/sidecar.env";

    /// Install the rules even where other pods' traffic passes, such as on a node.
    Host ("host") [] in Action,
    Switch "true|false" = Text("false"), like "true";

    /// The least severe messages to log. Only the scope default counts.
    LogOutputLevel ("log_output_level") [] in Logging,
    One "SCOPE:LEVEL" = Text("default:info"), like "default:debug";

    /// Write a JSON object per line.
    LogAsJson ("log_as_json") [] in Logging,
    Switch "true|false" = Text("false"), like "true";

    /// The rules are nf_tables rules anyway.
    NativeNftables ("native-nftables") ["NATIVE_NFTABLES"] in Ignored,
    Switch "true|false" = Text("false"), like "true";

    /// No such program is run.
    ForceIptablesBinary ("force-iptables-binary") ["FORCE_IPTABLES_BINARY"] in Ignored,
    One "NAME" = Text(""), like "nft";

    /// Rules of an earlier run are replaced anyway, in one change.
    Reconcile ("reconcile") ["RECONCILE"] in Ignored,
    Switch "true|false" = Text("false"), like "true";

    /// Rules of an earlier run are replaced anyway, in one change.
    ForceApply ("force-apply") ["FORCE_APPLY"] in Ignored,
    Switch "true|false" = Text("false"), like "true";

    /// The rules are the same in the CNI plugin.
    CniMode ("cni-mode") ["CNI_MODE"] in Ignored,
    Switch "true|false" = Text("false"), like "true";

    /// No such program is run.
    IptablesVersion ("iptables-version") ["IPTABLES_VERSION"] in Ignored,
    One "VERSION" = Text(""), like "1.8.7";

    /// No such program is run.
    HostNsenterExec ("host-nsenter-exec") ["HOST_NSENTER_EXEC"] in Ignored,
    Switch "true|false" = Text("false"), like "true";

    /// DNS queries have conntrack zones of their own anyway.
    DnsConntrackZone () ["ISTIO_META_DNS_CONNTRACK_ZONE"] in Ignored,
    Switch "true|false" = Text("false"), like "true";

    /// Messages go to standard error.
    LogTarget ("log_target") [] in Ignored,
    List "PATHS" = Text(""), like "stdout";

    /// Messages do not name a place in the source.
    LogCaller ("log_caller") [] in Ignored,
    One "SCOPES" = Text(""), like "default";

    /// Messages have no stack traces.
    LogStacktraceLevel ("log_stacktrace_level") [] in Ignored,
    One "SCOPE:LEVEL" = Text(""), like "default:none";

    /// Messages are not written to files.
    LogRotate ("log_rotate") [] in Ignored,
    One "PATH" = Text(""), like "/var/log/istio.log";

    /// Messages are not written to files.
    LogRotateMaxAge ("log_rotate_max_age") [] in Ignored,
    Number "DAYS" = Text("30"), like "30";

    /// Messages are not written to files.
    LogRotateMaxBackups ("log_rotate_max_backups") [] in Ignored,
    Number "NUMBER" = Text("1000"), like "1000";

    /// Messages are not written to files.
    LogRotateMaxSize ("log_rotate_max_size") [] in Ignored,
    Number "MEGABYTES" = Text("100"), like "100";

    /// netweir has no Kubernetes client.
    Vklog ("vklog") [] in Ignored,
    Number "LEVEL" = Text("0"), like "6";
}
