"""Photos made worse in exact ways, with their annotations: what a robustness table is made of."""

import functools
import io
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from carpose.images import Picture, Pixels
from training.photos import Instance, Photo

Matrix = NDArray[np.float64]
"""(2, 3) affine map of continuous coordinates: a pixel's centre is at +0.5."""


@dataclass(frozen=True)
class Condition:
    """`pixels` changes the picture; `geometry` gives its map and new size, None when it stays."""

    pixels: Callable[[Pixels], Pixels]
    geometry: Callable[[int, int], tuple[Matrix, int, int]] | None = None
    upright: bool = True
    """Whether parts and cars are looked for as they stand; else only the answer's viewpoint."""

    def picture(self, picture: Picture) -> Picture:
        """The worse picture."""
        pixels = np.ascontiguousarray(self.pixels(picture.pixels))
        return Picture(pixels, pixels.shape[1], pixels.shape[0])

    def photo(self, photo: Photo) -> Photo:
        """The annotations on the worse picture."""
        if self.geometry is None:
            return photo
        matrix, width, height = self.geometry(photo.width, photo.height)
        instances = tuple(
            Instance(i.label, tuple(_mapped(polygon, matrix) for polygon in i.polygons))
            for i in photo.instances
        )
        return replace(photo, width=width, height=height, instances=instances)


def _mapped(polygon: NDArray[np.float32], matrix: Matrix) -> NDArray[np.float32]:
    return (polygon @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def blur(pixels: Pixels) -> Pixels:
    """Gaussian of 1/200 of the longest side."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), max(pixels.shape) / 200), np.uint8)


def dark(pixels: Pixels) -> Pixels:
    """Three stops less light, at a display gamma of 2.2."""
    table = np.round(np.arange(256) * 0.125 ** (1 / 2.2)).astype(np.uint8)
    return np.asarray(table[pixels], np.uint8)


def jpeg20(pixels: Pixels) -> Pixels:
    """Through a JPEG of quality 20."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=20)
    return np.asarray(Image.open(buffer).convert("RGB"), np.uint8)


def half_size(width: int, height: int) -> tuple[Matrix, int, int]:
    """Map and size of a picture of half the side."""
    w, h = max(1, width // 2), max(1, height // 2)
    return np.array([[w / width, 0, 0], [0, h / height, 0]]), w, h


def half(pixels: Pixels) -> Pixels:
    """Half the side, by area."""
    _, w, h = half_size(pixels.shape[1], pixels.shape[0])
    return np.asarray(cv2.resize(pixels, (w, h), interpolation=cv2.INTER_AREA), np.uint8)


def turn_10(width: int, height: int) -> tuple[Matrix, int, int]:
    """Map and size of a picture turned 10 degrees counter-clockwise on a canvas that holds it."""
    c, s = np.cos(np.radians(10)), np.sin(np.radians(10))
    w, h = int(np.ceil(width * c + height * s)), int(np.ceil(width * s + height * c))
    linear = np.array([[c, s], [-s, c]])
    shift = np.array([w, h]) / 2 - linear @ (np.array([width, height]) / 2)
    return np.column_stack([linear, shift]), w, h


def rotated(pixels: Pixels) -> Pixels:
    """Turned by 10 degrees; the corners repeat the border, as black ones would be a clue."""
    matrix, w, h = turn_10(pixels.shape[1], pixels.shape[0])
    # OpenCV counts from pixel centres.
    matrix = matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    turned = cv2.warpAffine(pixels, matrix, (w, h), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.uint8)


def _pasted(share: int, width: int, height: int) -> tuple[Matrix, int, int]:
    """Map and size of a picture pasted at 1/share of its width in the middle of its own size."""
    w, h = max(1, round(width / share)), max(1, round(height / share))
    x, y = (width - w) // 2, (height - h) // 2
    return np.array([[w / width, 0, x], [0, h / height, y]]), width, height


def _paste(share: int, pixels: Pixels) -> Pixels:
    """The picture at 1/share of its width on grey."""
    height, width = pixels.shape[:2]
    matrix, _, _ = _pasted(share, width, height)
    (sx, _, x), (_, sy, y) = matrix
    w, h = round(sx * width), round(sy * height)
    canvas = np.full_like(pixels, 127)
    small = cv2.resize(pixels, (w, h), interpolation=cv2.INTER_AREA)
    canvas[int(y) : int(y) + h, int(x) : int(x) + w] = small
    return canvas


def small(share: int) -> Condition:
    """The photo pasted at 1/share of the width on a grey canvas of its own size."""
    return Condition(functools.partial(_paste, share), functools.partial(_pasted, share))


def _quarters(quarters: int, width: int, height: int) -> tuple[Matrix, int, int]:
    matrix = np.array([[1.0, 0, 0], [0, 1, 0]])
    for _ in range(quarters):
        # Counter-clockwise: x goes up the left side, y to the right.
        step = np.array([[0.0, 1, 0], [-1, 0, width]])
        linear = step[:, :2] @ matrix[:, :2]
        matrix = np.column_stack([linear, step[:, :2] @ matrix[:, 2] + step[:, 2]])
        width, height = height, width
    return matrix, width, height


def _rot90(quarters: int, pixels: Pixels) -> Pixels:
    return np.rot90(pixels, quarters)


def lying(degrees: int) -> Condition:
    """The photo turned counter-clockwise by quarters, its EXIF orientation lost."""
    quarters = degrees // 90
    return Condition(
        functools.partial(_rot90, quarters), functools.partial(_quarters, quarters), upright=False
    )


CONDITIONS = {
    "blur": Condition(blur),
    "dark": Condition(dark),
    "JPEG 20": Condition(jpeg20),
    "half size": Condition(half, half_size),
    "rotated 10°": Condition(rotated, turn_10),
    "1/2 width": small(2),
    "1/3 width": small(3),
    "1/4 width": small(4),
    "1/6 width": small(6),
    "turned 90°": lying(90),
    "turned 180°": lying(180),
    "turned 270°": lying(270),
}
