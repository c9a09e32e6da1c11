"""The JPEG that Rekognition takes: small enough for it, large enough for wheels."""

import numpy as np
from PIL import Image

from carpose.engines import REKOGNITION
from carpose.errors import BadImage
from carpose.images import Picture, to_jpeg

SHORTEST_PX, HIGHEST_PX = 80, 10_000
"""Sides that DetectLabels and DetectCustomLabels accept."""

LABELS_BYTES = 5 * 2**20
CUSTOM_LABELS_BYTES = 4 * 2**20
"""Largest pictures that the two operations take as bytes."""

QUALITIES = (90, 80, 70, 55)


def within_limits(picture: Picture, most_bytes: int) -> bytes:
    """A JPEG of the upright picture within the service's limits.

    Boxes come back as ratios, so scaling the picture changes no answer's place.

    Raises: BadImage for a picture so narrow that no scale fits.
    """
    whole = picture.in_srgb().pixels
    height, width = whole.shape[:2]
    scale = min(1.0, REKOGNITION.longest_px / max(width, height))
    scale = max(scale, SHORTEST_PX / min(width, height))
    if max(width, height) * scale > HIGHEST_PX:
        raise BadImage(
            f"a picture of {picture.width} x {picture.height} px is too narrow for Rekognition"
        )
    while True:
        size = max(SHORTEST_PX, round(width * scale)), max(SHORTEST_PX, round(height * scale))
        pixels = whole
        if size != (width, height):
            resized = Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR)
            pixels = np.asarray(resized)
        for quality in QUALITIES:
            content = to_jpeg(pixels, quality)
            if len(content) <= most_bytes:
                return content
        # Noise at full size can outgrow every quality; half the pixels do not.
        scale *= 0.7
