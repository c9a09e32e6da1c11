"""The order in which a photo is answered, apart from who takes the steps.

Here the steps are called in this process (`carpose.estimator`), in the service they are sent to
deployments (`deployments.pipeline`); the order stands once.
"""

import time
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from carpose.engines import Engine, Found
from carpose.images import Look
from carpose.request import PoseRequest
from carpose.second_look import closer_looks, merged, other_turns, uprightness

Seen = TypeVar("Seen")
Told_co = TypeVar("Told_co", covariant=True)
Result = TypeVar("Result")


class Steps(Protocol[Seen, Told_co]):
    """The steps of one photo: `Seen` is a picture or a reference to one, `Told_co` the answer."""

    async def decode(self, look: Look) -> Seen:
        """The picture, or the part of it, that `look` wants."""
        ...

    async def detect(self, seen: Seen) -> Found:
        """Cars and parts in a picture."""
        ...

    async def tell(self, seen: Seen, found: Found) -> Told_co:
        """The answer."""
        ...


async def in_order(
    steps: Steps[Seen, Told_co], engine: Engine, request: PoseRequest
) -> tuple[Told_co, dict[str, float]]:
    """The answer to a photo, and the milliseconds of each stage."""
    watch = _Stopwatch()
    seen = await steps.decode(Look(engine.longest_px))
    watch.lap("decode")
    found = await steps.detect(seen)
    watch.lap("detect")
    if engine.looks_again:
        for turned in other_turns(found):
            copy = await steps.decode(Look(engine.longest_px, turned))
            there = replace(await steps.detect(copy), turned=turned)
            if uprightness(there) > uprightness(found):
                seen, found = copy, there
            watch.lap("upright")
        for window in closer_looks(found, engine, every=request.cars == "all"):
            detail = await steps.decode(Look(engine.longest_px, found.turned, window))
            found = merged(found, await steps.detect(detail), window)
            watch.lap("closer")
    if request.longest_px > engine.longest_px:
        # Only who draws on the photo needs that much of it.
        seen = await steps.decode(Look(request.longest_px, found.turned))
        watch.lap("decode")
    told = await steps.tell(seen, found)
    watch.lap("pose")
    return told, watch.laps_ms


def at_once(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """What a coroutine returns whose steps never wait."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: Result = done.value
        return result
    raise RuntimeError("a step that should not wait did")


class _Stopwatch:
    def __init__(self) -> None:
        self.laps_ms: dict[str, float] = {}
        self._at = time.perf_counter()

    def lap(self, stage: str) -> None:
        """What passed since the lap before is added to the stage."""
        now = time.perf_counter()
        self.laps_ms[stage] = self.laps_ms.get(stage, 0.0) + 1000 * (now - self._at)
        self._at = now
