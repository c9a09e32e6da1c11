"""The architecture of a network, in words that its bundle carries."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

COARSEST_LEVEL = 6


class Network(BaseModel):
    """A Mask R-CNN on a feature pyramid, whose level n has a stride of 2**n. Sizes in pixels of the
    network's input."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: Literal["mobilenet_v2", "resnet50"]
    fpn_channels: int = Field(128, ge=16)
    fc_channels: int = Field(512, ge=16)
    mask_convs: int = Field(3, ge=0)
    mask_channels: int = Field(128, ge=16)
    mask_pooling: int = Field(14, ge=7)
    """The mask head sees this many cells a side; its masks have twice as many."""
    mask_level: Literal[2, 3] | None = None
    """Pyramid level, of stride 2**level, that masks are pooled from; None: by the object's size.
    Such a network becomes an ONNX bundle only."""
    finest_level: Literal[2, 3] = 2
    """Finest pyramid level that proposals and boxes come from; the coarsest is 6."""
    separable_rpn: bool = False
    """A depthwise and a pointwise convolution in place of the proposal head's 3x3 one."""
    separable_fpn: tuple[Literal[2, 3, 4, 5], ...] = ()
    """Pyramid levels whose 3x3 convolution is two depthwise ones a channel and a pointwise one."""
    class_agnostic: bool = False
    """One box and one mask for all classes, instead of one for each."""
    box_samples: int = Field(0, ge=0)
    """Samples of RoIAlign per side of a cell, box head; 0: one per pixel of the map."""
    anchor_sizes: tuple[int, ...] = (16, 32, 64, 128, 256)
    """One per pyramid level from `finest_level` to 6."""
    test_proposals: int = Field(300, ge=1)
    max_detections: int = Field(60, ge=1)

    @model_validator(mode="after")
    def _one_anchor_size_per_level(self) -> Self:
        levels = COARSEST_LEVEL + 1 - self.finest_level
        if len(self.anchor_sizes) != levels:
            raise ValueError(f"anchor_sizes needs {levels} numbers, one per pyramid level")
        return self
