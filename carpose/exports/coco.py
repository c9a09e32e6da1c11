"""Answers as COCO annotations: what labelling tools, FiftyOne and `training.dataset` read."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from carpose.exports.answered import Answered, Car, Thing
from carpose.exports.outlines import Point, area_of, outlines
from carpose.parts import PARTS

CAR: Final = "car"

TOLERANCE: Final = 1 / 1000
"""Of the picture's longest side, and a pixel at least, that a polygon may be beside the mask."""


def to_coco(
    photos: Iterable[tuple[str, Answered]],
    car: bool = False,
    empty: Mapping[str, tuple[int, int]] = MappingProxyType({}),
) -> dict[str, Any]:
    """The content of COCO's file for answered photos, by their file names.

    Parts have the classes of the car-parts data, in its order, from 1; other names follow. Polygons
    come of masks (`include=masks`; holes are filled), where there are none only boxes. Every
    annotation also has its `score`; an image has its `viewpoint`. Pixels are those of the upright
    picture, turned by `image.turned`.

    car: whether the cars themselves are annotated too, as the class `car`. `training.dataset check`
        and the training expect parts alone.
    empty: photos without a car, by their names, with width and height.
    """
    names: list[str] = list(PARTS)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (file_name, answer) in enumerate(photos, 1):
        images.append(
            {
                "id": number,
                "file_name": file_name,
                "width": answer.image.width,
                "height": answer.image.height,
                "viewpoint": answer.pose.viewpoint,
                "viewpoint_score": answer.pose.viewpoint_score,
            }
        )
        for name, found in labelled(answer, car):
            if name not in names:
                names.append(name)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": names.index(name) + 1,
                    **_shape(found, max(answer.image.width, answer.image.height)),
                    "iscrowd": 0,
                    "score": found.score,
                }
            )
    for number, (file_name, (width, height)) in enumerate(empty.items(), len(images) + 1):
        images.append({"id": number, "file_name": file_name, "width": width, "height": height})
    categories = [{"id": k, "name": name, "supercategory": CAR} for k, name in enumerate(names, 1)]
    return {"images": images, "categories": categories, "annotations": annotations}


def labelled(answer: Answered, car: bool = False) -> Iterator[tuple[str, Thing]]:
    """Everything that an answer finds, with the name of its class: of every car that it has."""
    each: Iterable[Car] = [answer] if answer.cars is None else answer.cars
    for one in each:
        if car:
            yield CAR, one.car
        for part in one.parts:
            yield part.label, part


def polygons_of(found: Thing, longest_px: int) -> list[list[Point]]:
    """The outlines of what was found, in a picture of this size; none where it has no mask."""
    if found.mask is None:
        return []
    polygons = outlines(found.mask.size, found.mask.counts, max(1.0, longest_px * TOLERANCE))
    if polygons:
        return polygons
    # Too small for a pixel of its own.
    x0, y0, x1, y1 = found.box
    return [[(x0, y0), (x1, y0), (x1, y1), (x0, y1)]]


def _shape(found: Thing, longest_px: int) -> dict[str, Any]:
    polygons = polygons_of(found, longest_px)
    x0, y0, x1, y1 = found.box
    area = (x1 - x0) * (y1 - y0)
    if polygons and found.mask is not None:
        xs, ys = zip(*(point for polygon in polygons for point in polygon), strict=True)
        x0, y0, x1, y1 = min(xs), min(ys), max(xs), max(ys)
        area = area_of(found.mask.counts) or area
    return {
        "segmentation": [[v for point in polygon for v in point] for polygon in polygons],
        "bbox": [round(v, 1) for v in (x0, y0, x1 - x0, y1 - y0)],
        "area": round(area, 1),
    }
