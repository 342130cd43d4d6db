"""Envoy's configuration: what a mesh's proxy does with captured connections, and nothing else.

Four listeners (outbound and inbound, for each family) restore the original destination and pass the
bytes on to it. The inbound ones call the app from the passthrough source, as a mesh does; in tproxy mode they are
transparent and call it from the client's address, with the mark that brings the app's answers back.
"""

OUTBOUND_PORT = 15001
INBOUND_PORT = 15006
ADMIN_PORT = 15000

REDIRECT = "redirect"
TPROXY = "tproxy"
TPROXY_MARK = 1337

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


def _listener_filter(name, kind, **settings):
    return {
        "name": f"envoy.filters.listener.{name}",
        "typed_config": {
            "@type": f"type.googleapis.com/envoy.extensions.filters.listener.{name}.v3.{kind}",
            **settings,
        },
    }


def _listener(name, family, port, log_path, transparent):
    filters = [_listener_filter("original_dst", "OriginalDst")]
    if transparent:
        filters.append(_listener_filter("original_src", "OriginalSrc", mark=TPROXY_MARK))
    return {
        "name": name,
        "address": _address(ANY[family], port),
        "transparent": transparent,
        "listener_filters": filters,
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


def _cluster(name, direction, family, transparent):
    cluster = {
        "name": name,
        "type": "ORIGINAL_DST",
        "lb_policy": "CLUSTER_PROVIDED",
        "connect_timeout": "5s",
    }
    if direction == "inbound" and not transparent:
        source = {"address": PASSTHROUGH_SOURCE[family], "port_value": 0}
        cluster["upstream_bind_config"] = {"source_address": source}
    return cluster


def config(log_path, mode=REDIRECT):
    """The whole configuration; connections are logged to `log_path`, a JSON object a line."""
    listeners, clusters = [], []
    for name, (direction, family, port) in LISTENERS.items():
        transparent = mode == TPROXY and direction == "inbound"
        listeners.append(_listener(name, family, port, log_path, transparent))
        clusters.append(_cluster(name, direction, family, transparent))
    return {
        "admin": {"address": _address("127.0.0.1", ADMIN_PORT)},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    }
