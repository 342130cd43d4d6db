//! The options of single commands.

use super::option_set;

option_set! {
    /// An option of a single command.
    #[expect(clippy::doc_markdown, reason = "the texts are for terminals, too")]
    pub enum CommandOption;

    /// The output format. With --connections the default is json, an object per line.
    OutputFormat ("format") [] in Answer,
    One "text|json" = Text("text"), like "json", common;

    /// The output format: a Mermaid or Graphviz diagram, an SVG image, or the diagram's contents as JSON.
    GraphFormat ("format") [] in Answer,
    One "mermaid|dot|svg|json" = Text("mermaid"), like "svg", common;

    /// Keep running and print changes. The rules are read again when they change, the counters every second, until SIGINT or
    /// SIGTERM.
    Watch ("watch") [] in Answer,
    Switch "true|false" = Text("false"), like "true", common;

    /// Keep open connections working that are captured. Otherwise they break, because the kernel stops translating addresses
    /// with the last NAT chain. A chain without effect stays until remove runs without this option.
    KeepConnections ("keep-connections") [] in Installation,
    Switch "true|false" = Text("false"), like "true", common;

    /// A file with one connection per line; - is standard input. Each answer is a JSON object on a line of its own, or a
    /// line of text with --format=text. Empty lines and lines that start with # are skipped.
    Connections ("connections") [] in Answer,
    One "FILE" = Described("none"), like "-", common;

    /// Print a table of typical connections instead. Each kind of user connects to each kind of destination, in both
    /// directions.
    Table ("table") [] in Answer,
    Switch "true|false" = Text("false"), like "true", common;

    /// Exit after this many connections.
    Count ("count") [] in Answer,
    One "N" = Described("no limit"), like "10", common;

    /// Exit after this time, in seconds or with a unit.
    Duration ("duration") [] in Answer,
    One "TIME" = Described("no limit"), like "30s", common;

    /// Read the installed rules instead of making rules from options. Changes by other programs are included. Needs
    /// CAP_NET_ADMIN.
    FromKernel ("from-kernel") [] in Rules,
    Switch "true|false" = Text("false"), like "true", common;

    /// What the runtime passes in CNI_ARGS: the pod's namespace and name.
    CniArgs ("args") ["CNI_ARGS"] in Target,
    One "ARGS" = Text(""), like "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0", common;

    /// The container runtime's directory of plugins.
    BinDir ("bin-dir") ["NETWEIR_CNI_BIN_DIR"] in Node,
    One "DIR" = Text("/opt/cni/bin"), like "/host/opt/cni/bin", common;

    /// The container runtime's directory of network configurations. The first valid one by name is the primary network.
    ConfDir ("conf-dir") ["NETWEIR_CNI_CONF_DIR"] in Node,
    One "DIR" = Text("/etc/cni/net.d"), like "/host/etc/cni/net.d", common;

    /// A JSON file with keys for the plugin's configuration. They are policy, excludeNamespaces, includeNamespaces, meshes,
    /// capture, standalone, logFile and logLevel. The file is read once, at the start.
    PluginConfig ("plugin-config") ["NETWEIR_CNI_PLUGIN_CONFIG"] in Node,
    One "FILE" = Described("none"), like "/etc/netweir/plugin.json", common;

    /// Install the plugin and exit. The exit code is 1 if there is no network configuration to add it to.
    Once ("once") ["NETWEIR_CNI_ONCE"] in Agent,
    Switch "true|false" = Text("false"), like "true", common;

    /// A file that exists while the plugin is installed.
    ReadyFile ("ready-file") ["NETWEIR_CNI_READY_FILE"] in Agent,
    One "FILE" = Described("none"), like "/run/netweir/ready", common;

    /// The address and port of /readyz and /metrics. The one is for probes, the other for Prometheus.
    Health ("health") ["NETWEIR_CNI_HEALTH"] in Agent,
    One "ADDRESS" = Described("none"), like "127.0.0.1:15097", common;

    /// Uninstall the plugin on SIGTERM or SIGINT. Otherwise it stays, so that pods are captured during an upgrade.
    UninstallOnExit ("uninstall-on-exit") ["NETWEIR_CNI_UNINSTALL_ON_EXIT"] in Agent,
    Switch "true|false" = Text("false"), like "true", common;
}
