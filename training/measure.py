"""All figures of one run over the photos, each with its interval."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from carpose.parts import VIEWPOINTS
from carpose.pose import Pose, estimate_pose
from training.annotated import annotated_parts
from training.average_precision import precision_samples
from training.calibration import Bin, calibration_error, reliability
from training.intervals import Draws, Estimate, draw, estimate, quantile, share
from training.metrics import angle_error, car_iou, found_share, side_counts, viewpoint_of
from training.predictions import Predictions

CLOSE_DEG = 15.0


@dataclass(frozen=True)
class PhotoResult:
    """One photo; `badness` orders the worst ones: missed parts, missed car, wrong viewpoint."""

    file: str
    expected: str
    detected: str
    score: float | None
    """Of the detected viewpoint."""
    parts_f1: float
    car_iou: float | None
    angle_error: float | None
    """Degrees; None where annotations or detections have no angle."""
    badness: float


@dataclass(frozen=True)
class Result:
    """Figures by the names of `training.figures`, those of single classes as {figure: {class: ..}};
    viewpoints as {annotated: {detected: photos}}; how far scores can be trusted; every photo."""

    figures: dict[str, Estimate]
    per_class: dict[str, dict[str, Estimate]] = field(default_factory=dict)
    confusion: dict[str, dict[str, int]] = field(default_factory=dict)
    reliability: list[Bin] = field(default_factory=list)
    photos: list[PhotoResult] = field(default_factory=list)


def measure(run: Predictions, resamples: int, seed: int, per_class: bool = True) -> Result:
    """The figures of a run. The same seed draws the same photos, so runs can be compared."""
    draws = draw(len(run.photos), resamples, seed)
    samples = precision_samples(run.photos, run.everything, run.classes, draws)
    figures = {name: estimate(values) for name, values in samples.overall.items()}
    truth = [annotated_parts(photo, run.classes) for photo in run.photos]
    sides = [side_counts(t, f) for t, f in zip(truth, run.served, strict=True)]
    figures["side_accuracy"] = share([s[0] for s in sides], [s[1] for s in sides], draws)
    figures |= viewpoint_figures(run, draws)

    expected = [estimate_pose(parts) for parts in truth]
    errors = [angle_error(e, f) for e, f in zip(expected, run.poses, strict=True)]
    figures |= _angle_figures(errors, draws)
    ious: list[float] | None = None
    if run.seen is not None:
        ious = [car_iou(photo, one) for photo, one in zip(run.outlines, run.answers, strict=True)]
        figures["car_mean_iou"] = share(ious, np.ones(len(ious)), draws)
        figures["car_worst_iou"] = estimate(np.array([min(ious)]))
        cars = precision_samples(run.outlines, run.seen, ("car",), draws)
        figures |= {f"car_{name}": estimate(values) for name, values in cars.overall.items()}

    scores, right = _scores(run.poses), viewpoints_right(run)
    photos = []
    for k, photo in enumerate(run.photos):
        f1, iou = found_share(truth[k], run.served[k]), None if ious is None else ious[k]
        badness = (1 - f1) + (0 if iou is None else 1 - iou) + (not right[k])
        pair = str(run.clean[k].viewpoint), viewpoint_of(run.poses[k])
        error = float(errors[k]) if np.isfinite(errors[k]) else None
        photos.append(PhotoResult(photo.path.name, *pair, scores[k], f1, iou, error, badness))
    return Result(
        figures,
        {
            name: {label: estimate(values) for label, values in by_class.items()}
            for name, by_class in samples.per_class.items()
        }
        if per_class
        else {},
        _confusion([(photo.expected, photo.detected) for photo in photos]),
        reliability(scores, right),
        photos,
    )


def viewpoints_right(run: Predictions) -> list[bool]:
    """(P,) whether the viewpoint is that of the annotations."""
    return [
        viewpoint_of(found) == str(clean.viewpoint)
        for clean, found in zip(run.clean, run.poses, strict=True)
    ]


def viewpoint_figures(run: Predictions, draws: Draws) -> dict[str, Estimate]:
    """What of a run does not depend on where parts and cars are in the picture."""
    ones, scores, right = np.ones(len(run.photos)), _scores(run.poses), viewpoints_right(run)
    views = [
        not isinstance(found, str) and found.view == clean.view
        for clean, found in zip(run.clean, run.poses, strict=True)
    ]
    wrong = [score is not None and not hit for score, hit in zip(scores, right, strict=True)]
    return {
        "view_accuracy": share(np.array(views, float), ones, draws),
        "viewpoint_accuracy": share(np.array(right, float), ones, draws),
        "viewpoint_wrong": share(np.array(wrong, float), ones, draws),
        "calibration_error": calibration_error(scores, right, draws),
    }


def measure_viewpoints(run: Predictions, resamples: int, seed: int) -> Result:
    """`viewpoint_figures` alone."""
    return Result(viewpoint_figures(run, draw(len(run.photos), resamples, seed)))


def _scores(poses: list[Pose | str]) -> list[float | None]:
    return [None if isinstance(p, str) or p.viewpoint is None else p.viewpoint_score for p in poses]


def _angle_figures(errors: list[float], draws: Draws) -> dict[str, Estimate]:
    found = [e if np.isfinite(e) else np.nan for e in errors]
    asked = ~np.isnan(errors)
    # An angle that was not found is none within 15 degrees.
    close = asked & (np.nan_to_num(errors, nan=np.inf) <= CLOSE_DEG)
    return {
        "angle_median": quantile(found, 0.5, draws),
        "angle_mean": share(np.nan_to_num(found), np.isfinite(found), draws),
        "angle_p90": quantile(found, 0.9, draws),
        "angle_within_15": share(close, asked, draws),
    }


def _confusion(pairs: list[tuple[str, str]]) -> dict[str, dict[str, int]]:
    rows: dict[str, Counter[str]] = {}
    for expected, detected in pairs:
        rows.setdefault(expected, Counter())[detected] += 1
    order = [*VIEWPOINTS, *sorted(set(rows) - set(VIEWPOINTS))]
    return {name: dict(rows[name]) for name in order if name in rows}
