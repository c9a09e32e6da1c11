"""The gate between a new bundle and the server: is it at least as good as the one that serves?

    python -m training.promote --data DIR --candidate BUNDLE --config serve_config.yaml \\
        --out next.yaml [--rayservice patch.json]

Both bundles are measured on the same photos, through the code that serves. The candidate is
refused when a figure is worse beyond doubt (`training.gate`): average precision, of single parts
too, sides, viewpoints, angles, the main car, how far scores can be trusted, and, with --no-car, in
how many photos of other things a car is seen. What passes is written into the task's user_config of
--out, for `serve deploy`, and as a merge patch for
`kubectl patch rayservice carpose --type merge --patch-file patch.json`.

Exit code: 0 promoted, 3 refused.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from carpose.bundles import Task, open_bundle
from carpose.model import load_model
from training import no_car
from training.command import command
from training.errors import TrainingError
from training.gate import Change, changes
from training.measure import measure
from training.photos import load_photos
from training.predictions import Models, predict

RESAMPLES = 200
REFUSED = 3
DEPLOYMENTS: dict[Task, str] = {"car_parts": "CarPartDetector", "main_car": "MainCarSegmenter"}
"""The deployment that serves a task."""


def compare(
    served: str,
    candidate: str,
    data: Path,
    split: str,
    limit: int | None,
    seed: int,
    other: Path | None = None,
) -> list[Change]:
    """Measure two bundles of one task on annotated photos, and on those of no car in the folder
    `other`; the model of the other task is the embedded one.

    Raises: CarposeError; TrainingError when the bundles are of different tasks or tell different
        classes apart.
    """
    now, then = (open_bundle(uri).manifest for uri in (served, candidate))
    if now.task != then.task:
        raise TrainingError(f"{candidate} is a {then.task} bundle, {served} is not")
    if then.task == "car_parts" and set(now.classes) != set(then.classes):
        differ = ", ".join(sorted(set(now.classes) ^ set(then.classes)))
        raise TrainingError(f"{candidate} and {served} cannot be compared: only one has {differ}")
    empty = no_car.photos_in(other)[:limit] if other else []
    results = []
    for uri in (served, candidate):
        own = load_model(uri, threads=2)
        models = (
            Models(own, load_model("embedded:main_car", threads=2))
            if then.task == "car_parts"
            else Models(load_model("embedded:car_parts", threads=2), own)
        )
        classes = models.classes
        photos = load_photos(data, split, "car_parts", classes)[:limit]
        outlines = load_photos(data, split, "main_car", classes)[:limit]
        result = measure(predict(models, photos, outlines, name=uri), RESAMPLES, seed)
        if empty:
            answers = no_car.ask(models.estimator, empty)
            result.figures.update(no_car.no_car_figures(answers, RESAMPLES, seed))
        results.append(result)
    return changes(*results)


def served_bundle(config: Mapping[str, Any], task: Task) -> str:
    """The bundle that a Serve configuration serves for a task: its user_config's, or its args'."""
    application = config["applications"][0]
    for entry in application.get("deployments", []):
        tuned = (entry.get("user_config") or {}).get("bundle")
        if entry["name"] == DEPLOYMENTS[task] and tuned:
            return str(tuned)
    args = application.get("args", {}).get(task, {})
    return str(args.get("bundle", f"embedded:{task}"))


def promoted(config: Mapping[str, Any], task: Task, bundle: str) -> dict[str, Any]:
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


@command
def main(arguments: Sequence[str] | None = None) -> int:
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
    parser.add_argument("--no-car", type=Path, metavar="DIR", help="photos of what is no car")
    parser.add_argument("--limit", type=int, help="the first photos only, for a quick look")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    config = yaml.safe_load(args.config.read_text())
    task = open_bundle(args.candidate).manifest.task
    served = args.served or served_bundle(config, task)
    found = compare(
        served, args.candidate, args.data, args.split, args.limit, args.seed, args.no_car
    )
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
