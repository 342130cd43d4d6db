//! The flags of Linkerd's proxy-init.

use crate::options::option_set;

option_set! {
    /// A flag.
    pub enum LinkerdFlag;

    /// The proxy's port for inbound TCP.
    IncomingProxyPort ("incoming-proxy-port" 'p') [] in Proxy,
    Number "PORT" = Described("none; required"), like "4143", common;

    /// The proxy's port for outbound TCP.
    OutgoingProxyPort ("outgoing-proxy-port" 'o') [] in Proxy,
    Number "PORT" = Described("none; required"), like "4140", common;

    /// The user that the proxy runs as. Its connections are not captured again. 0 and -1 mean no user.
    ProxyUid ("proxy-uid" 'u') [] in Proxy,
    Number "UID" = Text("-1"), like "2102", common;

    /// The group that the proxy runs as. Its connections are not captured again. 0 and -1 mean no group.
    ProxyGid ("proxy-gid" 'g') [] in Proxy,
    Number "GID" = Text("-1"), like "2102";

    /// Ports to capture; all if none is given.
    PortsToRedirect ("ports-to-redirect" 'r') [] in Inbound,
    List "PORTS" = Text(""), like "80,8080", common;

    /// Ports not to capture.
    InboundPortsToIgnore ("inbound-ports-to-ignore") [] in Inbound,
    List "PORTS" = Text(""), like "4190,4191,4567-4568", common;

    /// Sources not to capture, as CIDRs.
    SubnetsToIgnore ("subnets-to-ignore") [] in Inbound,
    List "CIDRS" = Text(""), like "10.0.0.0/8,fd00::/8", common;

    /// Destination ports not to capture.
    OutboundPortsToIgnore ("outbound-ports-to-ignore") [] in Outbound,
    List "PORTS" = Text(""), like "3306,4567-4568", common;

    /// Capture IPv6 as well.
    Ipv6 ("ipv6") [] in Both,
    Switch "true|false" = Text("true"), like "false", common;

    /// Print the rules instead of installing them.
    Simulate ("simulate") [] in Action,
    Switch "true|false" = Text("false"), like "true", common;

    /// The format of the printed rules: for nft -f, nft -j -f, iptables-restore or ip6tables-restore.
    Format ("format") [] in Action,
    One "nft|json|iptables|ip6tables" = Text("nft"), like "json";

    /// Print the equal netweir apply command line instead.
    PrintOptions ("print-options") [] in Action,
    Switch "true|false" = Text("false"), like "true", common;

    /// The network namespace: path, name or process id. Names are those under /run/netns.
    Netns ("netns") [] in Action,
    One "NAMESPACE" = Described("the current one"), like "/proc/4711/ns/net", common;

    /// Seconds for which connection tracking remembers a connection that only its peer has closed. 0 does not change it.
    TimeoutCloseWait ("timeout-close-wait-secs") [] in Action,
    Number "SECONDS" = Text("0"), like "3600";

    /// Install the rules even where other pods' traffic passes, such as on a node.
    Host ("host") [] in Action,
    Switch "true|false" = Text("false"), like "true";

    /// The format of messages: lines of text, or a JSON object per line.
    LogFormat ("log-format") [] in Logging,
    One "plain|json" = Text("plain"), like "json";

    /// The least severe messages to log.
    LogLevel ("log-level") [] in Logging,
    One "LEVEL" = Text("info"), like "debug", common;

    /// There is no lock to wait for.
    UseWaitFlag ("use-wait-flag" 'w') [] in Ignored,
    Switch "true|false" = Text("false"), like "true";

    /// No such program is run.
    IptablesMode ("iptables-mode") [] in Ignored,
    One "legacy|nft|plain" = Text(""), like "nft";

    /// No such program is run.
    FirewallBinPath ("firewall-bin-path") [] in Ignored,
    One "PATH" = Text(""), like "iptables-nft";

    /// No such program is run.
    FirewallSaveBinPath ("firewall-save-bin-path") [] in Ignored,
    One "PATH" = Text(""), like "iptables-nft-save";
}
