//! The one table of options. The command line, the variables, the file's keys and the help are all made of it.

/// The heading that `--help` lists an option under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// The proxy's ports and owners.
    Proxy,
    /// Connections that arrive at the pod.
    Inbound,
    /// Connections made inside the pod.
    Outbound,
    /// Both directions.
    Both,
    /// Queries for names.
    Dns,
    /// Where the options come from and which namespace is meant.
    Target,
    /// Proof that the rules do what they should.
    Verification,
    /// Printing the rules instead.
    DryRun,
    /// What is said, and how.
    Logging,
}

impl Section {
    /// The heading.
    #[must_use]
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Proxy => "The proxy",
            Self::Inbound => "Inbound (connections that arrive at the pod)",
            Self::Outbound => "Outbound (connections made inside the pod)",
            Self::Both => "Both directions",
            Self::Dns => "DNS",
            Self::Target => "Source of options, and namespace",
            Self::Verification => "Verification",
            Self::DryRun => "Dry run",
            Self::Logging => "Logging",
        }
    }
}

/// How many values an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One.
    One,
    /// A comma-separated list; given again, the lists are joined.
    List,
    /// Values that have commas themselves: given again, or separated by semicolons.
    Several,
    /// On or off; on where the value is left out.
    Switch,
    /// A number that the flag alone counts up.
    Count,
}

/// What an option is when nothing gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// As if this text had been given.
    Text(&'static str),
    /// Something that has no text; these words describe it.
    Described(&'static str),
}

impl Fallback {
    /// The text, if there is one.
    #[must_use]
    pub const fn text(self) -> Option<&'static str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Described(_) => None,
        }
    }

    /// The words for `--help`.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Text("") => "none",
            Self::Text(text) => text,
            Self::Described(words) => words,
        }
    }
}

/// All there is to say about an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Its long flag without the dashes, and its key in the file.
    pub name: &'static str,
    /// Its short flag.
    pub short: Option<char>,
    /// Its environment variable.
    pub variable: &'static str,
    /// Its heading.
    pub section: Section,
    /// How many values it takes.
    pub shape: Shape,
    /// What `--help` calls the value.
    pub value: &'static str,
    /// What it is when nothing gives it.
    pub default: Fallback,
    /// A value.
    pub example: &'static str,
    /// What it does.
    pub about: &'static str,
}

