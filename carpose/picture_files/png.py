"""PNG files by their chunks."""

import zlib
from typing import Final

from carpose.picture_files.stripped import Stripped, count, unpacked

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_MOST_PROFILE: Final = 4 << 20
"""Bytes of a colour profile; what is larger is a bomb, or no profile."""


def strip(content: bytes) -> Stripped:
    """A PNG file of nothing but its pixels and their transparency."""
    kept = [_SIGNATURE]
    about: dict[bytes, bytes] = {}
    at, pieces = len(_SIGNATURE), 0
    while head := unpacked(">I4s", content, at):
        pieces = count(pieces)
        length, kind = head
        chunk = content[at : at + 12 + length]
        # Upper case: no decoder can do without it.
        if kind[:1].isupper() or kind == b"tRNS":
            kept.append(chunk)
        else:
            about.setdefault(_name(kind, chunk), chunk[8:-4])
        at += 12 + length
        if kind == b"IEND":
            break
    return Stripped(
        b"".join(kept),
        exif=about.get(b"eXIf") or _hex_exif(about),
        xmp=about.get(b"XML:com.adobe.xmp"),
        icc=_profile(about.get(b"iCCP")),
    )


def _name(kind: bytes, chunk: bytes) -> bytes:
    """Of a text chunk its keyword."""
    return chunk[8:].partition(b"\0")[0] if kind in (b"tEXt", b"zTXt", b"iTXt") else kind


def _profile(chunk: bytes | None) -> bytes | None:
    # A name, a zero, the method of compression, the compressed profile.
    return _inflated((chunk or b"").partition(b"\0")[2][1:])


def _hex_exif(about: dict[bytes, bytes]) -> bytes | None:
    """EXIF as ImageMagick wrote it before there was a chunk for it: a text of hexadecimal digits,
    below its name and its length."""
    text = about.get(b"Raw profile type exif") or about.get(b"Raw profile type APP1") or b""
    body = text.partition(b"\0")[2]
    # Spaces, and ends of lines, count for nothing between the digits.
    digits = (_inflated(body[1:]) or body).split(b"\n", 3)[3:]
    try:
        return bytes.fromhex(b"".join(digits).decode("ascii")) or None
    except ValueError:
        return None


def _inflated(content: bytes) -> bytes | None:
    try:
        whole = zlib.decompressobj()
        out = whole.decompress(content, _MOST_PROFILE)
    except zlib.error:
        return None
    return out if out and whole.eof else None
