"""A mask as the window of a picture that holds it: what lies outside of the window is not set."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True, eq=False)
class MaskWindow:
    """The mask of one thing in a picture.

    rows, columns: where the window lies, inside the picture, in pixels.
    inside: (rows, columns) bool.
    size: width and height of the whole picture.

    Raises: ValueError when `inside` has another shape than the window.
    """

    rows: slice
    columns: slice
    inside: NDArray[np.bool_]
    size: Size

    def __post_init__(self) -> None:
        shape = self.rows.stop - self.rows.start, self.columns.stop - self.columns.start
        if self.inside.shape != shape:
            raise ValueError(f"a window of {shape} pixels has a mask of {self.inside.shape}")

    @classmethod
    def union(cls, windows: Sequence["MaskWindow"]) -> "MaskWindow":
        """The pixels of one or more windows of the same picture."""
        size = windows[0].size
        windows = [window for window in windows if window.inside.size]
        if not windows:
            return cls(slice(0, 0), slice(0, 0), np.zeros((0, 0), np.bool_), size)
        top = min(window.rows.start for window in windows)
        left = min(window.columns.start for window in windows)
        bottom = max(window.rows.stop for window in windows)
        right = max(window.columns.stop for window in windows)
        whole = np.zeros((bottom - top, right - left), np.bool_)
        for one in windows:
            rows = slice(one.rows.start - top, one.rows.stop - top)
            columns = slice(one.columns.start - left, one.columns.stop - left)
            whole[rows, columns] |= one.inside
        return cls(slice(top, bottom), slice(left, right), whole, size)

    @property
    def area(self) -> int:
        """Pixels that are set."""
        return int(np.count_nonzero(self.inside))

    def area_within(self, other: "MaskWindow") -> int:
        """Pixels that are set in `other`, a window of the same picture, too."""
        return int(np.count_nonzero(self.inside & other.inside_at(self.rows, self.columns)))

    def inside_at(self, rows: slice, columns: slice) -> NDArray[np.bool_]:
        """(rows, columns) bool: the mask at another window of the picture."""
        at = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.bool_)
        here, there = zip(_common(self.rows, rows), _common(self.columns, columns), strict=True)
        at[there] = self.inside[here]
        return at

    def to_numpy(self) -> NDArray[np.bool_]:
        """(height, width) mask of the whole picture."""
        width, height = self.size
        return self.inside_at(slice(0, height), slice(0, width))

    def rle(self) -> str:
        """COCO's compressed run-length encoding of the whole picture's mask.

        Only the window is looked at: a part of a 12-megapixel picture costs what the part does.
        """
        width, height = self.size
        runs = [height * width]
        if self.inside.any():
            # COCO counts runs down the columns; each column here is a piece of a whole one.
            padded = np.zeros((self.inside.shape[0] + 2, self.inside.shape[1]), np.int8)
            padded[1:-1] = self.inside
            column, row = np.nonzero(np.diff(padded, axis=0).T)
            at = (column + self.columns.start) * height + row + self.rows.start
            runs = np.diff(at, prepend=0, append=height * width).tolist()
        encoded = coco.frPyObjects({"size": [height, width], "counts": runs}, height, width)
        return str(encoded["counts"].decode())


def _common(one: slice, other: slice) -> tuple[slice, slice]:
    """What both have in common, counted from the start of each."""
    start = max(one.start, other.start)
    stop = max(start, min(one.stop, other.stop))
    here, there = (slice(start - each.start, stop - each.start) for each in (one, other))
    return here, there
