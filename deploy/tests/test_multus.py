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
        self.definition = yaml.safe_load(read("network-attachment-definition.yaml"))

    def test_definition(self):
        self.assertEqual(set(self.definition), FIELDS)
        self.assertEqual(self.definition["apiVersion"], "k8s.cni.cncf.io/v1")
        self.assertEqual(self.definition["kind"], "NetworkAttachmentDefinition")
        self.assertEqual(set(self.definition["metadata"]), {"name", "namespace"})
        self.assertEqual(set(self.definition["spec"]), {"config"})

    def test_definition_has_the_file_of_the_node(self):
        config = json.loads(self.definition["spec"]["config"])
        self.assertEqual(config, json.loads(read("netweir.conf")))
        # Multus finds the file of a definition without a configuration by this name.
        self.assertEqual(config["name"], self.definition["metadata"]["name"])

    def test_plugin_runs_alone_and_without_annotations(self):
        config = json.loads(read("netweir.conf"))
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
