"""Measure a bundle on annotated photos, through the same engine code that serves.

    python -m training.evaluate --data DIR [--parts BUNDLE] [--car BUNDLE] [--out report.json]

Box and mask AP (COCO, pycocotools, one instance per wheel), the main car's mask IoU against the
filled union of its parts, the side accuracy of found parts, and the viewpoint that the rules give
on the detections against the one they give on the annotations.
"""

import argparse
import contextlib
import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from tqdm import tqdm

from carpose.bundle import MANIFEST, open_bundle
from carpose.detections import Detections
from carpose.errors import CarposeError
from carpose.images import Limits, Picture, decode
from carpose.main_car import main_car, parts_of, with_parts
from carpose.parts import PARTS, mirrored
from carpose.pose import estimate_pose
from carpose.segmenters import Segmenter, load_segmenter
from training.dataset import CLASSES, Photo, Split, Task, load_photos, raster

AP_THRESHOLD = 0.02


def read(photo: Photo) -> Picture:
    """The photo as the server would decode it."""
    return decode(photo.path.read_bytes(), Limits())


def annotated_parts(photo: Photo, cells: int = 56) -> Detections:
    """A photo's annotations as perfect detections with masks of cells x cells."""
    boxes, masks = [], []
    for instance in photo.instances:
        points = np.concatenate(instance.polygons)
        x0, y0 = np.clip(points.min(0), 0, None)
        x1, y1 = np.minimum(points.max(0) + 1, [photo.width, photo.height])
        full = raster(instance.polygons, photo.width, photo.height) * np.uint8(255)
        size = (cells, cells)
        cropped = Image.fromarray(full).resize(size, Image.Resampling.BOX, (x0, y0, x1, y1))
        boxes.append([x0, y0, x1, y1])
        masks.append(np.asarray(cropped))
    labels = np.array([PARTS[i.label] for i in photo.instances])
    return Detections(np.array(boxes), np.ones(len(boxes)), labels, np.stack(masks))


