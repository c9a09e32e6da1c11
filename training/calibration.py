"""Whether a score is the probability that the value beside it is right."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.intervals import Draws, Estimate, estimate

BINS = 10


@dataclass(frozen=True)
class Bin:
    """The answers whose score lies in [low, high): how many, their mean score, the share right."""

    low: float
    high: float
    count: int
    score: float
    right: float


def _number(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.minimum((scores * BINS).astype(np.intp), BINS - 1)


def reliability(scores: Sequence[float | None], right: Sequence[bool]) -> list[Bin]:
    """The bins that have an answer; None is none."""
    told = np.array([s is not None for s in scores], np.bool_)
    known = np.array([s for s in scores if s is not None], np.float64)
    hits = np.asarray(right, np.float64)[told]
    number = _number(known)
    found = []
    for k in range(BINS):
        at = number == k
        if at.any():
            score, share = float(known[at].mean()), float(hits[at].mean())
            found.append(Bin(k / BINS, (k + 1) / BINS, int(at.sum()), score, share))
    return found


def calibration_error(
    scores: Sequence[float | None], right: Sequence[bool], draws: Draws
) -> Estimate:
    """Expected calibration error: the mean gap between a bin's mean score and its share right,
    weighted by its answers (Guo et al. 2017, ten bins of equal width).

    scores: (P,) of the photos' answers, None where there is none; right: (P,). It is biased upwards
    where a bin has few answers.
    """
    told = np.array([s is not None for s in scores], np.bool_)
    known = np.array([0.0 if s is None else s for s in scores], np.float64)
    gap = np.where(told, known - np.asarray(right, np.float64), 0.0)
    member = (np.arange(BINS)[None, :] == _number(known)[:, None]) & told[:, None]
    sums = np.abs(draws @ (member * gap[:, None])).sum(axis=1)
    total = (draws @ told.astype(np.int64)).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return estimate(np.where(total > 0, sums / total, np.nan))
