"""Pictures that wait at the same time go through a model together, and none of it waits for what
threads can do beside it."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from carpose.detections import Detections
from carpose.images import Picture
from carpose.segmenters import Finish, Prepared, Segmenter
from deployments.stand_back import stand_back

PADDING: Final = 1.15
"""Pixels that a batch may compute, over those of its pictures: a network takes pictures of one
size, so smaller ones are padded to the largest."""


@dataclass(frozen=True, eq=False)
class _Waiting:
    segmenter: Segmenter
    score_threshold: float
    prepared: Prepared
    found: asyncio.Future[Detections]


class Batches:
    """Runs a replica's model. For use on one event loop.

    Each picture is prepared at once, in one of some threads. Whenever the device is free, it takes
    all that wait by then, up to `most` of like shape: alone when there is little to do, together
    under load. What comes of it is finished in the threads while the next batch runs.
    """

    def __init__(self, seconds: Callable[[float, int], object], threads: int = 2) -> None:
        """seconds: is told how long the device took, and for how many pictures."""
        self.most, self.pause_s = 4, 0.0
        self._seconds = seconds
        self._waiting: deque[_Waiting] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._finishing: set[asyncio.Task[None]] = set()
        self._device = ThreadPoolExecutor(1, "device", stand_back)
        self._beside = ThreadPoolExecutor(threads, "beside", stand_back)

    async def detect(
        self, segmenter: Segmenter, picture: Picture, score_threshold: float
    ) -> Detections:
        """Objects in a picture. Raises: what the segmenter raises at it."""
        loop = asyncio.get_running_loop()
        prepared = await loop.run_in_executor(self._beside, segmenter.prepare, picture)
        waiting = _Waiting(segmenter, score_threshold, prepared, loop.create_future())
        self._waiting.append(waiting)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await waiting.found

    async def on_device(self, action: Callable[[], None]) -> None:
        """Does something between two batches."""
        await asyncio.get_running_loop().run_in_executor(self._device, action)

    async def _work(self) -> None:
        if self.pause_s and len(self._waiting) < self.most:
            await asyncio.sleep(self.pause_s)
        while batch := self._next():
            try:
                finish = await self._started(batch)
            except Exception as error:
                await self._one_by_one(batch, error)
                continue
            task = asyncio.create_task(self._finish(batch, finish))
            self._finishing.add(task)
            task.add_done_callback(self._finishing.discard)

    def _next(self) -> list[_Waiting]:
        """The picture that waits longest, and those that go well with it."""
        alive = deque(w for w in self._waiting if not w.found.done())
        self._waiting = deque()
        if not alive:
            return []
        first = alive.popleft()
        batch, (height, width) = [first], first.prepared.shape
        needed = height * width
        most = self.most if first.segmenter.batches else 1
        for other in alive:
            h, w = other.prepared.shape
            computed = max(height, h) * max(width, w) * (len(batch) + 1)
            together = (
                len(batch) < most
                and other.segmenter is first.segmenter
                and other.score_threshold == first.score_threshold
                and computed <= PADDING * (needed + h * w)
            )
            if together:
                batch.append(other)
                height, width, needed = max(height, h), max(width, w), needed + h * w
            else:
                self._waiting.append(other)
        return batch

    async def _started(self, batch: Sequence[_Waiting]) -> Finish:
        first = batch[0]
        loop = asyncio.get_running_loop()
        began = loop.time()
        finish = await loop.run_in_executor(
            self._device,
            first.segmenter.start,
            [waiting.prepared for waiting in batch],
            first.score_threshold,
        )
        self._seconds(loop.time() - began, len(batch))
        return finish

    async def _one_by_one(self, batch: Sequence[_Waiting], error: Exception) -> None:
        """One picture that cannot be had spoils no other one's answer."""
        if len(batch) == 1:
            _fail(batch[0], error)
            return
        for waiting in batch:
            try:
                finish = await self._started([waiting])
            except Exception as own:
                _fail(waiting, own)
            else:
                await self._finish([waiting], finish)

    async def _finish(self, batch: Sequence[_Waiting], finish: Finish) -> None:
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._beside, finish)
        except Exception as error:
            for waiting in batch:
                _fail(waiting, error)
            return
        for waiting, one in zip(batch, found, strict=True):
            if not waiting.found.done():
                waiting.found.set_result(one)


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.found.done():
        waiting.found.set_exception(error)
