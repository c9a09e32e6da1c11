"""How sure an answer is: scores as probabilities, fitted on photos that no training has seen.

Both are logistic regressions on a few readings (`python -m training.calibrate` fits and writes
them to `models/certainty.json`): a network's own scores rank what it was trained on, but know
nothing of cups, nor of how often the rules that come after them are right.
"""

import json
import math
from collections.abc import Mapping
from functools import cache
from importlib import resources

from carpose.detections import Detections
from carpose.parts import Viewpoint

WEIGHTS = "certainty.json"


def car_readings(body_score: float, body_area: float, parts: Detections) -> dict[str, float]:
    """What speaks for a detected car being one: how sure the segmenter is, how many kinds of parts
    it has, counted by their best scores, and how much of it they cover."""
    covered = float(parts.areas.sum()) / body_area if body_area > 0 else 0.0
    return {
        "body": log_odds(body_score),
        "parts": math.sqrt(min(6.0, sum_of_best(parts))),
        "covered": min(1.0, covered),
    }


def sum_of_best(parts: Detections) -> float:
    """How many kinds of parts were found, each counted by its best score."""
    best: dict[str, float] = {}
    for label, score in zip(parts.labels, parts.scores, strict=True):
        best[str(label)] = max(best.get(str(label), 0.0), float(score))
    return math.fsum(best.values())


def car_score(body_score: float, body_area: float, parts: Detections) -> float:
    """Probability that a detection, with the parts that were found in it, is a car."""
    return _probability("car", car_readings(body_score, body_area, parts))


def viewpoint_readings(chances: Mapping[Viewpoint, float], evidence: float) -> dict[str, float]:
    """What speaks for the likeliest of the viewpoints: its chance by the rules, its lead over the
    next, and the odds that the mean score of the parts behind it gives."""
    first, second = sorted(chances.values(), reverse=True)[:2]
    return {
        "chance": log_odds(first),
        "lead": first - second,
        "evidence": log_odds(evidence),
    }


def viewpoint_score(chances: Mapping[Viewpoint, float], evidence: float) -> float:
    """Probability that the likeliest viewpoint is the right one."""
    return _probability("viewpoint", viewpoint_readings(chances, evidence))


def log_odds(p: float) -> float:
    """Of a probability, kept within -5 and 5."""
    p = min(max(p, 1e-6), 1 - 1e-6)
    return min(5.0, max(-5.0, math.log(p / (1 - p))))


def _probability(of: str, readings: Mapping[str, float]) -> float:
    weights = _weights()[of]
    logit = weights["bias"] + math.fsum(weights[name] * v for name, v in readings.items())
    return 1.0 / (1.0 + math.exp(-logit))


@cache
def _weights() -> dict[str, dict[str, float]]:
    text = resources.files("carpose.models").joinpath(WEIGHTS).read_text()
    weights: dict[str, dict[str, float]] = json.loads(text)
    return weights
