"""The manifests for Multus agree with each other, and are objects that its definition and Kubernetes accept."""

import json
import unittest

import yaml
from rendering import ROOT
from test_schema import RELEASES, refused

MULTUS = ROOT / "deploy/multus"
# What the specification of network attachment definitions (version 1) knows.
FIELDS = {"apiVersion", "kind", "metadata", "spec"}


def read(name):
    return (MULTUS / name).read_text(encoding="utf-8")


class Multus(unittest.TestCase):
    def setUp(self):
        self.definitions = list(yaml.safe_load_all(read("network-attachment-definition.yaml")))
        self.definition = self.definitions[0]

    def test_definitions(self):
        for definition in self.definitions:
            self.assertEqual(set(definition), FIELDS)
            self.assertEqual(definition["apiVersion"], "k8s.cni.cncf.io/v1")
            self.assertEqual(definition["kind"], "NetworkAttachmentDefinition")
            self.assertEqual(set(definition["metadata"]), {"name", "namespace"})
            self.assertEqual(set(definition["spec"]), {"config"})
            self.assertEqual(json.loads(definition["spec"]["config"])["name"], definition["metadata"]["name"])

    def test_definition_has_the_file_of_the_node(self):
        config = json.loads(self.definition["spec"]["config"])
        self.assertEqual(config, json.loads(read("netweir.conf")))

    def test_plugin_runs_alone_and_without_annotations(self):
        configs = [definition["spec"]["config"] for definition in self.definitions]
        for config in map(json.loads, [read("netweir.conf"), *configs]):
            self.assertEqual((config["type"], config["standalone"], config["policy"]), ("netweir", True, "all"))

    def test_pod_is_attached_to_the_definition(self):
        (pod,) = yaml.safe_load_all(read("pod.yaml"))
        for release in RELEASES:
            self.assertEqual(refused([pod], release), [])
        metadata = self.definition["metadata"]
        attached = pod["metadata"]["annotations"]["k8s.v1.cni.cncf.io/networks"]
        self.assertEqual(attached, f"{metadata['namespace']}/{metadata['name']}")


if __name__ == "__main__":
    unittest.main()
