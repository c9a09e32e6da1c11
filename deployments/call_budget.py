"""A limit on calls that cost money: so many in any minute, and no more."""

import math
import time
from collections import deque
from collections.abc import Callable

from carpose.errors import EngineBusy

MINUTE_S = 60.0


class CallBudget:
    """At most `per_minute` calls in any 60 seconds; None: as many as come."""

    def __init__(self, per_minute: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._spent: deque[float] = deque()

    def spend(self) -> None:
        """Take one call. Raises: EngineBusy, with the seconds until the next one is free."""
        if self._per_minute is None:
            return
        now = self._clock()
        while self._spent and now - self._spent[0] >= MINUTE_S:
            self._spent.popleft()
        if len(self._spent) >= self._per_minute:
            raise EngineBusy(
                f"this server's budget of {self._per_minute} Rekognition calls a minute is spent",
                retry_after_s=max(1, math.ceil(MINUTE_S - (now - self._spent[0]))),
            )
        self._spent.append(now)
