"""The client for programs that do not wait."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Self, TypeVar, Unpack

import httpx

from carpose.client import asked as calls
from carpose.client.asked import Asked, Call, Viewpoints
from carpose.client.looked import Looked
from carpose.client.photos import Photo
from carpose.client.reached import Reached
from carpose.client.retries import unreachable
from carpose.errors import CarposeError
from carpose.schema import Comparison, PoseResponse, SetResponse

Answer = TypeVar("Answer")
Given = TypeVar("Given", bound=Photo)


class AsyncCarPose(Reached[httpx.AsyncClient, httpx.AsyncBaseTransport]):
    """`carpose.client.CarPose` for asyncio: the same arguments and methods."""

    def _opened(self, **options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(**options)

    async def look(self, photo: Photo, **asked: Unpack[Asked]) -> PoseResponse:
        """The answer to a photo. Raises: as `CarPose.look`."""
        return await self._answer(lambda: calls.pose(photo, asked))

    async def compare(self, photo: Photo, **asked: Unpack[Asked]) -> Comparison:
        """Both engines' answers to a photo, and how far they agree. Raises: as `look`."""
        return await self._answer(lambda: calls.compare(photo, asked))

    async def look_set(
        self, photos: Iterable[Photo], views: Viewpoints = (), **asked: Unpack[Asked]
    ) -> SetResponse:
        """The answer to several photos of one car, on which `views` must be. Raises: as `look`."""
        return await self._answer(lambda: calls.pose_set(photos, views, asked))

    async def look_many(
        self, photos: Iterable[Given], concurrency: int = 8, **asked: Unpack[Asked]
    ) -> AsyncIterator[Looked[Given]]:
        """As `CarPose.look_many`."""
        ahead: deque[asyncio.Task[Looked[Given]]] = deque()
        try:
            for photo in photos:
                ahead.append(asyncio.create_task(self._looked(photo, asked)))
                if len(ahead) >= concurrency:
                    yield await ahead.popleft()
            while ahead:
                yield await ahead.popleft()
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def models(self) -> dict[str, Any]:
        """The models in use, their classes, thresholds and measured quality."""
        return await self._answer(lambda: calls.get("/v1/models"))

    async def limits(self) -> dict[str, Any]:
        """What a photo may be."""
        return await self._answer(lambda: calls.get("/v1/limits"))

    async def ready(self) -> bool:
        """Whether the server has its models loaded and answers; asks once."""
        try:
            calls.get("/readyz").read(await self._http.get("/readyz"))
        except (CarposeError, httpx.TransportError):
            return False
        return True

    async def close(self) -> None:
        """Ends the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _looked(self, photo: Given, asked: Asked) -> Looked[Given]:
        try:
            return Looked(photo, await self.look(photo, **asked))
        except (CarposeError, OSError) as error:
            return Looked(photo, error=error)

    async def _answer(self, made: Callable[[], Call[Answer]]) -> Answer:
        # Files are read, and pixels encoded, where nothing else waits for it.
        call = await asyncio.to_thread(made)
        attempt = 1
        while True:
            try:
                return await self._ask(call)
            except CarposeError as error:
                pause_s = self._retries.pause_s(attempt, error, random.random())
                if pause_s is None:
                    raise
            await asyncio.sleep(pause_s)
            attempt += 1

    async def _ask(self, call: Call[Answer]) -> Answer:
        try:
            return call.read(await self._http.request(**call.sent()))
        except httpx.TransportError as error:
            raise unreachable(error, str(self._http.base_url)) from error
