"""Measure bundles on annotated photos, through the same engine code that serves.

    python -m training.evaluate --data DIR [--bundle BUNDLE] [--out FOLDER] [--robustness]

Box and mask AP (COCO, one instance per wheel), the sides of found parts, view, viewpoint and angle
against those that the same rules give on the annotations, and the main car's mask IoU, each with a
95 % bootstrap interval. With --out also as report.json and report.html.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml
from tqdm import tqdm

from carpose.bundles import MANIFEST, open_bundle
from carpose.cars import CAR_LABELS, Car
from carpose.detections import Detections
from carpose.engines import DETECTRON2
from carpose.errors import CarposeError
from carpose.images import WHOLE, Limits, Look, Picture, decode
from carpose.model import Model, load_model
from carpose.pose import estimate_pose
from carpose.segmenters import Runtime, Segmenter
from training.corruptions import CORRUPTIONS
from training.errors import TrainingError
from training.measure import Measured, measure
from training.metrics import annotated_parts, main_car
from training.photos import Photo, load_photos
from training.split import read_split, select

AP_THRESHOLD = 0.02
SERVED = Look(DETECTRON2.longest_px)
FRAMEWORK = {"onnx": "onnx", "openvino": "onnx", "detectron2": "detectron2"}


def read(photo: Photo, look: Look = SERVED) -> Picture:
    """The photo as the server decodes it, or as `look` wants it."""
    return decode(photo.path.read_bytes(), Limits(), look)


def detect(
    segmenter: Segmenter,
    photos: Sequence[Photo],
    threshold: float,
    load: Callable[[Photo], Picture] = read,
    name: str = "",
) -> list[Detections]:
    """Detections of every photo, with a progress bar."""
    return [
        segmenter([load(p)], threshold)[0]
        for p in tqdm(photos, unit="photo", leave=False, disable=None, desc=name or None)
    ]


@dataclass(frozen=True)
class Chosen:
    """A model, and whether the command line gave it."""

    model: Model
    given: bool


def choose(args: argparse.Namespace) -> tuple[Chosen, Chosen | None]:
    """The part and the car model of the command line. Raises: CarposeError; SystemExit."""
    uris = {"car_parts": args.parts, "main_car": args.car}
    if args.bundle:
        task = open_bundle(args.bundle).manifest.task
        if uris[task]:
            raise SystemExit(f"--bundle is a {task} bundle, and so is the other one given")
        uris[task] = args.bundle
    chosen: list[Chosen | None] = []
    for task, uri in uris.items():
        if task == "main_car" and uri == "none":
            chosen.append(None)
            continue
        manifest = open_bundle(uri or f"embedded:{task}").manifest
        if manifest.task != task:
            raise SystemExit(f"{uri} is a {manifest.task} bundle where {task} is wanted")
        engine = args.engine or manifest.framework
        if FRAMEWORK[engine] != manifest.framework:
            if uri:
                raise SystemExit(
                    f"{uri} is an {manifest.framework} bundle, which engine {engine} cannot run: "
                    f"export it with --framework {FRAMEWORK[engine]}"
                )
            engine = manifest.framework
        runtime: Runtime = "openvino" if engine == "openvino" else "onnxruntime"
        model = load_model(uri or f"embedded:{task}", "cpu", runtime, args.threads)
        chosen.append(Chosen(model, bool(uri)))
    parts, cars = chosen
    assert parts is not None
    return parts, cars


def run(
    parts: Model,
    cars: Model | None,
    photos: list[Photo],
    outlines: list[Photo],
    corruption: str | None = None,
) -> Measured:
    """Detections of the photos, or of their corrupted versions, beside the annotations."""
    worse = CORRUPTIONS[corruption] if corruption else None
    clean = [estimate_pose(annotated_parts(p)) for p in photos]
    sources = photos

    def load(photo: Photo) -> Picture:
        return worse.picture(read(photo, WHOLE)) if worse else read(photo)

    everything = detect(parts, sources, AP_THRESHOLD, load, f"{corruption or 'parts'}")
    if worse:
        photos, outlines = [worse.photo(p) for p in photos], [worse.photo(p) for p in outlines]
    threshold = parts.bundle.manifest.score_threshold
    served = [d[d.scores >= threshold] for d in everything]
    seen: list[Detections] | None = None
    main: list[Car | str] | None = None
    if cars:
        found = detect(cars, sources, AP_THRESHOLD, load, f"{corruption or 'cars'}")
        # COCO's trucks and buses are cars to us.
        seen = [c[np.isin(c.labels, CAR_LABELS)] for c in found]
        seen = [replace(c, labels=np.full(len(c), "car")) for c in seen]
        least = cars.bundle.manifest.score_threshold
        main = [main_car(c[c.scores >= least], p) for c, p in zip(seen, served, strict=True)]
    return Measured(photos, outlines, everything, served, seen, main, clean)


def record(model: Model, figures: dict[str, float]) -> None:
    """Write figures into the bundle's model.yaml."""
    metrics = {n: round(v, 4) for n, v in figures.items() if np.isfinite(v)}
    manifest = model.bundle.manifest.model_copy(update={"metrics": metrics})
    fields = manifest.model_dump(mode="json", exclude_none=True)
    (model.bundle.folder / MANIFEST).write_text(yaml.safe_dump(fields, sort_keys=False))


