"""What was spent, counted once for all replicas: by one small actor of Ray, which outlives them.

Long windows, which are those of money, are also kept in Ray's own store: in Redis, where the head's
state is. So neither the actor's death nor, there, the head's makes a budget whole again.
"""

import json
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import ray
from ray import serve
from ray.experimental import internal_kv

MINUTE_S = 60.0
DAY_S = 86_400.0
KEPT_FROM_S = 3600.0
"""Windows of this length or more are kept in the store."""
SLOTS = 60

NAME, NAMESPACE = "carpose-ledger", "carpose"


@dataclass(frozen=True)
class Charge:
    """One more for an account, which may have `most` in any `window_s` seconds."""

    account: str
    most: int
    window_s: float


@dataclass(frozen=True)
class Refusal:
    """Which of the charges was one too many, and the seconds until there is room for another."""

    index: int
    retry_after_s: int


class SlidingCount:
    """How many there were in the last `window_s` seconds, in slots of a sixtieth of it: a slot is
    counted until all of it is that long ago, so that no window ever holds more than was allowed."""

    def __init__(self, window_s: float, slots: Sequence[tuple[int, int]] = ()) -> None:
        self._slot_s = window_s / SLOTS
        self._slots = deque(slots)

    def total(self, now: float) -> int:
        """How many there were."""
        gone = self._index(now) - SLOTS
        while self._slots and self._slots[0][0] < gone:
            self._slots.popleft()
        return sum(count for _, count in self._slots)

    def add(self, now: float) -> None:
        """One more."""
        index = self._index(now)
        if self._slots and self._slots[-1][0] >= index:
            # Also where the clock was set back.
            self._slots[-1] = (self._slots[-1][0], self._slots[-1][1] + 1)
        else:
            self._slots.append((index, 1))

    def wait_s(self, now: float) -> float:
        """Seconds until the oldest are no more counted."""
        oldest = self._slots[0][0] if self._slots else self._index(now)
        return (oldest + SLOTS + 1) * self._slot_s - now

    def slots(self) -> list[tuple[int, int]]:
        """What it can be made of again."""
        return list(self._slots)

    def _index(self, now: float) -> int:
        return math.floor(now / self._slot_s)


class Store(Protocol):
    """Keeps bytes by name; a dict does."""

    def get(self, key: str, /) -> bytes | None:
        """None where there are none."""
        ...

    def __setitem__(self, key: str, value: bytes, /) -> None: ...


class Ledger:
    """The accounts. `store` keeps those of long windows, by account."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store, self._clock = store, clock
        self._accounts: dict[tuple[str, float], SlidingCount] = {}

    def spend(self, charges: Sequence[Charge]) -> Refusal | None:
        """All of these charges, or none and the first that is one too many."""
        now = self._clock()
        for index, charge in enumerate(charges):
            account = self._account(charge)
            if account.total(now) >= charge.most:
                wait_s = account.wait_s(now) if charge.most else charge.window_s
                return Refusal(index, max(1, math.ceil(wait_s)))
        for charge in charges:
            account = self._account(charge)
            account.add(now)
            if charge.window_s >= KEPT_FROM_S:
                self._store[_kept_as(charge)] = json.dumps(account.slots()).encode()
        return None

    def _account(self, charge: Charge) -> SlidingCount:
        found = self._accounts.get((charge.account, charge.window_s))
        if found is None:
            kept = None
            if charge.window_s >= KEPT_FROM_S:
                kept = self._store.get(_kept_as(charge))
            slots = [(index, count) for index, count in json.loads(kept or b"[]")]
            found = SlidingCount(charge.window_s, slots)
            self._accounts[charge.account, charge.window_s] = found
        return found


def _kept_as(charge: Charge) -> str:
    return f"{charge.account} in {charge.window_s:g} s"


class Spends(Protocol):
    """Where replicas charge what they spend."""

    async def spend(self, charges: Sequence[Charge]) -> Refusal | None:
        """See `Ledger.spend`."""
        ...


class OwnLedger:
    """A ledger of this process alone, where there is no cluster."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._ledger = Ledger({}, clock)

    async def spend(self, charges: Sequence[Charge]) -> Refusal | None:
        """See `Ledger.spend`."""
        return self._ledger.spend(charges)


class SharedLedger:
    """The ledger of the cluster. Its actor is made by whoever charges first, and again by Ray when
    it dies; what was asked of it meanwhile waits, and may then count twice, never not at all."""

    def __init__(self, application: str) -> None:
        """The accounts are the application's own."""
        self._application = application
        self._actor: Any = None

    async def spend(self, charges: Sequence[Charge]) -> Refusal | None:
        """See `Ledger.spend`."""
        if not charges:
            return None
        own = [replace(c, account=f"{self._application}: {c.account}") for c in charges]
        if self._actor is None:
            self._actor = _Accountant.options(  # type: ignore[attr-defined]
                name=NAME,
                namespace=NAMESPACE,
                get_if_exists=True,
                lifetime="detached",
                num_cpus=0,
                max_restarts=-1,
                max_task_retries=-1,
            ).remote()
        refusal: Refusal | None = await self._actor.spend.remote(own)
        return refusal


def ledger() -> Spends:
    """That of the cluster; without one, of this process."""
    if not ray.is_initialized():
        return OwnLedger()
    return SharedLedger(serve.get_replica_context().app_name)


class _RayStore:
    """Ray's key-value store."""

    def get(self, key: str) -> bytes | None:
        found: bytes | None = internal_kv._internal_kv_get(key, namespace=NAME)
        return found

    def __setitem__(self, key: str, value: bytes) -> None:
        internal_kv._internal_kv_put(key, value, overwrite=True, namespace=NAME)


@ray.remote
class _Accountant(Ledger):
    """The actor."""

    def __init__(self) -> None:
        super().__init__(_RayStore())
