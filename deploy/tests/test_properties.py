"""The properties hold for everything that Helm and Kustomize render, and detect faulty changes."""

import copy
import json
import tempfile
import unittest
from contextlib import contextmanager
from pathlib import Path

import mutations
import properties
import rendering
from properties import INIT_CONTAINER, ON_NODES, Node, violated
from rendering import EVERYTHING, SHOP, UNINSTALL, VERSIONS, helm, kustomize, on_nodes, one, overlay, pod

WAYS = ("helm", "kustomize")
EXIT = "deploy/kustomize/components/uninstall-on-exit"
INIT = "deploy/kustomize/components/init-container"
# The project, from a temporary folder below it: Kustomize refuses absolute paths.
ABOVE = "../../"
# What the values may change.
CONFIGURABLE = {"usual_host_folders", "on_every_node", "priority", "small_memory_limit", "updates_leave_no_gap", "ready_when_installed"}


@contextmanager
def below_the_project():
    (rendering.ROOT / ".build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=rendering.ROOT / ".build") as folder:
        yield Path(folder)


def library_chart(folder, arguments):
    """A user's chart that includes the init container from netweir's."""
    (folder / "templates").mkdir()
    (folder / "charts").mkdir()
    (folder / "charts/netweir-init").symlink_to(rendering.ROOT / "deploy/helm/netweir-init")
    (folder / "Chart.yaml").write_text(json.dumps({"apiVersion": "v2", "name": "shop", "version": "1.0.0"}), encoding="utf-8")
    options = " ".join(json.dumps(argument) for argument in arguments)
    template = f"""\
apiVersion: v1
kind: Pod
metadata:
  name: shop
spec:
  initContainers:
    {{{{- include "netweir.initContainer" (dict "args" (list {options})) | nindent 4 }}}}
  containers:
    - name: shop
      image: shop
"""
    (folder / "templates/pod.yaml").write_text(template, encoding="utf-8")
    return one(helm(chart=str(folder)), "Pod")["spec"]


def plain(found):
    """An object without the names and labels that differ between the two tools."""
    found = copy.deepcopy(found)
    found["metadata"] = {"namespace": found["metadata"]["namespace"]}
    if found["kind"] == "ConfigMap":
        found["data"] = {name: json.loads(text) for name, text in found["data"].items()}
    if found["kind"] == "DaemonSet":
        del found["spec"]["template"]["metadata"]
        for volume in found["spec"]["template"]["spec"]["volumes"]:
            if "configMap" in volume:
                volume["configMap"]["name"] = "netweir"
    return found


class Properties(unittest.TestCase):
    """They hold for everything that is rendered."""

    def test_on_nodes(self):
        for version in VERSIONS:
            for way in (helm, kustomize):
                with self.subTest(version=version, way=way.__name__):
                    self.assertEqual(violated(ON_NODES, Node(way(version=version))), {})

    def test_with_all_values_set(self):
        found = violated(ON_NODES, Node(helm(EVERYTHING)))
        self.assertEqual(set(found), CONFIGURABLE)

    def test_init_container_by_kustomize(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                self.assertEqual(violated(INIT_CONTAINER, pod(kustomize(SHOP, version), "Deployment")), {})

    def test_init_container_of_other_workloads(self):
        shop = one(kustomize(SHOP), "Deployment")
        shop["spec"]["template"]["spec"]["initContainers"] = [{"name": "migrate", "image": "shop"}]
        kinds = ("Deployment", "StatefulSet", "DaemonSet")
        with below_the_project() as folder:
            for kind in kinds:
                (folder / f"{kind}.yaml").write_text(json.dumps(shop | {"kind": kind}), encoding="utf-8")
            resources = [f"{kind}.yaml" for kind in kinds]
            found = overlay(folder, {"resources": resources, "components": [ABOVE + INIT]})
        for kind in kinds:
            with self.subTest(kind=kind):
                self.assertEqual(violated(INIT_CONTAINER, pod(found, kind)), {})
                self.assertEqual([each["name"] for each in pod(found, kind)["initContainers"]], ["netweir", "migrate"])

    def test_init_container_by_helm(self):
        shop = pod(kustomize(SHOP), "Deployment")["initContainers"][0]
        with tempfile.TemporaryDirectory() as folder:
            rendered = library_chart(Path(folder), shop["args"][1:])
        self.assertEqual(violated(INIT_CONTAINER, rendered), {})
        self.assertEqual(rendered["initContainers"], [shop])

    def test_both_tools_render_the_same(self):
        by_way = [{found["kind"]: plain(found) for found in on_nodes(way) if found["kind"] != "Namespace"} for way in WAYS]
        self.assertEqual(*by_way)

    def test_namespace_admits_the_pod(self):
        labels = one(on_nodes("kustomize"), "Namespace")["metadata"]["labels"]
        self.assertEqual(labels["pod-security.kubernetes.io/enforce"], "privileged")


class UninstallOnExit(unittest.TestCase):
    """It adds one argument and changes nothing else."""

    def test_helm(self):
        self.assert_one_more(on_nodes("helm"), helm(UNINSTALL))

    def test_kustomize(self):
        with below_the_project() as folder:
            found = overlay(folder, {"resources": [ABOVE + rendering.BASE], "components": [ABOVE + EXIT]})
        self.assert_one_more(on_nodes("kustomize"), found)

    def assert_one_more(self, usual, out):
        wanted = copy.deepcopy(usual)
        pod(wanted)["containers"][0]["args"].append("--uninstall-on-exit")
        self.assertEqual(out, wanted)
        self.assertEqual(set(violated(ON_NODES, Node(out))), {"updates_leave_no_gap"})


class Mutations(unittest.TestCase):
    """Each is detected by its property, and every property detects one."""

    def test_on_nodes(self):
        for way in WAYS:
            for number, (name, change) in enumerate(mutations.IN_OBJECTS):
                with self.subTest(way=way, rule=name, number=number):
                    objects = copy.deepcopy(on_nodes(way))
                    change(objects)
                    self.assertIn(name, violated(ON_NODES, Node(objects)))
        self.assertEqual({name for name, _ in mutations.IN_OBJECTS}, set(properties.ON_NODES))

    def test_in_the_init_container(self):
        shop = pod(kustomize(SHOP), "Deployment")
        for number, (name, change) in enumerate(mutations.IN_INIT_CONTAINER):
            with self.subTest(rule=name, number=number):
                mutated = copy.deepcopy(shop)
                change(mutated)
                self.assertIn(name, violated(INIT_CONTAINER, mutated))
        self.assertEqual({name for name, _ in mutations.IN_INIT_CONTAINER}, set(properties.INIT_CONTAINER))


if __name__ == "__main__":
    unittest.main()
