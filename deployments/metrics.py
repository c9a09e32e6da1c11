"""Metrics beyond Ray Serve's own, which count requests, errors and latency per deployment."""

from ray.serve.metrics import Counter, Histogram

BOUNDARIES_S = [0.001, 0.003, 0.01, 0.03, 0.06, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30]


def stage_histogram() -> Histogram:
    """Seconds that each stage of a photo's way takes."""
    return Histogram(
        "carpose_stage_seconds",
        description="Seconds spent in each stage of a photo's way.",
        boundaries=BOUNDARIES_S,
        tag_keys=("stage",),
    )


def answer_counter() -> Counter:
    """Answers by engine and outcome: a viewpoint, `unknown`, or an error's code."""
    return Counter(
        "carpose_answers_total",
        description="Answers by engine and outcome (viewpoint or error code).",
        tag_keys=("engine", "outcome"),
    )
