"""Photos made worse in exact ways, with their annotations: what a robustness table is made of."""

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
class Corruption:
    """`pixels` changes the picture; `geometry` gives its map and new size, None when it stays."""

    pixels: Callable[[Pixels], Pixels]
    geometry: Callable[[int, int], tuple[Matrix, int, int]] | None = None

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


CORRUPTIONS = {
    "blur": Corruption(blur),
    "dark": Corruption(dark),
    "JPEG 20": Corruption(jpeg20),
    "half size": Corruption(half, half_size),
    "rotated 10°": Corruption(rotated, turn_10),
}
