"""What keeps calls that cost money few: the cache and the budget."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import ray
from hypothesis import given
from hypothesis import strategies as st

from carpose.errors import EngineBusy
from deployments.answer_cache import AnswerCache
from deployments.call_budget import charge
from deployments.config import RekognitionArgs
from deployments.engines import NOBODY, Payer
from deployments.ledger import (
    DAY_S,
    MINUTE_S,
    NAME,
    NAMESPACE,
    Charge,
    Ledger,
    OwnLedger,
    SharedLedger,
)
from deployments.problems import RateLimited


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


def spend(ledger: OwnLedger, payer: Payer = NOBODY, **args: Any) -> None:
    asyncio.run(charge(ledger, RekognitionArgs(**args), payer))


def test_a_budget_is_for_any_minute() -> None:
    now = 0.0
    ledger = OwnLedger(lambda: now)
    spend(ledger, max_calls_per_minute=2)
    now = 30.0
    spend(ledger, max_calls_per_minute=2)
    with pytest.raises(EngineBusy, match="budget of 2 Rekognition calls a minute") as refused:
        spend(ledger, max_calls_per_minute=2)
    now += refused.value.retry_after_s
    spend(ledger, max_calls_per_minute=2)
    with pytest.raises(EngineBusy):
        spend(ledger, max_calls_per_minute=2)


def test_a_key_has_a_budget_within_the_server_s() -> None:
    ledger, shop = OwnLedger(lambda: 0.0), Payer("shop", 2)
    spend(ledger, shop)
    spend(ledger, shop)
    with pytest.raises(RateLimited, match="this key's budget of 2"):
        spend(ledger, shop)
    spend(ledger, Payer("lab"), max_calls_per_day=3)
    with pytest.raises(EngineBusy, match="this server's budget of 3"):
        spend(ledger, Payer("lab"), max_calls_per_day=3)
    with pytest.raises(RateLimited, match="budget of 0"):
        spend(ledger, Payer("guest", 0))


def test_there_is_a_budget_by_default() -> None:
    assert RekognitionArgs().max_calls_per_day == 5000
    ledger = OwnLedger(lambda: 0.0)
    for _ in range(5000):
        spend(ledger)
    with pytest.raises(EngineBusy):
        spend(ledger)
    spend(ledger, max_calls_per_day=None)


@given(
    st.integers(1, 9),
    st.lists(st.floats(0, 50), min_size=1, max_size=60),
)
def test_no_window_ever_holds_more_than_was_allowed(most: int, pauses: list[float]) -> None:
    now, let = 1e9, []
    ledger = Ledger({}, lambda: now)
    for pause in pauses:
        now += pause
        refusal = ledger.spend([Charge("a", most, 60)])
        if refusal is None:
            let.append(now)
        else:
            assert 1 <= refusal.retry_after_s <= 61
    for k, start in enumerate(let):
        assert sum(start <= one < start + 60 for one in let[k:]) <= most


def test_what_was_spent_in_a_day_outlives_who_counts_it() -> None:
    store: dict[str, bytes] = {}
    day, minute = Charge("a", 1, DAY_S), Charge("b", 1, MINUTE_S)
    assert Ledger(store, lambda: 0.0).spend([day, minute]) is None
    refusal = Ledger(store, lambda: 100.0).spend([minute, day])
    assert refusal is not None
    assert (refusal.index, len(store)) == (1, 1)
    # The first one was not taken either.
    assert Ledger(store, lambda: 100.0).spend([minute]) is None


def test_a_clock_that_is_set_back_makes_no_budget_whole() -> None:
    now = 1e6
    ledger = Ledger({}, lambda: now)
    assert ledger.spend([Charge("a", 1, DAY_S)]) is None
    now -= 5000
    assert ledger.spend([Charge("a", 1, DAY_S)])


@pytest.mark.slow
def test_the_replicas_of_a_cluster_have_one_ledger_that_outlives_its_death() -> None:
    ray.init(num_cpus=1, include_dashboard=False, logging_level="ERROR")
    try:

        async def spent(count: int) -> list[bool]:
            replica = SharedLedger("shop")
            charges = [Charge("rekognition", 5, DAY_S)]
            return [await replica.spend(charges) is None for _ in range(count)]

        assert asyncio.run(spent(3)) == [True] * 3
        assert asyncio.run(spent(1)) == [True]
        ray.kill(ray.get_actor(NAME, NAMESPACE), no_restart=False)
        assert asyncio.run(spent(2)) == [True, False]
    finally:
        ray.shutdown()
