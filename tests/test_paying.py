"""What keeps calls that cost money few: the cache and the budget."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from carpose.errors import EngineBusy
from deployments.answer_cache import AnswerCache
from deployments.call_budget import CallBudget


class Service:
    """Counts its calls, and answers when it is let."""

    def __init__(self, failing: bool = False) -> None:
        self.calls: list[str] = []
        self.open = asyncio.Event()
        self.failing = failing

    def asked(self, what: str) -> Callable[[], Awaitable[str]]:
        async def ask() -> str:
            self.calls.append(what)
            await self.open.wait()
            if self.failing:
                raise ValueError(what)
            return what.upper()

        return ask


def test_equal_questions_at_once_are_one_call() -> None:
    async def story() -> None:
        service, cache = Service(), AnswerCache[str](10)
        waiting = [asyncio.create_task(cache.get("a", service.asked("a"))) for _ in range(20)]
        await asyncio.sleep(0)
        service.open.set()
        answers = await asyncio.gather(*waiting)
        assert [a for a, _ in answers] == ["A"] * 20
        assert [cached for _, cached in answers].count(False) == 1
        assert service.calls == ["a"]
        assert await cache.get("a", service.asked("a")) == ("A", True)
        assert service.calls == ["a"]

    asyncio.run(story())


def test_the_least_recently_used_answer_goes_first() -> None:
    async def story() -> None:
        service, cache = Service(), AnswerCache[str](2)
        service.open.set()
        for what in "abaca":
            await cache.get(what, service.asked(what))
        assert service.calls == ["a", "b", "c"]
        await cache.get("b", service.asked("b"))
        assert service.calls == ["a", "b", "c", "b"]

    asyncio.run(story())


def test_an_error_reaches_all_who_wait_and_is_forgotten() -> None:
    async def story() -> None:
        service, cache = Service(failing=True), AnswerCache[str](10)
        service.open.set()
        waiting = [cache.get("a", service.asked("a")) for _ in range(3)]
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(f) for f in found] == [ValueError] * 3
        service.failing = False
        assert await cache.get("a", service.asked("a")) == ("A", False)

    asyncio.run(story())


def test_who_goes_away_takes_no_answer_from_the_others() -> None:
    async def story() -> None:
        service, cache = Service(), AnswerCache[str](10)
        first = asyncio.create_task(cache.get("a", service.asked("a")))
        await asyncio.sleep(0)
        second = asyncio.create_task(cache.get("a", service.asked("a")))
        await asyncio.sleep(0)
        first.cancel()
        service.open.set()
        assert await second == ("A", True)
        assert service.calls == ["a"]

    asyncio.run(story())


def test_without_entries_only_simultaneous_questions_share() -> None:
    async def story() -> None:
        service, cache = Service(), AnswerCache[str](0)
        service.open.set()
        await cache.get("a", service.asked("a"))
        await cache.get("a", service.asked("a"))
        assert service.calls == ["a", "a"]

    asyncio.run(story())


def test_a_budget_is_for_any_minute() -> None:
    now = 0.0
    budget = CallBudget(2, lambda: now)
    budget.spend()
    now = 30.0
    budget.spend()
    with pytest.raises(EngineBusy, match="budget of 2") as refused:
        budget.spend()
    assert refused.value.retry_after_s == 30
    now = 60.0
    budget.spend()
    with pytest.raises(EngineBusy):
        budget.spend()


def test_without_a_limit_as_many_as_come() -> None:
    budget = CallBudget(None)
    for _ in range(1000):
        assert budget.spend() is None
