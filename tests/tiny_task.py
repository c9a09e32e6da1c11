"""A task small enough to be learnt in seconds, on the real examples and the real loop."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from carpose.parts import PARTS
from training.config import TrainConfig
from training.examples import Example, Examples, Photos
from training.photos import load_photos

SIZE = 64


def tiny_config(**optimizer: object) -> TrainConfig:
    return TrainConfig.model_validate(
        {
            "task": "car_parts",
            "init": "scratch",
            "size": SIZE,
            "loader_workers": 0,
            "model": {"backbone": "mobilenet_v2"},
            "augment": {"degrade": 0.0, "mosaic": 0.0},
            "optimizer": {"epochs": 4, "batch": 4, "warmup_steps": 2, "learning_rate": 3e-3}
            | optimizer,
        }
    )


class PartsInPicture(nn.Module):
    """Which of the parts a picture shows."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 5, 4), nn.ReLU(), nn.Conv2d(8, 16, 3, 2), nn.ReLU(), nn.Flatten()
        )
        self.classes = nn.LazyLinear(len(PARTS))
        self.classes(self.features(torch.zeros(1, 3, SIZE, SIZE)))

    def forward(self, batch: tuple[torch.Tensor, torch.Tensor]) -> dict[str, torch.Tensor]:
        pictures, present = batch
        scores = self.classes(self.features(pictures))
        return {"loss_cls": nn.functional.binary_cross_entropy_with_logits(scores, present)}


def _tensors(examples: list[Example]) -> tuple[torch.Tensor, torch.Tensor]:
    pictures = np.stack([example.picture.transpose(2, 0, 1) for example in examples])
    present = torch.zeros(len(examples), len(PARTS))
    for row, example in zip(present, examples, strict=True):
        row[example.labels] = 1
    return torch.from_numpy(pictures).float() / 255, present


@dataclass
class TinyTask:
    """A `training.loop.Task` on the real examples; it can kill its own worker once."""

    config: TrainConfig
    data: Path
    kill_at: int = -1
    """Step at which worker 1 dies the death of an out-of-memory kill."""
    killed: Path | None = None
    slow_s: float = 0.0
    epoch_steps: int = 5

    def network(self, device: str) -> nn.Module:
        torch.manual_seed(self.config.seed)
        return PartsInPicture().to(device)

    def batches(
        self, rank: int, world: int, skip: int
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        photos = Photos(load_photos(self.data, "trainingset", "car_parts"))
        examples = Examples(photos, self.config, rank, world, skip)
        share = self.config.optimizer.batch // world
        loader = DataLoader(examples, batch_size=share, collate_fn=_tensors)
        for step, batch in enumerate(loader, skip):
            if step == self.kill_at and rank == world - 1:
                self._die_once()
            time.sleep(self.slow_s)
            yield batch

    def _die_once(self) -> None:
        assert self.killed is not None
        if not self.killed.exists():
            self.killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def evaluate(self, network: nn.Module, rank: int, world: int) -> dict[str, float]:
        batch = next(self.batches(0, 1, 10**6))
        return {"ap": -network(batch)["loss_cls"].item()}
