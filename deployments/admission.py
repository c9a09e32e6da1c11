"""Which photos are worked on, and for how long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deployments.problems import Overloaded


class Admission:
    """So many slots for photos in work, and a deadline for each. For use on one event loop."""

    def __init__(self, slots: int, deadline_s: float) -> None:
        self._free, self._deadline_s = slots, deadline_s

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """A slot for as long as the block runs.

        Raises: Overloaded when all are taken; TimeoutError past the deadline.
        """
        if self._free == 0:
            raise Overloaded("all slots are taken")
        self._free -= 1
        try:
            async with asyncio.timeout(self._deadline_s):
                yield
        finally:
            self._free += 1