def coco_ground_truth(photos: list[Photo], task: Task) -> COCO:
    """pycocotools' index of the photos' instances."""
    annotations = []
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
    coco = COCO()
    coco.dataset = {
        "info": {},
        "images": [
            {"id": n, "width": p.width, "height": p.height} for n, p in enumerate(photos, 1)
        ],
        "annotations": annotations,
        "categories": [{"id": n, "name": name} for n, name in enumerate(CLASSES[task], 1)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco


def coco_results(
    photos: list[Photo], found: list[Detections], task: Task
) -> list[dict[str, object]]:
    """Detections in pycocotools' result format."""
    results: list[dict[str, object]] = []
    for number, (photo, detections) in enumerate(zip(photos, found, strict=True), 1):
        for k in range(len(detections)):
            x0, y0, x1, y1 = detections.boxes[k].tolist()
            mask = detections.mask(k, photo.width, photo.height)
            results.append(
                {
                    "image_id": number,
                    "category_id": CLASSES[task].index(str(detections.labels[k])) + 1,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "segmentation": coco_mask.encode(np.asfortranarray(mask)),
                    "score": float(detections.scores[k]),
                }
            )
    return results


def average_precision(photos: list[Photo], found: list[Detections], task: Task) -> dict[str, float]:
    """AP and AP50 of boxes and masks, and box AP per class, all 0 to 1."""
    truth = coco_ground_truth(photos, task)
    figures: dict[str, float] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        results = truth.loadRes(coco_results(photos, found, task))
        for kind, name in (("bbox", "box"), ("segm", "mask")):
            evaluation = COCOeval(truth, results, kind)
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
            figures[f"{name}_ap"] = float(evaluation.stats[0])
            figures[f"{name}_ap50"] = float(evaluation.stats[1])
            if name == "box" and task == "car_parts":
                # precision: (IoU thresholds, recalls, classes, areas, max detections)
                precision = evaluation.eval["precision"][:, :, :, 0, -1]
                for k, label in enumerate(CLASSES[task]):
                    seen = precision[:, :, k][precision[:, :, k] > -1]
                    if seen.size:
                        figures[f"box_ap_{label}"] = float(seen.mean())
    return figures


def _iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    union = np.count_nonzero(a | b)
    return float(np.count_nonzero(a & b) / union) if union else 1.0


def _box_iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    size = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    inside = float(np.prod(np.clip(size, 0, None)))
    return inside / max(1e-6, float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - inside)


def side_accuracy(truth: list[Detections], found: list[Detections]) -> float:
    """Of found parts on a sided part or its twin (IoU >= 0.5): the share on the right side."""
    right = wrong = 0
    for annotated, detected in zip(truth, found, strict=True):
        for box, label in zip(detected.boxes, detected.labels, strict=True):
            if mirrored(str(label)) == label:
                continue
            pair = {str(label), mirrored(str(label))}
            near = [
                (_box_iou(box, annotated.boxes[k]), str(annotated.labels[k]))
                for k in range(len(annotated))
                if str(annotated.labels[k]) in pair
            ]
            overlap, name = max(near, default=(0.0, ""))
            if overlap >= 0.5:
                right += name == label
                wrong += name != label
    return right / max(1, right + wrong)


def detect(segmenter: Segmenter, photos: list[Photo], threshold: float) -> list[Detections]:
    """Detections of every photo, with a progress bar."""
    return [
        segmenter([read(p)], threshold)[0]
        for p in tqdm(photos, unit="photo", leave=False, disable=None)
    ]


def main_car_iou(photos: list[Photo], found: list[Detections]) -> list[float]:
    """(P,) IoU of the main car's mask with the annotated whole car; 0 where none was found."""
    values = []
    for photo, cars in zip(photos, found, strict=True):
        polygons = [polygon for i in photo.instances for polygon in i.polygons]
        truth = raster(polygons, photo.width, photo.height).astype(bool)
        try:
            car = cars.mask(main_car(cars), photo.width, photo.height)
        except CarposeError:
            values.append(0.0)
            continue
        values.append(float(_iou(truth, car)))
    return values


def viewpoints(
    photos: list[Photo], parts: list[Detections], cars: list[Detections] | None
) -> list[tuple[str, str]]:
    """(annotated, detected) viewpoint of every photo; "none" where there is no answer.

    With `cars`, only the parts of the main car count, as in the server.
    """
    pairs = []
    for k, photo in enumerate(photos):
        found = parts[k]
        expected = str(estimate_pose(annotated_parts(photo)).viewpoint)
        try:
            if cars is not None:
                index = main_car(cars[k])
                found = parts_of(cars[k], index, found, photo.width, photo.height)
            pairs.append((expected, str(estimate_pose(found).viewpoint)))
        except CarposeError as error:
            pairs.append((expected, error.code))
    return pairs


def _record(uri: str, figures: dict[str, float]) -> None:
    bundle = open_bundle(uri)
    metrics = {name: round(value, 4) for name, value in figures.items()}
    manifest = bundle.manifest.model_copy(update={"metrics": metrics})
    fields = manifest.model_dump(mode="json", exclude_none=True)
    (bundle.folder / MANIFEST).write_text(yaml.safe_dump(fields, sort_keys=False))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--parts", default="embedded:car_parts")
    parser.add_argument("--car", default="embedded:main_car", help="a bundle, or none")
    parser.add_argument("--split", choices=["trainingset", "testset"], default="testset")
    parser.add_argument("--runtime", choices=["onnxruntime", "openvino"], default="onnxruntime")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--record", action="store_true", help="write the figures into model.yaml")
    args = parser.parse_args()
    split: Split = args.split

    report: dict[str, object] = {"split": split}
    photos = load_photos(args.data, split, "car_parts")
    bundle = open_bundle(args.parts)
    segmenter = load_segmenter(bundle, "cpu", args.runtime, args.threads)
    everything = detect(segmenter, photos, AP_THRESHOLD)
    served = [d[d.scores >= bundle.manifest.score_threshold] for d in everything]
    figures = average_precision(photos, everything, "car_parts")
    figures["side_accuracy"] = side_accuracy([annotated_parts(p) for p in photos], served)
    report["car_parts"] = {"bundle": bundle.identity, **figures}

    cars = None
    if args.car != "none":
        bundle = open_bundle(args.car)
        segmenter = load_segmenter(bundle, "cpu", args.runtime, args.threads)
        outlines = load_photos(args.data, split, "main_car")
        cars = detect(segmenter, outlines, bundle.manifest.score_threshold)
        cars = [
            with_parts(found, own, photo.width, photo.height)
            for found, own, photo in zip(cars, served, photos, strict=True)
        ]
        ious = main_car_iou(outlines, cars)
        report["main_car"] = {
            "bundle": bundle.identity,
            "mean_iou": float(np.mean(ious)),
            "worst_iou": float(np.min(ious)),
            "not_found": sum(v == 0.0 for v in ious),
        }
    pairs = viewpoints(photos, served, cars)
    wrong = [
        (photo.path.name, *pair)
        for photo, pair in zip(photos, pairs, strict=True)
        if pair[0] != pair[1]
    ]
    report["viewpoint_accuracy"] = 1 - len(wrong) / len(pairs)
    report["viewpoint_errors"] = wrong
    report["viewpoints"] = dict(Counter(expected for expected, _ in pairs))
    if args.record:
        _record(args.parts, {**figures, "viewpoint_accuracy": 1 - len(wrong) / len(pairs)})
        if args.car != "none":
            _record(args.car, {"mean_iou": float(np.mean(ious)), "worst_iou": float(np.min(ious))})
    text = json.dumps(report, indent=2)
    print(text)
    if args.out:
        args.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
