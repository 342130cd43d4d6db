"""The documentation's manifests and commands work: they render, and Kubernetes' schemas accept them."""

import json
import re
import shlex
import unittest

import yaml
from rendering import BASE, CHART, FIRST_RUN, NEWEST, ROOT, SHOP, first_run, helm, kustomize, objects, one, pod, run
from test_schema import RELEASES, refused

DOCUMENTS = ("README.md", "docs/cni.md", "docs/debugging.md")
NEEDS_CLUSTER = "# needs a cluster"
# What these do cannot be tried offline.
ON_A_CLUSTER = (
    ["kind", "load", "image-archive"],
    ["sudo", "k3s", "ctr", "images", "import"],
    ["sudo", "ctr", "--namespace", "k8s.io", "images", "import"],
    ["kubectl", "label"],
    ["kubectl", "--namespace"],
    ["kubectl", "logs"],
    ["kubectl", "debug"],
    ["helm", "uninstall"],
)


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def blocks(path, language):
    """The contents of the code blocks in that language, of those in lists too."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", text(path), re.MULTILINE | re.DOTALL)


def commands(path):
    """The commands of the shell blocks, each with whether its block is marked as one that needs a cluster."""
    for block in blocks(path, "sh"):
        lines = [line.strip() for line in block.splitlines()]
        for line in lines:
            if command := shlex.split(line, comments=True):
                yield lines[0] == NEEDS_CLUSTER, command


def version():
    return re.search(r'^version = "(.*)"$', text("Cargo.toml"), re.MULTILINE)[1]


class Snippets(unittest.TestCase):
    def test_init_container(self):
        (snippet,) = blocks("README.md", "yaml")
        (example,) = first_run()
        self.assertEqual(yaml.safe_load(snippet)["initContainers"], example["spec"]["initContainers"])

    def test_first_run_is_confined_as_the_component(self):
        (example,) = first_run()
        shop = pod(kustomize(SHOP), "Deployment")["initContainers"][0]
        for container in example["spec"]["initContainers"] + example["spec"]["containers"]:
            with self.subTest(container=container["name"]):
                self.assertEqual(container["image"], shop["image"])
                self.assertEqual(container["securityContext"], shop["securityContext"])

    def test_component(self):
        (snippet,) = (block for block in blocks("deploy/README.md", "yaml") if block.startswith("components:"))
        components = yaml.safe_load(snippet)["components"]
        self.assertEqual(components, yaml.safe_load(text(f"{SHOP}/kustomization.yaml"))["components"])

    def test_commands(self):
        """Each command works offline, or is marked as one that needs a cluster and names manifests that render."""
        tried = set()
        for document in DOCUMENTS:
            for marked, command in commands(document):
                with self.subTest(document=document, command=command):
                    tried.add(self.try_command(marked, command))
        self.assertEqual(tried, {"make", "helm", "kustomize", "manifest", "cluster"})

    def try_command(self, marked, command):
        if command[0] == "make":
            self.assertIn(f"\n{command[1]}:", text("Makefile"))
            return "make"
        self.assertTrue(marked, f"the block does not begin with {NEEDS_CLUSTER}")
        match command:
            case ["helm", "upgrade", *words] if CHART in words:
                flags = [word for word in words if word not in ("--install", "--create-namespace", "--reuse-values")]
                rendered = objects(run(NEWEST, "helm", "template", *flags))
                self.assertEqual(refused(rendered, RELEASES[-1]), [])
                return "helm"
            case ["kubectl", "apply", "--kustomize", folder]:
                self.assertEqual(refused(kustomize(folder), RELEASES[-1]), [])
                return "kustomize"
            case ["kubectl", "apply" | "delete", "--filename", path]:
                self.assertEqual(path, FIRST_RUN)
                self.assertEqual(refused(first_run(), RELEASES[-1]), [])
                return "manifest"
        self.assertTrue(any(command[: len(known)] == known for known in ON_A_CLUSTER), "an unknown command")
        for image in re.findall(r"--image=(localhost/\S+)", " ".join(command)):
            self.assertEqual(image, f"localhost/netweir:{version()}")
        return "cluster"

    def test_example_on_nodes(self):
        """It is the base, with an image and a configuration of one's own."""
        example = kustomize("deploy/kustomize/examples/nodes")
        (config,) = one(example, "ConfigMap")["data"].values()
        self.assertEqual(json.loads(config)["excludeNamespaces"], ["kube-system", "monitoring"])
        found, base = pod(example), pod(kustomize(BASE))
        self.assertEqual(found["containers"][0]["image"], f"my.registry/netweir:{version()}")
        self.assertEqual(found["volumes"][2]["configMap"]["name"], one(example, "ConfigMap")["metadata"]["name"])
        self.assertNotEqual(found["volumes"][2], base["volumes"][2])


class Templates(unittest.TestCase):
    def test_issues(self):
        """Forms have the fields that the site requires."""
        for name in ("bug", "feature"):
            form = yaml.safe_load(text(f".github/ISSUE_TEMPLATE/{name}.yml"))
            with self.subTest(form=name):
                self.assertEqual({"name", "description", "labels", "body"}, set(form))
                inputs = [field for field in form["body"] if field["type"] != "markdown"]
                self.assertEqual(len({field["id"] for field in inputs}), len(inputs))
                self.assertTrue(all(field["attributes"]["label"] for field in inputs))

    def test_workflow(self):
        """It runs what runs on any machine: a target of the Makefile or a script."""
        jobs = yaml.safe_load(text(".github/workflows/ci.yml"))["jobs"]
        commands = [step["run"].split() for job in jobs.values() for step in job["steps"] if "run" in step]
        self.assertEqual({".ci/run", "make", "script/deny"}, {command[0] for command in commands})
        for program, *words in commands:
            if program == "make":
                self.assertIn(f"\n{words[0]}:", text("Makefile"))
            else:
                self.assertTrue((ROOT / program).stat().st_mode & 0o111)

    def test_contacts(self):
        for link in yaml.safe_load(text(".github/ISSUE_TEMPLATE/config.yml"))["contact_links"]:
            self.assertEqual(set(link), {"name", "url", "about"})


class Versions(unittest.TestCase):
    """The charts and the images are of this version."""

    def test_charts(self):
        for chart in (CHART, f"{CHART}-init"):
            metadata = yaml.safe_load(text(f"{chart}/Chart.yaml"))
            self.assertEqual((metadata["version"], metadata["appVersion"]), (version(), version()))

    def test_images(self):
        image = f"localhost/netweir:{version()}"
        for way in (helm, kustomize):
            self.assertEqual(pod(way())["containers"][0]["image"], image)
        self.assertEqual(pod(kustomize(SHOP), "Deployment")["initContainers"][0]["image"], image)
