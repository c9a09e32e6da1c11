"""Answers as Roboflow's supervision takes them, to draw, track and count by."""

from typing import TYPE_CHECKING

from carpose.errors import MissingDependency
from carpose.exports.answered import Answered, Mask
from carpose.exports.coco import labelled
from carpose.exports.outlines import runs_of
from carpose.parts import PARTS

if TYPE_CHECKING:
    import numpy as np
    import supervision
    from numpy.typing import NDArray


def to_supervision(answer: Answered, car: bool = False) -> "supervision.Detections":
    """Its parts as `supervision.Detections`, named by `class_name`; the class of a part is its
    place in `carpose.parts.PARTS`, other names follow.

    car: whether the cars themselves are among them. Masks are there where the answer has them
    (`include=masks`).

    Raises: MissingDependency where supervision is not installed.
    """
    try:
        import numpy as np
        import supervision
    except ImportError as error:
        raise MissingDependency(
            f"to_supervision needs supervision ({error}): pip install supervision"
        ) from error
    found = list(labelled(answer, car))
    names = list(dict.fromkeys([*PARTS, *(name for name, _ in found)]))
    masks = [_pixels(each.mask) for _, each in found if each.mask is not None]
    return supervision.Detections(
        xyxy=np.array([each.box for _, each in found], np.float32).reshape(-1, 4),
        mask=np.stack(masks) if masks else None,
        confidence=np.array([each.score for _, each in found], np.float32),
        class_id=np.array([names.index(name) for name, _ in found], np.int64),
        data={"class_name": np.array([name for name, _ in found], np.str_)},
    )


def _pixels(mask: Mask) -> "NDArray[np.bool_]":
    """(height, width) of a mask."""
    import numpy as np

    height, width = mask.size
    runs = runs_of(mask.counts)
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T
