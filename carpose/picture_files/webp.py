"""WebP files by their chunks."""

from typing import Final

from carpose.picture_files.stripped import Stripped, count, unpacked

_PIXELS: Final = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF")
_ABOUT_FLAGS: Final = 0x20 | 0x08 | 0x04
"""In VP8X: there are a profile, EXIF, XMP."""


def strip(content: bytes) -> Stripped:
    """A WebP file of nothing but its pixels."""
    kept: list[bytes] = []
    about: dict[bytes, bytes] = {}
    at, pieces = 12, 0
    while head := unpacked("<4sI", content, at):
        pieces = count(pieces)
        kind, length = head
        chunk = content[at : at + 8 + length + length % 2]
        if kind == b"VP8X" and len(chunk) > 8:
            chunk = chunk[:8] + bytes([chunk[8] & ~_ABOUT_FLAGS]) + chunk[9:]
        if kind in _PIXELS:
            kept.append(chunk)
        else:
            about.setdefault(kind, chunk[8 : 8 + length])
        at += 8 + length + length % 2
    body = b"WEBP" + b"".join(kept)
    return Stripped(
        b"RIFF" + len(body).to_bytes(4, "little") + body,
        exif=about.get(b"EXIF"),
        xmp=about.get(b"XMP "),
        icc=about.get(b"ICCP"),
    )
