"""Whose turn it is to be worked on."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack, suppress

import pytest

from deployments.admission import Admission
from deployments.problems import Draining, Overloaded, RateLimited

MEGA = 1_000_000


def test_beyond_the_slots_nobody_waits() -> None:
    async def third() -> None:
        admission = Admission(slots=2, upload_s=60, deadline_s=60, pixels=MEGA)
        with admission.slot(), admission.slot(), pytest.raises(Overloaded), admission.slot():
            raise AssertionError
        with admission.slot():
            pass

    asyncio.run(third())


def test_who_drains_waits_for_those_inside_and_lets_nobody_in() -> None:
    async def drained() -> list[str]:
        admission = Admission(slots=2, upload_s=60, deadline_s=60, pixels=MEGA)
        seen = []

        async def inside() -> None:
            with admission.slot():
                await asyncio.sleep(0.02)
                seen.append("answered")

        async with asyncio.TaskGroup() as group:
            group.create_task(inside())
            await asyncio.sleep(0)
            draining = group.create_task(admission.drain())
            draining.add_done_callback(lambda _: seen.append("drained"))
            await asyncio.sleep(0)
            with pytest.raises(Draining), admission.slot():
                raise AssertionError
        return seen

    assert asyncio.run(drained()) == ["answered", "drained"]


def most_at_a_time(pixels: Sequence[int], room: int) -> tuple[int, list[int]]:
    """The most pixels in work at a time, and the photos in the order in which they began."""

    async def work() -> tuple[int, list[int]]:
        admission = Admission(slots=1, upload_s=60, deadline_s=60, pixels=room)
        now, most, began = 0, 0, []

        async def photo(number: int) -> None:
            nonlocal now, most
            async with admission.room(pixels[number]):
                began.append(number)
                now += pixels[number]
                most = max(most, now)
                await asyncio.sleep(0.01)
                now -= pixels[number]

        await asyncio.gather(*map(photo, range(len(pixels))))
        return most, began

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("megapixels", "room", "most"),
    [
        ([12] * 20, 100, 96),
        ([50] * 32, 100, 100),
        ([1] * 50, 100, 50),
        ([50, 12, 50, 12, 50], 60, 50),
        ([200, 1], 100, 200),
    ],
    ids=["twenty-phones", "bombs", "small", "mixed", "larger-than-the-room"],
)
def test_pixels_are_worked_on_as_there_is_room(megapixels: list[int], room: int, most: int) -> None:
    found, began = most_at_a_time([m * MEGA for m in megapixels], room * MEGA)
    assert found == most * MEGA
    assert began == list(range(len(megapixels))), "nobody is overtaken"


@pytest.mark.parametrize("when", ["in-line", "at-its-turn"])
def test_who_gives_up_leaves_no_gap(when: str) -> None:
    async def leave() -> bool:
        admission = Admission(slots=1, upload_s=60, deadline_s=60, pixels=MEGA)

        async def take() -> None:
            async with admission.room(MEGA):
                pass

        async with admission.room(MEGA):
            second, third = (asyncio.create_task(take()) for _ in range(2))
            await asyncio.sleep(0.01)
            if when == "in-line":
                second.cancel()
                await asyncio.sleep(0.01)
        # Its turn has come, and it does not know yet.
        second.cancel()
        _, left = await asyncio.wait([second, third], timeout=5)
        assert not left, "the room that it had is nobody's"
        async with asyncio.timeout(5), admission.room(MEGA):
            return second.cancelled()

    assert asyncio.run(leave()), "it was its room that the last one got"


def test_who_asks_for_much_leaves_room_for_others() -> None:
    async def story() -> None:
        admission = Admission(slots=32, upload_s=60, deadline_s=60, pixels=MEGA)
        with ExitStack() as work:

            def taken(holder: str) -> int:
                count = 0
                with suppress(RateLimited):
                    while True:
                        work.enter_context(admission.slot(holder))
                        count += 1
                return count

            assert taken("thousand photos") == 22
            assert taken("another thousand") == 7
            for one in ("phone", "tablet"):
                work.enter_context(admission.slot(one))
        with admission.slot("thousand photos"):
            pass

    asyncio.run(story())


def test_a_client_may_have_a_limit_of_its_own() -> None:
    admission = Admission(slots=32, upload_s=60, deadline_s=60, pixels=MEGA)
    with admission.slot("shop", most=1), pytest.raises(RateLimited), admission.slot("shop", most=1):
        raise AssertionError
    with admission.slot("shop", most=1):
        pass
