"""Reading and decoding, on CPU tasks: a photo that cannot be read is a row that says why."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from carpose.engines import DETECTRON2
from carpose.errors import CarposeError
from carpose.images import Limits, Look, Picture, decode
from deployments.bulk import pixels
from deployments.bulk.duplicates import Sight, perceptual_hash
from deployments.bulk.photos import first_line, read
from deployments.bulk.schema import Row

LIMITS = Limits()

TOGETHER = 8
"""Photos that are compared with those seen before by one call."""

ATTEMPTS, PAUSE_S = 3, 1.0
"""Of reading a photo, where the storage fails."""


class Compare(Protocol):
    """See `deployments.bulk.duplicates.Seen`."""

    def known(self, files: Sequence[tuple[str, str]], /) -> list[str | None]:
        """The photo with an equal file."""
        ...

    def first(self, sights: Sequence[Sight], /) -> list[str | None]:
        """The first photo that shows the same."""
        ...


@dataclass(frozen=True)
class Opened:
    """A photo that was read: its row as far as it is known, the file, and its picture."""

    row: Row
    content: bytes | None = None
    picture: Picture | None = None

    @property
    def sight(self) -> Sight | None:
        """As it is compared; None where there is no picture."""
        if self.picture is None:
            return None
        phash = self.row["phash"]
        return Sight(
            self.row["uri"],
            self.row["sha256"],
            None if phash is None else int(phash, 16),
            self.picture.size,
        )


def fetched(photo: Row) -> Opened:
    """A listed photo's file and sha256; a row with an error where it cannot be read."""
    row: Row = dict.fromkeys(pixels.KNOWN) | photo
    try:
        content = _patiently(photo["uri"])
    except OSError as error:
        return Opened(row | {"error": "unreadable", "error_detail": first_line(error)})
    if row["bytes"] is None:
        row["bytes"] = len(content)
    if len(content) <= LIMITS.max_bytes:
        row["sha256"] = hashlib.sha256(content).hexdigest()
    return Opened(row, content)


def looked_at(one: Opened, hashed: bool) -> Opened:
    """The same with its picture, or with what is wrong with it.

    hashed: whether it will be compared by what it shows.
    """
    if one.content is None:
        return one
    try:
        picture = decode(one.content, LIMITS, Look(DETECTRON2.longest_px))
    except CarposeError as error:
        return Opened(one.row | {"error": error.code, "error_detail": error.detail})
    phash = f"{perceptual_hash(picture):016x}" if hashed else None
    size = {"width": picture.width, "height": picture.height, "phash": phash}
    return Opened(one.row | size, one.content, picture)


def _patiently(uri: str) -> bytes:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return read(uri, LIMITS.max_bytes + 1)
        except FileNotFoundError:
            raise
        except OSError:
            if attempt == ATTEMPTS:
                raise
            time.sleep(PAUSE_S * attempt)
    raise AssertionError("unreachable")


def decoded(photos: pa.Table, seen: Compare | None, hashed: bool) -> Iterator[pa.Table]:
    """A few photos at a time, as `deployments.bulk.pixels` has them.

    photos: as `deployments.bulk.photos` lists them.
    seen: finds the photo that showed the same before; who has one is not looked at.
    """
    for start in range(0, photos.num_rows, TOGETHER):
        files = [fetched(photo) for photo in photos.slice(start, TOGETHER).to_pylist()]
        if seen is not None:
            whole = [one for one in files if one.row["sha256"]]
            same = seen.known([(one.row["uri"], one.row["sha256"]) for one in whole])
            _mark(whole, same)
        ready = [one if one.row["scored_as"] else looked_at(one, hashed) for one in files]
        if seen is not None:
            new = [(one, sight) for one in ready if (sight := one.sight)]
            _mark([one for one, _ in new], seen.first([sight for _, sight in new]))
        seers = [one if one.picture and not one.row["scored_as"] else None for one in ready]
        yield pixels.table(
            [one.row for one in ready],
            [None if one is None else one.content for one in seers],
            [None if one is None else one.picture for one in seers],
        )


def _mark(photos: Sequence[Opened], same: Sequence[str | None]) -> None:
    for one, other in zip(photos, same, strict=True):
        one.row["scored_as"] = other
