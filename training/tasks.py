"""From a configuration and a folder of photos to the task that the workers learn."""

import random
from pathlib import Path

import numpy as np
import torch

from training.config import TrainConfig
from training.dataset import load_photos
from training.loop import Task
from training.split import leak_free_split, read_split, select
from training.storage import local_copy


def make_task(config: TrainConfig, data: str, split_file: Path | None, init: str | None) -> Task:
    """The task of a configuration: called in every worker. `data` is a folder there, or the URI
    of one, which each node then fetches once."""
    from training.mask_rcnn import MaskRcnnTask  # Detectron2 only where it trains

    random.seed(config.seed)
    np.random.seed(config.seed)
    torch.manual_seed(config.seed)
    photos = load_photos(local_copy(data), "trainingset", config.task, classes=config.classes)
    if split_file is not None:
        names = read_split(split_file)
        train, validation = select(photos, names["train"]), select(photos, names["validation"])
    elif config.validation_share:
        train, validation = leak_free_split(photos, config.validation_share, config.seed)
    else:
        train, validation = photos, []
    print(f"{len(train)} photos to learn from, {len(validation)} to choose the best epoch by")
    return MaskRcnnTask(config, train, validation, init)
