"""Augmentation: one affine transformation per photo, and labels that know left from right."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from carpose.parts import mirrored
from training.config import AugmentConfig
from training.errors import TrainingError
from training.photos import Instance, Photo, Polygon, raster

Picture = NDArray[np.uint8]
"""(H, W, 3) RGB."""


def read_rgb(path: Path) -> Picture:
    """A photo's pixels. Raises: TrainingError when there is no picture at `path`."""
    bgr = cv2.imread(str(path))
    if bgr is None:
        raise TrainingError(f"{path} is no picture, or is not there")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def flip_indices(classes: Sequence[str]) -> NDArray[np.int64]:
    """(C,) class that each class becomes when the picture is mirrored.

    Raises: TrainingError when a sided class has no mirror image among them.
    """
    for name in classes:
        if mirrored(name) not in classes:
            raise TrainingError(f"class {name!r} needs its mirror image {mirrored(name)!r}")
    return np.array([list(classes).index(mirrored(name)) for name in classes])


def flip(
    picture: Picture, instances: tuple[Instance, ...], flipped: NDArray[np.int64]
) -> tuple[Picture, tuple[Instance, ...]]:
    """Mirror picture and polygons, and give every instance the label of its mirror image."""
    width = picture.shape[1]
    mirror = np.array([-1, 1], np.float32), np.array([width - 1, 0], np.float32)
    return np.ascontiguousarray(picture[:, ::-1]), tuple(
        Instance(int(flipped[i.label]), tuple(p * mirror[0] + mirror[1] for p in i.polygons))
        for i in instances
    )


