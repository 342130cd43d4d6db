"""What deploy/linkerd makes of the pods that Linkerd's webhook returns: the policies are evaluated, the image is built."""

import copy
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import celpy
import yaml
from rendering import ROOT, on_nodes, pod
from test_schema import RELEASES, refused

LINKERD = ROOT / "deploy/linkerd"
POLICIES = ("policy-image.yaml", "policy-image-volume.yaml")
PROGRAMS = {
    "linkerd-init": "/usr/lib/linkerd/linkerd2-proxy-init",
    "linkerd-network-validator": "/usr/lib/linkerd/linkerd2-network-validator",
}
PROXY_IMAGE = "cr.l5d.io/linkerd/proxy:edge-26.8.3"
IMAGE = pod(on_nodes("kustomize"))["containers"][0]["image"]


def injected(name, place, mounts, volumes):
    """A pod as Linkerd's webhook returns it, with this init container at this place."""
    container = {"name": name, "image": PROXY_IMAGE, "command": [PROGRAMS[name]], "args": ["--log-level", "info"]}
    if mounts:
        container["volumeMounts"] = [{"name": "linkerd-proxy-init-xtables-lock", "mountPath": "/run"}]
    others = [{"name": f"other-{number}", "image": "other:1"} for number in range(place)]
    proxy = {"name": "linkerd-proxy", "image": PROXY_IMAGE, "restartPolicy": "Always"}
    spec = {"initContainers": [*others, container, proxy], "containers": [{"name": "app", "image": "app:1"}]}
    if volumes:
        spec["volumes"] = [{"name": "linkerd-proxy-init-xtables-lock", "emptyDir": {}}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app", "namespace": "shop"}, "spec": spec}


def pods():
    for name in PROGRAMS:
        for place in (0, 1, 9):
            yield name, place, injected(name, place, mounts=name == "linkerd-init", volumes=place != 1)


def policy(file):
    return list(yaml.safe_load_all((LINKERD / file).read_text(encoding="utf-8")))


def patch(expression, found):
    """The patch of a policy's expression. Messages become maps, as which they are written in JSON."""
    expression = re.sub(r"\b(?:JSONPatch|Object(?:\.\w+)*)\{", "{", expression)
    expression = re.sub(r"([{,]\s*)(\w+):", r'\1"\2":', expression)
    environment = celpy.Environment()
    program = environment.program(environment.compile(expression))
    operations = program.evaluate({"object": celpy.json_to_cel(found)})
    return yaml.safe_load(celpy.CELJSONEncoder().encode(operations))


def patched(file, found):
    """The pod after the policy's patch (RFC 6902, as far as the policies use it)."""
    found = copy.deepcopy(found)
    for operation in patch(policy(file)[0]["spec"]["mutations"][0]["jsonPatch"]["expression"], found):
        *path, last = operation["path"].split("/")[1:]
        place = found
        for step in path:
            place = place[int(step)] if isinstance(place, list) else place[step]
        if last == "-":
            place.append(operation["value"])
        elif operation["op"] == "replace" and last not in place:
            raise KeyError(last)
        else:
            place[last] = operation["value"]
    return found


class Policies(unittest.TestCase):
    def test_are_accepted(self):
        for file in POLICIES:
            self.assertEqual(refused(policy(file), RELEASES[-1]), [])

    def test_are_bound_by_a_label_and_evaluated_again(self):
        for file in POLICIES:
            rules, binding = policy(file)
            self.assertEqual(binding["spec"]["policyName"], rules["metadata"]["name"])
            selector = binding["spec"]["matchResources"]["namespaceSelector"]["matchLabels"]
            self.assertEqual(selector, {"netweir.io/linkerd": file.removeprefix("policy-").removesuffix(".yaml")})
            # Linkerd's webhook comes after the first evaluation, in which a condition would make the API server forget the policy.
            self.assertEqual(rules["spec"]["reinvocationPolicy"], "IfNeeded")
            self.assertNotIn("matchConditions", rules["spec"])

    def test_image_is_replaced_and_nothing_else(self):
        for name, place, found in pods():
            with self.subTest(name=name, place=place):
                wanted = copy.deepcopy(found)
                wanted["spec"]["initContainers"][place]["image"] = IMAGE
                self.assertEqual(patched("policy-image.yaml", found), wanted)

    def test_image_volume_is_mounted_and_started(self):
        for name, place, found in pods():
            with self.subTest(name=name, place=place):
                wanted = copy.deepcopy(found)
                container = wanted["spec"]["initContainers"][place]
                container["command"] = ["/netweir/netweir", name]
                container["volumeMounts"] = [{"name": "netweir", "mountPath": "/netweir"}]
                volume = {"name": "netweir", "image": {"reference": IMAGE}}
                wanted["spec"].setdefault("volumes", []).append(volume)
                self.assertEqual(patched("policy-image-volume.yaml", found), wanted)

    def test_results_are_accepted_and_final(self):
        for file in POLICIES:
            for name, place, found in pods():
                with self.subTest(file=file, name=name, place=place):
                    once = patched(file, found)
                    self.assertEqual(refused([once], RELEASES[-1]), [])
                    self.assertEqual(patched(file, once), once)

    def test_other_pods_are_unchanged(self):
        bare = injected("linkerd-init", 0, mounts=False, volumes=False)
        del bare["spec"]["initContainers"]
        others = injected("linkerd-init", 2, mounts=False, volumes=True)
        del others["spec"]["initContainers"][2]
        for file in POLICIES:
            for found in (bare, others):
                self.assertEqual(patched(file, found), found)

    def test_programs_have_links_in_the_image(self):
        links = (ROOT / "packaging/links").read_text(encoding="utf-8").splitlines()
        for program in PROGRAMS.values():
            self.assertIn(program, links)


class OwnImage(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.store = ["--root", self.folder / "store", "--runroot", self.folder / "run", "--storage-driver", "vfs"]

    def buildah(self, *arguments):
        command = ["buildah", *self.store, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def image(self, name, files):
        """An image with these files."""
        context = self.folder / name
        for path, text in files.items():
            (context / path).parent.mkdir(parents=True, exist_ok=True)
            (context / path).write_text(text, encoding="utf-8")
        (context / "Containerfile").write_text('FROM scratch\nCOPY . /\nENTRYPOINT ["/proxy"]\nUSER 65534\n', encoding="utf-8")
        self.buildah("build", "--quiet", "--tag", f"localhost/{name}", context)
        return f"localhost/{name}"

    def test_has_netweir_in_place_of_the_programs(self):
        # Texts of different lengths: with the storage driver vfs, buildah 1.28 takes a file of the same size and second for the
        # same, and leaves the copy out of the image.
        netweir = self.image("netweir-test", {"netweir": "netweir"})
        proxy = self.image("proxy-test", {program[1:]: "the program of Linkerd" for program in PROGRAMS.values()} | {"proxy": "proxy"})
        arguments = ["--build-arg", f"NETWEIR={netweir}", "--build-arg", f"PROXY={proxy}"]
        self.buildah("build", "--quiet", *arguments, "--tag", "localhost/own", LINKERD)
        container = self.buildah("from", "localhost/own")
        root = Path(self.buildah("mount", container))
        self.addCleanup(self.buildah, "umount", container)
        for program in PROGRAMS.values():
            self.assertEqual((root / program[1:]).read_text(encoding="utf-8"), "netweir")
        self.assertEqual((root / "proxy").read_text(encoding="utf-8"), "proxy")
        inspected = yaml.safe_load(self.buildah("inspect", "--type", "image", "localhost/own"))
        config = inspected["OCIv1"]["config"]
        self.assertEqual((config["Entrypoint"], config["User"]), (["/proxy"], "65534"))


if __name__ == "__main__":
    unittest.main()
