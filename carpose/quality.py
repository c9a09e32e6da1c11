"""How well a photo shows its car: measured on the car, not on what is around it."""

from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from carpose.cars import Car
from carpose.images import Picture
from carpose.schema import Framing, Quality

EDGE_SHARE: Final = 0.006
"""A box that comes this near to an edge of the picture, as a share of that side, is cut by it."""

CLOSE_UP, DISTANT = 0.85, 0.1
"""Shares of the picture's area that the car's box covers: above the first it is a close-up, below
the second it is distant."""

LOOK_PX: Final = 320
"""Longest side of the car where it is measured: a photo's blur counts by what it hides of the car,
whatever its resolution."""

_BLUR_PX = 9
_BRIGHT, _BLOWN = 0.9, 250


def measure(picture: Picture, car: Car, cars: int) -> Quality:
    """What can be said of a photo of `car`, one of `cars` in it; `car` is in pixels of the
    original."""
    x0, y0, x1, y1 = (float(v) for v in car.box)
    width, height = picture.size
    cut = cut_by(car, picture)
    share = min(1.0, (x1 - x0) * (y1 - y0) / (width * height))
    luma, inside = _seen(picture, car)
    values = np.bincount(luma[inside] if inside.any() else luma.reshape(-1), minlength=256)
    return Quality(
        whole=not cut,
        cut=cut,
        framing=framing_of(share),
        car_share=round(share, 3),
        width=width,
        sharpness=round(sharpness(luma.astype(np.float32), inside), 3),
        brightness=round(_quantile(values, _BRIGHT) / 255, 3),
        blown=round(float(values[_BLOWN:].sum() / values.sum()), 3),
        cars=cars,
    )


def framing_of(share: float) -> Framing:
    """By the share of the picture's area that the car's box covers."""
    if share > CLOSE_UP:
        return "close-up"
    return "distant" if share < DISTANT else "whole"


def cut_by(car: Car, picture: Picture) -> list[str]:
    """The picture's edges that the car reaches, and is cut by."""
    x0, y0, x1, y1 = car.box
    width, height = picture.size
    across, down = EDGE_SHARE * width, EDGE_SHARE * height
    reached = {
        "left": x0 <= across,
        "right": x1 >= width - across,
        "top": y0 <= down,
        "bottom": y1 >= height - down,
    }
    return [edge for edge, yes in reached.items() if yes]


def _quantile(counts: NDArray[np.int64], share: float) -> float:
    """np.quantile of values that are counted, where sorting them would cost five times as much."""
    at = share * (int(counts.sum()) - 1)
    low, high = np.searchsorted(np.cumsum(counts), [int(at) + 1, min(int(at) + 2, counts.sum())])
    return float(low + (high - low) * (at - int(at)))


def _seen(picture: Picture, car: Car) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Luma (0 to 255) of the car's box, its longest side LOOK_PX at most, and where in it the car
    is."""
    height, width = picture.pixels.shape[:2]
    decoded = width / picture.width, height / picture.height
    longest = max((car.box[2:] - car.box[:2]) * decoded)
    scale = min(1.0, LOOK_PX / max(longest, 1.0))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = car.resized(size)
    x0, y0, x1, y1 = (int(v) for v in (*np.floor(small.box[:2]), *np.ceil(small.box[2:])))
    x0, y0 = min(max(0, x0), size[0] - 1), min(max(0, y0), size[1] - 1)
    x1, y1 = max(x0 + 1, min(size[0], x1)), max(y0 + 1, min(size[1], y1))
    across, down = width / size[0], height / size[1]
    left, top = int(x0 * across), int(y0 * down)
    right, bottom = min(x1 * across, width), min(y1 * down, height)
    window = x0 * across - left, y0 * down - top, right - left, bottom - top
    # Pillow copies what it is given: no more than the car.
    image = Image.fromarray(picture.pixels[top : ceil(bottom), left : ceil(right)])
    luma = image.resize((x1 - x0, y1 - y0), Image.Resampling.BOX, window).convert("L")
    return np.asarray(luma), small.mask.inside_at(slice(y0, y1), slice(x0, x1))


def sharpness(luma: NDArray[np.float32], inside: NDArray[np.bool_]) -> float:
    """0, blurred, to 1, sharp: how much of the differences between neighbouring pixels goes when
    the picture is blurred, along the direction that has fewer of them.

    Crété-Roffet et al., The blur effect: perception and estimation with a new no-reference
    perceptual blur metric, 2007. Contrast and brightness do not matter to it.
    """
    down = np.ascontiguousarray(luma.T), np.ascontiguousarray(inside.T)
    return min(_along(luma, inside), _along(*down))


def _along(luma: NDArray[np.float32], inside: NDArray[np.bool_]) -> float:
    if luma.shape[1] <= _BLUR_PX:
        return 1.0
    sums = np.cumsum(np.pad(luma, ((0, 0), (_BLUR_PX // 2 + 1, _BLUR_PX // 2)), "edge"), axis=1)
    blurred = (sums[:, _BLUR_PX:] - sums[:, :-_BLUR_PX]) / _BLUR_PX
    own, left = np.abs(np.diff(luma, axis=1)), np.abs(np.diff(blurred, axis=1))
    at = inside[:, 1:] & inside[:, :-1]
    total = float(own[at].sum())
    return float(np.maximum(0, own - left)[at].sum()) / total if total > 0 else 0.0
