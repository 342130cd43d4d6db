"""What the documentation shows is what the files say, and what works."""

import json
import re
import shlex
import unittest

import yaml
from rendering import BASE, CHART, NEWEST, ROOT, SHOP, helm, kustomize, one, pod, run

DOCUMENTS = ("README.md", "docs/cni.md", "deploy/README.md")


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text(path), re.MULTILINE | re.DOTALL)


def version():
    return re.search(r'^version = "(.*)"$', text("Cargo.toml"), re.MULTILINE)[1]


class Snippets(unittest.TestCase):
    def test_init_container(self):
        (snippet,) = (yaml.safe_load(block) for block in blocks("README.md", "yaml"))
        shop = pod(kustomize(SHOP), "Deployment")["initContainers"]
        self.assertEqual(snippet["initContainers"], shop[:1])

    def test_component(self):
        (snippet,) = (yaml.safe_load(block) for block in blocks("deploy/README.md", "yaml") if block.startswith("components:"))
        self.assertEqual(snippet["components"], yaml.safe_load(text(f"{SHOP}/kustomization.yaml"))["components"])

    def test_commands(self):
        """Each command on the chart or a kustomization renders."""
        commands = [shlex.split(line) for block in blocks("docs/cni.md", "sh") for line in block.splitlines()]
        rendered = 0
        for command in commands:
            with self.subTest(command=command):
                match command:
                    case ["helm", "upgrade", *words] if CHART in words:
                        flags = [word for word in words if word not in ("--install", "--create-namespace", "--reuse-values")]
                        run(NEWEST, "helm", "template", *flags)
                        rendered += 1
                    case ["kubectl", "apply", "--kustomize", folder]:
                        self.assertTrue(kustomize(folder))
                        rendered += 1
        self.assertEqual(rendered, 4)

    def test_example_on_nodes(self):
        """It is the base, with an image and a configuration of one's own."""
        example = kustomize("deploy/kustomize/examples/nodes")
        (told,) = one(example, "ConfigMap")["data"].values()
        self.assertEqual(json.loads(told)["excludeNamespaces"], ["kube-system", "monitoring"])
        found, base = pod(example), pod(kustomize(BASE))
        self.assertEqual(found["containers"][0]["image"], f"my.registry/netweir:{version()}")
        self.assertEqual(found["volumes"][2]["configMap"]["name"], one(example, "ConfigMap")["metadata"]["name"])
        self.assertNotEqual(found["volumes"][2], base["volumes"][2])

    def test_links(self):
        for path in DOCUMENTS:
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text(path)):
                with self.subTest(document=path, target=target):
                    self.assertTrue((ROOT / path).parent.joinpath(target).exists())


class Versions(unittest.TestCase):
    """The charts and the images are those of this version."""

    def test_charts(self):
        for chart in (CHART, f"{CHART}-init"):
            told = yaml.safe_load(text(f"{chart}/Chart.yaml"))
            self.assertEqual((told["version"], told["appVersion"]), (version(), version()))

    def test_images(self):
        image = f"netweir:{version()}"
        for way in (helm, kustomize):
            self.assertEqual(pod(way())["containers"][0]["image"], image)
        self.assertEqual(pod(kustomize(SHOP), "Deployment")["initContainers"][0]["image"], image)
