"""What several tests need: encoded pictures, and masks read back."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco


def decoded(size: tuple[int, int], counts: str) -> NDArray[np.bool_]:
    """(height, width) mask of COCO's run-length encoding; `size` is width and height."""
    rle = {"size": list(size[::-1]), "counts": counts.encode()}
    return np.asarray(coco.decode(rle), np.bool_)


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """A picture as a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def opened(url: str) -> Image.Image:
    """The picture of a data URL."""
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
