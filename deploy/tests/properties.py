"""Properties of the rendered manifests, by Helm or Kustomize. Each is a function that yields the reasons why it does not hold."""

FOLDERS = {"/opt/cni/bin", "/etc/cni/net.d"}

ON_NODES = {}
INIT_CONTAINER = {}


def holds_for(objects):
    def register(function):
        objects[function.__name__] = function
        return function

    return register


def violated(properties, objects):
    """The properties that do not hold, with the reasons."""
    results = {name: list(check(objects)) for name, check in properties.items()}
    return {name: reasons for name, reasons in results.items() if reasons}


def unequal(what, got, want):
    if got != want:
        yield f"{what} is {got}, not {want}"


class Node:
    """The objects for the nodes, by their parts."""

    def __init__(self, objects):
        self.kinds = sorted(found["kind"] for found in objects)
        by_kind = {found["kind"]: found for found in objects}
        self.account = by_kind["ServiceAccount"]
        self.daemon_set = by_kind["DaemonSet"]["spec"]
        self.pod = self.daemon_set["template"]["spec"]
        self.containers = self.pod["containers"] + self.pod.get("initContainers", [])
        self.installer = self.pod["containers"][0]
        self.context = self.installer.get("securityContext", {})


@holds_for(ON_NODES)
def only_these_objects(node):
    """In particular no role and no binding."""
    kinds = [kind for kind in node.kinds if kind != "Namespace"]
    yield from unequal("the list of kinds", kinds, ["ConfigMap", "DaemonSet", "ServiceAccount"])
    yield from unequal("the number of containers", len(node.containers), 1)


@holds_for(ON_NODES)
def no_token(node):
    yield from unequal("the account's automount", node.account.get("automountServiceAccountToken"), False)
    yield from unequal("the pod's automount", node.pod.get("automountServiceAccountToken"), False)
    yield from unequal("the pod's account", node.pod.get("serviceAccountName"), node.account["metadata"]["name"])


@holds_for(ON_NODES)
def no_capabilities(node):
    yield from unequal("capabilities", node.context.get("capabilities"), {"drop": ["ALL"]})
    yield from unequal("allowPrivilegeEscalation", node.context.get("allowPrivilegeEscalation"), False)
    yield from unequal("privileged", node.context.get("privileged", False), False)


@holds_for(ON_NODES)
def read_only_root(node):
    yield from unequal("readOnlyRootFilesystem", node.context.get("readOnlyRootFilesystem"), True)


@holds_for(ON_NODES)
def seccomp(node):
    context = node.pod.get("securityContext", {})
    yield from unequal("the seccomp profile", context.get("seccompProfile"), {"type": "RuntimeDefault"})
    yield from unequal("the container's own profile", node.context.get("seccompProfile"), None)


@holds_for(ON_NODES)
def only_two_host_folders(node):
    """And the host's network, in which the pod can start before the node's plugins work."""
    paths = {volume["name"]: volume["hostPath"] for volume in node.pod["volumes"] if "hostPath" in volume}
    mounts = {mount["name"]: mount for mount in node.installer["volumeMounts"]}
    yield from unequal("the host's folders", len(paths), 2)
    yield from unequal("their mount paths", {mounts.get(name, {}).get("mountPath") for name in paths}, FOLDERS)
    arguments = set(node.installer["args"])
    yield from unequal("missing folders", {"--bin-dir=/opt/cni/bin", "--conf-dir=/etc/cni/net.d"} - arguments, set())
    yield from unequal("hostNetwork", node.pod.get("hostNetwork"), True)
    for name in ("hostPID", "hostIPC", "shareProcessNamespace"):
        yield from unequal(name, node.pod.get(name, False), False)


@holds_for(ON_NODES)
def usual_host_folders(node):
    """The folders of most distributions."""
    paths = {volume["hostPath"]["path"] for volume in node.pod["volumes"] if "hostPath" in volume}
    yield from unequal("the host's folders", paths, FOLDERS)


@holds_for(ON_NODES)
def no_other_writable_volume(node):
    for volume in node.pod["volumes"]:
        others = set(volume) - {"name", "hostPath", "configMap"}
        yield from unequal(f"other sources of {volume['name']}", others, set())
    config = [mount for mount in node.installer["volumeMounts"] if mount["mountPath"] not in FOLDERS]
    yield from unequal("the other mounts", [(mount["mountPath"], mount.get("readOnly")) for mount in config], [("/etc/netweir", True)])


@holds_for(ON_NODES)
def on_every_node(node):
    yield from unequal("tolerations", node.pod.get("tolerations"), [{"operator": "Exists"}])
    yield from unequal("nodeSelector", node.pod.get("nodeSelector"), {"kubernetes.io/os": "linux"})
    yield from unequal("affinity", node.pod.get("affinity"), None)


@holds_for(ON_NODES)
def priority(node):
    yield from unequal("priorityClassName", node.pod.get("priorityClassName"), "system-node-critical")


@holds_for(ON_NODES)
def small_memory_limit(node):
    memory = node.installer.get("resources", {}).get("limits", {}).get("memory")
    yield from unequal("the memory limit", memory, "32Mi")


@holds_for(ON_NODES)
def updates_leave_no_gap(node):
    """The plugin stays while its installer is replaced, without a second installer, one node at a time."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    yield from unequal("updateStrategy", node.daemon_set.get("updateStrategy"), strategy)
    yield from unequal("--uninstall-on-exit", "--uninstall-on-exit" in node.installer["args"], False)


@holds_for(ON_NODES)
def ready_when_installed(node):
    listens = [word.removeprefix("--health=") for word in node.installer["args"] if word.startswith("--health=")]
    yield from unequal("the address it listens on", listens, ["127.0.0.1:15097"])
    asked = node.installer.get("readinessProbe", {}).get("httpGet", {})
    yield from unequal("the probe", asked, {"host": "127.0.0.1", "port": 15097, "path": "/readyz"})


@holds_for(ON_NODES)
def no_environment(node):
    """Neither netweir's nor those of services, which netweir would read as options."""
    yield from unequal("enableServiceLinks", node.pod.get("enableServiceLinks"), False)
    yield from unequal("variables", [*node.installer.get("env", []), *node.installer.get("envFrom", [])], [])


@holds_for(INIT_CONTAINER)
def first_in_the_pod(pod):
    yield from unequal("the first init container", pod["initContainers"][0]["name"], "netweir")


@holds_for(INIT_CONTAINER)
def one_capability(pod):
    context = pod["initContainers"][0].get("securityContext", {})
    yield from unequal("capabilities", context.get("capabilities"), {"drop": ["ALL"], "add": ["NET_ADMIN"]})
    yield from unequal("allowPrivilegeEscalation", context.get("allowPrivilegeEscalation"), False)
    yield from unequal("privileged", context.get("privileged", False), False)


@holds_for(INIT_CONTAINER)
def not_root(pod):
    context = pod["initContainers"][0].get("securityContext", {})
    yield from unequal("the user", (context.get("runAsNonRoot"), context.get("runAsUser")), (True, 65534))


@holds_for(INIT_CONTAINER)
def confined(pod):
    context = pod["initContainers"][0].get("securityContext", {})
    yield from unequal("readOnlyRootFilesystem", context.get("readOnlyRootFilesystem"), True)
    yield from unequal("the seccomp profile", context.get("seccompProfile"), {"type": "RuntimeDefault"})
