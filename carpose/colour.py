"""Colours by the profile that a file says they are in."""

import io
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_SPACES: Final = {"RGB": "RGB ", "CMYK": "CMYK", "L": "GRAY"}
"""ICC's names of the colour spaces, by Pillow's modes."""


def to_srgb(pixels: NDArray[np.uint8], icc: bytes) -> NDArray[np.uint8]:
    """(H, W, 3) sRGB of pixels in a profile; the same where the profile cannot be used."""
    transform = _transform(icc, "RGB")
    if transform is None:
        return pixels
    return np.asarray(transform.apply(Image.fromarray(pixels)))


def of_one_space(image: Image.Image, icc: bytes | None) -> Image.Image:
    """A picture in CMYK or grey as sRGB, by its profile; the same where it has none that can be
    used."""
    transform = _transform(icc, image.mode) if icc else None
    return transform.apply(image) if transform else image


_STEPS: Final = b"mpet"
"""A tag of as many steps as one likes, which may all be the same 80 bytes: LittleCMS takes them
for each of 80,000 colours, before it looks at a pixel. No camera writes one."""


@lru_cache(maxsize=8)
def _transform(icc: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    if _STEPS in icc:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        if profile.profile.xcolor_space != _SPACES[mode]:
            return None
        return ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
