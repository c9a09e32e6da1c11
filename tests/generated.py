"""A data set drawn by the computer, and a network small enough to learn from it in seconds."""

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from carpose.parts import PARTS
from training.config import TrainConfig
from training.dataset import load_photos
from training.examples import Example, Examples

SIZE = 64


def draw_car_parts(root: Path, photos: int, split: str = "trainingset") -> Path:
    """COCO data: a front seen from ahead, its two lights, a hood and two wheels, at random places."""
    rng = np.random.default_rng(5)
    folder = root / split / "JPEGImages"
    folder.mkdir(parents=True)
    images, annotations = [], []
    shapes = {
        "front_bumper": (0.1, 0.6, 0.9, 0.8),
        "hood": (0.2, 0.3, 0.8, 0.5),
        "front_right_light": (0.1, 0.5, 0.25, 0.6),
        "front_left_light": (0.75, 0.5, 0.9, 0.6),
        "wheel": (0.05, 0.8, 0.2, 1.0),
    }
    for number in range(1, photos + 1):
        width, height = 96, 72
        picture = rng.integers(90, 130, (height, width, 3), dtype=np.uint8)
        x, y, scale = *rng.integers(0, 30, 2).tolist(), float(rng.uniform(30, 42))
        for part, (x0, y0, x1, y1) in shapes.items():
            box = (np.array([x0, y0, x1, y1]) * scale + [x, y, x, y]).round().astype(int)
            colour = (np.array([37, 91, 151]) * (PARTS.index(part) + 1) % 256).tolist()
            cv2.rectangle(picture, box[:2].tolist(), box[2:].tolist(), colour, -1)
            left, top, right, bottom = box.tolist()
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": PARTS.index(part) + 1,
                    "segmentation": [[left, top, right, top, right, bottom, left, bottom]],
                    "bbox": [left, top, right - left, bottom - top],
                    "area": (right - left) * (bottom - top),
                    "iscrowd": 0,
                }
            )
        cv2.imwrite(str(folder / f"car{number}.jpg"), picture)
        images.append(
            {"id": number, "file_name": f"car{number}.jpg", "width": width, "height": height}
        )
    categories = [{"id": n, "name": name} for n, name in enumerate(PARTS, 1)]
    (root / split / "annotations.json").write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )
    return root


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
    pictures = np.stack([picture.transpose(2, 0, 1) for picture, _, _ in examples])
    present = torch.zeros(len(examples), len(PARTS))
    for row, (_, labels, _) in zip(present, examples, strict=True):
        row[labels] = 1
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
        photos = load_photos(self.data, "trainingset", "car_parts")
        examples = Examples(photos, self.config, rank, world, skip)
        share = self.config.optimizer.batch // world
        loader = DataLoader(examples, batch_size=share, collate_fn=_tensors)
        for step, batch in enumerate(loader, skip):
            if step == self.kill_at and rank == world - 1 and not self.killed.exists():
                self.killed.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(self.slow_s)
            yield batch

    def evaluate(self, network: nn.Module, rank: int, world: int) -> dict[str, float]:
        batch = next(self.batches(0, 1, 10**6))
        return {"ap": -network(batch)["loss_cls"].item()}
