"""Kubernetes' schemas accept everything rendered, without unknown fields, in the oldest supported version and the newest.

`kubectl --dry-run=client` would check it too, but needs an API server.
"""

import copy
import unittest

import kubernetes_validate
import mutations
from rendering import EVERYTHING, SHOP, UNINSTALL, first_run, helm, kustomize, on_nodes

# The chart's kubeVersion begins with the first.
RELEASES = ("1.25", "1.37")


def refused(objects, release):
    """The schemas' errors for the objects. Unknown fields are errors."""
    errors = []
    for found in objects:
        try:
            used = kubernetes_validate.validate(found, release, strict=True)
            assert used == release, f"there are no schemas of {release}"
        except kubernetes_validate.ValidationError as error:
            errors.append(f"{found['kind']}: {'/'.join(map(str, error.path))}: {error.message}")
    return errors


class Schema(unittest.TestCase):
    def test_accepts_everything_rendered(self):
        rendered = {
            "helm": on_nodes("helm"),
            "everything": helm(EVERYTHING),
            "uninstall": helm(UNINSTALL),
            "kustomize": on_nodes("kustomize"),
            "shop": kustomize(SHOP),
            "first-run": first_run(),
        }
        for name, objects in rendered.items():
            for release in RELEASES:
                with self.subTest(name=name, release=release):
                    self.assertEqual(refused(objects, release), [])

    def test_refuses_mutations(self):
        for number, change in enumerate(mutations.AGAINST_SCHEMA):
            with self.subTest(number=number):
                objects = copy.deepcopy(on_nodes("helm"))
                change(objects)
                self.assertNotEqual(refused(objects, RELEASES[-1]), [])
