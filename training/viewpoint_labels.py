"""Viewpoints of natural photos, told by eye, and how many of them are answered right."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict
from tqdm import tqdm

from carpose.answer import Answer
from carpose.estimator import Estimator
from carpose.geometry import box_iou
from carpose.parts import Viewpoint
from training.calibration import calibration_error
from training.coco import read_json
from training.errors import TrainingError
from training.intervals import Estimate, draw, share
from training.other_photos import is_learnt
from training.predictions import answer

SAME_CAR = 0.5
"""IoU of the answered car's box with the labelled one from which they are the same car."""


class _Read(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Label(_Read):
    """A photo's most prominent vehicle.

    box: x0, y0, x1, y1 in pixels. alternative: what may be said as well, between two viewpoints.
    flags: why the photo may be unfit. cars: how many vehicles are seen. box_corrected: whether
    `box` is another one than the source's.
    """

    box: tuple[float, float, float, float]
    viewpoint: Viewpoint | None
    alternative: Viewpoint | None
    kind: str
    flags: tuple[str, ...]
    cars: int | Literal["many"]
    turned: int = 0
    box_corrected: bool = False


class Labels(_Read):
    """File names and labels."""

    photos: dict[str, Label]


@dataclass(frozen=True)
class LabelResult:
    """The photos of some kinds: how many, and of them the shares whose car was answered, exactly
    as labelled, or as labelled or its alternative; the calibration error of the answered."""

    photos: int
    answered: Estimate
    exact: Estimate
    accepted: Estimate
    error: Estimate


def read_labels(path: Path) -> dict[str, Label]:
    """The photos that can be judged: unflagged, with a viewpoint and a single vehicle.

    Raises: TrainingError when the file is not one of labels, or none can be judged.
    """
    labels = read_json(path, Labels).photos
    fit = {n: one for n, one in labels.items() if not one.flags and one.cars == 1 and one.viewpoint}
    if not fit:
        raise TrainingError(f"{path} has no photo that can be judged")
    return fit


def ask(estimator: Estimator, labels: Mapping[str, Label], folder: Path) -> dict[str, Answer | str]:
    """The answers to the labelled photos. Raises: OSError when one is not in the folder."""
    bar = tqdm(labels, unit="photo", leave=False, disable=None, desc="viewpoints")
    return {name: answer(estimator, (folder / name).read_bytes()) for name in bar}


def judge(
    labels: Mapping[str, Label], answers: Mapping[str, Answer | str], resamples: int, seed: int
) -> dict[str, LabelResult]:
    """By kind of vehicle; of all; and of those that no model of ours was trained on."""
    kinds = sorted({label.kind for label in labels.values()})
    groups = {kind: [n for n, one in labels.items() if one.kind == kind] for kind in kinds}
    groups |= {"all": list(labels), "unseen": [n for n in labels if not is_learnt(n)]}
    return {
        kind: _result([(labels[n], answers[n]) for n in names], resamples, seed)
        for kind, names in groups.items()
        if names
    }


def _result(pairs: list[tuple[Label, Answer | str]], resamples: int, seed: int) -> LabelResult:
    draws, ones = draw(len(pairs), resamples, seed), np.ones(len(pairs))
    told = [_told(label, one) for label, one in pairs]
    exact = [view == label.viewpoint for (label, _), (view, _) in zip(pairs, told, strict=True)]
    accepted = [
        view is not None and view in (label.viewpoint, label.alternative)
        for (label, _), (view, _) in zip(pairs, told, strict=True)
    ]
    return LabelResult(
        len(pairs),
        share([float(view is not None) for view, _ in told], ones, draws),
        share([float(v) for v in exact], ones, draws),
        share([float(v) for v in accepted], ones, draws),
        calibration_error([score for _, score in told], accepted, draws),
    )


def _told(label: Label, one: Answer | str) -> tuple[Viewpoint | None, float | None]:
    """The viewpoint of the labelled car and its score, None where it was not answered."""
    if isinstance(one, str) or box_iou(one.car.box, label.box) < SAME_CAR:
        return None, None
    return one.pose.viewpoint, one.pose.viewpoint_score
