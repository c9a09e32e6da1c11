"""The pictures that an answer can have, one entry each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from carpose import render
from carpose.images import data_url, to_jpeg, to_png

OVERLAY_PX = 1600
"""Longest side of an overlay: sharp on a screen, and a tenth of a phone photo's bytes."""

FULL_PX = 1 << 20


@dataclass(frozen=True)
class Output:
    """A picture for people: its name in `include`, the least longest side in pixels that it is
    drawn on where the photo has as many, and what draws it, RGB or RGBA."""

    name: str
    longest_px: int
    draw: Callable[[render.Scene], NDArray[np.uint8]]


OUTPUTS: Final = {
    output.name: output
    for output in (
        Output("upright", OVERLAY_PX, render.upright),
        Output("annotated", OVERLAY_PX, render.annotated),
        Output("crop", FULL_PX, render.crop),
        Output("cutout", FULL_PX, render.cutout),
    )
}


def as_data_url(pixels: NDArray[np.uint8]) -> str:
    """RGB as JPEG, RGBA as PNG."""
    if pixels.shape[2] == 4:
        return data_url(to_png(pixels), "image/png")
    return data_url(to_jpeg(pixels), "image/jpeg")
