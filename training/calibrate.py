"""Fit how sure an answer is, on photos that no training has seen: `carpose/models/certainty.json`.

    python -m training.calibrate --data DIR --other DIR \\
        --labels training/labels/traffic_viewpoints.json \\
        --out carpose/models/certainty.json --plot docs/calibration.png

`--other` holds the photos beside the car-parts data. Cars come from those of traffic whose
viewpoint was labelled by eye, things that are none from the kinds that training keeps aside.
"""

import argparse
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.optimize import minimize
from tqdm import tqdm

from carpose.azimuth import Direction, direction
from carpose.cars import Car, choose_cars
from carpose.certainty import car_readings, viewpoint_readings
from carpose.estimator import Estimator
from carpose.geometry import overlaps
from carpose.images import Limits, decode, to_jpeg
from carpose.parts import PARTS, Viewpoint
from carpose.pose import estimate_pose
from training.annotated import annotated_parts
from training.calibration import calibration_error
from training.coco import read_json
from training.command import command
from training.conditions import CONDITIONS
from training.examples import STRETCHED
from training.intervals import draw
from training.other_photos import no_car_photos, split_kinds
from training.photos import load_photos
from training.split import leak_free_split
from training.viewpoint_labels import Label, Labels

FOLDS = 5
RESAMPLES = 200
ASIDE = 0.1
"""`validation_share` of the release trainings."""
SIZES = ("1/2 width", "1/3 width", "1/4 width")
BINS = 10
SHRINKAGE = 1e-2
"""L2 penalty: a few hundred photos should not make anything certain."""
SPOILT = frozenset({"drawing", "unclear", "odd", "print"})
"""Flags of labelled photos that are no photos of a car in traffic."""


@dataclass(frozen=True)
class Sample:
    """What was read of one car or thing, and whether the claim is right."""

    readings: dict[str, float]
    right: bool
    group: str
    """The photo: its samples stay in one fold."""


def cars_in(estimator: Estimator, content: bytes) -> list[Car]:
    """Every detection that may be a car, with its own parts, after all looks."""
    _, found = estimator.look(content)
    return choose_cars(found.cars, found.parts, need_parts=False)


def read_car(car: Car) -> dict[str, float]:
    """The readings of `carpose.certainty` for a car."""
    return car_readings(float(car.body.scores[0]), float(car.body.areas[0]), car.parts)


def unstretched(path: Path) -> bytes:
    """A photo of traffic, which its source made square, as wide as photos are: JPEG."""
    with Image.open(path) as photo:
        size = round(photo.width * STRETCHED), photo.height
        buffer = io.BytesIO()
        photo.convert("RGB").resize(size).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def _wider(box: Sequence[float]) -> list[float]:
    return [v * (STRETCHED if k % 2 == 0 else 1) for k, v in enumerate(box)]


def fit(samples: Sequence[Sample]) -> dict[str, float]:
    """Weights of a logistic regression, by reading, and `bias`."""
    names = list(samples[0].readings)
    x = np.array([[s.readings[n] for n in names] for s in samples])
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-6
    z = np.hstack([np.ones((len(x), 1)), (x - mean) / scale])
    y = np.array([s.right for s in samples], float)

    def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logit = z @ w
        value = np.logaddexp(0, logit).mean() - (y * logit).mean()
        value += SHRINKAGE * (w[1:] ** 2).sum() / 2
        slope = z.T @ (1 / (1 + np.exp(-logit)) - y) / len(y)
        slope[1:] += SHRINKAGE * w[1:]
        return float(value), slope

    w = minimize(loss, np.zeros(z.shape[1]), jac=True, method="L-BFGS-B").x
    weights = w[1:] / scale
    bias = w[0] - float(weights @ mean)
    return {"bias": float(bias)} | dict(zip(names, map(float, weights), strict=True))


def predict(weights: dict[str, float], samples: Sequence[Sample]) -> NDArray[np.float64]:
    """(N,) probabilities."""
    logit = np.array(
        [weights["bias"] + sum(weights[n] * v for n, v in s.readings.items()) for s in samples]
    )
    chances: NDArray[np.float64] = 1 / (1 + np.exp(-logit))
    return chances


