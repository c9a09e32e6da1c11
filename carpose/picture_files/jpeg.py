"""JPEG files by their markers: what they are, whether they are worth decoding, where they end.

ITU T.81; the decoder itself repairs what it can and tells nobody, so it is asked twice where the
last block of a picture may never have come.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from carpose.errors import BadImage, UnsupportedType
from carpose.picture_files.stripped import Stripped, count, unpacked

MAX_SCANS: Final = 100
"""Of a progressive file; encoders write about ten, and each costs a pass over all the pixels."""

MAX_SCANNED_PIXELS: Final = 1_500_000_000
"""Scans times pixels: for the same reason, where the picture is large."""

_END = b"\xff\xd9"
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
"""The end of a scan: any marker but a restart. A pattern that starts with one byte is looked for at
the speed of memory, and a scan is megabytes long; what fills up before a marker is left behind."""

_SOI, _EOI, _SOS, _DRI, _APP0, _APP1, _APP2, _APP14, _COM = (
    0xD8, 0xD9, 0xDA, 0xDD, 0xE0, 0xE1, 0xE2, 0xEE, 0xFE,
)  # fmt: skip
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_BASELINE, _EXTENDED, _PROGRESSIVE = 0xC0, 0xC1, 0xC2
_UNREAD = {
    0xC3: "lossless JPEG",
    0xF7: "JPEG-LS",
    **dict.fromkeys((0xC5, 0xC6, 0xC7), "hierarchical JPEG"),
}
_COLOUR: Final = {_APP0: 18, _APP14: 16}
"""Which say how colours are coded, and the bytes of a whole one; what is less, nobody can read."""

_EXIF, _XMP, _ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"


@dataclass(frozen=True)
class _Segments:
    kept: list[bytes]
    about: list[bytes]
    frames: list[bytes]
    scans: int
    restarts: bool


def strip(content: bytes) -> Stripped:
    """A JPEG file without metadata, further pictures and trailers; it ends in an end marker,
    even where the upload was cut.

    Raises: UnsupportedType for the kinds of JPEG that are not read; BadImage where it ends before
        any pixel, or has too many scans.
    """
    segments = _segments(content)
    if not segments.frames or not segments.scans:
        raise BadImage(ends_after(0.0))
    _check_frame(segments)
    return Stripped(
        b"".join([b"\xff\xd8", *segments.kept, _END]),
        exif=_first(segments.about, _EXIF),
        xmp=_first(segments.about, _XMP),
        icc=_icc(segments.about),
    )


def ends_after(share: float) -> str:
    """What a client is told of a picture of which only the upper `share` is there."""
    return f"the picture ends after {int(100 * share)} % of its height: send the whole file"


def _segments(content: bytes) -> _Segments:
    kept: list[bytes] = []
    about: list[bytes] = []
    frames: list[bytes] = []
    scans, restarts, at, pieces = 0, False, 2, 0
    while marker := _MARKER.search(content, at):
        pieces = count(pieces)
        kind, start, at = marker[0][-1], marker.end() - 2, marker.end()
        if kind == _EOI:
            break
        if kind in (_SOI, 0x01):
            continue
        length = unpacked(">H", content, at)
        if length is None or at + length[0] > len(content):
            break
        at += max(2, length[0])
        segment = content[start:at]
        if kind == _SOS:
            scans += 1
            following = _MARKER.search(content, at)
            at = following.start() if following else len(content)
            segment = content[start:at].rstrip(b"\xff")
        elif kind in _FRAMES:
            frames.append(segment)
        restarts |= kind == _DRI
        if kind == _COM or (_APP0 <= kind <= 0xEF and kind not in _COLOUR):
            about.append(segment[4:])
        elif len(segment) >= _COLOUR.get(kind, 0):
            kept.append(segment)
    return _Segments(kept, about, frames, scans, restarts)


def _check_frame(segments: _Segments) -> None:
    frame = segments.frames[0]
    kind, precision = frame[1], frame[4] if len(frame) > 4 else 0
    if len(segments.frames) > 1:
        raise UnsupportedType(_not_read("hierarchical JPEG"))
    if kind not in (_BASELINE, _EXTENDED, _PROGRESSIVE):
        raise UnsupportedType(_not_read(_UNREAD.get(kind, "JPEG with arithmetic coding")))
    if precision != 8:
        raise UnsupportedType(_not_read(f"JPEG of {precision} bits"))
    height, width = unpacked(">HH", frame, 5) or (0, 0)
    scans = segments.scans
    if scans > MAX_SCANS or (scans > 4 and scans * height * width > MAX_SCANNED_PIXELS):
        raise BadImage(
            f"the JPEG has {scans} scans, which is more than its size needs: save it again"
        )


def _not_read(name: str) -> str:
    return f"{name} is not read: send baseline or progressive JPEG of 8 bits"


def _first(about: list[bytes], start: bytes) -> bytes | None:
    return next((block.removeprefix(start) for block in about if block.startswith(start)), None)


def _icc(about: list[bytes]) -> bytes | None:
    # Each block: the name, its number, how many there are.
    blocks = sorted(block[len(_ICC) :] for block in about if block.startswith(_ICC))
    return b"".join(block[2:] for block in blocks) or None


def share_there(content: bytes, image: Image.Image, again: Callable[[bytes], Image.Image]) -> float:
    """Share of the height that a stripped file really holds, in [0, 1].

    image: what it decodes to; `again` decodes another file in the same way.

    Where the file ends early the decoder fills up with its mid-grey. Such grey may be the picture's
    own: then more bytes at the end of the file change nothing, otherwise they are taken for the
    missing blocks.
    """
    last = image.getpixel((image.width - 1, image.height - 1))
    values = last if isinstance(last, tuple) else (last,)
    if any(value is None or abs(value - 128) > 1 for value in values):
        return 1.0
    more = again(content.removesuffix(_END) + _filler(content) + _END)
    changed = np.asarray(image) != np.asarray(more)
    rows = np.flatnonzero(changed.reshape(image.height, -1).any(axis=1))
    return float(rows[0]) / image.height if len(rows) else 1.0


def _filler(content: bytes) -> bytes:
    noise = random.Random(0).randbytes(2048).replace(b"\xff", b"\xfe")
    # Where there are restart markers, the decoder may be waiting for one.
    restarts = b"".join(bytes((0xFF, 0xD0 + k)) + noise for k in range(8))
    return noise + 2 * restarts if _segments(content).restarts else noise
