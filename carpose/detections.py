"""The one type that every engine returns and every rule takes."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from carpose.masks import MaskWindow, Size

Box = NDArray[np.float32]
"""(4,) x0, y0, x1, y1 in pixels of the upright picture."""


@dataclass(frozen=True, eq=False)
class Detections:
    """N detected objects of one picture as arrays, best score first or in any other order.

    boxes: (N, 4) float32, x0 <= x1 and y0 <= y1, in pixels of the upright picture, finite.
    scores: (N,) float32 in [0, 1].
    labels: (N,) str.
    roi_masks: (N, M, M) uint8, the probability times 255 that a cell of the box belongs to the
        object, the box being divided into M x M equal cells; or None where the engine has none.
    model: identity of the model that found them.
    size: width and height of the upright picture, in pixels.

    Raises: ValueError when the arrays do not fit each other or hold values out of range.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.str_]
    roi_masks: NDArray[np.uint8] | None = None
    model: str = ""
    _: KW_ONLY
    size: Size

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "boxes", np.asarray(self.boxes, np.float32).reshape(-1, 4))
        set_(self, "scores", np.asarray(self.scores, np.float32))
        set_(self, "labels", np.asarray(self.labels, np.str_))
        n = len(self.boxes)
        if self.scores.shape != (n,) or self.labels.shape != (n,):
            raise ValueError(
                f"{n} boxes need as many scores and labels, "
                f"not {self.scores.shape} and {self.labels.shape}"
            )
        if min(self.size) < 1:
            raise ValueError(f"size must be a picture's width and height, not {self.size}")
        if not np.isfinite(self.boxes).all() or (self.boxes[:, :2] > self.boxes[:, 2:]).any():
            raise ValueError("boxes must be finite, with x0 <= x1 and y0 <= y1")
        if not ((self.scores >= 0) & (self.scores <= 1)).all():
            raise ValueError("scores must lie in [0, 1]")
        masks = self.roi_masks
        if masks is not None and (
            masks.dtype != np.uint8
            or masks.ndim != 3
            or len(masks) != n
            or masks.shape[1] != masks.shape[2]
        ):
            raise ValueError(
                f"roi_masks must be uint8 ({n}, M, M), not {masks.dtype} {masks.shape}"
            )

    @classmethod
    def none(cls, size: Size) -> "Detections":
        """No detections in a picture."""
        none = np.zeros(0, np.float32)
        return cls(none.reshape(0, 4), none, np.zeros(0, np.str_), size=size)

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(
        self, index: NDArray[np.bool_] | NDArray[np.intp] | Sequence[int]
    ) -> "Detections":
        """The detections that a boolean mask or a list of indices picks."""
        picked = np.asarray(index)
        if picked.dtype != np.bool_:
            picked = picked.astype(np.intp)
        masks = None if self.roi_masks is None else self.roi_masks[picked]
        return replace(
            self,
            boxes=self.boxes[picked],
            scores=self.scores[picked],
            labels=self.labels[picked],
            roi_masks=masks,
        )

    @property
    def centres(self) -> NDArray[np.float32]:
        """(N, 2) box centres x, y in pixels."""
        centres: NDArray[np.float32] = (self.boxes[:, :2] + self.boxes[:, 2:]) / np.float32(2)
        return centres

    @property
    def areas(self) -> NDArray[np.float32]:
        """(N,) area in square pixels: of the mask, or of the box where there is no mask."""
        size = self.boxes[:, 2:] - self.boxes[:, :2]
        box: NDArray[np.float32] = size[:, 0] * size[:, 1]
        if self.roi_masks is None:
            return box
        share: NDArray[np.float32] = (self.roi_masks >= 128).mean(axis=(1, 2), dtype=np.float32)
        return box * share

    def resized(self, size: Size) -> "Detections":
        """The same in the picture scaled to `size`, the longest side to the longest."""
        scale = np.float32(max(size) / max(self.size))
        return replace(self, boxes=self.boxes * scale, size=size)

    def joined(self, other: "Detections") -> "Detections":
        """These and `other`, detections of the same model in the same picture."""
        masks = None
        if self.roi_masks is not None and other.roi_masks is not None:
            masks = np.concatenate([self.roi_masks, other.roi_masks])
        return replace(
            self,
            boxes=np.concatenate([self.boxes, other.boxes]),
            scores=np.concatenate([self.scores, other.scores]),
            labels=np.concatenate([self.labels, other.labels]),
            roi_masks=masks,
        )

    def mask(self, index: int) -> MaskWindow:
        """The pixels of one detection; those of its box where it has no mask.

        A pixel is inside when the bilinear interpolation of the cell probabilities at its
        centre reaches one half (Detectron2's paste_masks_in_image).
        """
        width, height = self.size
        x0, y0, x1, y1 = (float(v) for v in self.boxes[index])
        left, top = max(0, int(np.floor(x0))), max(0, int(np.floor(y0)))
        right, bottom = min(width, int(np.ceil(x1))), min(height, int(np.ceil(y1)))
        rows, columns = slice(top, max(top, bottom)), slice(left, max(left, right))
        if self.roi_masks is None:
            shape = rows.stop - rows.start, columns.stop - columns.start
            return MaskWindow(rows, columns, np.ones(shape, np.bool_), self.size)
        cells = self.roi_masks[index].astype(np.float32)
        vertical = _interpolation(rows, y0, y1, len(cells))
        horizontal = _interpolation(columns, x0, x1, len(cells))
        inside = vertical @ cells @ horizontal.T >= 127.5
        return MaskWindow(rows, columns, inside, self.size)


def _interpolation(pixels: slice, low: float, high: float, cells: int) -> NDArray[np.float32]:
    """(P, cells) weights of linear interpolation at pixel centres; outside the box is 0."""
    centres = np.arange(pixels.start, pixels.stop, dtype=np.float32) + 0.5
    at = (centres - low) / max(high - low, 1e-6) * cells - 0.5
    distance = np.abs(at[:, None] - np.arange(cells, dtype=np.float32)[None, :])
    return np.maximum(0.0, 1.0 - distance, dtype=np.float32)
