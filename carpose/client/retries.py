"""When to ask again, and after how long."""

from dataclasses import dataclass
from typing import Final

import httpx

from carpose.client.errors import Refusal, Unreachable
from carpose.errors import CarposeError

LOST: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ReadError,
    httpx.WriteError,
    httpx.RemoteProtocolError,
)
"""A photo's answer is the same however often it is asked for, so that what was lost on the way is
asked for again. What is only slow is not: that would make a slow server slower."""


@dataclass(frozen=True)
class Retries:
    """How often a photo is asked for, and how long the waits between are.

    attempts: all together; 1 asks once.
    first_s: the longest that the first wait may be, in seconds; it doubles.
    longest_s: of any wait; a server that asks for more is not asked again.
    """

    attempts: int = 5
    first_s: float = 0.5
    longest_s: float = 30.0

    def pause_s(self, attempt: int, error: CarposeError, chance: float) -> float | None:
        """Seconds between this attempt, counted from 1, which ended so, and the next; None where
        there is none. Never less than the server's Retry-After.

        chance: at random in [0, 1), so that many clients do not come back at once.
        """
        told_s = error.retry_after_s if isinstance(error, Refusal) else None
        passes = error.passes if isinstance(error, Refusal) else isinstance(error, LostOnTheWay)
        if not passes or attempt >= self.attempts or (told_s or 0) > self.longest_s:
            return None
        return (told_s or 0) + chance * min(self.longest_s, self.first_s * 2.0 ** (attempt - 1))


class LostOnTheWay(Unreachable):
    """Nobody listens there, or the connection was lost."""


def unreachable(error: httpx.HTTPError, url: str) -> Unreachable:
    """What an error of the connection means."""
    kind = LostOnTheWay if isinstance(error, LOST) else Unreachable
    words = "it took too long" if isinstance(error, httpx.TimeoutException) else str(error)
    return kind(f"{url}: {words or type(error).__name__}")
