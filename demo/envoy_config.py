"""Envoy's configuration: what a mesh's proxy does with captured connections, and nothing else.

Four listeners (outbound and inbound, for each family) restore the original destination and pass the
bytes on to it; the inbound ones call the app from the passthrough source, as a mesh does.
"""

OUTBOUND_PORT = 15001
INBOUND_PORT = 15006
ADMIN_PORT = 15000

ANY = {4: "0.0.0.0", 6: "::"}
PASSTHROUGH_SOURCE = {4: "127.0.0.6", 6: "::6"}

LISTENERS = {
    f"{direction}{family}": (direction, family, port)
    for direction, port in (("outbound", OUTBOUND_PORT), ("inbound", INBOUND_PORT))
    for family in (4, 6)
}


def _address(address, port):
    return {"socket_address": {"address": address, "port_value": port}}


def _access_log(name, path):
    line = {
        "listener": name,
        "client": "%DOWNSTREAM_REMOTE_ADDRESS%",
        "original_destination": "%DOWNSTREAM_LOCAL_ADDRESS%",
        "upstream": "%UPSTREAM_HOST%",
        "upstream_source": "%UPSTREAM_LOCAL_ADDRESS%",
    }
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": path,
            "log_format": {"json_format": line},
        },
    }


def _listener(name, family, port, log_path):
    return {
        "name": name,
        "address": _address(ANY[family], port),
        "listener_filters": [
            {
                "name": "envoy.filters.listener.original_dst",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst"
                },
            }
        ],
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.tcp_proxy",
                        "typed_config": {
                            "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                            "stat_prefix": name,
                            "cluster": name,
                            "access_log": [_access_log(name, log_path)],
                        },
                    }
                ]
            }
        ],
    }


def _cluster(name, direction, family):
    cluster = {
        "name": name,
        "type": "ORIGINAL_DST",
        "lb_policy": "CLUSTER_PROVIDED",
        "connect_timeout": "5s",
    }
    if direction == "inbound":
        source = {"address": PASSTHROUGH_SOURCE[family], "port_value": 0}
        cluster["upstream_bind_config"] = {"source_address": source}
    return cluster


def config(log_path):
    """The whole configuration; connections are logged to `log_path`, a JSON object a line."""
    return {
        "admin": {"address": _address("127.0.0.1", ADMIN_PORT)},
        "static_resources": {
            "listeners": [_listener(name, family, port, log_path) for name, (_, family, port) in LISTENERS.items()],
            "clusters": [_cluster(name, direction, family) for name, (direction, family, _) in LISTENERS.items()],
        },
    }
