"""Mistakes that somebody could make in the manifests, by the promise that has to notice."""


def at(path, value=None):
    """Sets what is at `path`, a text with slashes, below the DaemonSet's pod; takes it away where no value is given."""
    *folders, last = (int(word) if word.isdigit() else word for word in path.split("/"))

    def make(pod):
        for word in folders:
            pod = pod[word]
        if value is None:
            del pod[last]
        else:
            pod[last] = value

    return make


def more(path, value):
    """Appends to the list at `path`."""

    def make(pod):
        for word in path.split("/"):
            pod = pod[int(word) if word.isdigit() else word]
        pod.append(value)

    return make


SOCKET = {"name": "socket", "hostPath": {"path": "/run/containerd", "type": "Directory"}}
CONTEXT = "containers/0/securityContext"

IN_POD = (
    ("nothing_but_these_objects", more("containers", {"name": "second", "image": "second"})),
    ("no_token", at("automountServiceAccountToken")),
    ("no_token", at("serviceAccountName", "admin")),
    ("no_capabilities", at(f"{CONTEXT}/capabilities")),
    ("no_capabilities", at(f"{CONTEXT}/capabilities/add", ["DAC_OVERRIDE"])),
    ("no_capabilities", at(f"{CONTEXT}/allowPrivilegeEscalation")),
    ("no_capabilities", at(f"{CONTEXT}/privileged", True)),
    ("read_only_root", at(f"{CONTEXT}/readOnlyRootFilesystem")),
    ("seccomp", at("securityContext/seccompProfile")),
    ("seccomp", at(f"{CONTEXT}/seccompProfile", {"type": "Unconfined"})),
    ("of_the_host_two_folders_alone", more("volumes", SOCKET)),
    ("of_the_host_two_folders_alone", at("hostPID", True)),
    ("of_the_host_two_folders_alone", at("hostNetwork")),
    ("of_the_host_two_folders_alone", at("containers/0/volumeMounts/0/mountPath", "/opt")),
    ("of_the_host_two_folders_alone", at("containers/0/args/2", "--bin-dir=/tmp")),
    ("the_hosts_own_places", at("volumes/0/hostPath/path", "/")),
    ("nothing_else_to_write_to", more("volumes", {"name": "scratch", "emptyDir": {}})),
    ("nothing_else_to_write_to", at("containers/0/volumeMounts/2/readOnly")),
    ("on_every_node", at("tolerations")),
    ("on_every_node", at("nodeSelector", {"mesh": "yes"})),
    ("priority", at("priorityClassName")),
    ("small", at("containers/0/resources")),
    ("an_update_leaves_no_gap", more("containers/0/args", "--uninstall-on-exit")),
    ("ready_when_installed", at("containers/0/readinessProbe")),
    ("ready_when_installed", at("containers/0/args/5", "--health=0.0.0.0:15097")),
    ("no_variables", at("enableServiceLinks")),
    ("no_variables", at("containers/0/env", [{"name": "NETWEIR_CNI_ONCE", "value": "true"}])),
)

INIT = "initContainers/0/securityContext"

IN_INIT_CONTAINER = (
    ("first_of_the_pod", lambda pod: pod["initContainers"].reverse()),
    ("one_capability", more(f"{INIT}/capabilities/add", "NET_RAW")),
    ("one_capability", at(f"{INIT}/capabilities/drop")),
    ("one_capability", at(f"{INIT}/allowPrivilegeEscalation")),
    ("not_root", at(f"{INIT}/runAsNonRoot")),
    ("not_root", at(f"{INIT}/runAsUser", 0)),
    ("confined", at(f"{INIT}/readOnlyRootFilesystem")),
    ("confined", at(f"{INIT}/seccompProfile")),
)


def role(objects):
    objects.append({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "netweir"}})


def of(kind, change):
    """A mistake in the object of that kind."""

    def make(objects):
        (found,) = [found for found in objects if found["kind"] == kind]
        change(found)

    return make


def in_pod(change):
    return of("DaemonSet", lambda found: change(found["spec"]["template"]["spec"]))


IN_OBJECTS = (
    ("nothing_but_these_objects", role),
    ("no_token", of("ServiceAccount", at("automountServiceAccountToken"))),
    ("an_update_leaves_no_gap", of("DaemonSet", at("spec/updateStrategy"))),
    ("an_update_leaves_no_gap", of("DaemonSet", at("spec/updateStrategy/rollingUpdate/maxSurge", 1))),
    *((name, in_pod(change)) for name, change in IN_POD),
)

# What Kubernetes itself would refuse, or drop without a word.
AGAINST_SCHEMA = (
    in_pod(at(f"{CONTEXT}/readOnlyRootFilesytem", True)),
    in_pod(at(f"{CONTEXT}/readOnlyRootFilesystem", "true")),
    in_pod(at("containers/0/volumeMounts/0/mountPath")),
    in_pod(at("hostnetwork", True)),
    of("DaemonSet", at("spec/selector")),
    of("DaemonSet", at("spec/replicas", 1)),
    of("ServiceAccount", at("automountServiceAccountToken", "no")),
    of("ConfigMap", at("data/plugin.json", {"policy": "all"})),
)
