"""The image: what is in it, what it is called, and how large it is."""

import io
import json
import re
import subprocess
import tarfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ARCHIVE = ROOT / ".build/image/netweir.tar"
MOST_BYTES = 3_000_000
CAP_NET_ADMIN = 12


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def version():
    return re.search(r'^version = "(.*)"$', text("Cargo.toml"), re.MULTILINE)[1]


def links():
    return [line for line in text("packaging/links").splitlines() if not line.startswith("#")]


class Layout:
    """An OCI layout in a tar."""

    def __init__(self, path):
        self.tar = tarfile.open(path)
        (self.named,) = self.json("./index.json")["manifests"]
        self.images = self.blob(self.named)["manifests"]

    def json(self, name):
        return json.load(self.tar.extractfile(name))

    def bytes(self, descriptor):
        return self.tar.extractfile("./blobs/" + descriptor["digest"].replace(":", "/")).read()

    def blob(self, descriptor):
        return json.loads(self.bytes(descriptor))

    def config(self, image):
        return self.blob(self.blob(image)["config"])

    def files(self, image):
        """The files of its only layer, by their paths."""
        (layer,) = self.blob(image)["layers"]
        tar = tarfile.open(fileobj=io.BytesIO(self.bytes(layer)))
        return tar, {f"/{member.name.strip('/')}": member for member in tar if not member.isdir()}


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.layout = Layout(ARCHIVE)
        cls.addClassCleanup(cls.layout.tar.close)

    def test_name_is_that_of_readme_and_manifests(self):
        annotations = self.layout.named["annotations"]
        name = f"localhost/netweir:{version()}"
        self.assertEqual(annotations["io.containerd.image.name"], name)
        self.assertEqual(annotations["org.opencontainers.image.ref.name"], version())
        found = set()
        for path in subprocess.check_output(["git", "ls-files", "*.md", "*.yaml", "*.tpl", "Dockerfile"], cwd=ROOT, text=True).split():
            found.update(re.findall(r"localhost/netweir[:@][\w.-]+", text(path)))
        self.assertEqual(found, {name})

    def test_files_in_the_documents_are_of_this_version(self):
        found = set(re.findall(r"netweir(?:-init)?[-_](\d+\.\d+\.\d+)", text("docs/install.md")))
        self.assertEqual(found, {version()})

    def test_is_at_most_3_mb(self):
        self.assertLess(ARCHIVE.stat().st_size, MOST_BYTES)

    def test_labels(self):
        head = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=ROOT, text=True).strip()
        manifest = re.search(r'^repository = "(.*)"$', text("Cargo.toml"), re.MULTILINE)
        expected = {"source": manifest[1], "version": version(), "revision": head, "licenses": "GPL-2.0-or-later", "base.name": "scratch"}
        for image in self.layout.images:
            labels = self.layout.config(image)["config"]["Labels"]
            for name, value in expected.items():
                self.assertEqual(labels[f"org.opencontainers.image.{name}"], value)

    def test_holds_the_binary_and_its_links_alone(self):
        for image in self.layout.images:
            _, files = self.layout.files(image)
            self.assertEqual(sorted(files), sorted(["/netweir", *links()]))
            for link in links():
                self.assertEqual(files[link].linkname, "/netweir")

    def test_binary_may_raise_net_admin_and_nothing_else(self):
        for image in self.layout.images:
            _, files = self.layout.files(image)
            capability = files["/netweir"].pax_headers["SCHILY.xattr.security.capability"]
            words = capability.encode("utf-8", "surrogateescape")
            version_and_flags, permitted = (int.from_bytes(words[at : at + 4], "little") for at in (0, 4))
            # Version 2 of the format, without the flag that would make it effective at once.
            self.assertEqual((version_and_flags, permitted), (0x02000000, 1 << CAP_NET_ADMIN))

    def test_runs_as_an_ordinary_user(self):
        for image in self.layout.images:
            config = self.layout.config(image)["config"]
            self.assertEqual((config["User"], config["Entrypoint"]), ("65534:65534", ["/netweir"]))

    def test_links_are_commands_of_meshes(self):
        """By each link's name, the binary shows that program's help and not its own."""
        binary = ROOT / ".build/static/netweir"
        own = subprocess.check_output([binary, "--help"])
        self.assertTrue(links())
        for link in links():
            shown = subprocess.run([link, "--help"], executable=binary, capture_output=True, check=False)
            with self.subTest(link=link):
                self.assertEqual((shown.returncode, shown.stderr), (0, b""))
                self.assertNotEqual(shown.stdout, own)


if __name__ == "__main__":
    unittest.main()
