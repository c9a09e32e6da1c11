"""HEIC and AVIF: boxes that point at each other by their place in the file."""

import re
from collections.abc import Iterator
from typing import Final

from carpose.errors import BadImage
from carpose.picture_files.stripped import Stripped, count, unpacked

MOST_BYTES: Final = {
    b"iinf": 32_000,
    b"iloc": 32_000,
    b"iref": 8_000,
    b"ipma": 8_000,
    b"moov": 16_000,
}
"""Of the boxes that list a file's items, and an animation's frames. Decoders look for each among
all of those before it: 130 kB take libavif 8 s, in which this process does nothing else. A photo of
50 megapixels in tiles of 256 x 256 needs half of it."""

_WAY: Final = ((b"meta", 4), (b"iprp", 0))
"""The box of the file, and the one in that, in which such boxes stand; the bytes before them."""

_ABOUT = re.compile(rb"(infe(?:\x02.{5}|\x03.{7})..)(?:Exif|mime)", re.DOTALL)
"""An item's entry: version, flags, id, protection, and that it is EXIF, or XMP."""


def strip(content: bytes) -> Stripped:
    """The file with EXIF and XMP called something that no decoder looks at: nothing may move in it,
    and the orientation that counts is a box of its own.

    Raises: BadImage for more boxes, or items, than any photo has.
    """
    for pieces, (kind, size) in enumerate(_boxes(content, 0, len(content))):
        count(pieces)
        if size > MOST_BYTES.get(kind, size):
            raise BadImage(f"the file's {kind.decode()} box has {size} bytes: save it again")
    # No more of them than bytes that list items, whatever the pixels look like.
    return Stripped(_ABOUT.sub(rb"\1skip", content, count=MOST_BYTES[b"iinf"]))


def _boxes(content: bytes, at: int, end: int, depth: int = 0) -> Iterator[tuple[bytes, int]]:
    """Kind and bytes of each box, and of those in it that are looked into."""
    while at < end and (head := unpacked(">I4s", content, at)):
        size, kind = head
        inside = at + 8
        if size == 1:
            (size,) = unpacked(">Q", content, inside) or (0,)
            inside += 8
        elif size == 0:
            size = end - at
        yield kind, size
        if size < inside - at:
            return
        if depth < len(_WAY) and kind == _WAY[depth][0]:
            start = inside + _WAY[depth][1]
            yield from _boxes(content, start, min(at + size, end), depth + 1)
        at += size
