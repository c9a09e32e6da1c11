"""Annotations as an engine that makes no mistake would find them."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from carpose.detections import Detections
from carpose.parts import PARTS
from training.photos import Photo, raster


def annotated_parts(photo: Photo, classes: Sequence[str] = PARTS, cells: int = 56) -> Detections:
    """A photo's annotations as perfect detections with masks of cells x cells."""
    boxes, masks, labels = [], [], []
    for instance in photo.instances:
        points = np.concatenate(instance.polygons)
        x0, y0 = np.clip(points.min(0), 0, None)
        x1, y1 = np.minimum(points.max(0) + 1, [photo.width, photo.height])
        if x0 >= x1 or y0 >= y1:
            continue
        full = raster(instance.polygons, photo.width, photo.height) * np.uint8(255)
        size = (cells, cells)
        cropped = Image.fromarray(full).resize(size, Image.Resampling.BOX, (x0, y0, x1, y1))
        boxes.append([x0, y0, x1, y1])
        masks.append(np.asarray(cropped))
        labels.append(classes[instance.label])
    if not boxes:
        return Detections.none((photo.width, photo.height))
    return Detections(
        np.array(boxes, np.float32),
        np.ones(len(boxes), np.float32),
        np.array(labels),
        np.stack(masks),
        size=(photo.width, photo.height),
    )
