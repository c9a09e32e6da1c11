"""The gate between a new bundle and the server: is it at least as good as the one that serves?

    python -m training.promote --data DIR --candidate BUNDLE --config serve_config.yaml \\
        --out next.yaml [--rayservice patch.json]

Both bundles are measured on the same photos, through the engine code that serves. The candidate
is refused when a figure falls beyond its interval: when the 95 % bootstrap interval of the change,
drawn over the same photos for both, lies wholly below zero. What passes is written into the
part detector's user_config of --out, for `serve deploy`, and as a merge patch for
`kubectl patch rayservice carpose --type merge --patch-file patch.json`.

Exit code: 0 promoted, 3 refused.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from carpose.bundles import open_bundle
from carpose.errors import CarposeError
from carpose.model import load_model
from training.errors import TrainingError
from training.evaluate import run
from training.intervals import Figure
from training.measure import measure
from training.photos import load_photos

REFUSED = 3
DEPLOYMENTS = {"car_parts": "CarPartDetector", "main_car": "MainCarSegmenter"}
"""The deployment that serves a task."""

HIGHER_IS_BETTER = ("box_ap", "mask_ap", "box_ap50", "mask_ap50", "side_accuracy", "view_accuracy")
HIGHER_IS_BETTER += ("viewpoint_accuracy", "angle_within_15", "car_mean_iou")


@dataclass(frozen=True)
class Change:
    """A figure of the served bundle and of the candidate, and the interval of the difference."""

    name: str
    served: float
    candidate: float
    low: float
    high: float

    @property
    def falls(self) -> bool:
        """Whether the candidate is worse beyond doubt."""
        return self.high < 0

    def __str__(self) -> str:
        mark = "  falls" if self.falls else ""
        return (
            f"{self.name:32}{self.served:8.3f}{self.candidate:11.3f}"
            f"   {self.low:+.3f} to {self.high:+.3f}{mark}"
        )


def changes(served: Mapping[str, Figure], candidate: Mapping[str, Figure]) -> list[Change]:
    """The change of every figure that must not fall, parts' AP included; both were drawn with the
    same seed over the same photos, so their samples are pairs."""
    found = []
    for name, before in served.items():
        if name not in HIGHER_IS_BETTER and not name.startswith("box_ap_"):
            continue
        after = candidate[name]
        differences = (after.samples - before.samples)[1:]
        known = differences[np.isfinite(differences)]
        if not known.size or not np.isfinite([before.value, after.value]).all():
            continue  # a part that these photos do not show
        low, high = np.percentile(known, [2.5, 97.5])
        found.append(Change(name, before.value, after.value, float(low), float(high)))
    return found


def compare(
    served: str, candidate: str, data: Path, split: str, limit: int | None, seed: int
) -> list[Change]:
    """Measure two bundles of one task on annotated photos; the other model is the embedded one.

    Raises: CarposeError; ValueError when the bundles are of different tasks.
    """
    task, now = (open_bundle(uri).manifest.task for uri in (candidate, served))
    if now != task:
        raise ValueError(f"{candidate} is a {task} bundle, {served} is not")
    photos = load_photos(data, split, "car_parts")[:limit]
    outlines = load_photos(data, split, "main_car")[:limit]
    uri = "embedded:main_car" if task == "car_parts" else "embedded:car_parts"
    other = load_model(uri, threads=2)
    figures = []
    for uri in (served, candidate):
        own = load_model(uri, threads=2)
        pair = (own, other) if task == "car_parts" else (other, own)
        figures.append(measure(run(*pair, photos, outlines), 200, seed).figures)
    return changes(*figures)


def served_bundle(config: Mapping[str, Any], task: str) -> str:
    """The bundle that a Serve configuration serves for a task: its user_config's, or its args'."""
    application = config["applications"][0]
    for entry in application.get("deployments", []):
        tuned = (entry.get("user_config") or {}).get("bundle")
        if entry["name"] == DEPLOYMENTS[task] and tuned:
            return str(tuned)
    args = application.get("args", {}).get(task, {})
    return str(args.get("bundle", f"embedded:{task}"))


def promoted(config: Mapping[str, Any], task: str, bundle: str) -> dict[str, Any]:
    """The configuration with another bundle in the user_config of the task's deployment."""
    changed: dict[str, Any] = json.loads(json.dumps(config))
    deployments = changed["applications"][0].setdefault("deployments", [])
    name = DEPLOYMENTS[task]
    entry = next((d for d in deployments if d["name"] == name), None)
    if entry is None:
        entry = {"name": name}
        deployments.append(entry)
    entry["user_config"] = {**(entry.get("user_config") or {}), "bundle": bundle}
    return changed


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--candidate", required=True, help="URI that the server can open")
    parser.add_argument("--config", type=Path, required=True, help="what is served now")
    parser.add_argument("--served", help="bundle to beat, in place of the configuration's")
    parser.add_argument("--out", type=Path, required=True, help="configuration to deploy")
    parser.add_argument("--rayservice", type=Path, help="the same as a patch for kubectl")
    parser.add_argument("--split", default="testset", help="held out: nobody learnt from it")
    parser.add_argument("--limit", type=int, help="the first photos only, for a quick look")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    try:
        config = yaml.safe_load(args.config.read_text())
        task = open_bundle(args.candidate).manifest.task
        served = args.served or served_bundle(config, task)
        found = compare(served, args.candidate, args.data, args.split, args.limit, args.seed)
    except (CarposeError, TrainingError, OSError, ValueError) as error:
        raise SystemExit(str(error)) from error
    print(f"served     {served}\ncandidate  {args.candidate}\n")
    print(f"{'figure':32}{'served':>8}{'candidate':>11}   95 % interval of the change")
    print("\n".join(map(str, found)))
    fallen = [change.name for change in found if change.falls]
    if fallen:
        print(f"\nrefused: {', '.join(fallen)}")
        return REFUSED
    text = yaml.safe_dump(promoted(config, task, args.candidate), sort_keys=False)
    args.out.write_text(text)
    if args.rayservice:
        args.rayservice.write_text(json.dumps({"spec": {"serveConfigV2": text}}) + "\n")
    print(f"\npromoted: serve deploy {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
