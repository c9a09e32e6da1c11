"""The car-parts annotations as perfect detections, for tests of the rules."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from carpose.detections import Detections

CELLS = 28


def annotated_photos(data: Path, split: str) -> Iterator[tuple[str, Detections]]:
    """(file name, parts with score 1 and masks) of every photo; one wheel per polygon."""
    coco = json.loads((data / split / "annotations.json").read_text())
    names = {c["id"]: c["name"] for c in coco["categories"]}
    for image in coco["images"]:
        boxes, labels, masks = [], [], []
        for annotation in coco["annotations"]:
            if annotation["image_id"] != image["id"]:
                continue
            polygons = [p for p in annotation["segmentation"] if len(p) >= 6]
            name = names[annotation["category_id"]]
            for group in [[p] for p in polygons] if name == "wheel" else [polygons]:
                box, mask = _region(group, image["width"], image["height"])
                boxes.append(box)
                labels.append(name)
                masks.append(mask)
        yield (
            image["file_name"],
            Detections(
                np.array(boxes),
                np.ones(len(boxes), np.float32),
                np.array(labels),
                np.stack(masks),
                size=(image["width"], image["height"]),
            ),
        )


def _region(polygons: list[list[float]], width: int, height: int) -> tuple[list[float], np.ndarray]:
    points = np.concatenate([np.reshape(p, (-1, 2)) for p in polygons])
    x0, y0 = np.maximum(points.min(0), 0)
    x1, y1 = np.minimum(points.max(0) + 1, [width, height])
    canvas = Image.new("L", (width, height))
    for polygon in polygons:
        ImageDraw.Draw(canvas).polygon(polygon, fill=255)
    cells = canvas.resize((CELLS, CELLS), Image.Resampling.BOX, (x0, y0, x1, y1))
    return [x0, y0, x1, y1], np.asarray(cells)
