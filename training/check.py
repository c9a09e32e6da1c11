"""What is wrong with annotations, before it is learnt: `python -m training.dataset check`."""

import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from shapely import Polygon as ShapelyPolygon
from shapely import is_valid_reason
from tqdm import tqdm

from training.coco import JSON, CocoAnnotation, CocoImage, read_coco
from training.photos import pictures_of

Boxes = Mapping[str, tuple[float, float, float, float]]
"""x0, y0, x1, y1 of a photo's parts by name; of several with a name, the largest."""

Severity = Literal["error", "warning"]

OUTSIDE = 0.02
"""Share of the picture's size that a polygon may stick out."""

ORIENTATION = 0x0112

SEVERITY: dict[str, Severity] = {"self-intersecting": "warning", "bbox": "warning"}
"""Of a finding's kind; every other one is an error."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: an error is refused by training or spoils it; look at a warning."""

    severity: Severity
    kind: str
    photo: str
    annotation: int | None
    text: str


def check(root: Path, split: str, classes: Sequence[str]) -> list[Finding]:
    """All findings of a split, errors first. Raises: TrainingError when there is none to read."""
    coco = read_coco(root / split / JSON)
    folder, names = pictures_of(root / split), coco.names
    images = {image.id: image for image in coco.images}
    findings = [
        *_duplicates([image.id for image in coco.images], "image"),
        *_duplicates([annotation.id for annotation in coco.annotations], "annotation"),
    ]
    parts: dict[int, dict[str, tuple[float, float, float, float]]] = {}
    for image in tqdm(coco.images, unit="photo", leave=False, disable=None):
        findings += _picture(folder, image)
    for annotation in coco.annotations:
        shown = images.get(annotation.image_id)
        number, name = annotation.id, names.get(annotation.category_id)
        if shown is None:
            text = f"belongs to image {annotation.image_id}, which is not there"
            findings.append(Finding("error", "no-image", "", number, text))
            continue
        photo = shown.file_name
        if name not in classes:
            text = f"{name!r} is not a class: list it under `classes` in the configuration"
            findings.append(Finding("error", "unknown-class", photo, number, text))
        for kind, text in _shape(annotation, shown):
            findings.append(Finding(SEVERITY.get(kind, "error"), kind, photo, number, text))
        box = _box(annotation)
        if box is not None and name is not None:
            own = parts.setdefault(shown.id, {})
            own[name] = max(own.get(name, box), box, key=_area)
    for number, own in parts.items():
        findings += [
            Finding("warning", "side", images[number].file_name, None, text)
            for text in side_contradictions(own)
        ]
    return sorted(findings, key=lambda finding: finding.severity)


def _duplicates(numbers: Sequence[int | None], kind: str) -> list[Finding]:
    counts = Counter(number for number in numbers if number is not None)
    return [
        Finding("error", "duplicate-id", "", None, f"{kind} id {number} occurs {count} times")
        for number, count in counts.items()
        if count > 1
    ]


def _picture(folder: Path, image: CocoImage) -> Iterator[Finding]:
    name = image.file_name
    try:
        with Image.open(folder / name) as picture:
            size, turned = picture.size, picture.getexif().get(ORIENTATION, 1) >= 5
            picture.load()
    except FileNotFoundError:
        yield Finding("error", "missing", name, None, f"no such file in {folder}")
        return
    except (UnidentifiedImageError, OSError) as error:
        yield Finding("error", "unreadable", name, None, str(error))
        return
    upright = size[::-1] if turned else size
    if upright != (image.width, image.height):
        text = f"annotated as {image.width} x {image.height}, is {upright[0]} x {upright[1]}"
        yield Finding("error", "size", name, None, text)


def _shape(annotation: CocoAnnotation, image: CocoImage) -> Iterator[tuple[str, str]]:
    polygons = annotation.segmentation
    if not isinstance(polygons, list) or not polygons:
        yield "no-polygon", "has no polygons (run-length masks are not read)"
        return
    for flat in polygons:
        points = _numbers(flat)
        if points is None:
            yield "polygon", "a polygon is a list of numbers"
            continue
        if len(points) % 2 or len(points) < 6:
            yield "polygon", f"a polygon of {len(points)} numbers: 3 points or more, x and y each"
            continue
        if not np.isfinite(points).all():
            yield "polygon", "a coordinate is not a number"
            continue
        points = points.reshape(-1, 2)
        shape = ShapelyPolygon(points)
        if shape.area < 1:
            yield "polygon", f"a polygon of {shape.area:.2f} square pixels"
        elif not shape.is_valid:
            yield "self-intersecting", is_valid_reason(shape)
        slack = OUTSIDE * max(image.width, image.height)
        if (points < -slack).any() or (points > [image.width + slack, image.height + slack]).any():
            yield "outside", f"reaches to {points.max(axis=0).round().tolist()}"
    box, said = _box(annotation), annotation.bbox
    if box is not None and said is not None:
        expected = np.array([box[0], box[1], box[2] - box[0], box[3] - box[1]])
        given = _numbers(said)
        if given is None or len(given) != 4:
            yield "bbox", "a bbox is x, y, width and height"
        elif np.abs(expected - given).max() > max(4.0, 0.05 * max(expected[2:])):
            yield "bbox", f"bbox {said} is not that of its polygons, {expected.round(1).tolist()}"


def _numbers(flat: object) -> NDArray[np.float64] | None:
    """(N,) numbers of a list, None where it is something else."""
    try:
        numbers = np.asarray(flat, np.float64)
    except (ValueError, TypeError):
        return None
    return numbers if numbers.ndim == 1 else None


