"""The client for programs that wait."""

import random
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
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


class CarPose(Reached[httpx.Client, httpx.BaseTransport]):
    """A server, asked one question after the other; may be shared between threads."""

    def _opened(self, **options: Any) -> httpx.Client:
        return httpx.Client(**options)

    def look(self, photo: Photo, **asked: Unpack[Asked]) -> PoseResponse:
        """The answer to a photo.

        Raises: Refusal, of the class of its code; Unreachable; BrokenAnswer; OSError for a file.
        """
        return self._answer(calls.pose(photo, asked))

    def compare(self, photo: Photo, **asked: Unpack[Asked]) -> Comparison:
        """Both engines' answers to a photo, and how far they agree. Raises: as `look`."""
        return self._answer(calls.compare(photo, asked))

    def look_set(
        self, photos: Iterable[Photo], views: Viewpoints = (), **asked: Unpack[Asked]
    ) -> SetResponse:
        """The answer to several photos of one car, on which `views` must be. Raises: as `look`."""
        return self._answer(calls.pose_set(photos, views, asked))

    def look_many(
        self, photos: Iterable[Given], concurrency: int = 8, **asked: Unpack[Asked]
    ) -> Iterator[Looked[Given]]:
        """The answers to photos in their order, each as soon as it and those before it are there;
        no more than `concurrency` photos are read ahead. What goes wrong with a photo is its own
        (`Looked.error`)."""
        ahead: deque[Future[Looked[Given]]] = deque()
        pool = ThreadPoolExecutor(concurrency, thread_name_prefix="carpose")
        try:
            for photo in photos:
                ahead.append(pool.submit(self._looked, photo, asked))
                if len(ahead) >= concurrency:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def models(self) -> dict[str, Any]:
        """The models in use, their classes, thresholds and measured quality."""
        return self._answer(calls.get("/v1/models"))

    def limits(self) -> dict[str, Any]:
        """What a photo may be."""
        return self._answer(calls.get("/v1/limits"))

    def ready(self) -> bool:
        """Whether the server has its models loaded and answers; asks once."""
        try:
            calls.get("/readyz").read(self._http.get("/readyz"))
        except (CarposeError, httpx.TransportError):
            return False
        return True

    def close(self) -> None:
        """Ends the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _looked(self, photo: Given, asked: Asked) -> Looked[Given]:
        try:
            return Looked(photo, self.look(photo, **asked))
        except (CarposeError, OSError) as error:
            return Looked(photo, error=error)

    def _answer(self, call: Call[Answer]) -> Answer:
        attempt = 1
        while True:
            try:
                return self._ask(call)
            except CarposeError as error:
                pause_s = self._retries.pause_s(attempt, error, random.random())
                if pause_s is None:
                    raise
            time.sleep(pause_s)
            attempt += 1

    def _ask(self, call: Call[Answer]) -> Answer:
        try:
            return call.read(self._http.request(**call.sent()))
        except httpx.TransportError as error:
            raise unreachable(error, str(self._http.base_url)) from error
