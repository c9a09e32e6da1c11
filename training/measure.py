"""All figures of one run over the photos, each with its interval."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from carpose.cars import Car
from carpose.detections import Detections
from carpose.parts import PARTS, VIEWPOINTS
from carpose.pose import Pose
from training.average_precision import precision_samples
from training.intervals import Figure, draw, figure, quantile, share
from training.metrics import (
    angle_error,
    annotated_parts,
    found_share,
    main_car_iou,
    poses,
    side_counts,
    viewpoint_of,
)
from training.photos import Photo

CLOSE_DEG = 15.0


@dataclass(frozen=True)
class Measured:
    """P photos with what was found: all parts, those served, all cars, the main one
    (or the code of the refusal).

    `clean` is the annotations' pose before any corruption: turning the camera changes the angle,
    but not the side of the car that is seen.
    """

    photos: list[Photo]
    outlines: list[Photo]
    everything: list[Detections]
    served: list[Detections]
    seen: list[Detections] | None
    cars: list[Car | str] | None
    clean: list[Pose]


@dataclass(frozen=True)
class PhotoResult:
    """One photo; `badness` orders the worst ones: missed parts, missed car, wrong viewpoint."""

    file: str
    expected: str
    detected: str
    parts_f1: float
    car_iou: float | None
    angle_error: float | None
    """Degrees; None where annotations or detections have no angle."""
    badness: float


@dataclass(frozen=True)
class Result:
    """Figures by name, viewpoints as {annotated: {detected: photos}}, and every photo."""

    figures: dict[str, Figure]
    confusion: dict[str, dict[str, int]]
    photos: list[PhotoResult]


def measure(run: Measured, resamples: int, seed: int, per_class: bool = True) -> Result:
    """The figures of a run. The same seed draws the same photos, so runs can be compared."""
    draws = draw(len(run.photos), resamples, seed)
    ones = np.ones(len(run.photos))
    samples = precision_samples(run.photos, run.everything, PARTS, draws, per_class)
    figures = {name: figure(values) for name, values in samples.items()}

    truth = [annotated_parts(p) for p in run.photos]
    sides = [side_counts(t, f) for t, f in zip(truth, run.served, strict=True)]
    figures["side_accuracy"] = share([s[0] for s in sides], [s[1] for s in sides], draws)

    found = poses(run.served, run.cars)
    expected = poses(truth, None)
    pairs = [(str(c.viewpoint), viewpoint_of(f)) for c, f in zip(run.clean, found, strict=True)]
    views = [
        not isinstance(f, str) and f.view == c.view for c, f in zip(run.clean, found, strict=True)
    ]
    figures["view_accuracy"] = share([float(v) for v in views], ones, draws)
    right = [float(e == d) for e, d in pairs]
    figures["viewpoint_accuracy"] = share(right, ones, draws)

    errors = [
        angle_error(e, f) if isinstance(e, Pose) else np.nan
        for e, f in zip(expected, found, strict=True)
    ]
    both = [e if np.isfinite(e) else np.nan for e in errors]
    answered = np.isfinite(both)
    figures["angle_median"] = quantile(both, 0.5, draws)
    figures["angle_mean"] = share(np.nan_to_num(both), answered, draws)
    figures["angle_p90"] = quantile(both, 0.9, draws)
    asked = ~np.isnan(errors)
    # An angle that was not found is none within 15 degrees.
    close = asked & (np.nan_to_num(errors, nan=np.inf) <= CLOSE_DEG)
    figures["angle_within_15"] = share(close, asked, draws)

    ious: list[float] | None = None
    if run.seen is not None and run.cars is not None:
        ious = main_car_iou(run.outlines, run.cars)
        figures["car_mean_iou"] = share(ious, ones, draws)
        # A bootstrap says nothing of a minimum.
        figures["car_worst_iou"] = figure(np.array([min(ious)]))
        cars = precision_samples(run.outlines, run.seen, ("car",), draws, per_class=False)
        figures |= {f"car_{name}": figure(values) for name, values in cars.items()}

    photos = []
    for k, photo in enumerate(run.photos):
        f1, iou = found_share(truth[k], run.served[k]), None if ious is None else ious[k]
        badness = (1 - f1) + (0 if iou is None else 1 - iou) + (1 - right[k])
        error = float(errors[k]) if answered[k] else None
        photos.append(PhotoResult(photo.path.name, *pairs[k], f1, iou, error, badness))
    return Result(figures, _confusion(pairs), photos)


def _confusion(pairs: list[tuple[str, str]]) -> dict[str, dict[str, int]]:
    rows: dict[str, Counter[str]] = {}
    for expected, detected in pairs:
        rows.setdefault(expected, Counter())[detected] += 1
    order = [*VIEWPOINTS, *sorted(set(rows) - set(VIEWPOINTS))]
    return {name: dict(rows[name]) for name in order if name in rows}
