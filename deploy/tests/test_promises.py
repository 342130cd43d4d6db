"""The promises are kept by what Helm and Kustomize render, and would notice if they were not."""

import copy
import json
import tempfile
import unittest
from contextlib import contextmanager
from pathlib import Path

import mistakes
import promises
import rendering
from promises import INIT_CONTAINER, ON_NODES, Node, broken
from rendering import EVERYTHING, SHOP, UNINSTALL, VERSIONS, helm, kustomize, on_nodes, one, overlay, pod

WAYS = ("helm", "kustomize")
EXIT = "deploy/kustomize/components/uninstall-on-exit"
INIT = "deploy/kustomize/components/init-container"
# Kustomize takes no absolute path: from a folder that is made for the purpose, the project.
ABOVE = "../../"
# What values may change, as the user wishes.
AS_WISHED = {"the_hosts_own_places", "on_every_node", "priority", "small", "an_update_leaves_no_gap", "ready_when_installed"}


@contextmanager
def below_the_project():
    (rendering.ROOT / ".build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=rendering.ROOT / ".build") as folder:
        yield Path(folder)


def library_chart(folder, arguments):
    """A chart of a user's that has the init container from ours."""
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
    """An object without what the two ways name and label in their own manner."""
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


class Promises(unittest.TestCase):
    """Kept by everything that is rendered."""

    def test_on_nodes(self):
        for version in VERSIONS:
            for way in (helm, kustomize):
                with self.subTest(version=version, way=way.__name__):
                    self.assertEqual(broken(ON_NODES, Node(way(version=version))), {})

    def test_whatever_the_values(self):
        told = broken(ON_NODES, Node(helm(EVERYTHING)))
        self.assertEqual(set(told), AS_WISHED)

    def test_init_container_by_kustomize(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                self.assertEqual(broken(INIT_CONTAINER, pod(kustomize(SHOP, version), "Deployment")), {})

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
                self.assertEqual(broken(INIT_CONTAINER, pod(found, kind)), {})
                self.assertEqual([each["name"] for each in pod(found, kind)["initContainers"]], ["netweir", "migrate"])

    def test_init_container_by_helm(self):
        shop = pod(kustomize(SHOP), "Deployment")["initContainers"][0]
        with tempfile.TemporaryDirectory() as folder:
            rendered = library_chart(Path(folder), shop["args"][1:])
        self.assertEqual(broken(INIT_CONTAINER, rendered), {})
        self.assertEqual(rendered["initContainers"], [shop])

    def test_both_ways_are_one(self):
        by_way = [{found["kind"]: plain(found) for found in on_nodes(way) if found["kind"] != "Namespace"} for way in WAYS]
        self.assertEqual(*by_way)

    def test_the_namespace_admits_it(self):
        labels = one(on_nodes("kustomize"), "Namespace")["metadata"]["labels"]
        self.assertEqual(labels["pod-security.kubernetes.io/enforce"], "privileged")


class TheWayOut(unittest.TestCase):
    """The same but for one argument."""

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
        self.assertEqual(set(broken(ON_NODES, Node(out))), {"an_update_leaves_no_gap"})


class Mistakes(unittest.TestCase):
    """Each is noticed by the promise that it breaks, and every promise notices one."""

    def test_on_nodes(self):
        for way in WAYS:
            for number, (name, change) in enumerate(mistakes.IN_OBJECTS):
                with self.subTest(way=way, promise=name, number=number):
                    objects = copy.deepcopy(on_nodes(way))
                    change(objects)
                    self.assertIn(name, broken(ON_NODES, Node(objects)))
        self.assertEqual({name for name, _ in mistakes.IN_OBJECTS}, set(promises.ON_NODES))

    def test_in_the_init_container(self):
        shop = pod(kustomize(SHOP), "Deployment")
        for number, (name, change) in enumerate(mistakes.IN_INIT_CONTAINER):
            with self.subTest(promise=name, number=number):
                mistaken = copy.deepcopy(shop)
                change(mistaken)
                self.assertIn(name, broken(INIT_CONTAINER, mistaken))
        self.assertEqual({name for name, _ in mistakes.IN_INIT_CONTAINER}, set(promises.INIT_CONTAINER))


if __name__ == "__main__":
    unittest.main()
