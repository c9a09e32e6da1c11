"""Mask R-CNN through Detectron2 itself: PyTorch, batched, on a GPU or a CPU."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from detectron2.structures import ImageList, Instances
from torch import Tensor, nn
from torch.nn.functional import interpolate

from carpose.bundles import Bundle, ModelInput
from carpose.detections import Detections
from carpose.images import Picture
from carpose.mask_rcnn.networks import load_network
from carpose.segmenters import BLANK, Device, Finish, Prepared, Segmenter
from carpose.segmenters.postprocess import to_detections
from carpose.segmenters.preprocess import network_shape

logger = logging.getLogger(__name__)


def native_precision(capability: tuple[int, int]) -> torch.dtype | None:
    """What a card of this CUDA compute capability computes convolutions in at full speed: bfloat16
    from Ampere (8.0) on, float16 on Volta and Turing, which only emulate bfloat16; None: float32.
    """
    if capability >= (8, 0):
        return torch.bfloat16
    return torch.float16 if capability >= (7, 0) else None


ARITHMETIC = {None: "f32", torch.bfloat16: "bf16", torch.float16: "f16"}


class NetworkSegmenter(Segmenter):
    """Runs a Detectron2 network that is in evaluation mode, on the device where it is."""

    batches = True

    def __init__(
        self,
        network: nn.Module,
        spec: ModelInput,
        classes: Sequence[str],
        name: str = "",
        precision: torch.dtype | None = None,
    ) -> None:
        self._network: Any = network
        self._spec, self._classes, self._name = spec, classes, name
        self.device = network.pixel_mean.device
        self._on_gpu = self.device.type == "cuda"
        self._precision = precision
        self.arithmetic = ARITHMETIC[precision]
        # One forward pass at a time: threads would only share the device and its memory.
        self._lock = threading.Lock()

    def prepare(self, picture: Picture) -> Prepared:
        """See `Segmenter`: into memory from which a GPU fetches by itself; it resizes there."""
        host = torch.empty(picture.pixels.shape, dtype=torch.uint8, pin_memory=self._on_gpu)
        np.copyto(host.numpy(), picture.pixels)
        return Prepared(picture, host, network_shape(picture, self._spec))

    def start(self, batch: Sequence[Prepared], score_threshold: float) -> Finish:
        """See `Segmenter`. One forward pass for all pictures, and one copy back."""
        with self._lock, torch.inference_mode():
            pixels = self.pixels(batch)
            counts, cells, table = self.forward(pixels, batch, score_threshold)
            done = self._copied(table)

        def finish() -> list[Detections]:
            rows = done().numpy()
            each = np.split(rows, np.cumsum(counts)[:-1])
            return [
                self._detections(one, cells, prepared, score_threshold)
                for one, prepared in zip(each, batch, strict=True)
            ]

        return finish

    def forward(
        self, pixels: Tensor, batch: Sequence[Prepared], score_threshold: float
    ) -> tuple[list[int], int, Tensor]:
        """The network on the `pixels` of a batch: detections of each picture, cells on a side of a
        mask, and all detections of all pictures in one table: box, class, score, mask."""
        network, predictor = self._network, self._network.roi_heads.box_predictor
        images = ImageList(pixels, [p.shape for p in batch])
        configured = predictor.test_score_thresh
        # What scores less by its class gets no mask: masks take much of the time.
        predictor.test_score_thresh = max(configured, score_threshold)
        try:
            with torch.autocast(
                self.device.type, self._precision, enabled=self._precision is not None
            ):
                features = network.backbone(images.tensor)
                proposals, _ = network.proposal_generator(images, features, None)
                found, _ = network.roi_heads(images, features, proposals, None)
        finally:
            predictor.test_score_thresh = configured
        table = torch.cat([_rows(one) for one in found])
        return [len(one) for one in found], found[0].pred_masks.shape[-1], table

    def pixels(self, batch: Sequence[Prepared]) -> Tensor:
        """(B, 3, H, W) normalised, each picture in the upper left corner, zeros around it."""
        network = self._network
        unit = network.backbone.size_divisibility
        height, width = (-(-max(p.shape[k] for p in batch) // unit) * unit for k in range(2))
        layout = torch.channels_last if self._on_gpu else torch.contiguous_format
        pixels = torch.zeros((len(batch), 3, height, width), device=self.device).contiguous(
            memory_format=layout
        )
        for place, prepared in zip(pixels, batch, strict=True):
            whole = prepared.tensor.to(self.device, non_blocking=True).permute(2, 0, 1)[None]
            one = resized(whole.float(), prepared.shape)
            if self._spec.channels == "BGR":
                one = one.flip(1)
            h, w = prepared.shape
            place[:, :h, :w] = (one[0] - network.pixel_mean) / network.pixel_std
        return pixels

    def _copied(self, table: Tensor) -> Any:
        """What waits for the table to be in this computer's memory."""
        if not self._on_gpu:
            return lambda: table
        host = torch.empty(table.shape, dtype=table.dtype, pin_memory=True)
        host.copy_(table, non_blocking=True)
        event = torch.cuda.Event()
        event.record()

        def wait() -> Tensor:
            event.synchronize()
            return host

        return wait

    def _detections(
        self, rows: np.ndarray[Any, Any], cells: int, prepared: Prepared, score_threshold: float
    ) -> Detections:
        return to_detections(
            rows[:, :4],
            rows[:, 4].astype(np.int64),
            rows[:, 6:].reshape(-1, 1, cells, cells),
            rows[:, 5],
            prepared.shape,
            prepared.picture,
            self._classes,
            score_threshold,
            self._name,
        )