def held_out(samples: Sequence[Sample]) -> NDArray[np.float64]:
    """(N,) the probability of every sample by a fit that has not seen its photo."""
    groups = sorted({s.group for s in samples})
    order = np.random.default_rng(0).permutation(len(groups))
    fold = {groups[g]: k % FOLDS for k, g in enumerate(order)}
    result = np.zeros(len(samples))
    for k in range(FOLDS):
        inside = [n for n, s in enumerate(samples) if fold[s.group] == k]
        rest = [s for s in samples if fold[s.group] != k]
        result[inside] = predict(fit(rest), [samples[n] for n in inside])
    return result


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--other", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--seed", type=int, default=3, help="of the training, for its kinds aside")
    args = parser.parse_args(arguments)
    estimator = Estimator.load()
    cars, viewpoints = _of_cars(
        estimator, args.other / "vehicles", read_json(args.labels, Labels).photos
    )
    viewpoints += _of_validation(estimator, args.data, args.seed)
    _, aside = split_kinds(no_car_photos(args.other), args.seed)
    things = _of_things(estimator, aside)
    weights = {"car": fit(_balanced([*cars, *things])), "viewpoint": fit(viewpoints)}
    args.out.write_text(json.dumps(weights, indent=1) + "\n")

    scores = held_out(viewpoints)
    right = [s.right for s in viewpoints]
    draws = draw(len(right), RESAMPLES, args.seed)
    print(f"{len(cars)} cars, {len(things)} detections in {len(aside)} photos of other things")
    print(f"viewpoint: {np.mean(right):.3f} right of {len(right)}")
    error = calibration_error(scores.tolist(), right, draws)
    print(f"expected calibration error, held out: {error.value:.3f}")
    if args.plot:
        plot(scores, np.array(right), args.plot)
    return 0


def _of_cars(
    estimator: Estimator, folder: Path, labels: Mapping[str, Label]
) -> tuple[list[Sample], list[Sample]]:
    cars, viewpoints = [], []
    for name, label in tqdm(labels.items(), unit="photo", desc="cars"):
        if label.viewpoint is None or SPOILT & set(label.flags):
            continue
        found = cars_in(estimator, unstretched(folder / name))
        boxes = [car.box for car in found]
        near = overlaps(boxes, [_wider(label.box)])[:, 0] if found else np.zeros(0)
        if not len(near) or near.max() < 0.5:
            continue
        car = found[int(near.argmax())]
        cars.append(Sample(read_car(car), True, name))
        seen = direction(car.parts)
        if seen is not None and label.kind in ("car", "van"):
            allowed = {label.viewpoint, label.alternative}
            viewpoints.append(_viewpoint(seen, allowed, name))
    return cars, viewpoints


def _viewpoint(seen: Direction, allowed: Set[Viewpoint | None], photo: str) -> Sample:
    chances = seen.probabilities()
    best = max(chances, key=lambda v: chances[v])
    return Sample(viewpoint_readings(chances, seen.evidence), best in allowed, photo)


def _of_validation(estimator: Estimator, data: Path, seed: int) -> list[Sample]:
    """The viewpoints of the car-parts photos that a training with this seed kept aside, as they
    are and small: easier than traffic, as most photos that are uploaded are."""
    _, photos = leak_free_split(load_photos(data, "trainingset", "car_parts"), ASIDE, seed)
    found = []
    for photo in tqdm(photos, unit="photo", desc="validation"):
        expected = estimate_pose(annotated_parts(photo, PARTS)).viewpoint
        picture = decode(photo.path.read_bytes(), Limits())
        for condition in (None, *(CONDITIONS[name] for name in SIZES)):
            shown = condition.picture(picture) if condition else picture
            for car in cars_in(estimator, to_jpeg(shown.pixels, 95))[:1]:
                seen = direction(car.parts)
                if seen is not None:
                    found.append(_viewpoint(seen, {expected}, photo.path.name))
    return found


def _of_things(estimator: Estimator, photos: Iterable[Path]) -> list[Sample]:
    return [
        Sample(read_car(car), False, path.name)
        for path in tqdm(list(photos), unit="photo", desc="other things")
        for car in cars_in(estimator, path.read_bytes())
    ]


def _balanced(samples: Sequence[Sample]) -> list[Sample]:
    """As many right as wrong samples: those that are fewer come up several times."""
    right = [s for s in samples if s.right]
    wrong = [s for s in samples if not s.right]
    most = max(len(right), len(wrong))
    return [side[k % len(side)] for side in (right, wrong) if side for k in range(most)]


def plot(scores: NDArray[np.float64], right: NDArray[np.bool_], path: Path) -> None:
    """A reliability diagram, and the errors left against the share of photos sent to people."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    left, side = figure.subplots(1, 2)
    parts = [p for p in np.array_split(np.argsort(scores), BINS) if len(p)]
    left.plot([0, 1], [0, 1], color="grey", linewidth=1)
    left.plot([scores[p].mean() for p in parts], [right[p].mean() for p in parts], "o-")
    left.set(xlabel="viewpoint_score", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))
    order = np.argsort(scores)
    wrong = (~right[order]).astype(float)
    kept = np.arange(len(order), 0, -1)
    side.plot(np.arange(len(order)) / len(order), wrong[::-1].cumsum()[::-1] / kept)
    for least in (0.5, 0.6, 0.7, 0.8):
        sent = int((scores < least).sum())
        if sent < len(order):
            share = wrong[sent:].mean()
            side.plot(sent / len(order), share, "o", color="black")
            side.annotate(
                f"min_score {least}",
                (sent / len(order), share),
                xytext=(4, 4),
                textcoords="offset points",
            )
    side.set(xlabel="share sent to review", ylabel="share of the rest that is wrong")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
