"""Confidence intervals by drawing the photos anew, with replacement.

A draw is a row of counts: how often each photo was taken. Every metric is computed from counts, so
that nothing is matched or detected twice.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

Draws = NDArray[np.int64]
"""(B, P) counts; every row sums to P. The first row is all ones: the photos themselves."""


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; NaN where the photos do not tell it."""

    value: float
    low: float
    high: float
    samples: NDArray[np.float64] = field(repr=False, compare=False)
    """(B,) the value of each draw, paired between estimates of the same draws."""


def draw(photos: int, count: int, seed: int) -> Draws:
    """The photos themselves, then `count` draws of them."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(photos, np.full(photos, 1 / photos), size=count)
    return np.concatenate([np.ones((1, photos), np.int64), drawn])


def estimate(samples: NDArray[np.float64]) -> Estimate:
    """The value of the first draw with the percentile interval of the others."""
    rest = samples[1:][np.isfinite(samples[1:])]
    low, high = np.percentile(rest, [2.5, 97.5]) if rest.size else (np.nan, np.nan)
    return Estimate(float(samples[0]), float(low), float(high), samples)


def share(part: ArrayLike, whole: ArrayLike, draws: Draws) -> Estimate:
    """Sum of `part` over sum of `whole`, both (P,), one number per photo."""
    over = (draws @ np.asarray(whole, np.float64)).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return estimate(np.where(over > 0, (draws @ np.asarray(part, np.float64)) / over, np.nan))


def quantile(values: ArrayLike, q: float, draws: Draws) -> Estimate:
    """The q-quantile of (P,) values; photos with NaN have none."""
    array = np.asarray(values, np.float64)
    known = np.isfinite(array)
    samples = []
    for counts in draws:
        taken = np.repeat(array[known], counts[known])
        samples.append(np.quantile(taken, q) if taken.size else np.nan)
    return estimate(np.array(samples))


def difference(before: Estimate, after: Estimate) -> Estimate:
    """How much `after` is above `before`, both of the same draws: photo by photo, so that what is
    hard about a photo is hard for both."""
    return estimate(after.samples - before.samples)