def resized(pixels: Tensor, shape: tuple[int, int]) -> Tensor:
    """(1, C, H, W) of whole numbers at another height and width, as `preprocess` makes them, which
    the model was measured with: down, rounded, then across, rounded. One pass alone changes the
    viewpoint of two photos in a hundred."""
    for side in ((shape[0], pixels.shape[3]), shape):
        if tuple(pixels.shape[2:]) != tuple(side):
            pixels = interpolate(pixels, side, mode="bilinear", antialias=True).add(0.5).floor()
    return pixels


def _rows(found: Instances) -> Tensor:
    return torch.cat(
        [
            found.pred_boxes.tensor.float(),
            found.pred_classes[:, None].float(),
            found.scores[:, None].float(),
            found.pred_masks.flatten(1).float(),
        ],
        dim=1,
    )


class Detectron2Segmenter(NetworkSegmenter):
    """Runs a bundle; what the GPU fails at is done by the CPU."""

    def __init__(
        self,
        bundle: Bundle,
        device: Device = "cpu",
        threads: int = 1,
        compiled: bool = False,
        gpu_share: float = 1.0,
    ) -> None:
        torch.set_num_threads(threads)
        precision = None
        if device == "cuda":
            if 0 < gpu_share < 1:
                torch.cuda.set_per_process_memory_fraction(gpu_share)
            precision = native_precision(torch.cuda.get_device_capability())
        network = load_network(bundle, device)
        if device == "cuda":
            network = network.to(memory_format=torch.channels_last)
        if compiled:
            network.backbone = torch.compile(network.backbone, dynamic=True)
        manifest = bundle.manifest
        super().__init__(network, manifest.input, manifest.classes, bundle.identity, precision)
        self.bundle = bundle
        self._has_spare = device == "cuda"

    def start(self, batch: Sequence[Prepared], score_threshold: float) -> Finish:
        """See `Segmenter`. Raises: when the GPU fails at several pictures; a single one that it
        fails at, and those that it failed to give back, are done by the CPU."""
        try:
            finish = super().start(batch, score_threshold)
        except RuntimeError:
            if not self._has_spare or len(batch) > 1:
                raise
            return self._by_cpu(batch, score_threshold)
        if not self._has_spare:
            return finish

        def finished() -> list[Detections]:
            try:
                return finish()
            except RuntimeError:
                return self._by_cpu(batch, score_threshold)()

        return finished

    def probe(self) -> None:
        """See `Segmenter`: on the GPU, whatever the CPU could do."""
        super().start([replace(self.prepare(BLANK), shape=BLANK.size)], 1.0)()

    def _by_cpu(self, batch: Sequence[Prepared], score_threshold: float) -> Finish:
        """Called where an exception is handled, which it logs."""
        logger.exception("%s: %d pictures failed on the GPU", self.bundle.identity, len(batch))
        return lambda: self._twin([p.picture for p in batch], score_threshold)

    @cached_property
    def _twin(self) -> NetworkSegmenter:
        manifest = self.bundle.manifest
        network = load_network(self.bundle)
        return NetworkSegmenter(network, manifest.input, manifest.classes, self.bundle.identity)
