"""Measure bundles on annotated photos, through the same code that serves.

    python -m training.evaluate --data DIR [--bundle BUNDLE] [--out FOLDER] [--robustness]

Box and mask AP (COCO, one instance per wheel), the sides of found parts, view, viewpoint and angle
against those that the same rules give on the annotations, the main car's mask IoU, and how far the
viewpoint's score can be trusted, each with a 95 % bootstrap interval. With --no-car, how many
photos of other things are answered as a car; with --viewpoints, natural photos labelled by eye.
With --out also as report.json and report.html.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from carpose.bundles import Task, open_bundle
from carpose.model import Model
from training import no_car, viewpoint_labels
from training.command import command
from training.conditions import CONDITIONS
from training.errors import TrainingError
from training.intervals import Estimate
from training.manifest import write_manifest
from training.measure import Result, measure, measure_viewpoints
from training.photos import Photo, load_photos
from training.predictions import FRAMEWORK, Models, open_model, predict
from training.report import Report, as_json, html, table
from training.split import read_split, select

NONE = "none"
"""For a car model: the whole picture is the car."""


def open_models(args: argparse.Namespace) -> tuple[Models, set[Task]]:
    """The models of the command line, and for which tasks it names a bundle.

    Raises: TrainingError; CarposeError.
    """
    uris: dict[Task, str | None] = {"car_parts": args.parts, "main_car": args.car}
    if args.bundle:
        task = open_bundle(args.bundle).manifest.task
        if uris[task]:
            raise TrainingError(f"--bundle is a {task} bundle, and so is the other one given")
        uris[task] = args.bundle
    parts = open_model("car_parts", uris["car_parts"], args.engine, args.threads)
    cars = None
    if uris["main_car"] != NONE:
        cars = open_model("main_car", uris["main_car"], args.engine, args.threads)
    return Models(parts, cars), {task for task, uri in uris.items() if uri}


def photos_of(args: argparse.Namespace, classes: Sequence[str]) -> tuple[list[Photo], list[Photo]]:
    """The photos to measure on, annotated with parts and with whole cars. Raises: TrainingError."""
    split = _split(args)
    photos = load_photos(args.data, split, "car_parts", classes)
    outlines = load_photos(args.data, split, "main_car", classes)
    if args.split_file:
        names = read_split(args.split_file)[args.subset]
        photos, outlines = select(photos, names), select(outlines, names)
    return photos[: args.limit], outlines[: args.limit]


def record(model: Model, figures: Mapping[str, Estimate]) -> None:
    """Write figures into the bundle's model.yaml."""
    metrics = {n: round(e.value, 4) for n, e in figures.items() if np.isfinite(e.value)}
    bundle = model.bundle
    write_manifest(bundle.manifest.model_copy(update={"metrics": metrics}), bundle.folder)


def record_all(models: Models, given: set[Task], result: Result) -> None:
    """Write the figures into the bundles that were named, or into both where none was: the
    partner of one that was named keeps the figures of its own card."""
    found = dict(result.figures)
    found |= {f"{n}_{c}": e for n, per in result.per_class.items() for c, e in per.items()}
    of_cars = {n: e for n, e in found.items() if n.startswith("car_")}
    if "car_parts" in given or not given:
        record(models.car_parts, {n: e for n, e in found.items() if n not in of_cars})
    if models.main_car and ("main_car" in given or not given):
        record(models.main_car, {n.removeprefix("car_"): e for n, e in of_cars.items()})


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line, its combinations checked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bundle", help="of either task; the other one is the embedded")
    parser.add_argument("--parts", help="a car_parts bundle")
    parser.add_argument("--car", help=f"a main_car bundle, or {NONE}")
    parser.add_argument("--engine", choices=list(FRAMEWORK), help="by default the bundle's")
    parser.add_argument(
        "--split", help="folder below --data; testset, with --split-file trainingset"
    )
    parser.add_argument("--split-file", type=Path, help="of `training.dataset split`")
    parser.add_argument("--subset", choices=["validation", "train"], default="validation")
    parser.add_argument("--limit", type=int, help="the first photos only, for a quick look")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--robustness",
        action="store_true",
        help=f"under {len(CONDITIONS)} conditions too, small and turned among them",
    )
    parser.add_argument("--no-car", type=Path, metavar="DIR", help="photos of what is no car")
    parser.add_argument(
        "--no-car-aside",
        type=int,
        metavar="SEED",
        help="only the kinds that a training with this seed kept aside",
    )
    parser.add_argument("--viewpoints", type=Path, metavar="FILE", help="labels told by eye")
    parser.add_argument("--viewpoint-photos", type=Path, metavar="DIR", help="the photos of FILE")
    parser.add_argument("--out", type=Path, help="folder for report.json and report.html")
    parser.add_argument("--record", action="store_true", help="write the figures into model.yaml")
    args = parser.parse_args(arguments)
    if args.split_file and args.split == "testset":
        parser.error("--split-file divides the training set, not --split testset")
    if args.record and (args.limit or args.split_file):
        parser.error("--record is for figures of a whole split: not with --limit or --split-file")
    if args.limit is not None and args.limit < 1:
        parser.error("--limit must be at least 1")
    if args.resamples < 1:
        parser.error("--resamples must be at least 1")
    if args.out and args.out.is_file():
        parser.error(f"--out {args.out} is a file; it takes a folder")
    if bool(args.viewpoints) != bool(args.viewpoint_photos):
        parser.error("--viewpoints and --viewpoint-photos go together")
    if args.no_car_aside is not None and not args.no_car:
        parser.error("--no-car-aside takes --no-car")
    return args


def _split(args: argparse.Namespace) -> str:
    return args.split or ("trainingset" if args.split_file else "testset")


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    args = parse(arguments)
    models, given = open_models(args)
    photos, outlines = photos_of(args, models.classes)
    run = predict(models, photos, outlines)
    result = measure(run, args.resamples, args.seed)
    conditions = {}
    for name, condition in CONDITIONS.items() if args.robustness else ():
        worse = predict(models, photos, outlines, condition, name)
        if condition.upright:
            conditions[name] = measure(worse, args.resamples, args.seed, per_class=False)
        else:
            conditions[name] = measure_viewpoints(worse, args.resamples, args.seed)
    others: list[no_car.NoCarAnswer] = []
    if args.no_car:
        folder = no_car.photos_in(args.no_car, args.no_car_aside)[: args.limit]
        others = no_car.ask(models.estimator, folder)
        result.figures.update(no_car.no_car_figures(others, args.resamples, args.seed))
    natural: dict[str, viewpoint_labels.LabelResult] = {}
    if args.viewpoints:
        labels = dict(list(viewpoint_labels.read_labels(args.viewpoints).items())[: args.limit])
        answers = viewpoint_labels.ask(models.estimator, labels, args.viewpoint_photos)
        natural = viewpoint_labels.judge(labels, answers, args.resamples, args.seed)
    about = {
        "car_parts": models.car_parts.bundle.identity,
        "main_car": models.main_car.bundle.identity if models.main_car else NONE,
        "engine": args.engine or "the bundle's own",
        "split": f"{_split(args)} {args.subset}" if args.split_file else _split(args),
        "photos": len(photos),
        "resamples": args.resamples,
        "seed": args.seed,
    }
    report = Report(about, result, conditions, others, natural)
    print(table(report))
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(as_json(report), indent=2, allow_nan=False)
        (args.out / "report.json").write_text(text + "\n")
        (args.out / "report.html").write_text(html(report, run))
        print(f"\nwritten: {args.out / 'report.json'}, {args.out / 'report.html'}")
    if args.record:
        record_all(models, given, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
