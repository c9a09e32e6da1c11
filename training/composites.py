"""Cars cut out of their photos and pasted on photos of other things: small, several, hidden."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.augment import Picture, flip, read_rgb, visible, warp
from training.photos import Instance, Photo, Polygon

CARS = (1, 1, 1, 1, 2, 2, 3, 4)
"""How many cars a composite has, drawn evenly."""

OCCLUDED = 0.2
"""Share of composites with a thing in front of a car."""

LEAST_LEFT = 0.15
"""Share of an object that must be left for it to keep its label, as in `augment.visible`."""


def scene(paths: Sequence[Path], size: int, rng: Generator) -> Picture:
    """A piece of one of the photos, as a picture of size x size."""
    picture = read_rgb(paths[int(rng.integers(len(paths)))])
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    height, width = picture.shape[:2]
    share = rng.uniform(0.6, 1.0, 2)
    h, w = max(1, int(height * share[0])), max(1, int(width * share[1]))
    y, x = rng.integers(height - h + 1), rng.integers(width - w + 1)
    piece = np.ascontiguousarray(picture[y : y + h, x : x + w])
    how = cv2.INTER_AREA if w > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(piece, (size, size), interpolation=how), np.uint8)


def scenes(paths: Sequence[Path], size: int, rng: Generator) -> Picture:
    """One photo, or four at half the size: no car in any."""
    if rng.random() < 0.6:
        return scene(paths, size, rng)
    half = size // 2
    picture = np.zeros((size, size, 3), np.uint8)
    for k in range(4):
        y, x = divmod(k, 2)
        tile = scene(paths, half, rng)
        picture[y * half : (y + 1) * half, x * half : (x + 1) * half] = tile
    return picture


def _placement(
    outline: Sequence[Polygon], size: int, share: float, rng: Generator
) -> NDArray[np.float64]:
    """(2, 3) matrix that gives the outline's box `share` of the picture's width, somewhere."""
    points = np.concatenate(outline)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = share * size / max(1.0, float(high[0] - low[0]))
    aspect = np.exp(rng.uniform(-0.12, 0.12))
    angle = np.deg2rad(rng.normal(0, 3))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([scale * aspect, scale / aspect])
    extent = (high - low) * scale
    # Most cars lie within the picture, some are cut by its border.
    room = np.maximum(size - extent, 0) / 2 + 0.15 * extent * (rng.random() < 0.3)
    centre = size / 2 + rng.uniform(-1, 1, 2) * room
    return np.hstack([linear, (centre - linear @ ((low + high) / 2))[:, None]])


def _thing(near: NDArray[np.uint8], rng: Generator) -> NDArray[np.uint8]:
    """Mask of a round or square thing somewhere on the object `near`, or in the middle."""
    size = len(near)
    places = np.argwhere(near)
    y, x = places[rng.integers(len(places))].tolist() if len(places) else (size // 2, size // 2)
    w, h = (int(v) + 1 for v in rng.uniform(0.03, 0.15, 2) * size)
    mask = np.zeros((size, size), np.uint8)
    if rng.random() < 0.5:
        cv2.ellipse(mask, (x, y), (w, h), 0, 0, 360, 1, -1)
    else:
        cv2.rectangle(mask, (x - w, y - h), (x + w, y + h), 1, -1)
    return mask


def composite(
    photos: Sequence[Photo],
    outlines: Sequence[tuple[Polygon, ...]],
    backgrounds: Sequence[Path],
    size: int,
    widths: tuple[float, float],
    flipped: NDArray[np.int64],
    rng: Generator,
) -> tuple[Picture, NDArray[np.int64], list[NDArray[np.uint8]]]:
    """One to four cars on a photo of something else; `widths` are shares of the picture's width.

    Returns the picture (size, size, 3), labels (N,) and N masks (size, size) of what is visible.
    """
    canvas = scene(backgrounds, size, rng).astype(np.float32)
    labels: list[int] = []
    masks: list[NDArray[np.uint8]] = []
    whole: list[int] = []

    def cover(hidden: NDArray[np.uint8]) -> None:
        for mask in masks:
            mask[hidden > 0] = 0

    shares = np.sort(
        np.exp(rng.uniform(np.log(widths[0]), np.log(widths[1]), int(rng.choice(CARS))))
    )
    for share in shares:  # the far ones first
        index = int(rng.integers(len(photos)))
        if not outlines[index]:
            continue
        instances = (*photos[index].instances, Instance(-1, outlines[index]))
        picture = read_rgb(photos[index].path)
        if rng.random() < 0.5:
            picture, instances = flip(picture, instances, np.append(flipped, -1))
        matrix = _placement(instances[-1].polygons, size, share, rng)
        car = visible(instances[-1].polygons, matrix, size)
        if car is None:
            continue
        pasted = warp(picture, matrix, size).astype(np.float32)
        # The light of the scene, a little: a car at noon stands out from a photo at dusk.
        pasted *= np.clip(canvas.mean() / max(1.0, pasted[car > 0].mean()), 0.5, 2) ** 0.3
        alpha = cv2.GaussianBlur(car.astype(np.float32), (0, 0), rng.uniform(0.4, 1.2))[..., None]
        canvas = canvas * (1 - alpha) + np.minimum(pasted, 255) * alpha
        cover(car)
        for instance in instances[:-1]:
            mask = visible(instance.polygons, matrix, size)
            if mask is not None:
                labels.append(instance.label)
                masks.append(mask)
                whole.append(int(mask.sum()))
    if masks and rng.random() < OCCLUDED:
        hidden = _thing(masks[int(rng.integers(len(masks)))], rng)
        canvas = np.where(hidden[..., None] > 0, scene(backgrounds, size, rng), canvas)
        cover(hidden)
    keep = [
        k
        for k, mask in enumerate(masks)
        if (left := int(mask.sum())) >= 12 and left >= LEAST_LEFT * whole[k]
    ]
    return (
        np.clip(canvas, 0, 255).astype(np.uint8),
        np.array([labels[k] for k in keep], np.int64),
        [masks[k] for k in keep],
    )
