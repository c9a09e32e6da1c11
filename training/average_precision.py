"""COCO's average precision of boxes and masks, and the same over draws of the photos.

pycocotools matches once. Precision and recall then follow from counts: taking a photo twice
counts its detections twice, which gives exactly what matching the doubled photo would.
"""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from carpose.detections import Detections
from training.errors import TrainingError
from training.intervals import Draws
from training.photos import Photo

Kind = Literal["box", "mask"]
KINDS: dict[Kind, str] = {"box": "bbox", "mask": "segm"}
RECALLS = np.linspace(0, 1, 101)
CHUNK = 50
"""Draws at a time: bounds the memory."""


@dataclass(frozen=True)
class ClassMatches:
    """A class's detections, best first: photo (N,), hit (10, N) at IoU .5 to .95, and the number
    of its objects in every photo (P,)."""

    photo: NDArray[np.int64]
    hit: NDArray[np.bool_]
    objects: NDArray[np.int64]


def _coco(
    photos: Sequence[Photo], annotations: list[dict[str, Any]], classes: Sequence[str]
) -> COCO:
    coco = COCO()
    coco.dataset = {
        "info": {},
        "images": [
            {"id": n, "width": p.width, "height": p.height} for n, p in enumerate(photos, 1)
        ],
        "annotations": annotations,
        "categories": [{"id": n, "name": name} for n, name in enumerate(classes, 1)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco


def coco_ground_truth(photos: Sequence[Photo], classes: Sequence[str]) -> COCO:
    """pycocotools' index of the photos' instances."""
    annotations: list[dict[str, Any]] = []
    for number, photo in enumerate(photos, 1):
        for instance in photo.instances:
            flat = [polygon.ravel().tolist() for polygon in instance.polygons]
            rle = coco_mask.merge(coco_mask.frPyObjects(flat, photo.height, photo.width))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": instance.label + 1,
                    "segmentation": rle,
                    "bbox": coco_mask.toBbox(rle).tolist(),
                    "area": float(coco_mask.area(rle)),
                    "iscrowd": 0,
                }
            )
    return _coco(photos, annotations, classes)


def coco_results(
    photos: Sequence[Photo], found: Sequence[Detections], classes: Sequence[str]
) -> COCO:
    """pycocotools' index of detections. Its own loadRes fails where nothing was found.

    Raises: TrainingError for a detection of a class that is not in `classes`.
    """
    results: list[dict[str, Any]] = []
    for number, (photo, detections) in enumerate(zip(photos, found, strict=True), 1):
        for k in range(len(detections)):
            x0, y0, x1, y1 = detections.boxes[k].tolist()
            label = str(detections.labels[k])
            if label not in classes:
                raise TrainingError(f"detected {label!r} is not one of {', '.join(classes)}")
            results.append(
                {
                    "id": len(results) + 1,
                    "image_id": number,
                    "category_id": list(classes).index(label) + 1,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": (x1 - x0) * (y1 - y0),
                    "iscrowd": 0,
                    "segmentation": {
                        "size": [photo.height, photo.width],
                        "counts": detections.mask(k).rle().encode(),
                    },
                    "score": float(detections.scores[k]),
                }
            )
    return _coco(photos, results, classes)


def matches(truth: COCO, results: COCO, kind: Kind) -> list[ClassMatches]:
    """What COCO's matching says of every class, over objects of all sizes."""
    evaluation = COCOeval(truth, results, KINDS[kind])
    evaluation.params.areaRng = evaluation.params.areaRng[:1]
    evaluation.params.areaRngLbl = ["all"]
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.evaluate()
    photos = len(evaluation.params.imgIds)
    classes = []
    for k in range(len(evaluation.params.catIds)):
        scores, hits, where = [np.zeros(0)], [np.zeros((10, 0), bool)], [np.zeros(0, np.int64)]
        objects = np.zeros(photos, np.int64)
        for p, one in enumerate(evaluation.evalImgs[k * photos : (k + 1) * photos]):
            if one is not None:
                objects[p] = len(one["gtIds"])
                scores.append(np.array(one["dtScores"]))
                hits.append(one["dtMatches"] > 0)
                where.append(np.full(len(one["dtScores"]), p))
        # COCOeval's order: stable, by score.
        order = np.argsort(-np.concatenate(scores), kind="mergesort")
        hit = np.concatenate(hits, axis=1)[:, order]
        classes.append(ClassMatches(np.concatenate(where)[order], hit, objects))
    return classes


def precision(found: ClassMatches, draws: Draws) -> NDArray[np.float64]:
    """(B, 10) precision, mean over 101 recalls, at each IoU; NaN where a draw has no object."""
    result = np.full((len(draws), 10), np.nan)
    for first in range(0, len(draws), CHUNK):
        counts = draws[first : first + CHUNK]
        objects = counts @ found.objects
        weight = counts[:, found.photo]
        seen = np.cumsum(weight, axis=1, dtype=np.float64)
        for t, hit in enumerate(found.hit):
            right = np.cumsum(weight * hit, axis=1, dtype=np.float64)
            curve = right / (seen + np.spacing(1))
            curve = np.maximum.accumulate(curve[:, ::-1], axis=1)[:, ::-1]
            padded = np.pad(curve, ((0, 0), (0, 1)))
            for b in np.flatnonzero(objects):
                at = np.searchsorted(right[b] / objects[b], RECALLS, side="left")
                result[first + b, t] = padded[b, at].mean()
    return result


@dataclass(frozen=True)
class Samples:
    """(B,) values, one per draw: AP and AP50 by figure, and AP as {figure: {class: values}}."""

    overall: dict[str, NDArray[np.float64]]
    per_class: dict[str, dict[str, NDArray[np.float64]]]


def precision_samples(
    photos: Sequence[Photo],
    found: Sequence[Detections],
    classes: Sequence[str],
    draws: Draws,
) -> Samples:
    """Average precision of boxes and masks over draws of the photos."""
    truth, results = coco_ground_truth(photos, classes), coco_results(photos, found, classes)
    overall: dict[str, NDArray[np.float64]] = {}
    per_class: dict[str, dict[str, NDArray[np.float64]]] = {}
    for kind in KINDS:
        every = np.stack([precision(one, draws) for one in matches(truth, results, kind)])
        known = np.isfinite(every).all(axis=2)
        number = np.where(known.any(axis=0), known.sum(axis=0), np.nan)
        overall[f"{kind}_ap"] = np.nansum(every.mean(axis=2), axis=0) / number
        overall[f"{kind}_ap50"] = np.nansum(every[:, :, 0], axis=0) / number
        of_classes = zip(classes, every, strict=True)
        per_class[f"{kind}_ap"] = {label: values.mean(axis=1) for label, values in of_classes}
    return Samples(overall, per_class)


def average_precision(
    photos: Sequence[Photo], found: Sequence[Detections], classes: Sequence[str]
) -> dict[str, float]:
    """AP and AP50 of boxes and masks, all 0 to 1. `classes` in the order of the labels."""
    once = np.ones((1, len(photos)), np.int64)
    samples = precision_samples(photos, found, classes, once).overall
    return {name: float(v[0]) for name, v in samples.items() if np.isfinite(v[0])}
