"""Which photos are worked on, and whose, how many pixels at a time, and for how long."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from deployments.problems import Draining, Full, RateLimited, ShareTaken, UploadTimeout


class Admission:
    """So many slots for photos on their way in or in work, a time for each upload, a deadline from
    when it is in, and room for so many pixels to be decoded at a time: one photo of 50 megapixels
    takes the memory of fifty small ones. One client holds at most `share_of_free` times as many
    slots as are free then. For use on one event loop."""

    def __init__(
        self, slots: int, upload_s: float, deadline_s: float, pixels: int, share_of_free: float = 2
    ) -> None:
        self._slots, self._free = slots, slots
        self._upload_s, self._deadline_s = upload_s, deadline_s
        self._draining = False
        self._left = asyncio.Event()
        self._held: Counter[str] = Counter()
        self._share_of_free = share_of_free
        self._all, self._room = pixels, pixels
        self._line: deque[tuple[int, asyncio.Future[None]]] = deque()

    @contextmanager
    def slot(self, holder: str = "", most: int | None = None) -> Iterator[None]:
        """A slot for as long as the block runs, of a client that may hold `most`.

        Raises: Draining; Full when all are taken; RateLimited when the client has its share.
        """
        self.check_open()
        held = self._held[holder]
        if most is not None and held >= most:
            raise RateLimited(f"{held} photos of this key are in work, which is its limit")
        if self._free == 0:
            raise Full("all slots are taken")
        # Dynamic thresholds (Choudhury, Hahne 1998): however many ask for much, who asks for little
        # finds room.
        if held and held >= self._share_of_free * self._free:
            raise ShareTaken(f"{held} photos of this client are in work, the rest is for others")
        self._free -= 1
        self._held[holder] += 1
        try:
            yield
        finally:
            self._free += 1
            self._left.set()
            self._held[holder] -= 1
            if not self._held[holder]:
                del self._held[holder]

    @property
    def taken(self) -> int:
        """Slots that are taken."""
        return self._slots - self._free

    def check_open(self) -> None:
        """Raises: Draining once no photo is taken any more."""
        if self._draining:
            raise Draining("no photo is taken any more")

    async def drain(self) -> None:
        """Takes no photo from now on, and ends when all that have a slot have left it."""
        self._draining = True
        while self._free < self._slots:
            self._left.clear()
            await self._left.wait()

    @asynccontextmanager
    async def upload(self) -> AsyncIterator[None]:
        """Time for the block to read a body. Raises: UploadTimeout past it."""
        try:
            async with asyncio.timeout(self._upload_s):
                yield
        except TimeoutError as error:
            detail = f"the upload was not here within {self._upload_s:g} s: send a smaller photo"
            raise UploadTimeout(detail) from error

    def deadline(self) -> asyncio.Timeout:
        """Time for the block to answer what is in. Raises: TimeoutError past it."""
        return asyncio.timeout(self._deadline_s)

    @asynccontextmanager
    async def room(self, pixels: int) -> AsyncIterator[None]:
        """Room for a photo of so many pixels for as long as the block runs; waits in line for it.
        One with more than there ever is takes all."""
        pixels = min(pixels, self._all)
        turn = asyncio.get_running_loop().create_future()
        self._line.append((pixels, turn))
        self._call()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._line.remove((pixels, turn))
                self._call()
            else:
                self._leave(pixels)
            raise
        try:
            yield
        finally:
            self._leave(pixels)

    def _leave(self, pixels: int) -> None:
        self._room += pixels
        self._call()

    def _call(self) -> None:
        while self._line and self._line[0][0] <= self._room:
            pixels, turn = self._line.popleft()
            self._room -= pixels
            turn.set_result(None)
