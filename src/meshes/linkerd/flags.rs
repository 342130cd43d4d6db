//! The flags of Linkerd's proxy-init.

flags! {
    /// A flag.
    pub enum LinkerdFlag;

    /// Where the proxy takes captured inbound TCP.
    IncomingProxyPort ("incoming-proxy-port" 'p') [] in Proxy,
    Number "PORT" = Described("none; it must be given"), like "4143";

    /// Where the proxy takes captured outbound TCP.
    OutgoingProxyPort ("outgoing-proxy-port" 'o') [] in Proxy,
    Number "PORT" = Described("none; it must be given"), like "4140";

    /// The user that the proxy runs as, whose connections are not captured again; nobody when it is not above 0.
    ProxyUid ("proxy-uid" 'u') [] in Proxy,
    Number "UID" = Text("-1"), like "2102";

    /// The group that the proxy runs as, whose connections are not captured again; nobody when it is not above 0.
    ProxyGid ("proxy-gid" 'g') [] in Proxy,
    Number "GID" = Text("-1"), like "2102";

    /// The ports whose connections are captured; all without any.
    PortsToRedirect ("ports-to-redirect" 'r') [] in Inbound,
    List "PORTS" = Text(""), like "80,8080";

    /// Ports whose connections are left alone.
    InboundPortsToIgnore ("inbound-ports-to-ignore") [] in Inbound,
    List "PORTS" = Text(""), like "4190,4191,4567-4568";

    /// Sources whose connections are left alone, as CIDRs.
    SubnetsToIgnore ("subnets-to-ignore") [] in Inbound,
    List "CIDRS" = Text(""), like "10.0.0.0/8,fd00::/8";

    /// Destination ports to which connections are left alone.
    OutboundPortsToIgnore ("outbound-ports-to-ignore") [] in Outbound,
    List "PORTS" = Text(""), like "3306,4567-4568";

    /// Capture IPv6, too.
    Ipv6 ("ipv6") [] in Both,
    Switch "true|false" = Text("true"), like "false";

    /// Print the rules and change nothing.
    Simulate ("simulate") [] in Action,
    Switch "true|false" = Text("false"), like "true";

    /// What to print them as: for nft -f, nft -j -f, iptables-restore or ip6tables-restore.
    Format ("format") [] in Action,
    One "nft|json|iptables|ip6tables" = Text("nft"), like "json";

    /// Print the line of netweir apply that does the same, and change nothing.
    PrintOptions ("print-options") [] in Action,
    Switch "true|false" = Text("false"), like "true";

    /// The network namespace: a path, a name under /run/netns or a process id.
    Netns ("netns") [] in Action,
    One "NAMESPACE" = Described("the current one"), like "/proc/4711/ns/net";

    /// How many seconds a connection that its peer has closed waits for its application; 0 leaves that as it is.
    TimeoutCloseWait ("timeout-close-wait-secs") [] in Action,
    Number "SECONDS" = Text("0"), like "3600";

    /// How messages are written: lines of text, or a JSON object a line.
    LogFormat ("log-format") [] in Logging,
    One "plain|json" = Text("plain"), like "json";

    /// The least important messages that are written.
    LogLevel ("log-level") [] in Logging,
    One "LEVEL" = Text("info"), like "debug";

    /// There is no lock to wait for.
    UseWaitFlag ("use-wait-flag" 'w') [] in Accepted,
    Switch "true|false" = Text("false"), like "true";

    /// No such program is run.
    IptablesMode ("iptables-mode") [] in Accepted,
    One "legacy|nft|plain" = Text(""), like "nft";

    /// No such program is run.
    FirewallBinPath ("firewall-bin-path") [] in Accepted,
    One "PATH" = Text(""), like "iptables-nft";

    /// No such program is run.
    FirewallSaveBinPath ("firewall-save-bin-path") [] in Accepted,
    One "PATH" = Text(""), like "iptables-nft-save";
}
