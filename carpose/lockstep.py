"""Many photos at a time: each in the order of `carpose.order`, their detections together."""

from collections.abc import Callable, Coroutine, Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from carpose.engines import Found
from carpose.images import Picture

Result = TypeVar("Result")


@dataclass(frozen=True)
class Asked:
    """A step's wish: awaited, it is what was found in the picture."""

    picture: Picture

    def __await__(self) -> Generator[Picture, Found, Found]:
        found = yield self.picture
        return found


def together(
    photos: Sequence[Coroutine[Any, Any, Result]],
    detect: Callable[[list[Picture]], Sequence[Found]],
) -> list[Result | Exception]:
    """What each photo's coroutine returns, or the error that ended it.

    photos: coroutines that wait for nothing but `Asked`.
    detect: what is found in some pictures at once; called for all that are asked for, then for all
        that these ask for, until nobody asks.
    """
    ends: dict[int, Result | Exception] = {}

    def go_on(k: int, found: Found | None) -> Picture | None:
        try:
            asked: Picture = photos[k].send(found)
        except StopIteration as done:
            ends[k] = done.value
        except Exception as error:  # one photo's, and no reason to leave the others alone
            ends[k] = error
        else:
            return asked
        return None

    asking = {k: picture for k in range(len(photos)) if (picture := go_on(k, None)) is not None}
    while asking:
        found = detect(list(asking.values()))
        asking = {
            k: picture
            for k, one in zip(asking, found, strict=True)
            if (picture := go_on(k, one)) is not None
        }
    return [ends[k] for k in range(len(photos))]
