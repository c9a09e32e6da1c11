"""Detectron2 itself, where it is installed: a bundle of an untrained R50 through the segmenter."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("detectron2", reason="detectron2 is not on PyPI: see training/README.md")

from carpose.bundles import open_bundle
from carpose.images import Picture
from carpose.model import load_segmenter
from training.config import load_config
from training.export import export
from training.network import build

CONFIGS = Path(__file__).parent.parent / "training" / "configs"


def test_a_detectron2_bundle_and_its_onnx_twin_find_the_same(tmp_path: Path) -> None:
    r50 = load_config(CONFIGS / "car_parts_r50.yaml")
    config = r50.model_copy(update={"init": "scratch", "size": 128})
    model = build(config).eval()
    state = model.state_dict()
    for name, value in state.items():
        # Without batch statistics an untrained ResNet's activations overflow.
        if "bottom_up" in name and value.ndim == 4:
            value *= 0.3
    for framework in ("detectron2", "onnx"):
        export(config, model, tmp_path / framework, framework, {})
    pixels = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    # Of one size: Detectron2 pads the smaller pictures of a batch, which changes their borders.
    pictures = [Picture(pixels, 256, 192), Picture(pixels[:, ::-1].copy(), 256, 192)]
    torch_found, onnx_found = (
        load_segmenter(open_bundle(str(tmp_path / framework)))(pictures, 0.02)
        for framework in ("detectron2", "onnx")
    )
    for a, b in zip(torch_found, onnx_found, strict=True):
        assert len(a) == len(b) > 0
        # Untrained scores are all alike, so a rounding error may swap a few at the cut.
        assert np.abs(a.scores - b.scores).max() < 1e-3