macro_rules! settings {
    ($(
        $(#[doc = $about:literal])*
        $setting:ident $name:literal $(short $short:literal)? $variable:literal in $section:ident,
        $shape:ident $value:literal = $fallback:ident($default:literal), like $example:literal;
    )*) => {
        /// An option.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Setting {
            $($(#[doc = $about])* $setting,)*
        }

        impl Setting {
            /// All of them, in the order of `--help`.
            pub const ALL: &[Self] = &[$(Self::$setting),*];

            /// The option's row of the table.
            #[must_use]
            pub const fn spec(self) -> &'static Spec {
                match self {
                    $(Self::$setting => const { &Spec {
                        name: $name,
                        short: settings!(@short $($short)?),
                        variable: $variable,
                        section: Section::$section,
                        shape: Shape::$shape,
                        value: $value,
                        default: Fallback::$fallback($default),
                        example: $example,
                        about: concat!($($about),*).trim_ascii_start(),
                    } },)*
                }
            }
        }
    };
    (@short) => { None };
    (@short $short:literal) => { Some($short) };
}

settings! {
    /// Where the proxy takes captured outbound TCP.
    OutboundPort "outbound-port" "NETWEIR_OUTBOUND_PORT" in Proxy,
    One "PORT" = Text("15001"), like "15001";

    /// Where the proxy takes captured inbound TCP.
    InboundPort "inbound-port" "NETWEIR_INBOUND_PORT" in Proxy,
    One "PORT" = Text("15006"), like "15006";

    /// The proxy's own mutual-TLS port, which connections reach directly; or none.
    TunnelPort "tunnel-port" "NETWEIR_TUNNEL_PORT" in Proxy,
    One "PORT|none" = Text("15008"), like "none";

    /// The users that the proxy runs as, ids or names in /etc/passwd of the image that netweir runs in. Their
    /// connections are not captured again. With none there is no such user.
    ProxyUid "proxy-uid" "NETWEIR_PROXY_UID" in Proxy,
    List "UIDS" = Text("1337"), like "1337,istio-proxy";

    /// The groups that the proxy runs as, ids or names in /etc/group of the image that netweir runs in.
    ProxyGid "proxy-gid" "NETWEIR_PROXY_GID" in Proxy,
    List "GIDS" = Described("the ids of --proxy-uid"), like "1337";

    /// How captured connections reach the proxy: with their destination rewritten (redirect), or unchanged to a
    /// transparent listener (tproxy), so that the client's address is kept.
    InboundMode "inbound-mode" "NETWEIR_INBOUND_MODE" in Inbound,
    One "redirect|tproxy" = Text("redirect"), like "tproxy";

    /// In tproxy mode the mark of packets for the transparent listener, and of their connections.
    TproxyMark "tproxy-mark" "NETWEIR_TPROXY_MARK" in Inbound,
    One "MARK" = Text("1337"), like "0x539";

    /// In tproxy mode the mark of packets from the proxy to its own pod.
    OutboundMark "outbound-mark" "NETWEIR_OUTBOUND_MARK" in Inbound,
    One "MARK" = Text("1338"), like "0x53a";

    /// In tproxy mode the routing table that packets with the tproxy mark look up, where everything is local.
    TproxyTable "tproxy-table" "NETWEIR_TPROXY_TABLE" in Inbound,
    One "TABLE" = Text("133"), like "133";

    /// The ports whose connections are captured: all (*), the ones listed, or with an empty value none.
    IncludeInboundPorts "include-inbound-ports" "NETWEIR_INCLUDE_INBOUND_PORTS" in Inbound,
    List "PORTS" = Text("*"), like "80,8000-8999";

    /// Ports whose connections are left alone. Consulted where --include-inbound-ports is * alone.
    ExcludeInboundPorts "exclude-inbound-ports" "NETWEIR_EXCLUDE_INBOUND_PORTS" in Inbound,
    List "PORTS" = Text(""), like "22,9000-9010";

    /// Sources whose connections are left alone: addresses and CIDRs of both families.
    ExcludeInboundIpRanges "exclude-inbound-ip-ranges" "NETWEIR_EXCLUDE_INBOUND_IP_RANGES" in Inbound,
    List "RANGES" = Text(""), like "10.0.0.0/24,fd00:1::/64";

    /// Interfaces behind which a virtual machine or a nested container sits: what arrives there is outbound traffic of
    /// the pod. A + or * at the end stands for any rest of the name.
    RerouteInterfaces "reroute-interfaces" "NETWEIR_REROUTE_INTERFACES" in Inbound,
    List "NAMES" = Text(""), like "tap0,k6t+";

    /// The destinations to which connections are captured: all (*), the addresses and CIDRs listed, or with an
    /// empty value none.
    IncludeOutboundIpRanges "include-outbound-ip-ranges" "NETWEIR_INCLUDE_OUTBOUND_IP_RANGES" in Outbound,
    List "RANGES" = Text("*"), like "10.96.0.0/12,fd00:2::/108";

    /// Destinations to which connections are left alone: addresses and CIDRs of both families.
    ExcludeOutboundIpRanges "exclude-outbound-ip-ranges" "NETWEIR_EXCLUDE_OUTBOUND_IP_RANGES" in Outbound,
    List "RANGES" = Text(""), like "169.254.169.254,10.1.0.0/16";

    /// Destination ports to which connections are captured whatever the address.
    IncludeOutboundPorts "include-outbound-ports" "NETWEIR_INCLUDE_OUTBOUND_PORTS" in Outbound,
    List "PORTS" = Text(""), like "80,443";

    /// Destination ports to which connections are left alone.
    ExcludeOutboundPorts "exclude-outbound-ports" "NETWEIR_EXCLUDE_OUTBOUND_PORTS" in Outbound,
    List "PORTS" = Text(""), like "3306,6379";

    /// Destination ports that are left alone for certain users: PORTS:UIDS, with tcp: or udp: before it for one protocol,
    /// and * for all ports or users. Given again for more, or separated by semicolons. Of UDP only DNS is captured.
    ExcludeOutboundPortsForUids "exclude-outbound-ports-for-uids" "NETWEIR_EXCLUDE_OUTBOUND_PORTS_FOR_UIDS" in Outbound,
    Several "PORTS:UIDS" = Text(""), like "tcp:3306,6000-6999:999,2000-2999";

    /// When connections between the pod's own processes are captured, too, save those to the loopback range: where
    /// an included range reaches loopback (auto), as the other options say (always), or never.
    CaptureOverLoopback "capture-over-loopback" "NETWEIR_CAPTURE_OVER_LOOPBACK" in Outbound,
    One "auto|always|never" = Text("auto"), like "never";

    /// The users whose connections are captured, ids, ranges of ids and names; all with *. A connection must fit
    /// --include-outbound-gids, too.
    IncludeOutboundUids "include-outbound-uids" "NETWEIR_INCLUDE_OUTBOUND_UIDS" in Outbound,
    List "UIDS" = Text("*"), like "1000-1999,www-data";

    /// Users whose connections are left alone.
    ExcludeOutboundUids "exclude-outbound-uids" "NETWEIR_EXCLUDE_OUTBOUND_UIDS" in Outbound,
    List "UIDS" = Text(""), like "999,backup";

    /// The groups whose connections are captured, ids, ranges of ids and names; all with *. A connection must fit
    /// --include-outbound-uids, too.
    IncludeOutboundGids "include-outbound-gids" "NETWEIR_INCLUDE_OUTBOUND_GIDS" in Outbound,
    List "GIDS" = Text("*"), like "1000-1999,www-data";

    /// Groups whose connections are left alone.
    ExcludeOutboundGids "exclude-outbound-gids" "NETWEIR_EXCLUDE_OUTBOUND_GIDS" in Outbound,
    List "GIDS" = Text(""), like "202,backup";

    /// Interfaces whose traffic is left alone. A + or * at the end stands for any rest of the name.
    ExcludeInterfaces "exclude-interfaces" "NETWEIR_EXCLUDE_INTERFACES" in Both,
    List "NAMES" = Text(""), like "eth1,tun+";

    /// The IPv4 destinations, inside 127.0.0.0/8, that are the application itself and never captured on the way out.
    /// The IPv6 counterpart never varies: it is the loopback address alone.
    LoopbackRange "loopback-range" "NETWEIR_LOOPBACK_RANGE" in Both,
    One "RANGE" = Text("127.0.0.1/32"), like "127.0.0.0/8";

    /// The addresses from which the proxy calls its own application.
    PassthroughSource "passthrough-source" "NETWEIR_PASSTHROUGH_SOURCE" in Both,
    List "ADDRESSES" = Text("127.0.0.6,::6"), like "127.0.0.6,::6";

    /// Drop packets that connection tracking calls invalid on arrival, before the proxy can answer them with a
    /// reset.
    DropInvalid "drop-invalid" "NETWEIR_DROP_INVALID" in Both,
    Switch "true|false" = Text("false"), like "true";

    /// The families to capture; the other is left alone. With auto the ones that the namespace has an address of,
    /// apart from loopback and link-local ones: the one value for which addresses are looked at.
    IpFamilies "ip-families" "NETWEIR_IP_FAMILIES" in Both,
    One "ipv4|ipv6|both|auto" = Text("both"), like "auto";

    /// Capture DNS, over UDP and TCP: queries to any server (all), to the ones that --resolv-conf names (resolvers), or
    /// none (off).
    Dns "dns" "NETWEIR_DNS" in Dns,
    One "off|resolvers|all" = Text("off"), like "resolvers";

    /// Where the proxy answers DNS, over UDP and TCP.
    DnsPort "dns-port" "NETWEIR_DNS_PORT" in Dns,
    One "PORT" = Text("15053"), like "15053";

    /// The name servers of --dns resolvers, addresses and CIDRs of both families, in place of those of --resolv-conf.
    DnsServers "dns-servers" "NETWEIR_DNS_SERVERS" in Dns,
    List "SERVERS" = Described("those of --resolv-conf"), like "10.96.0.10,fd00:10::a";

    /// The file that names the servers of --dns resolvers, in the form of resolv.conf(5).
    ResolvConf "resolv-conf" "NETWEIR_RESOLV_CONF" in Dns,
    One "FILE" = Text("/etc/resolv.conf"), like "/etc/resolv.conf";

    /// A TOML file with options: a key for each, named as here without the dashes. Flags win over variables, and
    /// variables over the file.
    Config "config" "NETWEIR_CONFIG" in Target,
    One "FILE" = Described("none"), like "/etc/netweir.toml";

    /// The network namespace: a path, a name under /run/netns or a process id.
    Netns "netns" "NETWEIR_NETNS" in Target,
    One "NAMESPACE" = Described("the current one"), like "/proc/4711/ns/net";

    /// Prove that traffic is captured, once the rules are installed: for both directions and each captured family that
    /// the namespace has an address of, netweir listens in the proxy's place, makes a connection of its own, and reads
    /// a token and the original destination back. Where something listens on the proxy's port already, or no
    /// connection can be tried, a notice says so.
    Verify "verify" "NETWEIR_VERIFY" in Verification,
    Switch "true|false" = Text("false"), like "true";

    /// Print the rules and change nothing; this needs no privilege.
    DryRun "dry-run" "NETWEIR_DRY_RUN" in DryRun,
    Switch "true|false" = Text("false"), like "true";

    /// What to print them as: for nft -f, nft -j -f, iptables-restore or ip6tables-restore.
    Format "format" "NETWEIR_FORMAT" in DryRun,
    One "nft|json|iptables|ip6tables" = Text("nft"), like "json";

    /// How messages are written to standard error: lines of text, or a JSON object a line.
    LogFormat "log-format" "NETWEIR_LOG_FORMAT" in Logging,
    One "plain|json" = Text("plain"), like "json";

    /// Say what is done, too; given twice, also the rules.
    Verbose "verbose" short 'v' "NETWEIR_VERBOSE" in Logging,
    Count "LEVEL" = Text("0"), like "2";

    /// Say nothing but errors.
    Quiet "quiet" short 'q' "NETWEIR_QUIET" in Logging,
    Switch "true|false" = Text("false"), like "true";
}

impl Setting {
    /// The option with this long flag or key.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|setting| setting.spec().name == name)
    }
}
