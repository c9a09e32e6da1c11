"""Detectron2 itself, where it is installed: bundles of both kinds through its segmenter."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

pytest.importorskip("detectron2", reason="detectron2 is not on PyPI: see training/README.md")

import torch

from carpose.agreement import alike
from carpose.bundles import MANIFEST, ModelInput, open_bundle
from carpose.errors import BadBundle
from carpose.images import Limits, Look, Picture, decode
from carpose.model import load_segmenter
from carpose.segmenters.detectron2 import Detectron2Segmenter, native_precision, resized
from carpose.segmenters.preprocess import network_input, network_shape
from training.config import load_config
from training.export import export
from training.network import build
from training.parity import SAME_IOU

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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["car_parts", "main_car"])
def test_an_embedded_bundle_is_the_same_network_in_detectron2(
    name: str, photos: list[Path]
) -> None:
    bundle = open_bundle(f"embedded:{name}")
    pictures = [decode(p.read_bytes(), Limits(), Look(1024)) for p in photos[:6]]
    on_cpu = load_segmenter(bundle, runtime="onnxruntime-f32", threads=2)(pictures, 0.5)
    rebuilt = load_segmenter(bundle, runtime="detectron2", threads=2)
    in_detectron2 = [f for k in (0, 3) for f in rebuilt(pictures[k : k + 3], 0.5)]
    for ours, theirs in zip(in_detectron2, on_cpu, strict=True):
        assert sorted(ours.labels) == sorted(theirs.labels)
        assert ours.model == theirs.model == bundle.identity
        assert alike(ours, theirs, SAME_IOU) == len(theirs)
    rebuilt.probe()


@pytest.mark.parametrize("size", [48, 96, 400])
def test_the_device_resizes_as_a_cpu_does(size: int) -> None:
    pixels = np.random.default_rng(3).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    picture, spec = Picture(pixels, 120, 90), ModelInput(size=size, channels="RGB")
    expected = network_input(picture, spec)
    given = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
    differences = np.abs(resized(given, network_shape(picture, spec))[0].numpy() - expected)
    assert differences.max() <= 2
    assert differences.mean() < 0.1, "of noise, where many a value lies half-way"


def test_an_onnx_file_alone_is_no_network(tmp_path: Path) -> None:
    shutil.copytree(open_bundle("embedded:main_car").folder, tmp_path / "b")
    path = tmp_path / "b" / MANIFEST
    manifest = yaml.safe_load(path.read_text())
    for network, complaint in (
        (None, "without `network` in its manifest"),
        (manifest["network"] | {"fpn_channels": 64}, "has shape"),
        (manifest["network"] | {"backbone": "resnet50"}, "another backbone"),
    ):
        path.write_text(yaml.safe_dump(manifest | {"network": network}))
        with pytest.raises(BadBundle, match=complaint):
            load_segmenter(open_bundle(str(tmp_path / "b")), runtime="detectron2")


class Lost(torch.nn.Module):
    """A backbone whose GPU is gone."""

    size_divisibility = 32

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("CUDA error: out of memory")


def test_what_the_gpu_fails_at_alone_is_done_by_the_cpu(photos: list[Path]) -> None:
    picture = decode(photos[0].read_bytes(), Limits(), Look(400))
    segmenter = Detectron2Segmenter(open_bundle("embedded:main_car"), threads=2)
    (expected,) = segmenter([picture], 0.5)
    # No GPU is needed: what is lost is the network.
    segmenter._has_spare = True
    segmenter._network.backbone = Lost()
    (found,) = segmenter([picture], 0.5)
    assert len(expected) == alike(found, expected, SAME_IOU) > 0
    with pytest.raises(RuntimeError):
        segmenter([picture, picture], 0.5)
    with pytest.raises(RuntimeError):
        segmenter.probe()


@pytest.mark.parametrize(
    ("capability", "precision"),
    [
        ((6, 1), None),
        ((7, 0), torch.float16),
        ((7, 5), torch.float16),
        ((8, 0), torch.bfloat16),
        ((9, 0), torch.bfloat16),
    ],
    ids=["pascal", "volta", "turing", "ampere", "hopper"],
)
def test_a_card_computes_in_what_it_computes_natively(
    capability: tuple[int, int], precision: torch.dtype | None
) -> None:
    assert native_precision(capability) == precision
