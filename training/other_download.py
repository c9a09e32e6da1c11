"""Fetch the photos of other things and of traffic from their public sources.

Of each source the photos are taken that `labels/other_photos.json` names, and checked together
against a known hash.
"""

import hashlib
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.coco import JSON
from training.download import archive, inside
from training.errors import TrainingError
from training.other_photos import NO_CAR, VEHICLES

GITHUB = "https://github.com"
NAMES = Path(__file__).parent / "labels" / "other_photos.json"

VEHICLE_PX = 416
"""Side of the traffic photos, which their source made square."""

KINDS = ("ambulance", "bus", "car", "motorcycle", "truck")
"""Of vehicles, in the order of the source's numbers."""

Files = Mapping[str, zipfile.ZipInfo]


@dataclass(frozen=True)
class Source:
    """A repository at a commit.

    select: which of its files become which photos, from the names that are wanted.
    sha256: of all photos, see `digest`.
    """

    name: str
    repository: str
    commit: str
    licence: str
    sha256: str
    select: Callable[[Files, Any], dict[str, str]]

    def url(self, mirror: str) -> str:
        """Of its archive on GitHub, or on a mirror of it."""
        return f"{mirror}/{self.repository}/archive/{self.commit}.zip"


def _numbers(ranges: str) -> list[int]:
    """Of "1-3 7": 1, 2, 3, 7."""
    pairs = (one.partition("-") for one in ranges.split())
    return [n for low, _, high in pairs for n in range(int(low), int(high or low) + 1)]


def _caltech(files: Files, wanted: dict[str, str]) -> dict[str, str]:
    return {
        f"{NO_CAR}/caltech-{folder.lower().replace('_', '-')}-{n:04}.jpg": (
            f"101_ObjectCategories/{folder}/image_{n:04}.jpg"
        )
        for folder, ranges in wanted.items()
        for n in _numbers(ranges)
    }


def _scooter(files: Files, wanted: dict[str, Any]) -> dict[str, str]:
    """Of several augmented copies of a photo the first is taken, but for two that are named."""
    found = {int(name.split("image_")[1].split("_")[0]): name for name in wanted["files"]}
    numbers = set(_numbers(wanted["numbers"]))
    for name in sorted(files):
        match = re.fullmatch(r"data/\w+/images/image_(\d+)_jpg\.rf\.\w+\.jpg", name)
        if match and int(match[1]) in numbers:
            found.setdefault(int(match[1]), name)
    return {f"{NO_CAR}/scooter-{number}.jpg": name for number, name in found.items()}


def _vehicles(files: Files, wanted: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in sorted(files):
        match = re.fullmatch(r"Vehicles.*/images/(\w+)_jpg\.rf\.\w+\.jpg", name)
        if match and match[1] in wanted:
            found.setdefault(f"{VEHICLES}/openimages-{match[1]}.jpg", name)
    return found


SOURCES = (
    Source(
        "caltech",
        "MachineLearning2020/Homework2-Caltech101",
        "836044dd000296b2bb74d0aa4b4e462e459b01d7",
        "Caltech-101 (Li, Andreeto, Ranzato and Perona), CC BY 4.0 at its home",
        "fd3630501b4208ed9a5d5dc5030a4508ea8bc6471a561aabc1a29ccd3fc69844",
        _caltech,
    ),
    Source(
        "scooter",
        "Jiaotu-YZ/keypointmotorbike",
        "213d041b8e695b05abac48907610c570a996fea1",
        "Motorbike 2 (Roboflow), CC BY 4.0",
        "75cff8ffca05e94604bb9260ff1751e8c728a0e3294aec8531db0f470eee59be",
        _scooter,
    ),
    Source(
        "openimages",
        "Codeveen/Vehicle-Classification",
        "2eefd8fe1a2bc1c7a5470f6e920b7a9e1827fdf5",
        "Vehicles-OpenImages 1 (Roboflow), CC BY 4.0",
        "b8f78a68a919d796206104f4b0f3767a686df0687a80ed91449f8cfe19f96a28",
        _vehicles,
    ),
)


def digest(photos: Mapping[str, bytes]) -> str:
    """sha256 over the names and contents of photos, in the order of their names."""
    total = hashlib.sha256()
    for name in sorted(photos):
        total.update(name.rpartition("/")[2].encode() + b"\0")
        total.update(hashlib.sha256(photos[name]).digest())
    return total.hexdigest()


def download_other(root: Path, mirror: str = GITHUB) -> None:
    """Fetch all sources into `root`: `no-car/`, and `vehicles/` with its annotations.json.

    Raises: TrainingError when a source cannot be had or its photos are not the known ones; then
        nothing of that source is written.
    """
    wanted = json.loads(NAMES.read_text())
    for source in SOURCES:
        with archive(source.url(mirror)) as content:
            files = inside(content)
            names = source.select(files, wanted[source.name])
            photos = {n: content.read(files[p]) for n, p in names.items() if p in files}
            if digest(photos) != source.sha256:
                raise TrainingError(f"{source.repository}: not the known photos: has it changed?")
            if source.name == "openimages":
                text = _annotations(content, files, names)
                photos[f"{VEHICLES}/{JSON}"] = json.dumps(text).encode()
        for name, photo in photos.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(photo)


def _annotations(content: zipfile.ZipFile, files: Files, names: dict[str, str]) -> dict[str, Any]:
    """COCO boxes from the source's text files: class, centre and size, as shares of the side."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, name in enumerate(sorted(names), 1):
        size = {"width": VEHICLE_PX, "height": VEHICLE_PX}
        images.append({"id": number, "file_name": name.rpartition("/")[2], **size})
        labels = names[name].replace("/images/", "/labels/").removesuffix(".jpg") + ".txt"
        for line in content.read(files[labels]).decode().splitlines():
            kind, *box = line.split()
            x, y, w, h = (float(share) * VEHICLE_PX for share in box)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": int(kind) + 1,
                    "bbox": [round(v, 1) for v in (x - w / 2, y - h / 2, w, h)],
                    "area": round(w * h, 1),
                    "iscrowd": 0,
                }
            )
    categories = [{"id": n, "name": kind} for n, kind in enumerate(KINDS, 1)]
    return {"images": images, "annotations": annotations, "categories": categories}
