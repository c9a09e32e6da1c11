"""Bytes in, upright RGB out, and back: the one place that knows picture files."""

import base64
import binascii
import io
import re
import struct
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from carpose.errors import BadImage, TooLarge, TooManyPixels, UnsupportedType

Pixels = NDArray[np.uint8]
"""(H, W, 3) RGB, contiguous."""

FORMATS: Final = ("JPEG", "PNG", "WEBP", "HEIF")
"""Pillow's names of what is decoded; its JPEG reader also takes cameras' MPO."""

READ = "JPEG, PNG, WebP or HEIC"
MEDIA_TYPES: Final = frozenset(
    f"image/{name}" for name in ("jpeg", "jpg", "pjpeg", "png", "webp", "heic", "heif", "*")
)
OTHER_SIGNATURES: Final = (
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"%PDF", "PDF"),
)


@dataclass(frozen=True)
class Limits:
    """What is refused: more encoded bytes, or more pixels as the header tells."""

    max_bytes: int = 15_000_000
    max_pixels: int = 50_000_000


@dataclass(frozen=True, eq=False)
class Picture:
    """An upright picture. `width` and `height` are those of the original, in pixels; `pixels`
    may hold fewer, (H, W, 3) RGB uint8, when it was decoded at a reduced scale."""

    pixels: Pixels
    width: int
    height: int


def check_media_type(media_type: str) -> None:
    """Accept a Content-Type (lower case, without parameters) that may hold a picture.

    Raises: UnsupportedType naming what is read.
    """
    if media_type not in MEDIA_TYPES:
        given = f"{media_type!r}" if media_type else "no Content-Type"
        raise UnsupportedType(
            f"{given}: send {READ} as image/*, a multipart form with a file named image, or JSON"
        )


def decode(content: bytes, limits: Limits, target: int | None = None) -> Picture:
    """The upright picture of an encoded one.

    `target`: longest side in pixels that the caller needs; a large JPEG is then decoded at a
    half, a quarter or an eighth, never below the target. Alpha is put on white; of an
    animation the first frame is taken.

    Raises: TooLarge; TooManyPixels from the header alone; UnsupportedType for picture formats
        that are not read; BadImage for anything else that is no whole picture.
    """
    if not content:
        raise BadImage("the upload is empty")
    if len(content) > limits.max_bytes:
        raise TooLarge(f"the upload has more than {limits.max_bytes / 1e6:g} MB")
    _register_heif()
    try:
        with warnings.catch_warnings():
            # Our own limit is checked below, before anything is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=FORMATS)
        return _decoded(image, limits, target)
    except Image.DecompressionBombError as error:
        raise TooManyPixels(_too_many(limits)) from error
    except UnidentifiedImageError as error:
        for signature, name in OTHER_SIGNATURES:
            if content.startswith(signature):
                raise UnsupportedType(f"{name} is not read: send {READ}") from error
        raise BadImage(f"this is not a picture: send {READ}") from error
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, ArithmeticError) as error:
        raise BadImage(f"the picture is broken: {error}") from error
    except (KeyError, IndexError, TypeError, RuntimeError, NotImplementedError) as error:
        # What Pillow's parsers let through on malformed files.
        raise BadImage("the picture is broken") from error


def _decoded(image: Image.Image, limits: Limits, target: int | None) -> Picture:
    width, height = image.size
    if width * height > limits.max_pixels:
        raise TooManyPixels(_too_many(limits) + f", and this one has {width} x {height}")
    orientation = image.getexif().get(0x0112, 1)
    if target and image.format in ("JPEG", "MPO"):
        scale = target / max(width, height)
        if scale < 1:
            image.draft("RGB", (round(width * scale), round(height * scale)))
    image.load()
    if orientation != 1:
        image = ImageOps.exif_transpose(image)
        if orientation in (5, 6, 7, 8):
            width, height = height, width
    pixels = np.ascontiguousarray(np.asarray(_rgb(image), np.uint8))
    return Picture(pixels, width, height)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        # 16-bit grey: Pillow's own conversion clips at 255 instead of scaling.
        grey = np.asarray(image, np.float32) / 257
        image = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _too_many(limits: Limits) -> str:
    return f"a picture may have {limits.max_pixels / 1e6:g} megapixels"


@cache
def _register_heif() -> None:
    # Not on import: it changes Pillow for the whole process.
    import pi_heif

    pi_heif.register_heif_opener()


def from_base64(text: str) -> bytes:
    """Bytes of a base64 string or data URL; white space is ignored.

    Raises: BadImage when it is not base64, or empty.
    """
    if text.startswith("data:"):
        head, comma, text = text.partition(",")
        if not comma or not head.endswith(";base64"):
            raise BadImage("the data URL is not base64: data:image/jpeg;base64,...")
    try:
        content = base64.b64decode(re.sub(r"\s+", "", text), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadImage(f"not valid base64: {error}") from error
    if not content:
        raise BadImage("the upload is empty")
    return content


def to_jpeg(pixels: Pixels, quality: int = 88) -> bytes:
    """JPEG of an RGB picture."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def to_png(pixels: NDArray[np.uint8]) -> bytes:
    """PNG of an RGB or RGBA picture; compressed lightly, for it is made while somebody waits."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def data_url(content: bytes, media_type: str) -> str:
    """`data:` URL of a file."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
