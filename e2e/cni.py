"""The plugin in real life: podman plays a pod without an init container on a network whose last plugin is netweir."""

import json
import shutil

from connections import EXCLUDED_INBOUND, EXCLUDED_OUTBOUND
from kube_play import LIVES, NETWORK, POD_NAME, binary_of, born, connect, manifest, network, playing
from lab import LabError

STRICT = "strict"


def plugin(folder, life):
    """Podman hands over no annotations: the configuration says it all."""
    options = {
        "exclude-outbound-ports": EXCLUDED_OUTBOUND,
        "exclude-inbound-ports": [EXCLUDED_INBOUND],
        "inbound-mode": life.mode,
    }
    return {
        "type": "netweir",
        "policy": "all",
        "capture": options,
        "logFile": f"{folder}/netweir.log",
        "logLevel": "info",
    }


def reference_plugins():
    """Those that stand between the bridge and netweir."""
    tuning = {"type": "tuning", "sysctl": {"net.ipv4.ip_local_port_range": "20000 60000"}}
    return [tuning, {"type": "portmap", "capabilities": {"portMappings": True}}]


def run(options, checks, folder):
    if not options.envoy or not options.image or not options.netweir:
        raise LabError("cni: needs --envoy, --image and --netweir")
    with playing(options, folder) as played:
        shutil.copy(options.netweir, f"{played.plugins}/netweir")
        for life in LIVES:
            plugins = [*reference_plugins(), plugin(folder, life)]
            played.write(f"networks/{NETWORK}.conflist", network(folder, plugins))
            print(f"A pod without an init container, in {life.mode} mode:", flush=True)
            with born(played, options.envoy, life, []) as proxy:
                connect(checks, played, proxy, life)
        logged(checks, folder)
        refused(checks, played, options.envoy, folder)


def logged(checks, folder):
    """Every pod was captured when it came, and is not any more."""
    with open(f"{folder}/netweir.log", encoding="utf-8") as file:
        entries = [json.loads(line) for line in file]
    logged = [(entry["command"], entry["pod"], entry["message"]) for entry in entries]
    once = [("ADD", POD_NAME, "captured"), ("DEL", POD_NAME, "no longer captured")]
    checks.equal("the plugin's log", logged, once * len(LIVES))


def refused(checks, played, envoy, folder):
    """A pod that the plugin cannot decide on does not start, and podman reports why."""
    undecided = {**plugin(folder, LIVES[0]), "policy": "annotated"}
    played.write(f"networks/{STRICT}.conflist", network(folder, [undecided], STRICT))
    try:
        played.play(manifest(LIVES[0], binary_of(envoy), folder, []), STRICT)
        said = "nothing"
    except LabError as error:
        said = str(error)
    played.down()
    reason = "the runtime does not pass the pod's annotations"
    checks.equal("a pod that cannot be decided on", reason if reason in said else said, reason)
