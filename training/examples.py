"""Augmented training examples, endless, in an order drawn from the seed."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import IterableDataset

from training.augment import Picture, sample
from training.config import TrainConfig
from training.dataset import Photo, repeat_factors, whole_car

Example = tuple[Picture, NDArray[np.int64], NDArray[np.uint8]]
"""Picture (H, W, 3) RGB, labels (N,), masks (N, H, W)."""


class Examples(IterableDataset[Example]):
    """What worker `rank` of `world` sees; photos with rare classes come up more often."""

    def __init__(
        self,
        photos: Sequence[Photo],
        config: TrainConfig,
        rank: int = 0,
        world: int = 1,
        skip: int = 0,
    ) -> None:
        self.config, self.rank, self.world, self.skip = config, rank, world, skip
        self.photos = list(photos)
        # Cut-outs need the whole car; where that is what is learnt, it is there already.
        self.outlines = [
            whole_car((p for i in photo.instances for p in i.polygons), photo.width, photo.height)
            for photo in photos
        ]
        self.repeats = repeat_factors(self.photos, config.repeat_below)

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
                yield sample(
                    self.photos,
                    self.outlines,
                    int(index),
                    self.config.size,
                    self.config.augment,
                    self.config.labels,
                    rng,
                )
