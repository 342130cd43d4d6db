//! The flags of `consul connect redirect-traffic`.

use crate::options::option_set;

option_set! {
    /// A flag, or a variable that has none.
    pub enum ConsulFlag;

    /// The user that the proxy runs as. Its connections are not captured again.
    ProxyUid ("proxy-uid") [] in Proxy,
    One "UID" = Described("none; required"), like "5995", common;

    /// The proxy's port for inbound TCP.
    ProxyInboundPort ("proxy-inbound-port") [] in Proxy,
    One "PORT" = Described("none; required"), like "20000", common;

    /// The proxy's port for outbound TCP.
    ProxyOutboundPort ("proxy-outbound-port") [] in Proxy,
    One "PORT" = Text("15001"), like "15001", common;

    /// Not supported, since it asks Consul's agent for the ports. Use --proxy-inbound-port instead, and if needed
    /// --proxy-outbound-port and --exclude-inbound-port.
    ProxyId ("proxy-id") [] in Proxy,
    One "ID" = Text(""), like "web-sidecar-proxy";

    /// An inbound port, range or service not to capture. Can be repeated.
    ExcludeInboundPort ("exclude-inbound-port") [] in Inbound,
    Several "PORT" = Text(""), like "20200", common;

    /// A destination port, range or service not to capture. Can be repeated.
    ExcludeOutboundPort ("exclude-outbound-port") [] in Outbound,
    Several "PORT" = Text(""), like "8300:8302", common;

    /// A destination not to capture, an address or a CIDR. Can be repeated.
    ExcludeOutboundCidr ("exclude-outbound-cidr") [] in Outbound,
    Several "CIDR" = Text(""), like "10.0.0.0/8", common;

    /// A user not to capture. Can be repeated.
    ExcludeUid ("exclude-uid") [] in Outbound,
    Several "UID" = Text(""), like "5996", common;

    /// The address of Consul's DNS: IPv6 in dual stack, else IPv4. Without a port, all DNS queries go to it.
    ConsulDnsIp ("consul-dns-ip") [] in Dns,
    One "ADDRESS" = Described("loopback, if there is a port"), like "127.0.0.1", common;

    /// The port of Consul's DNS, which gets DNS queries to its address.
    ConsulDnsPort ("consul-dns-port") [] in Dns,
    One "PORT" = Text("0"), like "8600", common;

    /// Capture IPv6 as well.
    DualStack () ["CONSUL_DUAL_STACK"] in Both,
    Switch "true|false" = Text("false"), like "true";

    /// Print the rules instead of installing them.
    DryRun ("dry-run") [] in Action,
    Switch "true|false" = Text("false"), like "true", common;

    /// The format of the printed rules: for nft -f, nft -j -f, iptables-restore or ip6tables-restore.
    Format ("format") [] in Action,
    One "nft|json|iptables|ip6tables" = Text("nft"), like "json";

    /// Print the equal netweir apply command line instead.
    PrintOptions ("print-options") [] in Action,
    Switch "true|false" = Text("false"), like "true", common;

    /// The network namespace: path, name or process id. Names are those under /run/netns.
    Netns ("netns") [] in Action,
    One "NAMESPACE" = Described("the current one"), like "/var/run/netns/web", common;

    /// Install the rules even where other pods' traffic passes, such as on a node.
    Host ("host") [] in Action,
    Switch "true|false" = Text("false"), like "true";

    /// Not used, since Consul's agent is not asked.
    NodeName ("node-name") [] in Ignored,
    One "NAME" = Text(""), like "worker-1";

    /// Not used, since Consul's agent is not asked.
    HttpAddr ("http-addr") [] in Ignored,
    One "ADDRESS" = Text(""), like "http://127.0.0.1:8500";

    /// Not used, since Consul's agent is not asked.
    Token ("token") [] in Ignored,
    One "TOKEN" = Text(""), like "b1gs33cr3t";

    /// Not used, since Consul's agent is not asked.
    TokenFile ("token-file") [] in Ignored,
    One "FILE" = Text(""), like "/run/secrets/token";

    /// Not used, since Consul's agent is not asked.
    CaFile ("ca-file") [] in Ignored,
    One "FILE" = Text(""), like "/etc/consul/ca.pem";

    /// Not used, since Consul's agent is not asked.
    CaPath ("ca-path") [] in Ignored,
    One "DIR" = Text(""), like "/etc/consul/ca";

    /// Not used, since Consul's agent is not asked.
    ClientCert ("client-cert") [] in Ignored,
    One "FILE" = Text(""), like "/etc/consul/client.pem";

    /// Not used, since Consul's agent is not asked.
    ClientKey ("client-key") [] in Ignored,
    One "FILE" = Text(""), like "/etc/consul/client-key.pem";

    /// Not used, since Consul's agent is not asked.
    TlsServerName ("tls-server-name") [] in Ignored,
    One "NAME" = Text(""), like "server.dc1.consul";

    /// Not used, since Consul's agent is not asked.
    Namespace ("namespace") [] in Ignored,
    One "NAME" = Text(""), like "default";

    /// Not used, since Consul's agent is not asked.
    Partition ("partition") [] in Ignored,
    One "NAME" = Text(""), like "default";
}
