"""A photo in whatever form a caller has it, as the bytes of a file.

Pillow and numpy are imported only for what is theirs: who has such a photo has imported them.
"""

import io
import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Union

from carpose.errors import MissingDependency

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

Photo = Union[
    str,
    os.PathLike[str],
    bytes,
    bytearray,
    memoryview,
    IO[bytes],
    "Image.Image",
    "NDArray[np.uint8]",
]
"""A path, a file's bytes, an open file, an image of Pillow, or an array (H, W, 3) RGB."""

QUALITY: Final = 95
"""Of the JPEG that pixels are sent as: a lossless file of a phone's photo is over the limit."""


def encoded(photo: Photo) -> bytes:
    """The bytes of a photo's file.

    Raises: OSError; TypeError for what is no photo; MissingDependency for an array without Pillow.
    """
    if isinstance(photo, str | os.PathLike):
        return Path(photo).read_bytes()
    if isinstance(photo, bytes | bytearray | memoryview):
        return bytes(photo)
    given: Any = photo
    if _is(given, "numpy", "ndarray"):
        return _of_pixels(given)
    if _is(given, "PIL.Image", "Image"):
        return _of_image(given)
    content = given.read() if hasattr(given, "read") else None
    if not isinstance(content, bytes):
        raise TypeError(f"a photo is a path, bytes, a binary file, an image or an array: {photo!r}")
    return content


def name_of(photo: Photo, place: int) -> str:
    """A photo's name among several."""
    name = photo if isinstance(photo, str | os.PathLike) else getattr(photo, "name", None)
    return Path(name).name if isinstance(name, str | os.PathLike) else f"photo-{place}"


def _is(photo: Any, module: str, kind: str) -> bool:
    imported = sys.modules.get(module)
    return imported is not None and isinstance(photo, getattr(imported, kind))


def _of_pixels(pixels: Any) -> bytes:
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingDependency("an array is sent by Pillow: pip install pillow") from error
    return _of_image(Image.fromarray(pixels))


def _of_image(image: "Image.Image") -> bytes:
    buffer = io.BytesIO()
    # The server reads both, as it would of the photo's own file.
    kept = {"exif": image.getexif(), "icc_profile": image.info.get("icc_profile")}
    if image.mode in ("RGB", "L", "CMYK"):
        image.save(buffer, "JPEG", quality=QUALITY, **kept)
    else:
        image.save(buffer, "PNG", compress_level=3, **kept)
    return buffer.getvalue()
