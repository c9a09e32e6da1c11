"""Picture files before they are decoded: what they are, and what in them are pixels."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from carpose.errors import BadImage, UnsupportedType
from carpose.picture_files import base_media, jpeg, png, webp
from carpose.picture_files.signatures import READ, format_of
from carpose.picture_files.stripped import Stripped

__all__ = ["DECODERS", "READ_WORDS", "Stripped", "take_apart"]

READ_WORDS: Final = f"{', '.join(READ[:-1])} or {READ[-1]}"


@dataclass(frozen=True)
class _Format:
    decoder: str
    """Pillow's name."""
    strip: Callable[[bytes], Stripped]


_FORMATS: Final = {
    "JPEG": _Format("JPEG", jpeg.strip),
    "PNG": _Format("PNG", png.strip),
    "WebP": _Format("WEBP", webp.strip),
    "HEIC": _Format("HEIF", base_media.strip),
    "AVIF": _Format("AVIF", base_media.strip),
}


DECODERS: Final = tuple(known.decoder for known in _FORMATS.values())
"""Pillow's names of what is decoded."""


def take_apart(content: bytes) -> tuple[str, Stripped]:
    """Pillow's name of the decoder of a picture file, and the file without its metadata.

    Raises: UnsupportedType naming a format that is not read; BadImage for what has no known
        signature, and for JPEG files that no decoder should see.
    """
    name = format_of(content)
    if name is None:
        raise BadImage(f"this is not a picture: send {READ_WORDS}")
    if name not in _FORMATS:
        raise UnsupportedType(f"{name} is not read: send {READ_WORDS}")
    return _FORMATS[name].decoder, _FORMATS[name].strip(content)
