"""Validation splits without leaks: photos that show nearly the same stay together.

Near-duplicates (the same photo saved again, cropped a little, mirrored) have perceptual hashes
(DCT, imagehash.phash) that differ in few bits; groups of them are moved as one.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from pydantic import BaseModel, ConfigDict
from scipy.sparse.csgraph import connected_components
from tqdm import tqdm

from training.coco import read_json
from training.errors import TrainingError
from training.photos import Photo

SAME_BITS = 8
"""Two photos whose 64-bit hashes differ in at most this many bits count as the same."""


def hashes(photos: Sequence[Photo]) -> NDArray[np.bool_]:
    """(P, 2, 64) perceptual hash of each photo, and of its mirror image."""
    bits = []
    for photo in tqdm(photos, unit="photo", desc="comparing photos", leave=False, disable=None):
        with Image.open(photo.path) as file:
            picture = ImageOps.exif_transpose(file).convert("L")
        mirror = ImageOps.mirror(picture)
        bits.append([imagehash.phash(p).hash.ravel() for p in (picture, mirror)])
    return np.array(bits, np.bool_).reshape(len(photos), 2, 64)


def same(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(P, Q) whether photos with hashes a (P, 2, 64) and b (Q, 2, 64) are near-duplicates."""
    upright = (a[:, None, 0] != b[None, :, 0]).sum(axis=2)
    mirrored = (a[:, None, 0] != b[None, :, 1]).sum(axis=2)
    near: NDArray[np.bool_] = np.minimum(upright, mirrored) <= SAME_BITS
    return near


def groups(photos: Sequence[Photo]) -> NDArray[np.int32]:
    """(P,) number of the group of near-duplicates that each photo belongs to."""
    found = hashes(photos)
    numbers: NDArray[np.int32] = connected_components(same(found, found), directed=False)[1]
    return numbers


def leak_free_split(
    photos: Sequence[Photo], share: float, seed: int
) -> tuple[list[Photo], list[Photo]]:
    """Photos to learn from and, at least `share` of all, to validate on; the same for a seed.

    Every class gets its share: the class that lacks most is served first, by a group drawn among
    those that show it (iterative stratification, Sechidis et al. 2011).

    Raises: TrainingError when nothing is labelled.
    """
    if not any(photo.instances for photo in photos):
        raise TrainingError("no photo shows anything that is labelled: there is nothing to split")
    rng = np.random.default_rng(seed)
    group = groups(photos)
    shows = np.zeros((len(photos), 1 + max(i.label for p in photos for i in p.instances)), int)
    for row, photo in zip(shows, photos, strict=True):
        row[[i.label for i in photo.instances]] = 1
    wanted = share * shows.sum(axis=0)
    chosen = np.zeros(len(photos), np.bool_)
    while chosen.sum() < share * len(photos):
        # Rarest first among those that still lack: the rest come with them.
        lack = wanted - shows[chosen].sum(axis=0)
        open_ = np.flatnonzero(
            ~chosen & (shows[:, _rarest(lack, wanted, shows[~chosen].sum(axis=0))] > 0)
        )
        pick = rng.choice(open_ if open_.size else np.flatnonzero(~chosen))
        chosen |= group == group[pick]
    pairs = list(zip(photos, chosen, strict=True))
    return [p for p, out in pairs if not out], [p for p, out in pairs if out]


def _rarest(lack: NDArray[np.float64], wanted: NDArray[np.float64], left: NDArray[np.int64]) -> int:
    """The class that lacks the largest part of what it wants, of those that are still there."""
    relative = np.where(left > 0, lack / np.maximum(wanted, 1e-9), -np.inf)
    return int(relative.argmax())


def leaks(first: Sequence[Photo], second: Sequence[Photo]) -> list[tuple[str, str]]:
    """Names of near-duplicates between two splits."""
    near = np.argwhere(same(hashes(first), hashes(second)))
    return [(first[a].path.name, second[b].path.name) for a, b in near]


def write_split(path: Path, train: Sequence[Photo], validation: Sequence[Photo]) -> None:
    """Write the file names of both parts as JSON."""
    names = {
        "train": [photo.path.name for photo in train],
        "validation": [photo.path.name for photo in validation],
    }
    path.write_text(json.dumps(names, indent=1) + "\n")


class _Split(BaseModel):
    model_config = ConfigDict(extra="forbid")

    train: list[str]
    validation: list[str]


def read_split(path: Path) -> dict[str, list[str]]:
    """File names under `train` and `validation`.

    Raises: TrainingError when the file holds anything else, or a photo is in both.
    """
    names = read_json(path, _Split).model_dump()
    both = set(names["train"]) & set(names["validation"])
    if both:
        raise TrainingError(f"{path}: {min(both)} is in both parts")
    return names


def select(photos: Sequence[Photo], names: Sequence[str]) -> list[Photo]:
    """The photos with these file names, in the order of `photos`.

    Raises: TrainingError naming one that is not there.
    """
    missing = set(names) - {photo.path.name for photo in photos}
    if missing:
        raise TrainingError(
            f"{len(missing)} photos of the split are not in the data: {min(missing)}"
        )
    wanted = set(names)
    return [photo for photo in photos if photo.path.name in wanted]
