"""Faulty changes to the manifests, each with the property that has to detect it."""


def at(path, value=None):
    """Sets the value at `path`, separated by slashes; removes it if no value is given."""
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
    ("only_these_objects", more("containers", {"name": "second", "image": "second"})),
    ("no_token", at("automountServiceAccountToken")),
    ("no_token", at("serviceAccountName", "admin")),
    ("no_capabilities", at(f"{CONTEXT}/capabilities")),
    ("no_capabilities", at(f"{CONTEXT}/capabilities/add", ["DAC_OVERRIDE"])),
    ("no_capabilities", at(f"{CONTEXT}/allowPrivilegeEscalation")),
    ("no_capabilities", at(f"{CONTEXT}/privileged", True)),
    ("read_only_root", at(f"{CONTEXT}/readOnlyRootFilesystem")),
    ("seccomp", at("securityContext/seccompProfile")),
    ("seccomp", at(f"{CONTEXT}/seccompProfile", {"type": "Unconfined"})),
    ("only_two_host_folders", more("volumes", SOCKET)),
    ("only_two_host_folders", at("hostPID", True)),
    ("only_two_host_folders", at("hostNetwork")),
    ("only_two_host_folders", at("containers/0/volumeMounts/0/mountPath", "/opt")),
    ("only_two_host_folders", at("containers/0/args/2", "--bin-dir=/tmp")),
    ("usual_host_folders", at("volumes/0/hostPath/path", "/")),
    ("no_other_writable_volume", more("volumes", {"name": "scratch", "emptyDir": {}})),
    ("no_other_writable_volume", at("containers/0/volumeMounts/2/readOnly")),
    ("on_every_node", at("tolerations")),
    ("on_every_node", at("nodeSelector", {"mesh": "yes"})),
    ("priority", at("priorityClassName")),
    ("small_memory_limit", at("containers/0/resources")),
    ("updates_leave_no_gap", more("containers/0/args", "--uninstall-on-exit")),
    ("ready_when_installed", at("containers/0/readinessProbe")),
    ("ready_when_installed", at("containers/0/args/5", "--health=0.0.0.0:15097")),
    ("no_environment", at("enableServiceLinks")),
    ("no_environment", at("containers/0/env", [{"name": "NETWEIR_CNI_ONCE", "value": "true"}])),
)

INIT = "initContainers/0/securityContext"

IN_INIT_CONTAINER = (
    ("first_in_the_pod", lambda pod: pod["initContainers"].reverse()),
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
    """Applies the change to the object of that kind."""

    def make(objects):
        (found,) = [found for found in objects if found["kind"] == kind]
        change(found)

    return make


def in_pod(change):
    return of("DaemonSet", lambda found: change(found["spec"]["template"]["spec"]))


IN_OBJECTS = (
    ("only_these_objects", role),
    ("no_token", of("ServiceAccount", at("automountServiceAccountToken"))),
    ("updates_leave_no_gap", of("DaemonSet", at("spec/updateStrategy"))),
    ("updates_leave_no_gap", of("DaemonSet", at("spec/updateStrategy/rollingUpdate/maxSurge", 1))),
    *((name, in_pod(change)) for name, change in IN_POD),
)

# What Kubernetes itself would refuse or silently drop.
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
