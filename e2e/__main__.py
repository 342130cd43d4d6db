"""Real programs under capture, in throwaway namespaces: what a user of them would notice.

Shares the demo's namespaces and proxy. The exit code is 0 only if every check passes.
"""

import argparse
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "demo"))

import cni
import containerd
import databases
import deploy
import dns
import kube_play
import tproxy
from checks import Checks
from lab import LabError, enter_sandbox, sandboxed, scratch_folder
from program import CannotRun

SCENARIOS = {
    "tproxy": tproxy.run,
    "dns": dns.run,
    "databases": databases.run,
    "kube-play": kube_play.run,
    "cni": cni.run,
    "containerd": containerd.run,
    "deploy": deploy.run,
}
# The exit code of a test that could not run, as automake and meson read it.
SKIPPED = 77


def arguments():
    parser = argparse.ArgumentParser(prog="e2e", description=__doc__.splitlines()[0])
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--netweir", metavar="FILE", help="the program")
    parser.add_argument("--image", metavar="ARCHIVE", help="its image instead, for kube-play, cni and deploy")
    parser.add_argument("--manifests", metavar="FOLDER", help="what deploy/tests rendered, for deploy and containerd")
    parser.add_argument("--cri", metavar="FILE", help="the client of a container runtime, for containerd")
    parser.add_argument("--envoy", metavar="FILE", help="a real Envoy")
    return parser.parse_args()


def main():
    options = arguments()
    if not sandboxed():
        if options.image and os.geteuid() != 0:
            raise CannotRun("podman needs root here")
        enter_sandbox([sys.executable, HERE, *sys.argv[1:]])
    checks = Checks()
    SCENARIOS[options.scenario](options, checks, scratch_folder())
    print(f"{options.scenario}: {checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed or not checks.passed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        print(f"e2e: {error}", file=sys.stderr)
        sys.exit(1)
    except CannotRun as reason:
        print(f"e2e: skipped: {reason}", file=sys.stderr)
        sys.exit(SKIPPED)
    except KeyboardInterrupt:
        sys.exit(130)
