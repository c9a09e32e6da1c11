"""Answers that cost money, kept: one call for equal questions, at once or one after the other."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class AnswerCache(Generic[Answer]):
    """The last `entries` answers, least recently used out first. Errors are never kept.

    Equal questions that come while the first one is being asked wait for its answer. It is asked
    to its end even if the one who asked first goes away. For use on one event loop.
    """

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._kept: OrderedDict[Hashable, Answer] = OrderedDict()
        self._asking: dict[Hashable, asyncio.Task[Answer]] = {}

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[Answer]]) -> tuple[Answer, bool]:
        """The answer to the question `key`, and whether it was here, or on its way, already.

        Raises: what `ask` raises, to all who wait for it.
        """
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key], True
        task = self._asking.get(key)
        shared = task is not None
        if task is None:
            task = asyncio.ensure_future(self._ask(key, ask))
            # Where nobody is left to hear an error, it is no news to the event loop.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._asking[key] = task
        return await asyncio.shield(task), shared

    async def _ask(self, key: Hashable, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            answer = await ask()
        finally:
            del self._asking[key]
        if self._entries:
            self._kept[key] = answer
            if len(self._kept) > self._entries:
                self._kept.popitem(last=False)
        return answer
