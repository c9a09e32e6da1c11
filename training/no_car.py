"""Photos of what is no car: how many are answered all the same, and how surely."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from carpose.estimator import Estimator
from training.errors import TrainingError
from training.intervals import Estimate, draw, share
from training.other_photos import shows_car, split_kinds
from training.predictions import answer

PHOTOS = (".jpg", ".jpeg", ".png", ".webp", ".heic")
SURE = 0.7
"""Viewpoint score of an answer that somebody would trust."""

THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class NoCarAnswer:
    """A photo of what is no car. `car` is the score of the car that was seen in it, None where the
    photo was refused; `viewpoint` that of the viewpoint, None where none was told."""

    file: str
    car: float | None
    viewpoint: float | None


def photos_in(folder: Path, aside: int | None = None) -> list[Path]:
    """The photos below a folder, those left out that are known to show a car.

    aside: only the kinds that training with this seed kept for validation.

    Raises: TrainingError when there are none.
    """
    found = [p for p in sorted(folder.rglob("*")) if p.suffix.lower() in PHOTOS]
    found = [p for p in found if not shows_car(p)]
    if aside is not None:
        found = split_kinds(found, seed=aside)[1]
    if not found:
        raise TrainingError(f"no photos in {folder}")
    return found


def ask(estimator: Estimator, photos: Sequence[Path]) -> list[NoCarAnswer]:
    """What is answered to each photo."""
    answers = []
    for path in tqdm(photos, unit="photo", leave=False, disable=None, desc="no car"):
        one = answer(estimator, path.read_bytes())
        scores = (None, None) if isinstance(one, str) else (one.car.score, one.pose.viewpoint_score)
        answers.append(NoCarAnswer(path.name, *scores))
    return answers


def no_car_figures(
    answers: Sequence[NoCarAnswer], resamples: int, seed: int
) -> dict[str, Estimate]:
    """The share that is answered as a car at all, and that with a viewpoint score of SURE."""
    draws, ones = draw(len(answers), resamples, seed), np.ones(len(answers))
    seen = [float(one.car is not None) for one in answers]
    sure = [float((one.viewpoint or 0.0) >= SURE) for one in answers]
    return {"no_car_answered": share(seen, ones, draws), "no_car_sure": share(sure, ones, draws)}


def by_score(answers: Sequence[NoCarAnswer]) -> list[tuple[float, float, float]]:
    """(threshold, share with a car of that score, share with a viewpoint of that score)."""
    return [
        (
            at,
            float(np.mean([one.car is not None and one.car >= at for one in answers])),
            float(np.mean([one.viewpoint is not None and one.viewpoint >= at for one in answers])),
        )
        for at in THRESHOLDS
    ]
