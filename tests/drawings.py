"""A data set drawn by the computer."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from carpose.parts import PARTS


def draw_car_parts(root: Path, photos: int, split: str = "trainingset") -> Path:
    """COCO data: a front seen from ahead, its two lights, a hood and two wheels, at random places."""
    rng = np.random.default_rng(5)
    folder = root / split / "JPEGImages"
    folder.mkdir(parents=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    shapes = {
        "front_bumper": (0.1, 0.6, 0.9, 0.8),
        "hood": (0.2, 0.3, 0.8, 0.5),
        "front_right_light": (0.1, 0.5, 0.25, 0.6),
        "front_left_light": (0.75, 0.5, 0.9, 0.6),
        "wheel": (0.05, 0.8, 0.2, 1.0),
    }
    for number in range(1, photos + 1):
        width, height = 96, 72
        picture = rng.integers(90, 130, (height, width, 3), dtype=np.uint8)
        x, y = rng.integers(0, 30, 2).tolist()
        scale = float(rng.uniform(30, 42))
        for part, (x0, y0, x1, y1) in shapes.items():
            box = (np.array([x0, y0, x1, y1]) * scale + [x, y, x, y]).round().astype(int)
            colour = (np.array([37, 91, 151]) * (PARTS.index(part) + 1) % 256).tolist()
            cv2.rectangle(picture, box[:2].tolist(), box[2:].tolist(), colour, -1)
            left, top, right, bottom = box.tolist()
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": PARTS.index(part) + 1,
                    "segmentation": [[left, top, right, top, right, bottom, left, bottom]],
                    "bbox": [left, top, right - left, bottom - top],
                    "area": (right - left) * (bottom - top),
                    "iscrowd": 0,
                }
            )
        cv2.imwrite(str(folder / f"car{number}.jpg"), picture)
        images.append(
            {"id": number, "file_name": f"car{number}.jpg", "width": width, "height": height}
        )
    categories = [{"id": n, "name": name} for n, name in enumerate(PARTS, 1)]
    (root / split / "annotations.json").write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )
    return root
