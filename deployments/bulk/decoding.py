"""Reading and decoding, on CPU tasks: a photo that cannot be read is a row that says why."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

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

First = Callable[[Sequence[Sight]], list[str | None]]
"""See `deployments.bulk.duplicates.Seen.first`."""


@dataclass(frozen=True)
class Opened:
    """A photo that was read: its row as far as it is known, the file, and its picture."""

    row: Row
    content: bytes | None = None
    picture: Picture | None = None

    @property
    def sight(self) -> Sight | None:
        """As it is compared; None where there is nothing to compare."""
        if self.picture is None:
            return None
        phash = self.row["phash"]
        return Sight(
            self.row["uri"],
            self.row["sha256"],
            None if phash is None else int(phash, 16),
            self.picture.size,
        )


def opened(uri: str, hashed: bool = True) -> Opened:
    """Read and decode a photo.

    hashed: whether it will be compared by what it shows.
    """
    row: Row = dict.fromkeys(pixels.SCHEMA.names[:11]) | {"uri": uri}
    try:
        content = _patiently(uri)
    except OSError as error:
        return Opened(row | {"error": "unreadable", "error_detail": first_line(error)})
    row["bytes"] = len(content)
    try:
        if len(content) <= LIMITS.max_bytes:
            row["sha256"] = hashlib.sha256(content).hexdigest()
        picture = decode(content, LIMITS, Look(DETECTRON2.longest_px))
    except CarposeError as error:
        return Opened(row | {"error": error.code, "error_detail": error.detail})
    phash = f"{perceptual_hash(picture):016x}" if hashed else None
    size = {"width": picture.width, "height": picture.height, "phash": phash}
    return Opened(row | size, content, picture)


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


def decoded(photos: pa.Table, first: First | None, hashed: bool) -> Iterator[pa.Table]:
    """A few photos at a time, as `deployments.bulk.pixels` has them.

    photos: as `deployments.bulk.photos` lists them.
    first: finds the photo that showed the same before; who has one is not looked at.
    """
    for start in range(0, photos.num_rows, TOGETHER):
        some = photos.slice(start, TOGETHER).to_pylist()
        ready = [opened(photo["uri"], hashed) for photo in some]
        for photo, one in zip(some, ready, strict=True):
            one.row.update(category=photo["category"], expect=photo["expect"])
            if photo["bytes"] is not None:
                # Of a file that is too large not all was read.
                one.row["bytes"] = photo["bytes"]
        if first is not None:
            seen = [one for one in ready if one.sight]
            for one, same in zip(seen, first([s for o in seen if (s := o.sight)]), strict=True):
                one.row["scored_as"] = same
        looked = [one.picture is not None and one.row["scored_as"] is None for one in ready]
        yield pixels.table(
            [one.row for one in ready],
            [one.content if look else None for one, look in zip(ready, looked, strict=True)],
            [one.picture if look else None for one, look in zip(ready, looked, strict=True)],
        )
