"""Everything rendered is what Kubernetes knows, to the last field, in the oldest version that is supported and the newest.

`kubectl --dry-run=client` would know, too, if it did not ask an API server what there is.
"""

import copy
import unittest

import kubernetes_validate
import mistakes
from rendering import EVERYTHING, SHOP, UNINSTALL, first_run, helm, kustomize, on_nodes

# The chart's kubeVersion begins with the first.
RELEASES = ("1.25", "1.37")


def refused(objects, release):
    """What the schemas have against the objects. A field that they do not know is refused, too."""
    told = []
    for found in objects:
        try:
            used = kubernetes_validate.validate(found, release, strict=True)
            assert used == release, f"there are no schemas of {release}"
        except kubernetes_validate.ValidationError as error:
            told.append(f"{found['kind']}: {'/'.join(map(str, error.path))}: {error.message}")
    return told


class Schema(unittest.TestCase):
    def test_what_is_rendered(self):
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

    def test_mistakes(self):
        for number, change in enumerate(mistakes.AGAINST_SCHEMA):
            with self.subTest(number=number):
                objects = copy.deepcopy(on_nodes("helm"))
                change(objects)
                self.assertNotEqual(refused(objects, RELEASES[-1]), [])
