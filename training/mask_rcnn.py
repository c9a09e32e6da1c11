"""Learning a Mask R-CNN on annotated photos: the task that `training.train` runs."""

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from detectron2.utils.events import EventStorage
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from carpose.bundles import ModelInput
from carpose.detections import Detections
from carpose.segmenters.detectron2 import NetworkSegmenter
from training.annotated import annotated_parts
from training.average_precision import average_precision
from training.config import TrainConfig
from training.examples import Example, Examples, Photos
from training.metrics import side_accuracy
from training.network import build, training_input
from training.photos import Photo
from training.predictions import AP_THRESHOLD, read

SEEN_THRESHOLD = 0.5
"""Score from which an object counts as seen."""


def _with_event_storage(network: nn.Module) -> nn.Module:
    """Detectron2 logs into a storage that must be open while it trains; its figures are not ours.

    Hooks, unlike a module around it, leave the names of its tensors alone.
    """
    opened: list[EventStorage] = []
    network.register_forward_pre_hook(lambda *_: opened.append(EventStorage().__enter__()))
    network.register_forward_hook(
        lambda *_: opened.pop().__exit__(None, None, None), always_call=True
    )
    return network


def detect(
    network: nn.Module,
    photos: Sequence[Photo],
    config: TrainConfig,
    threshold: float = AP_THRESHOLD,
    progress: bool = False,
) -> list[Detections]:
    """Detections of a Detectron2 network in evaluation mode, by the server's own pre- and
    postprocessing."""
    channels = "BGR" if config.model.backbone == "resnet50" else "RGB"
    spec = ModelInput(size=config.size, channels=channels)
    segmenter = NetworkSegmenter(network, spec, config.labels)
    return [
        segmenter([read(photo)], threshold)[0]
        for photo in tqdm(photos, unit="photo", leave=False, disable=not progress)
    ]


def _inputs(examples: list[Example], bgr: bool) -> list[dict[str, Any]]:
    return [training_input(example, bgr) for example in examples]


class MaskRcnnTask:
    """See `training.loop.Task`. Photos to learn from, and to choose the best epoch by."""

    def __init__(
        self,
        config: TrainConfig,
        train: Photos,
        validation: Photos,
        init: str | Path | None = None,
    ) -> None:
        self.config, self.train, self.validation, self.init = config, train, validation, init
        pictures = config.optimizer.epoch_photos or len(train.cars)
        self.epoch_steps = max(1, round(pictures / config.optimizer.batch))

    def network(self, device: str) -> nn.Module:
        """See `Task`."""
        return _with_event_storage(build(self.config, self.init, device))

    def batches(self, rank: int, world: int, skip: int) -> Iterator[list[dict[str, Any]]]:
        """See `Task`."""
        bgr = self.config.model.backbone == "resnet50"
        return iter(
            DataLoader(
                Examples(self.train, self.config, rank, world, skip),
                batch_size=self.config.optimizer.batch // world,
                num_workers=self.config.loader_workers,
                collate_fn=functools.partial(_inputs, bgr=bgr),
            )
        )

    def evaluate(self, network: nn.Module, rank: int, world: int) -> dict[str, float]:
        """See `Task`. `ap` is the mean of box and mask AP; `no_car` is the share of photos without
        a car in which the network sees something, too few to choose an epoch by."""
        cars = self.validation.cars
        if not cars:
            return {}
        empty = [_unlabelled(path) for path in self.validation.no_car]
        photos = [*cars, *empty]
        mine = detect(network, photos[rank::world], self.config)
        shares = [mine]
        if world > 1:
            shares = [[] for _ in range(world)]
            torch.distributed.all_gather_object(shares, mine)
        found = [shares[n % world][n // world] for n in range(len(photos))]
        found, nothing = found[: len(cars)], found[len(cars) :]
        figures = average_precision(cars, found, self.config.labels)
        figures["no_car"] = float(
            np.mean([bool((d.scores >= SEEN_THRESHOLD).any()) for d in nothing] or [False])
        )
        if self.config.task == "car_parts" and self.config.classes is None:
            figures["side_accuracy"] = side_accuracy(
                [annotated_parts(photo) for photo in cars],
                [d[np.flatnonzero(d.scores >= SEEN_THRESHOLD)] for d in found],
            )
        quality = (figures["box_ap"] + figures["mask_ap"]) / 2
        return {"ap": quality, **figures}


def _unlabelled(path: Path) -> Photo:
    with Image.open(path) as file:
        return Photo(path, *file.size, ())
