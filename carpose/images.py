"""Bytes in, upright RGB out, and back: the one place that knows picture files."""

import base64
import hashlib
import io
import struct
import warnings
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from carpose.colour import of_one_space, to_srgb
from carpose.errors import BadImage, TooLarge, TooManyPixels
from carpose.masks import Size
from carpose.picture_files import READ_WORDS, Stripped, take_apart
from carpose.picture_files.jpeg import ends_after, share_there
from carpose.picture_files.tiff import orientation_of

Pixels = NDArray[np.uint8]
"""(H, W, 3) RGB, contiguous."""

READ: Final = READ_WORDS
"""What is decoded, in words."""

BROKEN: Final = "the picture is broken or cut short: send the whole file"

ENOUGH: Final = 0.9
"""Share of the longest side that is wanted from which a JPEG is decoded at a smaller scale: half or
a quarter of what cameras make is often just below, and the next larger scale costs four times the
pixels. The networks look at less than half of it."""

UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings a picture upright, by its EXIF orientation."""


@dataclass(frozen=True)
class Limits:
    """What is refused: more encoded bytes, or more pixels as the header tells.

    max_jpeg_pixels: of a JPEG, which is decoded scaled down.
    """

    max_bytes: int = 15_000_000
    max_pixels: int = 50_000_000
    max_jpeg_pixels: int = 64_000_000


@dataclass(frozen=True)
class Look:
    """Which pixels of a photo are wanted.

    longest_px: what the longest side of the picture needs; a larger one is scaled down to it. None:
        all that there are.
    turn: degrees that the photo, upright by its EXIF, is turned by, clockwise.
    window: x0, y0, x1, y1 in pixels of the photo turned so; None: the whole photo.
    """

    longest_px: int | None = None
    turn: int = 0
    window: tuple[int, int, int, int] | None = None


WHOLE: Final = Look()


@dataclass(frozen=True, eq=False)
class Picture:
    """An upright picture.

    pixels: (H, W, 3) RGB uint8, contiguous; fewer than width x height when decoded at a reduced
        scale.
    width, height: those of the original, in pixels.
    digest: equal for equal looks at equal uploads; None for pixels that were never uploaded.
    icc: the colour profile that the pixels are in; None for sRGB, which is what nobody says.
    """

    pixels: Pixels
    width: int
    height: int
    digest: str | None = None
    icc: bytes | None = None

    def in_srgb(self) -> "Picture":
        """The same colours in sRGB, as every picture that goes out has them."""
        if self.icc is None:
            return self
        return replace(self, pixels=to_srgb(self.pixels, self.icc), icc=None)

    @property
    def size(self) -> Size:
        """Width and height of the original, in pixels."""
        return self.width, self.height


def pixels_of(content: bytes) -> int:
    """How many pixels a photo has by its header; 0 where `decode` will refuse it."""
    try:
        decoder, file = take_apart(content)
        width, height = _opened(decoder, file.content).size
    except Exception:  # whatever Pillow's parsers let through; `decode` says what is wrong
        return 0
    return width * height


def decode(content: bytes, limits: Limits, look: Look = WHOLE) -> Picture:
    """The upright picture of an encoded one, or what `look` wants of it.

    Alpha is put on white; of an animation the first frame is taken. Metadata that cannot be read
    is ignored.

    Raises: TooLarge; TooManyPixels from the header alone; UnsupportedType for formats that are not
        read; BadImage for anything else that is no whole picture.
    """
    if not content:
        raise BadImage("the upload is empty")
    if len(content) > limits.max_bytes:
        raise TooLarge(f"the upload has more than {limits.max_bytes / 1e6:g} MB")
    decoder, file = take_apart(content)
    try:
        picture = _decoded(decoder, file, limits, look)
    except Image.DecompressionBombError as error:
        raise TooManyPixels(_too_many(limits.max_pixels)) from error
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, ArithmeticError) as error:
        raise BadImage(BROKEN) from error
    except (KeyError, IndexError, TypeError, RuntimeError, NotImplementedError) as error:
        # What Pillow's parsers let through on malformed files.
        raise BadImage(BROKEN) from error
    digest = hashlib.sha256(content).hexdigest() + f" turned {look.turn} at {look.window}"
    return replace(picture, digest=digest)


def _decoded(decoder: str, file: Stripped, limits: Limits, look: Look) -> Picture:
    image = _opened(decoder, file.content)
    width, height = image.size
    most = limits.max_jpeg_pixels if decoder == "JPEG" else limits.max_pixels
    if width * height > most:
        raise TooManyPixels(_too_many(most) + f", and this one has {width} x {height}")
    # HEIC and AVIF say it in a box of their own, which their decoders read.
    orientation = file.orientation
    if decoder in ("HEIF", "AVIF"):
        orientation = orientation_of(image.info.get("exif") or b"") or 1
    icc = file.icc or image.info.get("icc_profile") or None
    _load(image, look)
    if decoder == "JPEG":
        there = share_there(file.content, image, lambda longer: _loaded(longer, look))
        if there < 1:
            raise BadImage(ends_after(there))
    if image.mode in ("CMYK", "L"):
        image, icc = of_one_space(image, icc), None
    if orientation != 1:
        image = image.transpose(UPRIGHT[orientation])
    if look.window is None:
        # At once: what comes after it then holds a few megabytes, however large the photo is.
        image = _shrunk(image, look.longest_px)
    pixels = np.rot90(np.asarray(_rgb(image), np.uint8), -look.turn // 90)
    if (orientation in (5, 6, 7, 8)) != (look.turn in (90, 270)):
        width, height = height, width
    if look.window:
        x0, y0, x1, y1 = look.window
        down, across = pixels.shape[0] / height, pixels.shape[1] / width
        rows = slice(round(y0 * down), max(round(y1 * down), round(y0 * down) + 1))
        columns = slice(round(x0 * across), max(round(x1 * across), round(x0 * across) + 1))
        part = Image.fromarray(np.ascontiguousarray(pixels[rows, columns]))
        pixels, width, height = np.asarray(_shrunk(part, look.longest_px)), x1 - x0, y1 - y0
    return Picture(np.ascontiguousarray(pixels), width, height, icc=icc)


def _opened(decoder: str, content: bytes) -> Image.Image:
    if decoder == "HEIF":
        _register_heif()
    with warnings.catch_warnings():
        # Our own limit is checked before anything is decoded.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(io.BytesIO(content), formats=[decoder])


def _load(image: Image.Image, look: Look) -> None:
    """Decode, a JPEG at a reduced scale where that is enough."""
    if look.longest_px and image.format == "JPEG":
        x0, y0, x1, y1 = look.window or (0, 0, *image.size)
        scale = look.longest_px / max(x1 - x0, y1 - y0)
        if scale < 1:
            width, height = (round(ENOUGH * scale * side) for side in image.size)
            image.draft("RGB", (width, height))
    image.load()


def _loaded(content: bytes, look: Look) -> Image.Image:
    image = _opened("JPEG", content)
    _load(image, look)
    return image


def _shrunk(image: Image.Image, longest_px: int | None) -> Image.Image:
    """The image with a longest side of at most `longest_px`, every pixel counted."""
    scale = (longest_px or max(image.size)) / max(image.size)
    if scale >= 1:
        return image
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return _continuous(image).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def _continuous(image: Image.Image) -> Image.Image:
    """The image in a mode between whose values there are others, 8 bits a channel."""
    if image.mode.startswith(("I", "F")):
        # 16-bit grey: Pillow's own conversion clips at 255 instead of scaling.
        grey = np.asarray(image, np.float32) / 257
        return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
    if "transparency" in image.info or image.mode == "PA":
        return image.convert("RGBA")
    return image.convert("RGB") if image.mode in ("P", "1") else image


def _rgb(image: Image.Image) -> Image.Image:
    image = _continuous(image)
    if image.mode not in ("RGBA", "LA", "La", "RGBa"):
        return image.convert("RGB")
    image = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _too_many(pixels: int) -> str:
    return f"a picture may have {pixels / 1e6:g} megapixels"


@cache
def _register_heif() -> None:
    # Not on import: it changes Pillow for the whole process.
    import pi_heif

    pi_heif.register_heif_opener()


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
