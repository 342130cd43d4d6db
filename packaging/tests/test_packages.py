"""The packages: what is in them, what they need, and that packing again gives the same bytes."""

import hashlib
import os
import platform
import subprocess
import tempfile
import unittest
from pathlib import Path

from test_image import ROOT, version

BINARY = ROOT / ".build/static/netweir"
DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
DEB = f"netweir_{version()}-1_{DEBIAN}.deb"
RPM = f"netweir-{version()}-1.{platform.machine()}.rpm"
ZSH = {"deb": "/usr/share/zsh/vendor-completions/_netweir", "rpm": "/usr/share/zsh/site-functions/_netweir"}


def output(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, **options).stdout


def pack(folder, umask=0o022, **environment):
    target = f"{platform.machine()}-unknown-linux-gnu"
    subprocess.run(
        ["script/packages", folder, target, BINARY, BINARY],
        cwd=ROOT,
        check=True,
        umask=umask,
        stderr=subprocess.DEVNULL,
        env=os.environ | environment,
    )


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        subprocess.run(["cargo", "run", "--quiet", "--locked", "--example", "man", "--", ".build/man"], cwd=ROOT, check=True)
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = Path(temporary.name)
        pack(cls.folder)
        for kind, unpack in (("deb", "dpkg-deb --extract $1 $2"), ("rpm", "mkdir $2; rpm2archive $1; tar -xf $1.tgz -C $2")):
            package = cls.folder / (DEB if kind == "deb" else RPM)
            subprocess.run(["sh", "-c", unpack, "sh", package, cls.folder / kind], check=True)

    def files(self, kind):
        root = self.folder / kind
        return sorted(f"/{path.relative_to(root)}" for path in root.rglob("*") if not path.is_dir())

    def test_contents(self):
        pages = sorted(path.name for path in (ROOT / ".build/man").glob("*.1"))
        self.assertIn("netweir-apply.1", pages)
        for kind in ("deb", "rpm"):
            expected = [
                "/etc/netweir.toml",
                "/usr/bin/netweir",
                "/usr/lib/netweir/keep",
                "/usr/lib/systemd/system/netweir-keep.service",
                "/usr/lib/systemd/system/netweir.service",
                "/usr/share/bash-completion/completions/netweir",
                "/usr/share/doc/netweir/README.md",
                "/usr/share/doc/netweir/changelog.gz",
                "/usr/share/doc/netweir/copyright",
                "/usr/share/fish/vendor_completions.d/netweir.fish",
                ZSH[kind],
                *(f"/usr/share/man/man1/{page}.gz" for page in pages),
            ]
            with self.subTest(kind=kind):
                self.assertEqual(self.files(kind), sorted(expected))
                self.assertEqual((self.folder / kind / "usr/bin/netweir").read_bytes(), BINARY.read_bytes())

    def test_need_nothing(self):
        fields = output("dpkg-deb", "--show", "--showformat=${Package} ${Version} ${Architecture} ${Depends}", self.folder / DEB, text=True)
        self.assertEqual(fields.split(), ["netweir", f"{version()}-1", DEBIAN])
        needs = output("rpm", "--query", "--package", "--requires", self.folder / RPM, text=True).split("\n")
        self.assertEqual([need for need in needs if need and not need.startswith("rpmlib(")], ["/bin/sh"] * 3)

    def test_configuration_of_the_administrator_is_kept(self):
        self.assertEqual(output("dpkg-deb", "--info", self.folder / DEB, "conffiles", text=True), "/etc/netweir.toml\n")
        self.assertEqual(output("rpm", "--query", "--package", "--configfiles", self.folder / RPM, text=True), "/etc/netweir.toml\n")

    def test_configuration_is_valid(self):
        """And what it captures by default leaves SSH alone."""
        rules = output(BINARY, "apply", "--dry-run", "--config", self.folder / "deb/etc/netweir.toml", text=True)
        self.assertIn("inbound_exclude_ports", rules)

    def test_same_bytes_wherever_and_by_whomever_they_are_packed(self):
        digests = {name: hashlib.sha256((self.folder / name).read_bytes()).hexdigest() for name in (DEB, RPM)}
        with tempfile.TemporaryDirectory() as again:
            pack(again, umask=0o077, TZ="Asia/Tokyo", LC_ALL="C", HOME=again)
            for name, digest in digests.items():
                self.assertEqual(hashlib.sha256((Path(again) / name).read_bytes()).hexdigest(), digest, name)


if __name__ == "__main__":
    unittest.main()
