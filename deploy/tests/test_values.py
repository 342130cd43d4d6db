"""The chart's values: each does something, and a wrong one is refused with its name."""

import json
import re
import unittest

import yaml
from rendering import CHART, EVERYTHING, NEWEST, ROOT, UNINSTALL, VERSIONS, Refused, helm, on_nodes, run

# What is wrong, by the part of it that is named when it is refused.
WRONG = (
    ("plugin", {"plugin": None}),
    ("address", {"health": {"address": None}}),
    ("maxUnavailabel", {"maxUnavailabel": 1}),
    ("maxUnavailable", {"maxUnavailable": 0}),
    ("maxUnavailable", {"maxUnavailable": "0%"}),
    ("maxUnavailable", {"maxUnavailable": "half"}),
    ("polcy", {"plugin": {"polcy": "all"}}),
    ("policy", {"plugin": {"policy": "everything"}}),
    ("lynkerd", {"plugin": {"meshes": {"lynkerd": "init"}}}),
    ("linkerd", {"plugin": {"meshes": {"linkerd": "auto"}}}),
    ("standalone", {"plugin": {"standalone": "yes"}}),
    ("excludeNamespaces", {"plugin": {"excludeNamespaces": "kube-system"}}),
    ("excludeNamespaces", {"plugin": {"excludeNamespaces": ["Kube_System"]}}),
    ("--exclude-outbound-ports", {"plugin": {"capture": {"--exclude-outbound-ports": "22"}}}),
    ("exclude-outbound-ports", {"plugin": {"capture": {"exclude-outbound-ports": {"tcp": 22}}}}),
    ("logFile", {"plugin": {"logFile": "netweir.log"}}),
    ("logLevel", {"plugin": {"logLevel": "loud"}}),
    ("binDir", {"host": {"binDir": "opt/cni/bin", "confDir": "/etc/cni/net.d"}}),
    ("confDir", {"host": {"confDir": "/"}}),
    ("uninstallOnExit", {"uninstallOnExit": "false"}),
    ("port", {"health": {"port": 70000}}),
    ("address", {"health": {"address": "localhost"}}),
    ("address", {"prometheus": {"annotations": True}}),
    ("tag", {"image": {"tag": "a tag"}}),
    ("digest", {"image": {"digest": "sha256:123"}}),
    ("pullPolicy", {"image": {"pullPolicy": "Sometimes"}}),
    ("tolerations", {"tolerations": {"operator": "Exists"}}),
    ("limits", {"resources": {"limits": "32Mi"}}),
    ("podAnnotations", {"podAnnotations": {"team": 1}}),
)


class Values(unittest.TestCase):
    def test_each_does_something(self):
        with open(ROOT / CHART / "values.yaml", encoding="utf-8") as file:
            known = yaml.safe_load(file)
        tried = EVERYTHING | UNINSTALL
        self.assertEqual(set(tried), set(known))
        for name, value in tried.items():
            # This one goes with the address alone.
            values = {name: value, "health": EVERYTHING["health"]}
            with self.subTest(value=name):
                self.assertNotEqual(helm(values), helm({"health": EVERYTHING["health"]} if name != "health" else {}))

    def test_wrong_ones_are_refused(self):
        for version in VERSIONS:
            for name, values in WRONG:
                with self.subTest(version=version, values=values):
                    with self.assertRaises(Refused) as refused:
                        helm(values, version)
                    self.assertIn(name, str(refused.exception))

    def test_an_image(self):
        for image, expected in (
            ({}, r"localhost/netweir:\d+\.\d+\.\d+"),
            ({"tag": "edge"}, "localhost/netweir:edge"),
            (EVERYTHING["image"] | {"tag": "edge"}, f"{EVERYTHING['image']['repository']}@{EVERYTHING['image']['digest']}"),
        ):
            with self.subTest(image=image):
                found = next(found for found in helm({"image": image}) if found["kind"] == "DaemonSet")
                self.assertRegex(found["spec"]["template"]["spec"]["containers"][0]["image"], f"^{expected}$")

    def test_another_configuration_rolls_out(self):
        def checksum(found):
            (daemon_set,) = [each for each in found if each["kind"] == "DaemonSet"]
            return daemon_set["spec"]["template"]["metadata"]["annotations"]["checksum/plugin"]

        self.assertNotEqual(checksum(helm({"plugin": {"policy": "all"}})), checksum(on_nodes("helm")))


class Chart(unittest.TestCase):
    def test_lint(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                run(version, "helm", "lint", "--strict", CHART, f"{CHART}-init")

    def test_schema_has_no_duplicate_keys(self):
        def unique(pairs):
            keys = [key for key, _ in pairs]
            self.assertEqual(len(keys), len(set(keys)), keys)
            return dict(pairs)

        json.loads((ROOT / CHART / "values.schema.json").read_text(encoding="utf-8"), object_pairs_hook=unique)

    def test_lint_complains(self):
        for version in VERSIONS:
            with self.subTest(version=version), self.assertRaises(Refused):
                run(version, "helm", "lint", "--strict", CHART, "--set=uninstallOnExit=2")

    def test_notes(self):
        def notes(*more):
            # Helm 3 asks for a cluster even here.
            output = run(NEWEST, "helm", "install", "weir", CHART, "--dry-run=client", "--namespace=mesh", *more)
            return re.sub(r"\s+", " ", output.partition("NOTES:")[2])

        self.assertIn("kubectl -n mesh rollout status daemonset/netweir", notes())
        self.assertIn("helm uninstall alone leaves the plugin", notes())
        self.assertNotIn("annotation", notes("--set=plugin.policy=all"))
        self.assertIn("helm uninstall -n mesh weir", notes("--set=uninstallOnExit=true"))
