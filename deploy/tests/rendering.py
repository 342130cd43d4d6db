"""What Helm and Kustomize render, in each available version."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = "deploy/helm/netweir"
BASE = "deploy/kustomize/base"
SHOP = "deploy/kustomize/examples/shop"
FIRST_RUN = "deploy/examples/captured-pod.yaml"
NAMESPACE = "netweir-system"

# The folder of script/kubernetes.
TOOLS = Path(os.environ["KUBERNETES_TOOLS"])
VERSIONS = tuple(sorted(folder.name for folder in TOOLS.glob("v[0-9]*")))
NEWEST = VERSIONS[-1]

EVERYTHING = {
    "image": {"repository": "my.registry:5000/netweir", "digest": f"sha256:{'0123456789abcdef' * 4}", "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}],
    "plugin": {
        "policy": "all",
        "meshes": {"linkerd": "init", "nomad": "off"},
        "standalone": True,
        "excludeNamespaces": ["kube-system", "monitoring"],
        "includeNamespaces": ["shop"],
        "meshes": {"linkerd": "init", "istio": "off"},
        "standalone": False,
        "capture": {"exclude-outbound-ports": "22,3306", "proxy-uid": 1337, "drop-invalid": True, "exclude-inbound-ports": [22, 23]},
        "logFile": "/var/log/netweir.log",
        "logLevel": "debug",
    },
    "host": {"binDir": "/var/lib/rancher/k3s/data/cni", "confDir": "/var/lib/rancher/k3s/agent/etc/cni/net.d"},
    "health": {"address": "::", "port": 9999},
    "prometheus": {"annotations": True},
    "priorityClassName": "system-cluster-critical",
    "tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"}],
    "nodeSelector": {"kubernetes.io/os": "linux", "mesh": "yes"},
    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "mesh", "operator": "Exists"}]}]}}},
    "maxUnavailable": "10%",
    "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "64Mi", "cpu": 1}},
    "podAnnotations": {"team": "mesh"},
    "podLabels": {"team": "mesh"},
    "seLinuxOptions": {"type": "spc_t"},
}
UNINSTALL = {"uninstallOnExit": True}


class Refused(Exception):
    """The program failed: its error output."""


def run(version, program, *arguments, given=None):
    command = [TOOLS / version / program, *arguments]
    # An empty home: neither a kubeconfig nor other settings of the user are read.
    environment = {"HOME": "/nonexistent", "PATH": os.environ["PATH"]}
    done = subprocess.run(command, input=given, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(done.stderr)
    return done.stdout


def objects(text):
    return [document for document in yaml.safe_load_all(text) if document]


def helm(values=None, version=NEWEST, chart=CHART):
    arguments = ("template", "netweir", chart, "--namespace", NAMESPACE, "--values", "-")
    return objects(run(version, "helm", *arguments, given=json.dumps(values or {})))


def kustomize(folder=BASE, version=NEWEST):
    return objects(run(version, "kubectl", "kustomize", str(folder)))


def first_run():
    """The pod of the README's first run."""
    return objects((ROOT / FIRST_RUN).read_text(encoding="utf-8"))


def overlay(folder, kustomization):
    """What Kustomize renders for a user's own kustomization, written into `folder`."""
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization), encoding="utf-8")
    return kustomize(folder)


def one(found, kind):
    (only,) = [document for document in found if document["kind"] == kind]
    return only


def pod(found, kind="DaemonSet"):
    return one(found, kind)["spec"]["template"]["spec"]


@cache
def on_nodes(way):
    """The objects that install netweir on the nodes, by `helm` or `kustomize`, with default values."""
    return {"helm": helm, "kustomize": kustomize}[way]()


def write(folder):
    """Writes what e2e/ runs, as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    rendered = {
        "helm": helm(),
        "kustomize": kustomize(),
        # Without annotations from the runtime, the policy decides alone.
        "all": helm({"plugin": {"policy": "all", "capture": EVERYTHING["plugin"]["capture"]}}),
        "uninstall": helm(UNINSTALL),
        "invalid": helm({"plugin": {"capture": {"exclude-outbound-port": "22"}}}),
        "shop": kustomize(SHOP),
        "first-run": first_run(),
    }
    for name, found in rendered.items():
        (folder / f"{name}.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
