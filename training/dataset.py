"""The car-parts data: COCO annotations in, photos with one polygon set per instance out.

python -m training.dataset download --data DIR     fetch the data from its public source
python -m training.dataset show --data DIR         how many of each part
python -m training.dataset check --data DIR        what is wrong with the annotations
python -m training.dataset split --data DIR        a validation split without near-duplicates
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from carpose.parts import CAR_CLASSES, PARTS

JSON = "annotations.json"
Task = Literal["car_parts", "main_car"]
Polygon = NDArray[np.float32]
"""(K, 2) x, y in pixels of the picture."""

CLASSES: dict[Task, tuple[str, ...]] = {"car_parts": PARTS, "main_car": CAR_CLASSES}


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

    Raises: FileNotFoundError saying how to get the data; ValueError on an unknown category or a
        mask that is not made of polygons.
    """
    path = root / split / JSON
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing: run `python -m training.dataset download --data {root}`"
        )
    known = tuple(classes or PARTS)
    coco = json.loads(path.read_text())
    names = {c["id"]: c["name"] for c in coco["categories"]}
    annotations: dict[int, list[dict[str, object]]] = {}
    for annotation in coco["annotations"]:
        annotations.setdefault(annotation["image_id"], []).append(annotation)
    photos = []
    for image in coco["images"]:
        width, height = image["width"], image["height"]
        parts: list[Instance] = []
        for annotation in annotations.get(image["id"], ()):
            name = names[annotation["category_id"]]
            if name not in known:
                raise ValueError(
                    f"{path}: category {name!r} is not one of {', '.join(known)}: "
                    "set `classes` in the configuration"
                )
            if not isinstance(annotation["segmentation"], list):
                raise ValueError(
                    f"{path}: annotation {annotation.get('id')} is a run-length mask: "
                    "export polygons"
                )
            polygons = [
                np.asarray(flat, np.float32).reshape(-1, 2)
                for flat in annotation["segmentation"]
                if len(flat) >= 6
            ]
            groups = split_wheels(polygons, width, height) if name == "wheel" else [tuple(polygons)]
            parts += [Instance(known.index(name), group) for group in groups if group]
        if task == "main_car":
            outline = whole_car((p for i in parts for p in i.polygons), width, height)
            parts = [Instance(0, outline)] if outline else []
        file = pictures_of(root / split) / image["file_name"]
        photos.append(Photo(file, width, height, tuple(parts)))
    return photos


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


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=["download", "show", "check", "split"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="trainingset", help="folder below --data")
    parser.add_argument("--source", help="download: URL of a mirror of the archive")
    parser.add_argument("--config", type=Path, help="check: of the run, for its `classes`")
    parser.add_argument("--share", type=float, default=0.1, help="split: of the photos")
    parser.add_argument("--seed", type=int, default=1, help="split: the same, the same split")
    parser.add_argument("--against", help="split: name near-duplicates in this folder too")
    parser.add_argument("--out", type=Path, help="check: a folder; split: a JSON file")
    args = parser.parse_args()
    if args.action == "download":
        from training.download import SOURCE, download

        try:
            download(args.data, args.source or SOURCE)
        except (OSError, ValueError) as error:
            raise SystemExit(
                f"{args.source or SOURCE}: {error}\nfetch it where there is a network, and name "
                "the mirror or file:// URL with --source"
            ) from error
        print("The data states no licence and asks for a citation: Pasupa et al., Evaluation of")
        print("deep learning algorithms for semantic segmentation of car parts, 2021.")
    elif args.action == "show":
        photos = load_photos(args.data, args.split, "car_parts")
        count = np.bincount([i.label for p in photos for i in p.instances], minlength=len(PARTS))
        print(f"{args.split}: {len(photos)} photos")
        for name, number in zip(PARTS, count, strict=True):
            print(f"  {number:5d} {name}")
    elif args.action == "check":
        raise SystemExit(_check(args.data, args.split, args.config, args.out))
    else:
        _split(args.data, args.split, args.share, args.seed, args.against, args.out)


def _check(data: Path, split: str, config: Path | None, out: Path | None) -> int:
    from training.check import as_json, check, contact_sheet, table
    from training.config import load_config

    classes = load_config(config).classes if config else None
    findings = check(data, split, classes or PARTS)
    print(table(findings))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "findings.json").write_text(as_json(findings))
        contact_sheet(data, split, findings, out / "contact_sheet.png")
        print(f"findings.json and contact_sheet.png are in {out}")
    return int(any(finding.severity == "error" for finding in findings))


def _split(
    data: Path, split: str, share: float, seed: int, against: str | None, out: Path | None
) -> None:
    from training.split import leak_free_split, leaks, write_split

    photos = load_photos(data, split, "car_parts")
    train, validation = leak_free_split(photos, share, seed)
    print(f"{len(train)} photos to learn from, {len(validation)} to validate on")
    if against is not None:
        for ours, theirs in leaks(photos, load_photos(data, against, "car_parts")):
            print(f"near-duplicate: {split} {ours}, {against} {theirs}")
    if out is not None:
        write_split(out, train, validation)
        print(f"use it: python -m training.train --split-file {out} ...")


if __name__ == "__main__":
    main()
