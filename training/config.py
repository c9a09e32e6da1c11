"""What one training run is: one typed object, read from a YAML file in `training/configs`."""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from carpose.bundles import Network, Task
from carpose.parts import CAR_CLASSES, PARTS
from training.errors import TrainingError

CLASSES: dict[Task, tuple[str, ...]] = {"car_parts": PARTS, "main_car": CAR_CLASSES}
"""What each task tells apart, by index, where a configuration names no classes of its own."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelConfig(Network):
    """The network, and what it is taught on at a time."""

    train_proposals: int = Field(500, ge=1)
    rois_per_image: int = Field(192, ge=1)


class AugmentConfig(_Strict):
    """Ranges are (low, high); probabilities are 0 to 1."""

    scale: tuple[float, float] = (0.7, 1.45)
    aspect: tuple[float, float] = (0.85, 1.25)
    rotation_degrees: float = 10.0
    flip: float = 0.5
    swap_sides: bool = True
    """Swap `left` and `right` labels on a flip. False only to measure what that mistake costs."""
    mosaic: float = 0.12
    plain_background: float = 0.08
    no_car: float = 0.0
    """Pieces of background as pictures without a car, so that not everything is one."""
    other_photos: float = 0.0
    """Photos without a car, of other things, as empty pictures."""
    composite: float = 0.0
    """Cars cut out and pasted on such photos, one to four at a time."""
    composite_width: tuple[float, float] = (0.05, 0.6)
    """Of a pasted car, as a share of the picture's."""
    vehicles: float = 0.0
    """Photos of traffic where some vehicles are boxed; main_car only."""
    turned: float = 0.0
    """Pictures lying on a side or on their head, which is then part of the label; main_car only."""
    colour: float = 0.35
    degrade: float = 0.25
    """Probability of blur, noise, darkness or JPEG artefacts."""


class OptimizerConfig(_Strict):
    """AdamW, warm-up then cosine; the backbone learns at half the rate."""

    epochs: int = Field(ge=1)
    epoch_photos: int = Field(0, ge=0)
    """Pictures in an epoch; 0: as many as there are training photos."""
    batch: int = Field(4, ge=1)
    """Photos per step, all workers together."""
    learning_rate: float = Field(4e-4, gt=0)
    backbone_factor: float = Field(0.5, gt=0)
    weight_decay: float = Field(0.02, ge=0)
    warmup_steps: int = Field(100, ge=0)
    clip_norm: float = Field(5.0, gt=0)
    ema: float = Field(0.998, ge=0, lt=1)
    loss_weights: dict[str, Annotated[float, Field(ge=0)]] = {}
    """Factors of the network's losses by name (`loss_mask`), 1 where none is given."""
    bf16: bool = True
    """Compute in bfloat16 where that is faster; weights stay in float32."""


Init = Annotated[str, StringConstraints(pattern=r"^(imagenet|model_zoo|scratch|embedded:\w+)$")]


class TrainConfig(_Strict):
    """A run: what is learnt (`task`), on which network, from which start, for how long."""

    task: Task
    classes: tuple[str, ...] | None = None
    """Categories of the annotations and, for car_parts, classes of the network; None: the parts."""
    init: Init = "imagenet"
    """Starting weights: of the backbone (imagenet), Detectron2's COCO model zoo, none (scratch),
    or of a bundle that comes with carpose (embedded:car_parts)."""
    size: int = Field(400, ge=64)
    """Side of the square training pictures, and of the square a served picture must fit, px."""
    seed: int = 1
    split_seed: int | None = None
    """Of what is kept aside, None: the seed. Runs to be averaged keep the same photos aside."""
    repeat_below: float = Field(0.3, ge=0, le=1)
    """Photos with a class seen in less than this share of photos come up more often (LVIS)."""
    validation_share: float = Field(0.1, ge=0, lt=1)
    """Share of the training photos kept aside to choose the best epoch by; 0 keeps the last."""
    patience: int = Field(0, ge=0)
    """Stop after this many epochs without a better AP; 0 never stops early."""
    checkpoint_epochs: int = Field(1, ge=1)
    """A checkpoint is written every so many epochs, and at the end; the best is one of them."""
    loader_workers: int = Field(1, ge=0)
    """Processes per training worker that prepare photos."""
    model: ModelConfig
    augment: AugmentConfig = AugmentConfig()
    optimizer: OptimizerConfig

    @model_validator(mode="after")
    def _parts_stand_upright(self) -> "TrainConfig":
        if self.task == "car_parts" and (self.augment.vehicles or self.augment.turned):
            raise ValueError(
                "augment.vehicles and augment.turned are for main_car: no part of a "
                "vehicle is boxed, and a part has no label for its turn"
            )
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names by index."""
        if self.task == "main_car":
            return CLASSES["main_car"]
        return self.classes or CLASSES[self.task]

    @property
    def network(self) -> Network:
        """The architecture, as a bundle carries it."""
        known = self.model.model_dump(include=set(Network.model_fields))
        # A turned car has the outline that it has: one mask and one box for all four classes.
        known["class_agnostic"] |= self.task == "main_car"
        return Network.model_validate(known)


def load_config(path: Path) -> TrainConfig:
    """Read and validate a configuration.

    Raises: TrainingError naming the key and what is allowed.
    """
    return parse_config(path.read_text(), str(path))


def parse_config(text: str, where: str) -> TrainConfig:
    """Validate a configuration's YAML, which errors say is at `where`. Raises: TrainingError."""
    try:
        return TrainConfig.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise TrainingError(f"{where} is not YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise TrainingError(
            f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        ) from error