def parse() -> argparse.Namespace:
    """The command line, its combinations checked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bundle", help="of either task; the other one is the embedded")
    parser.add_argument("--parts", help="a car_parts bundle")
    parser.add_argument("--car", help="a main_car bundle, or none")
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
    parser.add_argument("--robustness", action="store_true", help="corrupted photos too: 5x")
    parser.add_argument("--out", type=Path, help="folder for report.json and report.html")
    parser.add_argument("--record", action="store_true", help="write the figures into model.yaml")
    args = parser.parse_args()
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
    return args


def main() -> None:
    """Command line."""
    args = parse()
    split: str = args.split or ("trainingset" if args.split_file else "testset")
    try:
        chosen_parts, chosen_cars = choose(args)
        photos = load_photos(args.data, split, "car_parts")
        outlines = load_photos(args.data, split, "main_car")
        if args.split_file:
            names = read_split(args.split_file)[args.subset]
            photos, outlines = select(photos, names), select(outlines, names)
    except (CarposeError, TrainingError, OSError, ValueError) as error:
        raise SystemExit(str(error)) from error
    photos, outlines = photos[: args.limit], outlines[: args.limit]
    parts, cars = chosen_parts.model, chosen_cars.model if chosen_cars else None

    clean = run(parts, cars, photos, outlines)
    result = measure(clean, args.resamples, args.seed)
    worse = {}
    for name in CORRUPTIONS if args.robustness else ():
        found = run(parts, cars, photos, outlines, name)
        worse[name] = measure(found, args.resamples, args.seed, per_class=False)

    from training.report import as_json, html, table

    about = {
        "car_parts": parts.bundle.identity,
        "main_car": cars.bundle.identity if cars else "none",
        "engine": args.engine or "the bundle's own",
        "split": f"{split} {args.subset}" if args.split_file else split,
        "photos": len(photos),
        "resamples": args.resamples,
        "seed": args.seed,
    }
    print(table(about, result, worse))
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(as_json(about, result, worse), indent=2, allow_nan=False)
        (args.out / "report.json").write_text(text + "\n")
        (args.out / "report.html").write_text(html(about, result, worse, clean, read))
        print(f"\nwritten: {args.out / 'report.json'}, {args.out / 'report.html'}")
    if args.record:
        values = {n: f.value for n, f in result.figures.items()}
        of_cars = {n for n in values if n.startswith("car_")}
        # With one bundle given, the embedded partner keeps the figures of its own card.
        given = chosen_parts.given or bool(chosen_cars and chosen_cars.given)
        if chosen_parts.given or not given:
            record(parts, {n: v for n, v in values.items() if n not in of_cars})
        if cars and chosen_cars and (chosen_cars.given or not given):
            record(cars, {n.removeprefix("car_"): values[n] for n in values if n in of_cars})


if __name__ == "__main__":
    main()
