"""Masks as COCO run-length encoding."""

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from carpose.schema import Mask


def encode(rows: slice, columns: slice, inside: NDArray[np.bool_], width: int, height: int) -> Mask:
    """The encoding of a mask of which only the window rows x columns is given.

    Only the window is looked at: a part of a 12-megapixel picture costs what the part does.
    """
    if not inside.any():
        return _compressed([height * width], width, height)
    # COCO counts runs down the columns; each column of the window is a piece of a whole one.
    padded = np.zeros((inside.shape[0] + 2, inside.shape[1]), np.int8)
    padded[1:-1] = inside
    edges = np.diff(padded, axis=0).T
    column, row = np.nonzero(edges)
    at = (column + columns.start) * height + row + rows.start
    runs = np.diff(at, prepend=0, append=height * width)
    return _compressed(runs.tolist(), width, height)


def decode(mask: Mask) -> NDArray[np.bool_]:
    """(height, width) mask."""
    rle = {"size": list(mask.size), "counts": mask.counts.encode()}
    return np.asarray(coco.decode(rle), np.bool_)


def _compressed(runs: list[int], width: int, height: int) -> Mask:
    rle = coco.frPyObjects({"size": [height, width], "counts": runs}, height, width)
    return Mask(size=(height, width), counts=rle["counts"].decode())
