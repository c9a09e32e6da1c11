"""Annotated photos: COCO annotations in, photos with one polygon set per instance out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from carpose.bundles import Task
from carpose.parts import PARTS
from training.coco import JSON, CocoAnnotation, read_coco
from training.errors import TrainingError

Polygon = NDArray[np.float32]
"""(K, 2) x, y in pixels of the picture."""


@dataclass(frozen=True)
class Instance:
    """One object: `label` is an index into the task's classes; its polygons may be several."""

    label: int
    polygons: tuple[Polygon, ...]


@dataclass(frozen=True)
class Photo:
    """An annotated photo; `width` and `height` in pixels."""

    path: Path
    width: int
    height: int
    instances: tuple[Instance, ...]


def raster(polygons: Iterable[Polygon], width: int, height: int) -> NDArray[np.uint8]:
    """(height, width) mask, 1 inside any of the polygons."""
    mask = np.zeros((height, width), np.uint8)
    for polygon in polygons:
        cv2.fillPoly(mask, [np.round(polygon).astype(np.int32)], 1)
    return mask


def split_wheels(polygons: Sequence[Polygon], width: int, height: int) -> list[tuple[Polygon, ...]]:
    """One group of polygons per wheel: polygons that touch or overlap are the same wheel.

    The data sets several wheels of a car down as one annotation with a polygon for each.
    """
    joined = raster(polygons, width, height)
    # Polygons that share a border leave a gap of one pixel when rounded; close it.
    joined = cv2.dilate(joined, np.ones((3, 3), np.uint8))
    _, component = cv2.connectedComponents(joined)
    groups: dict[int, list[Polygon]] = {}
    for polygon in polygons:
        inside = component[raster([polygon], width, height) > 0]
        if inside.size:
            groups.setdefault(int(np.bincount(inside).argmax()), []).append(polygon)
    return [tuple(group) for group in groups.values()]


def whole_car(parts: Iterable[Polygon], width: int, height: int) -> tuple[Polygon, ...]:
    """Outline of the whole car from its labelled parts.

    Fenders, roof and quarter panels carry no label. They lie between parts that do, so the
    parts' union is closed with a disk of a quarter of the car's size, and holes are filled: a
    tenth leaves the rear quarter of cars seen from the side out.
    """
    # Closing costs the square of the radius: 300 px hold all the detail that a mask head shows.
    scale = min(1.0, 300 / max(width, height))
    union = raster((p * scale for p in parts), round(width * scale), round(height * scale))
    if not union.any():
        return ()
    _, _, w, h = cv2.boundingRect(union)
    radius = max(3, round(0.25 * max(w, h)))
    # Room around the picture, or closing would pull the outline away from its border.
    padded = cv2.copyMakeBorder(union, radius, radius, radius, radius, cv2.BORDER_CONSTANT)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disk)
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(cv2.contourArea(outline) for outline in outlines)
    return tuple(
        (outline[:, 0, :].astype(np.float32) - radius) / scale
        for outline in outlines
        if len(outline) >= 3 and cv2.contourArea(outline) >= 0.05 * largest
    )


def pictures_of(folder: Path) -> Path:
    """Where a split's pictures lie: in JPEGImages/, in images/, or beside the annotations."""
    return next((folder / n for n in ("JPEGImages", "images") if (folder / n).is_dir()), folder)


def load_photos(
    root: Path, split: str, task: Task, classes: Sequence[str] | None = None
) -> list[Photo]:
    """The annotated photos of a split, with the instances that `task` learns.

    `split` is a folder below `root` with COCO's annotations.json and the pictures. `classes` are
    the categories that it may use, in the order of their labels, by default the parts.

    Raises: TrainingError saying how to get the data; or naming the annotation that is of an
        unknown category, or whose mask is not made of polygons.
    """
    path = root / split / JSON
    coco = read_coco(path)
    known, names = tuple(classes or PARTS), coco.names
    annotations: dict[int, list[CocoAnnotation]] = {}
    for annotation in coco.annotations:
        annotations.setdefault(annotation.image_id, []).append(annotation)
    photos = []
    for image in coco.images:
        width, height = image.width, image.height
        parts: list[Instance] = []
        for annotation in annotations.get(image.id, ()):
            name = names.get(annotation.category_id)
            if name not in known:
                raise TrainingError(
                    f"{path}: category {name!r} is not one of {', '.join(known)}: "
                    "set `classes` in the configuration"
                )
            polygons = _polygons(annotation, path)
            groups = split_wheels(polygons, width, height) if name == "wheel" else [tuple(polygons)]
            parts += [Instance(known.index(name), group) for group in groups if group]
        if task == "main_car":
            outline = whole_car((p for i in parts for p in i.polygons), width, height)
            parts = [Instance(0, outline)] if outline else []
        file = pictures_of(root / split) / image.file_name
        photos.append(Photo(file, width, height, tuple(parts)))
    return photos


def _polygons(annotation: CocoAnnotation, path: Path) -> list[Polygon]:
    if not isinstance(annotation.segmentation, list):
        raise TrainingError(
            f"{path}: annotation {annotation.id} is a run-length mask: export polygons"
        )
    return [_polygon(flat, annotation, path) for flat in annotation.segmentation if len(flat) >= 6]


def _polygon(flat: Any, annotation: CocoAnnotation, path: Path) -> Polygon:
    try:
        return np.asarray(flat, np.float32).reshape(-1, 2)
    except (ValueError, TypeError) as error:
        raise TrainingError(
            f"{path}: annotation {annotation.id} has a polygon that is no list of x and y: "
            "`python -m training.dataset check` lists them all"
        ) from error


def repeat_factors(photos: Sequence[Photo], below: float) -> NDArray[np.float64]:
    """(P,) how often each photo comes up in a pass: sqrt(below / share of its rarest class), >= 1.

    Repeat-factor sampling of the LVIS paper (Gupta et al. 2019, appendix B.3).
    """
    labels = [{i.label for i in photo.instances} for photo in photos]
    count = np.bincount([label for found in labels for label in found])
    share = count / max(1, len(photos))
    return np.array(
        [max([1.0, *(np.sqrt(below / share[label]) for label in found)]) for found in labels]
    )
