//! The flags and variables of Istio's `istio-iptables`, and those of its old `proxy_init`.

flags! {
    /// A flag, or a variable that has none.
    pub enum IstioFlag;

    /// Where the proxy takes captured outbound TCP.
    EnvoyPort ("envoy-port" 'p') [] in Proxy,
    One "PORT" = Text("15001"), like "15001";

    /// Where the proxy takes captured inbound TCP.
    InboundCapturePort ("inbound-capture-port" 'z') ["INBOUND_CAPTURE_PORT"] in Proxy,
    One "PORT" = Text("15006"), like "15006";

    /// The proxy's own mutual-TLS port, which connections reach directly.
    InboundTunnelPort ("inbound-tunnel-port" 'e') ["INBOUND_TUNNEL_PORT"] in Proxy,
    One "PORT" = Text("15008"), like "15008";

    /// The users that the proxy runs as, ids or names. Their connections are not captured again.
    ProxyUid ("proxy-uid" 'u') ["PROXY_UID"] in Proxy,
    One "UIDS" = Described("the user named by ENVOY_USER if there is one, else 1337"), like "1337";

    /// The groups that the proxy runs as, ids or names.
    ProxyGid ("proxy-gid" 'g') ["PROXY_GID"] in Proxy,
    One "GIDS" = Described("the users of -u"), like "1337";

    /// The name of the user that the proxy runs as, where -u says nothing.
    EnvoyUser () ["ENVOY_USER"] in Proxy,
    One "NAME" = Text("istio-proxy"), like "istio-proxy";

    /// How captured inbound connections reach the proxy: with their destination rewritten, or unchanged to a transparent
    /// listener, so that the client's address is kept.
    Mode ("istio-inbound-interception-mode" 'm') ["ISTIO_INBOUND_INTERCEPTION_MODE"] in Inbound,
    One "REDIRECT|TPROXY" = Text("REDIRECT"), like "TPROXY";

    /// The ports whose connections are captured: all (*), the ones listed, or with an empty value none.
    InboundPorts ("istio-inbound-ports" 'b') ["ISTIO_INBOUND_PORTS"] in Inbound,
    One "PORTS" = Text(""), like "8080,9000-9010";

    /// Ports whose connections are left alone. Consulted where -b is * alone.
    InboundPortsExclude ("istio-local-exclude-ports" 'd') ["ISTIO_LOCAL_EXCLUDE_PORTS"] in Inbound,
    One "PORTS" = Text(""), like "15090,15021,15020";

    /// In TPROXY mode the mark of packets for the transparent listener, and of their connections.
    TproxyMark ("istio-inbound-tproxy-mark" 't') ["ISTIO_INBOUND_TPROXY_MARK"] in Inbound,
    One "MARK" = Text("1337"), like "0x539";

    /// In TPROXY mode the routing table that packets with the mark look up, where everything is local.
    TproxyTable ("istio-inbound-tproxy-route-table" 'r') ["ISTIO_INBOUND_TPROXY_ROUTE_TABLE"] in Inbound,
    One "TABLE" = Text("133"), like "133";

    /// Interfaces behind which a virtual machine sits: what arrives there is outbound traffic of the pod.
    RerouteInterfaces ("kube-virt-interfaces" 'k') ["KUBE_VIRT_INTERFACES"] in Inbound,
    One "NAMES" = Text(""), like "k6t-net0";

    /// The destinations that are captured: all (*), the CIDRs listed, or with an empty value none. A loopback address
    /// among them captures connections between the pod's own processes, too.
    RangesInclude ("istio-service-cidr" 'i') ["ISTIO_SERVICE_CIDR"] in Outbound,
    One "CIDRS" = Text(""), like "10.0.0.0/8,fd00::/8";

    /// Destinations that are left alone, as CIDRs.
    RangesExclude ("istio-service-exclude-cidr" 'x') ["ISTIO_SERVICE_EXCLUDE_CIDR"] in Outbound,
    One "CIDRS" = Text(""), like "169.254.169.254/32";

    /// Destination ports that are captured whatever the address.
    PortsInclude ("istio-outbound-ports" 'q') ["ISTIO_OUTBOUND_PORTS"] in Outbound,
    One "PORTS" = Text(""), like "443";

    /// Destination ports to which connections are left alone, TCP and UDP.
    PortsExclude ("istio-local-outbound-ports-exclude" 'o') ["ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE"] in Outbound,
    One "PORTS" = Text(""), like "3306,6379";

    /// The groups whose connections are captured, ids or names; all with *.
    GroupsInclude () ["ISTIO_OUTBOUND_OWNER_GROUPS"] in Outbound,
    One "GIDS" = Text("*"), like "1000,www-data";

    /// Groups whose connections are left alone. Consulted where those of all groups (*) are captured otherwise.
    GroupsExclude () ["ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE"] in Outbound,
    One "GIDS" = Text(""), like "202,backup";

    /// The IPv4 destinations, inside 127.0.0.0/8, that are the application itself and never captured on the way out.
    LoopbackCidr () ["ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR"] in Outbound,
    One "CIDR" = Text("127.0.0.1/32"), like "127.0.0.0/8";

    /// Capture DNS, over UDP and TCP, to the name servers of /etc/resolv.conf.
    RedirectDns ("redirect-dns") ["ISTIO_META_DNS_CAPTURE" "REDIRECT_DNS"] in Outbound,
    Switch "true|false" = Text("false"), like "true";

    /// Capture DNS to any server, where it is captured at all.
    CaptureAllDns ("capture-all-dns") ["CAPTURE_ALL_DNS"] in Outbound,
    Switch "true|false" = Text("false"), like "true";

    /// Interfaces whose traffic is left alone. A + at the end stands for any rest of the name.
    ExcludeInterfaces ("istio-exclude-interfaces" 'c') ["ISTIO_EXCLUDE_INTERFACES"] in Both,
    One "NAMES" = Text(""), like "eth1,tun+";

    /// Drop packets that connection tracking calls invalid on arrival.
    DropInvalid ("drop-invalid") ["INVALID_DROP" "DROP_INVALID"] in Both,
    Switch "true|false" = Text("false"), like "true";

    /// Capture IPv6 where the pod has any IPv6 address; otherwise only where its first address is one.
    DualStack ("dual-stack") ["ISTIO_DUAL_STACK" "DUAL_STACK"] in Both,
    Switch "true|false" = Text("false"), like "true";

    /// Print the rules and change nothing.
    DryRun ("dry-run" 'n') ["DRY_RUN"] in Action,
    Switch "true|false" = Text("false"), like "true";

    /// What to print them as: for nft -f, nft -j -f, iptables-restore or ip6tables-restore.
    Format ("format") [] in Action,
    One "nft|json|iptables|ip6tables" = Text("nft"), like "json";

    /// Print the line of netweir apply that does the same, and change nothing.
    PrintOptions ("print-options") [] in Action,
    Switch "true|false" = Text("false"), like "true";

    /// Leave the rules as they are.
    SkipRuleApply ("skip-rule-apply") ["SKIP_RULE_APPLY"] in Action,
    Switch "true|false" = Text("false"), like "true";

    /// Take away what was installed.
    CleanupOnly ("cleanup-only") ["CLEANUP_ONLY"] in Action,
    Switch "true|false" = Text("false"), like "true";

    /// Prove by connections that the rules work, after they are installed. With --skip-rule-apply the proxy's own
    /// user proves those that something else installed, without any privilege.
    RunValidation ("run-validation") ["RUN_VALIDATION"] in Action,
    Switch "true|false" = Text("false"), like "true";

    /// The port to which the proxy's user then makes connections.
    ProbePort ("iptables-probe-port") ["IPTABLES_PROBE_PORT"] in Action,
    Number "PORT" = Text("15002"), like "15002";

    /// The network namespace: a path, a name under /run/netns or a process id.
    NetworkNamespace ("network-namespace") ["NETWORK_NAMESPACE"] in Action,
    One "NAMESPACE" = Described("the current one"), like "/proc/4711/ns/net";

    /// What is said: the level of the scope default counts.
    LogOutputLevel ("log_output_level") [] in Logging,
    One "SCOPE:LEVEL" = Text("default:info"), like "default:debug";

    /// Write a JSON object a line.
    LogAsJson ("log_as_json") [] in Logging,
    Switch "true|false" = Text("false"), like "true";

    /// The rules are nf_tables rules anyway.
    NativeNftables ("native-nftables") ["NATIVE_NFTABLES"] in Accepted,
    Switch "true|false" = Text("false"), like "true";

    /// No such program is run.
    ForceIptablesBinary ("force-iptables-binary") ["FORCE_IPTABLES_BINARY"] in Accepted,
    One "NAME" = Text(""), like "nft";

    /// Rules of an earlier run are replaced anyway, in one change.
    Reconcile ("reconcile") ["RECONCILE"] in Accepted,
    Switch "true|false" = Text("false"), like "true";

    /// Rules of an earlier run are replaced anyway, in one change.
    ForceApply ("force-apply") ["FORCE_APPLY"] in Accepted,
    Switch "true|false" = Text("false"), like "true";

    /// The rules are the same, whoever installs them.
    CniMode ("cni-mode") ["CNI_MODE"] in Accepted,
    Switch "true|false" = Text("false"), like "true";

    /// What is tried stays inside the pod, and is answered or refused at once.
    ProbeTimeout ("probe-timeout") ["PROBE_TIMEOUT"] in Accepted,
    Number "TIME" = Text("5s"), like "500ms";

    /// Messages go to standard error.
    LogTarget ("log_target") [] in Accepted,
    List "PATHS" = Text(""), like "stdout";

    /// Messages do not name a place in the source.
    LogCaller ("log_caller") [] in Accepted,
    One "SCOPES" = Text(""), like "default";

    /// Messages have no stack traces.
    LogStacktraceLevel ("log_stacktrace_level") [] in Accepted,
    One "SCOPE:LEVEL" = Text(""), like "default:none";

    /// Messages are not written to files.
    LogRotate ("log_rotate") [] in Accepted,
    One "PATH" = Text(""), like "/var/log/istio.log";

    /// Messages are not written to files.
    LogRotateMaxAge ("log_rotate_max_age") [] in Accepted,
    Number "DAYS" = Text("30"), like "30";

    /// Messages are not written to files.
    LogRotateMaxBackups ("log_rotate_max_backups") [] in Accepted,
    Number "NUMBER" = Text("1000"), like "1000";

    /// Messages are not written to files.
    LogRotateMaxSize ("log_rotate_max_size") [] in Accepted,
    Number "MEGABYTES" = Text("100"), like "100";

    /// There is no client of Kubernetes here.
    Vklog ("vklog") [] in Accepted,
    Number "LEVEL" = Text("0"), like "6";
}
