"""A bundle into an overlay, as a change of files that a pull request shows.

    python -m k8s.promotion --overlay cpu --bundle s3://bucket/car_parts#sha256=...

Which bundle an overlay serves stands in its `bundles.yaml`; its patch is made anew from it. What
git says is then what `kubectl apply -k` applies, so no later one takes a promotion back.

A bundle that the overlay's replicas cannot run is refused with exit code 3: one that is not pinned
or lies where pods cannot fetch it, one of a framework that their image or device does not have.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from carpose.bundles import Manifest, open_bundle
from carpose.errors import CarposeError
from deployments.config import Args, DetectorArgs
from k8s.serve_config import ROOT, SOURCES, TASKS, bundles, served, write

REFUSED = 3

HEADER = """\
# Bundle by deployment, where another one is served than the configuration at the top names; pinned
# by #sha256=. Changed by `python -m k8s.promotion`, in the pull requests of the workflow retrain.
"""


class CannotServe(Exception):
    """The overlay's replicas cannot run the bundle; the message says why."""


def detector(overlay: str, task: str, root: Path = ROOT) -> DetectorArgs:
    """The typed arguments of the deployment that serves `task`."""
    (application,) = served(overlay, root)["applications"]
    args = Args.model_validate(application["args"])
    found: DetectorArgs = getattr(args, task)
    return found


def check(overlay: str, uri: str, manifest: Manifest, root: Path = ROOT) -> None:
    """Whether the overlay's replicas can fetch and run the bundle at `uri`.

    Raises: CannotServe.
    """
    place = uri.partition("#")[0]
    if not uri.startswith("embedded:"):
        if "://" not in place:
            raise CannotServe(f"{uri}: pods fetch s3:// or https://, they have no such folder")
        if "#sha256=" not in uri:
            raise CannotServe(f"{uri}: pin what was measured, with #sha256=")
        device = detector(overlay, manifest.task, root).device
        # Dockerfile has ONNX Runtime and no torch; on a GPU everything runs through Detectron2.
        if device == "cpu" and manifest.framework != "onnx":
            raise CannotServe(
                f"{uri} is a {manifest.framework} bundle; the overlay {overlay} runs onnx: export "
                "it with --framework onnx, or choose the other overlay"
            )
        if device == "cuda" and manifest.framework == "onnx" and manifest.network is None:
            raise CannotServe(
                f"{uri} is an onnx bundle without `network` in its manifest, from which the "
                f"overlay {overlay} would rebuild it for Detectron2: export it again"
            )


def promote(overlay: str, uri: str, manifest: Manifest, root: Path = ROOT) -> list[Path]:
    """Have the overlay serve the bundle at `uri`; returns the files that changed.

    Raises: CannotServe, and nothing is changed.
    """
    check(overlay, uri, manifest, root)
    name = TASKS[manifest.task]
    chosen = bundles(overlay, root) | {name: uri}
    path = root / "k8s" / "overlays" / overlay / "bundles.yaml"
    path.write_text(HEADER + yaml.safe_dump(chosen))
    return [path, write(overlay, root)]


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--overlay", choices=SOURCES, required=True)
    parser.add_argument("--bundle", required=True, help="URI, as the pods fetch it")
    parser.add_argument("--check", action="store_true", help="change no file")
    args = parser.parse_args()
    act: Any = check if args.check else promote
    try:
        changed = act(args.overlay, args.bundle, open_bundle(args.bundle).manifest)
    except (CarposeError, CannotServe) as error:
        print(f"refused: {error}", file=sys.stderr)
        return REFUSED
    for path in changed or ():
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