def _polygons(annotation: CocoAnnotation) -> list[NDArray[np.float64]]:
    """(K, 2) points of those polygons that are some."""
    said = annotation.segmentation
    lists = [_numbers(flat) for flat in said] if isinstance(said, list) else []
    return [p.reshape(-1, 2) for p in lists if p is not None and len(p) >= 6 and len(p) % 2 == 0]


def _box(annotation: CocoAnnotation) -> tuple[float, float, float, float] | None:
    polygons = _polygons(annotation)
    if not polygons:
        return None
    points = np.concatenate(polygons)
    if not np.isfinite(points).all():
        return None
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return x0, y0, x1, y1


def _area(box: tuple[float, float, float, float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


RIGHT_OF: tuple[tuple[str, str, str], ...] = (
    # Seen from the front, the car's own right is on the left of the picture.
    ("front_left_light", "front_right_light", "the front lights"),
    ("back_right_light", "back_left_light", "the back lights"),
    # On its left side a car heads to the left of the picture, on its right side to the right.
    ("back_left_door", "front_left_door", "the left doors"),
    ("front_right_door", "back_right_door", "the right doors"),
    ("front_left_door", "front_bumper", "left door and front bumper"),
    ("front_bumper", "front_right_door", "right door and front bumper"),
    ("back_bumper", "back_left_door", "left door and back bumper"),
    ("back_right_door", "back_bumper", "right door and back bumper"),
)
"""(a, b, what): in a picture of an upright car, part a lies right of part b."""


def side_contradictions(boxes: Boxes) -> list[str]:
    """What the parts' places say against the sides they are labelled with."""
    found = []
    for right, left, what in RIGHT_OF:
        if right in boxes and left in boxes:
            a, b = boxes[right], boxes[left]
            # Boxes that overlap by half and more say little about which is right of the other.
            margin = 0.25 * min(a[2] - a[0], b[2] - b[0])
            if (a[0] + a[2]) / 2 < (b[0] + b[2]) / 2 - margin:
                found.append(f"{what}: {right} lies left of {left}")
    doors = {
        side: sum(_area(box) for name, box in boxes.items() if name.endswith(f"{side}_door"))
        for side in ("left", "right")
    }
    if min(doors.values()) > 0.25 * max(doors.values()):
        found.append("doors of both sides at once")
    return found


def contact_sheet(
    root: Path, split: str, findings: Sequence[Finding], out: Path, count: int = 24
) -> None:
    """The photos with most findings, then others, with polygons and labels, as one picture."""
    coco = read_coco(root / split / JSON)
    folder = pictures_of(root / split)
    marks = Counter(finding.photo for finding in findings)
    images = sorted(coco.images, key=lambda image: -marks[image.file_name])[:count]
    tiles = []
    for image in images:
        tile = np.full((300, 400, 3), 40, np.uint8)
        picture = cv2.imread(str(folder / image.file_name))
        if picture is not None:
            scale = min(400 / picture.shape[1], 270 / picture.shape[0])
            small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            for annotation in coco.annotations:
                if annotation.image_id == image.id:
                    _draw(small, annotation, coco.names, scale)
            tile[: small.shape[0], : small.shape[1]] = small
        colour = (80, 80, 255) if marks[image.file_name] else (255, 255, 255)
        text = f"{image.file_name}: {marks[image.file_name]} findings"
        cv2.putText(tile, text, (6, 292), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
        tiles.append(tile)
    tiles += [np.full((300, 400, 3), 40, np.uint8)] * (-len(tiles) % 4)
    rows = [np.hstack(tiles[k : k + 4]) for k in range(0, len(tiles), 4)]
    cv2.imwrite(str(out), np.vstack(rows))


def _draw(
    picture: NDArray[np.uint8], annotation: CocoAnnotation, names: dict[int, str], scale: float
) -> None:
    box = _box(annotation)
    if box is None:
        return
    name = names.get(annotation.category_id, "?")
    colour = _colour(name)
    for points in _polygons(annotation):
        corners = (points * scale).round().astype(np.int32)
        cv2.polylines(picture, [corners], True, colour, 1, cv2.LINE_AA)
    short = name.replace("front", "f").replace("back", "b").replace("_", " ")
    place = (int(box[0] * scale), int((box[1] + box[3]) / 2 * scale))
    cv2.putText(picture, short, place, cv2.FONT_HERSHEY_SIMPLEX, 0.32, colour, 1, cv2.LINE_AA)


def _colour(name: str) -> tuple[int, int, int]:
    """BGR of a class, the same in every picture and process, and on both sides of a car."""
    hue = zlib.crc32(name.replace("left", "").replace("right", "").encode()) % 180
    pixel = cv2.cvtColor(np.array([[[hue, 230, 255]]], np.uint8), cv2.COLOR_HSV2BGR)[0, 0]
    return int(pixel[0]), int(pixel[1]), int(pixel[2])


def table(findings: Sequence[Finding]) -> str:
    """Findings as text, one a line, and their number by kind."""
    lines = [
        f"{f.severity:8}{f.kind:18}{f.photo:18}{'' if f.annotation is None else f.annotation!s:>7}"
        f"  {f.text}"
        for f in findings
    ]
    counts = Counter((f.severity, f.kind) for f in findings)
    lines += [f"{count:6} {severity}s: {kind}" for (severity, kind), count in counts.items()]
    return "\n".join(lines) if findings else "nothing found"


def as_json(findings: Sequence[Finding]) -> str:
    """Findings as a JSON list."""
    return json.dumps([asdict(finding) for finding in findings], indent=1) + "\n"
