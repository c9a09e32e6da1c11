"""From a configuration and a folder of photos to the task that the workers learn."""

import random
from pathlib import Path

import numpy as np
import torch

from training.config import TrainConfig
from training.examples import Photos
from training.loop import Task
from training.other_photos import learnt, no_car_photos, split_kinds, traffic
from training.photos import load_photos
from training.split import leak_free_split, read_split, select
from training.transfer import local_copy

NO_CAR_VALIDATION = 60
"""Photos of them looked at after every epoch."""


def make_task(
    config: TrainConfig,
    data: str,
    split_file: Path | None,
    init: str | None,
    other: str | None = None,
) -> Task:
    """The task of a configuration: called in every worker. `data` and `other`, photos of other
    things and of traffic, are folders there, or URIs of folders, which each node fetches once."""
    from training.mask_rcnn import MaskRcnnTask  # Detectron2 only where it trains

    random.seed(config.seed)
    np.random.seed(config.seed)
    torch.manual_seed(config.seed)
    apart = config.seed if config.split_seed is None else config.split_seed
    photos = load_photos(local_copy(data), "trainingset", config.task, classes=config.classes)
    if split_file is not None:
        names = read_split(split_file)
        train, validation = select(photos, names["train"]), select(photos, names["validation"])
    elif config.validation_share:
        train, validation = leak_free_split(photos, config.validation_share, apart)
    else:
        train, validation = photos, []
    print(f"{len(train)} photos to learn from, {len(validation)} to choose the best epoch by")
    if other is None:
        return MaskRcnnTask(config, Photos(train), Photos(validation), init)
    root = Path(local_copy(other))
    learn, aside = split_kinds(no_car_photos(root), apart)
    aside = random.Random(apart).sample(aside, min(NO_CAR_VALIDATION, len(aside)))
    vehicles = learnt(traffic(root)) if config.augment.vehicles else []
    print(f"{len(learn)} photos of other things, {len(vehicles)} of traffic, to learn from")
    return MaskRcnnTask(config, Photos(train, learn, vehicles), Photos(validation, aside), init)