def _affine(
    width: int, height: int, size: int, config: AugmentConfig, rng: Generator
) -> NDArray[np.float64]:
    """(2, 3) matrix from photo to a size x size picture: fit, scale, stretch, turn, shift."""
    low, high = np.log(config.scale)
    scale = size / max(width, height) * np.exp(rng.uniform(low, high))
    aspect = np.exp(rng.uniform(*np.log(config.aspect)) / 2)
    angle = np.deg2rad(rng.normal(0, config.rotation_degrees / 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([scale * aspect, scale / aspect])
    extent = np.abs(linear) @ [width, height]
    # A picture that is too large is cropped anywhere; one that is too small is put anywhere.
    slack = np.abs(size - extent) / 2
    centre = size / 2 + rng.uniform(-1, 1, 2) * slack
    shift = centre - linear @ [width / 2, height / 2]
    return np.hstack([linear, shift[:, None]])


def warp(
    picture: Picture, matrix: NDArray[np.float64], size: int, onto: Picture | None = None
) -> Picture:
    """The picture under `matrix` (2, 3) in (size, size), over `onto` or black.

    OpenCV's warpAffine never averages, whatever its flags say: a picture that gets smaller is
    first made smaller by area, as the served ones are, and the rest is turned and shifted.
    """
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale < 0.9:
        height, width = picture.shape[:2]
        small = max(1, round(width * scale)), max(1, round(height * scale))
        picture = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
        matrix = matrix.copy()
        matrix[:, :2] = matrix[:, :2] @ np.diag([width / small[0], height / small[1]])
    if onto is None:
        plain = cv2.warpAffine(picture, matrix, (size, size), flags=cv2.INTER_LINEAR)
        return np.asarray(plain, np.uint8)
    border = cv2.BORDER_TRANSPARENT
    over = cv2.warpAffine(
        picture, matrix, (size, size), flags=cv2.INTER_LINEAR, dst=onto, borderMode=border
    )
    return np.asarray(over, np.uint8)


def backdrop(size: int, rng: Generator) -> Picture:
    """A plain or softly graded background; often white or grey, as in studio cut-outs."""
    if rng.random() < 0.5:
        top = bottom = np.full(3, rng.choice([255, 240, 128, 0]), float)
    else:
        top, bottom = rng.uniform(0, 255, (2, 3))
    ramp = np.linspace(0, 1, size)[:, None, None]
    return np.ascontiguousarray(
        np.broadcast_to(top * (1 - ramp) + bottom * ramp, (size, size, 3)), np.uint8
    )


def recolour(picture: Picture, config: AugmentConfig, rng: Generator) -> Picture:
    """Another light: brightness, contrast, saturation and hue, within the configured range."""
    x = picture.astype(np.float32)
    brightness, contrast, saturation = 1 + rng.uniform(-config.colour, config.colour, 3)
    grey = x @ np.array([0.299, 0.587, 0.114], np.float32)
    x = grey[..., None] + (x - grey[..., None]) * saturation
    x = (x - grey.mean()) * contrast + grey.mean() * brightness
    x *= 1 + rng.uniform(-0.06, 0.06, 3).astype(np.float32)
    return np.asarray(np.clip(x, 0, 255), np.uint8)


def degrade(picture: Picture, rng: Generator) -> Picture:
    """One of a bad camera's faults: blurred, compressed, dark or noisy."""
    kind = rng.integers(4)
    if kind == 0:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 2.0)), np.uint8)
    if kind == 1:
        quality = int(rng.integers(15, 60))
        _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)
    if kind == 2:
        return np.asarray(np.clip(picture * rng.uniform(0.25, 0.6), 0, 255), np.uint8)
    noise = rng.normal(0, rng.uniform(4, 16), picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def visible(
    polygons: tuple[Polygon, ...], matrix: NDArray[np.float64], size: int
) -> NDArray[np.uint8] | None:
    """(size, size) mask of a transformed instance, or None when hardly any of it is left."""
    moved = [
        p @ matrix[:, :2].T.astype(np.float32) + matrix[:, 2].astype(np.float32) for p in polygons
    ]
    whole = sum(cv2.contourArea(p.astype(np.float32)) for p in moved)
    mask = raster(moved, size, size)
    left = int(mask.sum())
    return mask if left >= 12 and left >= 0.15 * whole else None


def _place(
    photo: Photo, size: int, config: AugmentConfig, flipped: NDArray[np.int64], rng: Generator
) -> tuple[Picture, NDArray[np.int64], list[NDArray[np.uint8]]]:
    picture = read_rgb(photo.path)
    instances = photo.instances
    if rng.random() < config.flip:
        keep = np.arange(len(flipped))
        picture, instances = flip(picture, instances, flipped if config.swap_sides else keep)
    matrix = _affine(photo.width, photo.height, size, config, rng)
    warped = warp(picture, matrix, size, backdrop(size, rng))
    seen = [(i.label, m) for i in instances if (m := visible(i.polygons, matrix, size)) is not None]
    return warped, np.array([label for label, _ in seen], np.int64), [m for _, m in seen]


def _cut_out(picture: Picture, outline: NDArray[np.uint8], rng: Generator) -> Picture:
    """The car alone, on a plain background with a soft edge."""
    soft = cv2.GaussianBlur(outline.astype(np.float32), (0, 0), 1.0)[..., None]
    plain = backdrop(picture.shape[0], rng)
    return np.asarray(picture * soft + plain * (1 - soft), np.uint8)


def _background(photo: Photo, outline: tuple[Polygon, ...], size: int, rng: Generator) -> Picture:
    """A piece of the photo beside its car, as a picture of its own; plain where there is none."""
    picture = read_rgb(photo.path)
    car = raster(outline, photo.width, photo.height)
    for _ in range(20):
        width, height = (rng.uniform(0.2, 0.9, 2) * [photo.width, photo.height]).astype(int)
        x, y = rng.integers(photo.width - width), rng.integers(photo.height - height)
        window = slice(y, y + height), slice(x, x + width)
        if car[window].mean() < 0.02:
            piece = cv2.resize(picture[window], (size, size), interpolation=cv2.INTER_AREA)
            return np.asarray(piece, np.uint8)
    return backdrop(size, rng)


def car_photo(
    photos: Sequence[Photo],
    outlines: Sequence[tuple[Polygon, ...]],
    index: int,
    size: int,
    config: AugmentConfig,
    flipped: NDArray[np.int64],
    rng: Generator,
) -> tuple[Picture, NDArray[np.int64], list[NDArray[np.uint8]]]:
    """A car photo transformed: by itself, one of four, or its car on a plain background.

    `outlines` holds each photo's whole car, used to cut cars out of their background.
    Returns the picture (size, size, 3), labels (N,) and N masks (size, size).
    """
    draw = rng.random()
    if draw < config.no_car:
        picture = _background(photos[index], outlines[index], size, rng)
        return picture, np.zeros(0, np.int64), []
    if draw < config.no_car + config.mosaic:
        return _mosaic(photos, index, size, config, flipped, rng)
    photo = photos[index]
    if rng.random() >= config.plain_background:
        return _place(photo, size, config, flipped, rng)
    # The outline travels as one more instance, through the same transformation.
    marked = (*photo.instances, Instance(-1, outlines[index]))
    keep = np.append(flipped, -1)  # label -1 stays -1 under the flip
    photo = Photo(photo.path, photo.width, photo.height, marked)
    picture, found, masks = _place(photo, size, config, keep, rng)
    if found.size and found[-1] == -1:
        return _cut_out(picture, masks[-1], rng), found[:-1], masks[:-1]
    return picture, found, masks


def _mosaic(
    photos: Sequence[Photo],
    index: int,
    size: int,
    config: AugmentConfig,
    flipped: NDArray[np.int64],
    rng: Generator,
) -> tuple[Picture, NDArray[np.int64], list[NDArray[np.uint8]]]:
    half = size // 2
    picture = backdrop(size, rng)
    labels, masks = [], []
    for k, other in enumerate([index, *rng.integers(len(photos), size=3)]):
        y, x = divmod(k, 2)
        window = slice(y * half, (y + 1) * half), slice(x * half, (x + 1) * half)
        tile, tile_labels, tile_masks = _place(photos[int(other)], half, config, flipped, rng)
        picture[window] = tile
        labels.append(tile_labels)
        for tile_mask in tile_masks:
            mask = np.zeros((size, size), np.uint8)
            mask[window] = tile_mask
            masks.append(mask)
    return picture, np.concatenate(labels), masks
