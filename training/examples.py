"""Augmented training examples, endless, in an order drawn from the seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch.utils.data import IterableDataset

from training.augment import Picture, car_photo, degrade, flip_indices, read_rgb, recolour, warp
from training.composites import composite, scenes
from training.config import TrainConfig
from training.other_photos import Traffic
from training.photos import Photo, repeat_factors, whole_car


def _no_boxes() -> NDArray[np.float32]:
    return np.zeros((0, 4), np.float32)


def _no_labels() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Example:
    """A picture to learn from.

    picture (H, W, 3) RGB; labels (N,) of the masks (N, H, W); boxes (K, 4) x0, y0, x1, y1 of
    objects without a mask and their labels, the number of classes for what is none of them.
    `partial`: what carries no label may be an object all the same, and teaches nothing.

    Raises: ValueError when nothing of a partial picture is labelled.
    """

    picture: Picture
    labels: NDArray[np.int64]
    masks: NDArray[np.uint8]
    boxes: NDArray[np.float32] = field(default_factory=_no_boxes)
    box_labels: NDArray[np.int64] = field(default_factory=_no_labels)
    partial: bool = False

    def __post_init__(self) -> None:
        if self.partial and not len(self.labels) + len(self.boxes):
            raise ValueError("a partial picture without a label teaches nothing")


@dataclass(frozen=True)
class Photos:
    """What is learnt from: annotated cars, photos of other things, and traffic."""

    cars: Sequence[Photo]
    no_car: Sequence[Path] = ()
    traffic: Sequence[Traffic] = ()


STRETCHED = 4 / 3
"""The traffic photos were made square; most photos are wider than high by about this."""


def traffic_example(photo: Traffic, size: int, background: int, rng: Generator) -> Example | None:
    """A photo of traffic, scaled and shifted; None where no boxed vehicle stays in the picture.

    `background` is the label of what is no car.
    """
    picture = read_rgb(photo.path)
    aspect = np.sqrt(STRETCHED) * np.exp(rng.uniform(-0.15, 0.15))
    scale = size / (max(photo.width, photo.height) * aspect) * np.exp(rng.uniform(-0.35, 0.35))
    linear = np.diag([scale * aspect, scale / aspect])
    if rng.random() < 0.5:
        linear[0, 0] *= -1
    extent = np.abs(linear) @ [photo.width, photo.height]
    centre = size / 2 + rng.uniform(-1, 1, 2) * np.abs(size - extent) / 2
    shift = centre - linear @ [photo.width / 2, photo.height / 2]
    matrix = np.hstack([linear, shift[:, None]])
    corners = photo.boxes.reshape(-1, 2, 2) @ linear.T + shift
    low, high = corners.min(axis=1), corners.max(axis=1)
    whole = (high - low).prod(axis=1)
    boxes = np.clip(np.hstack([low, high]), 0, size).astype(np.float32)
    left = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    keep = (left >= 0.4 * whole) & (left >= 64)
    if not keep.any():
        return None
    return Example(
        warp(picture, matrix, size),
        _no_labels(),
        np.zeros((0, size, size), np.uint8),
        boxes[keep],
        np.where(photo.is_car[keep], 0, background),
        partial=True,
    )


def turned(example: Example, quarters: int, background: int) -> Example:
    """The example turned counter-clockwise by quarter turns, which its labels then say."""
    size = len(example.picture)
    boxes = example.boxes
    for _ in range(quarters):
        x0, y0, x1, y1 = boxes.T
        boxes = np.stack([y0, size - x1, y1, size - x0], axis=1)
    labels = example.box_labels
    return replace(
        example,
        picture=np.ascontiguousarray(np.rot90(example.picture, quarters)),
        labels=example.labels + quarters,
        masks=np.ascontiguousarray(np.rot90(example.masks, quarters, (1, 2))),
        boxes=boxes,
        box_labels=np.where(labels == background, background, labels + quarters),
    )


class Examples(IterableDataset[Example]):
    """What worker `rank` of `world` sees; photos with rare classes come up more often."""

    def __init__(
        self, photos: Photos, config: TrainConfig, rank: int = 0, world: int = 1, skip: int = 0
    ) -> None:
        # Loaders are forked: a child that changes OpenCV's threads waits for those of its parent.
        cv2.setNumThreads(1)
        self.config, self.rank, self.world, self.skip = config, rank, world, skip
        self.photos = photos
        # Cut-outs need the whole car; where that is what is learnt, it is there already.
        self.outlines = [
            tuple(p for i in photo.instances for p in i.polygons)
            if config.task == "main_car"
            else whole_car(
                (p for i in photo.instances for p in i.polygons), photo.width, photo.height
            )
            for photo in photos.cars
        ]
        self.repeats = repeat_factors(self.photos.cars, config.repeat_below)
        self.flipped = flip_indices(config.labels)

    def __iter__(self) -> Iterator[Example]:
        loader = torch.utils.data.get_worker_info()
        number, of = (loader.id, loader.num_workers) if loader else (0, 1)
        number, of = self.rank * of + number, self.world * of
        # A resumed run draws other augmentations than the ones it has seen.
        order = np.random.default_rng([self.config.seed, self.skip])
        rng = np.random.default_rng([self.config.seed, self.skip, number])
        while True:
            whole, rest = np.divmod(self.repeats, 1)
            times = whole.astype(int) + (order.random(len(rest)) < rest)
            # All loaders draw the same order, and each takes its own share of it.
            for index in order.permutation(np.repeat(np.arange(len(times)), times))[number::of]:
                while (example := self._other(rng)) is not None:
                    yield example
                yield self._car(int(index), rng)

    def _other(self, rng: Generator) -> Example | None:
        """A picture that is not one of the car photos, as often as configured, or None."""
        augment, photos, size = self.config.augment, self.photos, self.config.size
        draw = rng.random()
        if photos.no_car and draw < augment.other_photos:
            picture = scenes(photos.no_car, size, rng)
            picture = np.ascontiguousarray(np.rot90(picture, int(rng.choice((0, 0, 0, 1, 2, 3)))))
            return self._finished(picture, _no_labels(), [], rng)
        draw -= augment.other_photos
        if photos.no_car and 0 <= draw < augment.composite:
            found = composite(
                photos.cars,
                self.outlines,
                photos.no_car,
                size,
                augment.composite_width,
                self.flipped,
                rng,
            )
            return self._turned(self._finished(*found, rng), rng)
        draw -= augment.composite
        if photos.traffic and 0 <= draw < augment.vehicles:
            photo = photos.traffic[int(rng.integers(len(photos.traffic)))]
            example = traffic_example(photo, size, len(self.config.labels), rng)
            if example is None:
                return None
            example = replace(example, picture=recolour(example.picture, augment, rng))
            return self._turned(example, rng)
        return None

    def _car(self, index: int, rng: Generator) -> Example:
        config = self.config
        found = car_photo(
            self.photos.cars, self.outlines, index, config.size, config.augment, self.flipped, rng
        )
        return self._turned(self._finished(*found, rng), rng)

    def _finished(
        self,
        picture: Picture,
        labels: NDArray[np.int64],
        masks: list[NDArray[np.uint8]],
        rng: Generator,
    ) -> Example:
        size = self.config.size
        picture = recolour(picture, self.config.augment, rng)
        if rng.random() < self.config.augment.degrade:
            picture = degrade(picture, rng)
        return Example(
            picture, labels, np.stack(masks) if masks else np.zeros((0, size, size), np.uint8)
        )

    def _turned(self, example: Example, rng: Generator) -> Example:
        if rng.random() >= self.config.augment.turned:
            return example
        return turned(example, int(rng.integers(1, 4)), len(self.config.labels))
