"""Which pictures go through a model together, and what one that fails does to the others."""

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from carpose.detections import Detections
from carpose.images import Picture
from carpose.segmenters import Finish, Prepared, Segmenter
from deployments.batches import PADDING, Batches

WIDE, LESS_WIDE, TALL = (384, 256), (384, 288), (256, 384)


def picture(size: tuple[int, int], mark: int = 0) -> Picture:
    width, height = size
    return Picture(np.full((height, width, 3), mark, np.uint8), width, height)


class Recorder(Segmenter):
    """Finds a box as large as each picture; writes down what went together, and waits at its first
    batch until it is let go. It fails at batches with a picture that is marked as bad."""

    BAD = 13

    def __init__(self, batches: bool = True) -> None:
        self.batches = batches
        self.together: list[list[tuple[int, int]]] = []
        self.go = threading.Event()

    def prepare(self, picture: Picture) -> Prepared:
        height, width = picture.pixels.shape[:2]
        return Prepared(picture, picture.pixels, (height, width))

    def start(self, batch: Sequence[Prepared], score_threshold: float) -> Finish:
        assert self.go.wait(60)
        self.together.append([p.picture.size for p in batch])
        if any(p.tensor[0, 0, 0] == self.BAD for p in batch):
            raise RuntimeError("out of memory")
        return lambda: [self.found(p.picture) for p in batch]

    @staticmethod
    def found(picture: Picture) -> Detections:
        box, score = np.array([[0, 0, *picture.size]], np.float32), np.ones(1, np.float32)
        return Detections(box, score, np.array(["car"]), size=picture.size)


def answers(
    segmenter: Recorder, pictures: Sequence[Picture], most: int = 4
) -> list[Detections | BaseException]:
    """Of pictures that all wait behind a first one."""

    async def ask() -> list[Detections | BaseException]:
        batches = Batches(lambda seconds, pictures: None)
        batches.most = most
        asked = []
        for one in (picture((64, 64)), *pictures):
            asked.append(asyncio.create_task(batches.detect(segmenter, one, 0.5)))
            await until(lambda: len(batches._waiting) >= len(asked) - 1 and bool(batches._worker))
        segmenter.go.set()
        return (await asyncio.gather(*asked, return_exceptions=True))[1:]

    return asyncio.run(ask())


async def until(condition: object) -> None:
    for _ in range(2000):
        if condition():  # type: ignore[operator]
            return
        await asyncio.sleep(0.01)
    raise AssertionError


@pytest.mark.parametrize(
    ("sizes", "most", "together"),
    [
        ([], 4, []),
        ([WIDE], 4, [[WIDE]]),
        ([WIDE, WIDE, WIDE], 4, [[WIDE, WIDE, WIDE]]),
        ([WIDE, WIDE, WIDE], 2, [[WIDE, WIDE], [WIDE]]),
        ([WIDE, TALL, WIDE, TALL], 4, [[WIDE, WIDE], [TALL, TALL]]),
        ([WIDE, LESS_WIDE], 4, [[WIDE, LESS_WIDE]]),
        ([TALL, WIDE, WIDE, WIDE, WIDE], 4, [[TALL], [WIDE, WIDE, WIDE, WIDE]]),
    ],
    ids=["one", "two", "all-that-wait", "at-most", "like-shapes", "nearly", "oldest-first"],
)
def test_what_waits_goes_together(
    sizes: list[tuple[int, int]], most: int, together: list[list[tuple[int, int]]]
) -> None:
    segmenter = Recorder()
    found = answers(segmenter, [picture(size) for size in sizes], most)
    assert segmenter.together[1:] == together
    assert [one.size for one in found if isinstance(one, Detections)] == sizes, "each its own"
    for batch in together:
        padded = len(batch) * max(w for w, _ in batch) * max(h for _, h in batch)
        assert padded <= PADDING * sum(w * h for w, h in batch)


def test_a_model_that_takes_one_at_a_time_gets_one_at_a_time() -> None:
    segmenter = Recorder(batches=False)
    answers(segmenter, [picture(WIDE)] * 3)
    assert segmenter.together[1:] == [[WIDE]] * 3


def test_a_picture_that_fails_fails_alone() -> None:
    segmenter = Recorder()
    found = answers(segmenter, [picture(WIDE), picture(WIDE, Recorder.BAD), picture(WIDE)])
    assert [type(one) for one in found] == [Detections, RuntimeError, Detections]
    assert segmenter.together[1:] == [[WIDE] * 3, [WIDE], [WIDE], [WIDE]]


def test_nobody_waits_for_what_was_given_up() -> None:
    segmenter = Recorder()

    async def ask() -> None:
        batches = Batches(lambda seconds, pictures: None)
        first = asyncio.create_task(batches.detect(segmenter, picture(WIDE), 0.5))
        await until(lambda: batches._worker is not None and not batches._waiting)
        given_up = asyncio.create_task(batches.detect(segmenter, picture(TALL), 0.5))
        await until(lambda: len(batches._waiting) == 1)
        given_up.cancel()
        await asyncio.sleep(0)
        segmenter.go.set()
        await first
        await batches.detect(segmenter, picture(WIDE), 0.5)

    asyncio.run(ask())
    assert segmenter.together == [[WIDE], [WIDE]]
