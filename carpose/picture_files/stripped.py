"""A picture's file taken apart: what decodes to pixels, and what is said about them."""

import re
import struct
from dataclasses import dataclass
from typing import Any, Final

from carpose.errors import BadImage
from carpose.picture_files.tiff import orientation_of

MOST_PIECES: Final = 20_000
"""Segments or chunks of a file, each of which takes its time. Encoders write one for 8 to 64 kB."""


@dataclass(frozen=True)
class Stripped:
    """A file without its metadata, and the metadata as bytes, which nobody has looked at.

    content: the file that decodes to the same pixels, with nothing else in it that could be broken.
    exif, xmp: where the orientation may stand.
    icc: the colour profile.
    """

    content: bytes
    exif: bytes | None = None
    xmp: bytes | None = None
    icc: bytes | None = None

    @property
    def orientation(self) -> int:
        """EXIF's orientation, 1 to 8; 1, upright, where none can be read."""
        told = orientation_of(self.exif) if self.exif else None
        return told or _of_xmp(self.xmp) or 1


def _of_xmp(xmp: bytes | None) -> int | None:
    found = re.search(rb"tiff:Orientation(?:=[\"']|>)([1-8])", xmp or b"")
    return int(found[1]) if found else None


def count(pieces: int) -> int:
    """One piece more. Raises: BadImage beyond `MOST_PIECES`."""
    if pieces >= MOST_PIECES:
        raise BadImage(f"the file has more than {MOST_PIECES} segments: save it again")
    return pieces + 1


def unpacked(form: str, content: bytes, at: int) -> tuple[Any, ...] | None:
    """`struct.unpack_from`, or None where the bytes end."""
    try:
        return struct.unpack_from(form, content, at)
    except struct.error:
        return None
