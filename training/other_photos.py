"""Photos beside the car-parts data: what is no car, and traffic in which vehicles are boxed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.coco import JSON, read_coco
from training.errors import TrainingError

NO_CAR = "no-car"
VEHICLES = "vehicles"

KINDS_ASIDE = 0.15
"""Share of the kinds of other things that training keeps for validation."""
CARS = frozenset({"car", "truck", "bus", "ambulance"})
"""COCO counts trucks and buses as cars of their own, and so does the main-car segmenter."""

CAR_SEEN: dict[str, tuple[int, ...]] = {
    "caltech-airplanes": (142, 152, 463, 655, 778, 781),
    "caltech-background-google": (4, 69, 110, 192, 298, 433),
    "caltech-ferry": (2, 5),
    "caltech-helicopter": (14, 30, 86),
    "caltech-motorbikes": (146, 298, 349, 639),
    "caltech-pagoda": (30,),
    "caltech-stop-sign": (55, 60, 61),
    "caltech-wheelchair": (37,),
    "scooter": (2634,),
}
"""Numbers of the photos of other things, by kind, in which a car, truck or bus is seen all the
same: found by eye among 1,359 of the 3,207, and left out."""


@dataclass(frozen=True)
class Traffic:
    """A photo in which some vehicles are boxed, not every one.

    boxes: (N, 4) float32 x0, y0, x1, y1 in pixels; is_car: (N,), False for motorcycles.
    """

    path: Path
    width: int
    height: int
    boxes: NDArray[np.float32]
    is_car: NDArray[np.bool_]


def kind_of(path: Path) -> str:
    """The kind of thing a no-car photo shows: its file name without the number."""
    return path.stem.rpartition("-")[0]


def shows_car(path: Path) -> bool:
    """Whether a photo of something else is known to show a car."""
    kind, _, number = path.stem.rpartition("-")
    return kind in CAR_SEEN and number.isdecimal() and int(number) in CAR_SEEN[kind]


def no_car_photos(root: Path) -> list[Path]:
    """The photos without a car below `root`, in the order of their names.

    Raises: TrainingError saying how to get them.
    """
    photos = [p for p in sorted((root / NO_CAR).glob("*.jpg")) if not shows_car(p)]
    if not photos:
        raise TrainingError(
            f"no photos in {root / NO_CAR}: run `python -m training.dataset download`"
        )
    return photos


def split_kinds(
    photos: Sequence[Path], seed: int, share: float = KINDS_ASIDE
) -> tuple[list[Path], list[Path]]:
    """Photos to learn from, and to validate on: `share` of the kinds, whole.

    What a network learnt of a kind it has seen says little of the kinds that it has not.
    """
    kinds = sorted({kind_of(path) for path in photos})
    aside = set(np.random.default_rng(seed).choice(kinds, round(share * len(kinds)), False))
    learn = [path for path in photos if kind_of(path) not in aside]
    return learn, [path for path in photos if kind_of(path) in aside]


def traffic(root: Path) -> list[Traffic]:
    """The photos of traffic below `root`, those with a box."""
    coco = read_coco(root / VEHICLES / JSON)
    boxes: dict[int, list[tuple[list[float], bool]]] = {}
    for annotation in coco.annotations:
        x, y, w, h = annotation.bbox
        is_car = coco.names[annotation.category_id] in CARS
        boxes.setdefault(annotation.image_id, []).append(([x, y, x + w, y + h], is_car))
    return [
        Traffic(
            root / VEHICLES / image.file_name,
            image.width,
            image.height,
            np.array([box for box, _ in found], np.float32),
            np.array([is_car for _, is_car in found]),
        )
        for image in coco.images
        if (found := boxes.get(image.id))
    ]


def is_learnt(name: str) -> bool:
    """Whether a photo of traffic is learnt from: seven in ten, by their names, whatever the seed,
    so that what was labelled by hand on the others stays unseen."""
    return hashlib.sha256(name.encode()).digest()[0] < 179


def learnt(photos: Sequence[Traffic]) -> list[Traffic]:
    """The photos of traffic to learn from."""
    return [photo for photo in photos if is_learnt(photo.path.name)]
