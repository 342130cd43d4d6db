"""What is promised of the manifests, whoever renders them. Each promise is a function that says what breaks it, if anything."""

FOLDERS = {"/opt/cni/bin", "/etc/cni/net.d"}

ON_NODES = {}
INIT_CONTAINER = {}


def promise(of):
    def kept(function):
        of[function.__name__] = function
        return function

    return kept


def broken(promises, given):
    """Which promises are not kept, and why."""
    told = {name: list(check(given)) for name, check in promises.items()}
    return {name: reasons for name, reasons in told.items() if reasons}


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


@promise(ON_NODES)
def nothing_but_these_objects(node):
    """No role and no binding, above all."""
    kinds = [kind for kind in node.kinds if kind != "Namespace"]
    yield from unequal("the list of kinds", kinds, ["ConfigMap", "DaemonSet", "ServiceAccount"])
    yield from unequal("the number of containers", len(node.containers), 1)


@promise(ON_NODES)
def no_token(node):
    yield from unequal("the account's automount", node.account.get("automountServiceAccountToken"), False)
    yield from unequal("the pod's automount", node.pod.get("automountServiceAccountToken"), False)
    yield from unequal("the pod's account", node.pod.get("serviceAccountName"), node.account["metadata"]["name"])


@promise(ON_NODES)
def no_capabilities(node):
    yield from unequal("capabilities", node.context.get("capabilities"), {"drop": ["ALL"]})
    yield from unequal("allowPrivilegeEscalation", node.context.get("allowPrivilegeEscalation"), False)
    yield from unequal("privileged", node.context.get("privileged", False), False)


@promise(ON_NODES)
def read_only_root(node):
    yield from unequal("readOnlyRootFilesystem", node.context.get("readOnlyRootFilesystem"), True)


@promise(ON_NODES)
def seccomp(node):
    context = node.pod.get("securityContext", {})
    yield from unequal("the seccomp profile", context.get("seccompProfile"), {"type": "RuntimeDefault"})
    yield from unequal("the container's own profile", node.context.get("seccompProfile"), None)


@promise(ON_NODES)
def of_the_host_two_folders_alone(node):
    """And its network, in which the pod can start before the node's plugins work."""
    paths = {volume["name"]: volume["hostPath"] for volume in node.pod["volumes"] if "hostPath" in volume}
    mounts = {mount["name"]: mount for mount in node.installer["volumeMounts"]}
    yield from unequal("the host's folders", len(paths), 2)
    yield from unequal("where they are", {mounts.get(name, {}).get("mountPath") for name in paths}, FOLDERS)
    told = set(node.installer["args"])
    yield from unequal("the folders told", {"--bin-dir=/opt/cni/bin", "--conf-dir=/etc/cni/net.d"} - told, set())
    yield from unequal("hostNetwork", node.pod.get("hostNetwork"), True)
    for name in ("hostPID", "hostIPC", "shareProcessNamespace"):
        yield from unequal(name, node.pod.get(name, False), False)


@promise(ON_NODES)
def the_hosts_own_places(node):
    """Where most distributions have them."""
    paths = {volume["hostPath"]["path"] for volume in node.pod["volumes"] if "hostPath" in volume}
    yield from unequal("the host's folders", paths, FOLDERS)


@promise(ON_NODES)
def nothing_else_to_write_to(node):
    for volume in node.pod["volumes"]:
        others = set(volume) - {"name", "hostPath", "configMap"}
        yield from unequal(f"what else {volume['name']} is", others, set())
    config = [mount for mount in node.installer["volumeMounts"] if mount["mountPath"] not in FOLDERS]
    yield from unequal("the mounts besides", [(mount["mountPath"], mount.get("readOnly")) for mount in config], [("/etc/netweir", True)])


@promise(ON_NODES)
def on_every_node(node):
    yield from unequal("tolerations", node.pod.get("tolerations"), [{"operator": "Exists"}])
    yield from unequal("nodeSelector", node.pod.get("nodeSelector"), {"kubernetes.io/os": "linux"})
    yield from unequal("affinity", node.pod.get("affinity"), None)


@promise(ON_NODES)
def priority(node):
    yield from unequal("priorityClassName", node.pod.get("priorityClassName"), "system-node-critical")


@promise(ON_NODES)
def small(node):
    memory = node.installer.get("resources", {}).get("limits", {}).get("memory")
    yield from unequal("the limit of memory", memory, "32Mi")


@promise(ON_NODES)
def an_update_leaves_no_gap(node):
    """The plugin stays while its installer is replaced, by one installer after another, a node at a time."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    yield from unequal("updateStrategy", node.daemon_set.get("updateStrategy"), strategy)
    yield from unequal("--uninstall-on-exit", "--uninstall-on-exit" in node.installer["args"], False)


@promise(ON_NODES)
def ready_when_installed(node):
    listens = [word.removeprefix("--health=") for word in node.installer["args"] if word.startswith("--health=")]
    yield from unequal("where it listens", listens, ["127.0.0.1:15097"])
    asked = node.installer.get("readinessProbe", {}).get("httpGet", {})
    yield from unequal("what is asked", asked, {"host": "127.0.0.1", "port": 15097, "path": "/readyz"})


@promise(ON_NODES)
def no_variables(node):
    """Neither ours nor those of services: they are options."""
    yield from unequal("enableServiceLinks", node.pod.get("enableServiceLinks"), False)
    yield from unequal("variables", [*node.installer.get("env", []), *node.installer.get("envFrom", [])], [])


@promise(INIT_CONTAINER)
def first_of_the_pod(pod):
    yield from unequal("the first init container", pod["initContainers"][0]["name"], "netweir")


@promise(INIT_CONTAINER)
def one_capability(pod):
    context = pod["initContainers"][0].get("securityContext", {})
    yield from unequal("capabilities", context.get("capabilities"), {"drop": ["ALL"], "add": ["NET_ADMIN"]})
    yield from unequal("allowPrivilegeEscalation", context.get("allowPrivilegeEscalation"), False)
    yield from unequal("privileged", context.get("privileged", False), False)


@promise(INIT_CONTAINER)
def not_root(pod):
    context = pod["initContainers"][0].get("securityContext", {})
    yield from unequal("the user", (context.get("runAsNonRoot"), context.get("runAsUser")), (True, 65534))


@promise(INIT_CONTAINER)
def confined(pod):
    context = pod["initContainers"][0].get("securityContext", {})
    yield from unequal("readOnlyRootFilesystem", context.get("readOnlyRootFilesystem"), True)
    yield from unequal("the seccomp profile", context.get("seccompProfile"), {"type": "RuntimeDefault"})
