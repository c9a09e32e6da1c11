"""Which figures of a candidate are worse beyond doubt."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from training.figures import METRICS, Metric
from training.intervals import Estimate, difference
from training.measure import Result

DOUBT = 0.025
"""Chance that two equal bundles are told apart, all figures together."""


@dataclass(frozen=True)
class Change:
    """A figure of the served bundle and of the candidate, the 95 % interval of the difference, and
    whether the candidate is worse beyond doubt."""

    name: str
    served: float
    candidate: float
    low: float
    high: float
    falls: bool

    def __str__(self) -> str:
        mark = "  falls" if self.falls else ""
        return (
            f"{self.name:32}{self.served:8.3f}{self.candidate:11.3f}"
            f"   {self.low:+.3f} to {self.high:+.3f}{mark}"
        )


def changes(served: Result, candidate: Result) -> list[Change]:
    """The change of every figure that is judged, those of single classes included; both were drawn
    with the same seed over the same photos, so their samples are pairs.

    A figure falls when its change for the worse is larger than chance makes the largest of so many
    changes (Bonferroni, normal approximation of the draws).
    """
    pairs = [
        (metric, name, before, after)
        for metric, name, before, after in _pairs(served, candidate)
        if metric.judged and np.isfinite([before.value, after.value]).all()
    ]
    sure = NormalDist().inv_cdf(1 - DOUBT / max(1, len(pairs)))
    return [_change(metric, name, before, after, sure) for metric, name, before, after in pairs]


def _pairs(served: Result, candidate: Result) -> list[tuple[Metric, str, Estimate, Estimate]]:
    """Those that both have: a class that the photos do not show has no figure."""
    whole = [
        (METRICS[name], name, before, candidate.figures[name])
        for name, before in served.figures.items()
        if name in candidate.figures
    ]
    return whole + [
        (METRICS[name], f"{name}_{label}", before, candidate.per_class[name][label])
        for name, by_class in served.per_class.items()
        for label, before in by_class.items()
        if label in candidate.per_class.get(name, {})
    ]


def _change(metric: Metric, name: str, before: Estimate, after: Estimate, sure: float) -> Change:
    change = difference(before, after)
    drawn = change.samples[1:][np.isfinite(change.samples[1:])]
    spread = float(drawn.std()) if drawn.size else np.inf
    falls = metric.worse(change.value) and abs(change.value) > sure * spread
    return Change(name, before.value, after.value, change.low, change.high, falls)
