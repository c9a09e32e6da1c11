"""Metrics beyond Ray Serve's own, which count requests, errors and latency per deployment."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ray.serve.metrics import Counter, Gauge, Histogram
from ray.util.metrics import Counter as ProcessCounter

from carpose.schema import Comparison, PoseResponse
from deployments.problems import outcome_of

logger = logging.getLogger("ray.serve")

BOUNDARIES_S = [0.001, 0.003, 0.01, 0.03, 0.06, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30]


def stage_histogram() -> Histogram:
    """Seconds that each stage of a photo's way takes."""
    return Histogram(
        "carpose_stage_seconds",
        description="Seconds spent in each stage of a photo's way.",
        boundaries=BOUNDARIES_S,
        tag_keys=("stage",),
    )


def megapixel_histogram() -> Histogram:
    """Millions of pixels of the photos that came."""
    return Histogram(
        "carpose_photo_megapixels",
        description="Millions of pixels of the photos that came.",
        boundaries=[0.5, 1, 2, 4, 8, 16, 32, 64],
    )


def places_gauge() -> Gauge:
    """Photos that an ingress replica has taken and not answered yet."""
    return Gauge(
        "carpose_places_taken", description="Photos taken and not answered yet, of max_in_flight."
    )


def batch_histogram() -> Histogram:
    """Pictures that go through a model at a time."""
    return Histogram(
        "carpose_batch_pictures",
        description="Pictures that go through a model at a time.",
        # Ray takes what is in a bucket for its middle, so sums are right up to 4.
        boundaries=[0.5, 1.5, 2.5, 3.5, 4.5, 8.5, 16.5, 32.5],
        tag_keys=("stage",),
    )


@dataclass
class Counted:
    """An answer being worked on; whoever answers it says by which engine, and what came out.

    key: name of the API key of who asked; empty without.
    about: what the log is to have beside it; nothing of who took the photo or what is on it.
    """

    engine: str
    key: str = ""
    outcome: str = "cancelled"
    model: str = ""
    about: dict[str, object] = field(default_factory=dict)

    def answered(self, answer: PoseResponse | Comparison) -> None:
        """What came out."""
        if isinstance(answer, Comparison):
            self.outcome = "compared" if answer.agreement else "one-engine-failed"
            return
        self.outcome = answer.pose.viewpoint or answer.pose.view or "unknown"
        self.model = answer.models.get("car_parts", "")
        self.about |= {
            "width": answer.image.width,
            "height": answer.image.height,
            "timings_ms": answer.timings_ms,
        }
        if answer.compliance:
            self.about["verdict"] = answer.compliance.verdict


class AnswerCounter:
    """Answers by engine and outcome: a viewpoint, `unknown`, or an error's code."""

    def __init__(self) -> None:
        self._answers = Counter(
            "carpose_answers_total",
            description="Answers by engine, outcome (viewpoint or error code), API key's name and "
            "part model.",
            tag_keys=("engine", "outcome", "key", "model"),  # type: ignore[arg-type]
        )

    @contextmanager
    def counted(self, engine: str, key: str = "") -> Iterator[Counted]:
        """Counts, and logs in a line, what the block makes of a photo; `engine` until it says
        better."""
        counted = Counted(engine, key)
        try:
            yield counted
        except Exception as error:
            counted.outcome = outcome_of(error)
            raise
        finally:
            self._count(counted)

    def refused(self, error: Exception, key: str = "") -> None:
        """Counts, and logs, a request that never got as far as an engine."""
        self._count(Counted("none", key, outcome_of(error)))

    def _count(self, counted: Counted) -> None:
        tags = {name: getattr(counted, name) for name in ("engine", "outcome", "key", "model")}
        self._answers.inc(1, tags)
        told = counted.engine, counted.outcome, counted.key or "-"
        # Fields of their own in the JSON log, beside the request's id.
        logger.info("answer: engine=%s outcome=%s key=%s", *told, extra=tags | counted.about)


class EarlyRefusals:
    """Photos that a proxy refused unread, by path; told to Ray once a second, which costs more than
    the refusal. For use on one event loop."""

    def __init__(self) -> None:
        self._counter = ProcessCounter(
            "carpose_refused_unread_total",
            description="Photos that a proxy refused before reading them.",
            tag_keys=("path",),
        )
        self._counts: dict[str, int] = {}

    def count(self, path: str) -> None:
        """One more."""
        if not self._counts:
            asyncio.get_running_loop().call_later(1, self._tell)
        self._counts[path] = self._counts.get(path, 0) + 1

    def _tell(self) -> None:
        for path, count in self._counts.items():
            self._counter.inc(count, {"path": path})
        self._counts = {}


class RekognitionMetrics:
    """Calls to Amazon Rekognition, what they cost by the configured price, and what was saved."""

    def __init__(self) -> None:
        self._calls = Counter(
            "carpose_rekognition_calls_total",
            description="Calls to Amazon Rekognition by outcome (ok or an error's code).",
            tag_keys=("outcome",),
        )
        self._hits = Counter(
            "carpose_rekognition_cache_hits_total",
            description="Photos answered without a call, because an equal one had been asked.",
        )
        self._cost = Counter(
            "carpose_rekognition_cost_usd_total",
            description="Estimated cost of the calls, in US dollars.",
        )

    def paid(self, price_usd: float) -> None:
        """A call that was answered."""
        self._calls.inc(1, {"outcome": "ok"})
        if price_usd:
            self._cost.inc(price_usd)

    def failed(self, code: str) -> None:
        """A call that was not; AWS bills answers only."""
        self._calls.inc(1, {"outcome": code})

    def hit(self) -> None:
        """A photo that needed no call."""
        self._hits.inc(1)
