"""A network in bytes finds what it found in float32, or the bundle stays as it was."""

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("cv2", reason="training needs: pip install 'carpose[evaluate]'")
pytest.importorskip("onnx", reason="needs: make test-train")

import onnx
from PIL import Image

from carpose.agreement import alike
from carpose.bundles import Bundle, open_bundle
from carpose.images import Limits, decode
from carpose.model import load_segmenter
from carpose.parts import PARTS
from carpose.processor import multiplies_bytes
from tests.servers import ROOT
from training.quantize import NAME, in_bytes, main

EXAMPLE = ROOT / "carpose/cli/example.jpg"

pytestmark = pytest.mark.skipif(not multiplies_bytes(), reason="this CPU does not multiply bytes")


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """The embedded car_parts as it is before it is quantized."""
    folder = tmp_path / "bundle"
    embedded = open_bundle("embedded:car_parts")
    folder.mkdir()
    shutil.copy(embedded.weights, folder)
    manifest = (embedded.folder / "model.yaml").read_text()
    assert embedded.manifest.int8 is not None
    before, _, after = manifest.partition("int8:\n")
    (folder / "model.yaml").write_text(before + after.split("\n", 2)[2])
    return open_bundle(str(folder))


def annotated(folder: Path, photos: dict[Path, list[tuple[str, list[float]]]]) -> Path:
    """A split of photos with parts and their boxes."""
    split = folder / "trainingset"
    (split / "JPEGImages").mkdir(parents=True)
    images, annotations = [], []
    for path, parts in photos.items():
        shutil.copy(path, split / "JPEGImages")
        width, height = Image.open(path).size
        images.append({"id": len(images), "file_name": path.name, "width": width, "height": height})
        for label, (x0, y0, x1, y1) in parts:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": images[-1]["id"],
                    "category_id": PARTS.index(label) + 1,
                    "segmentation": [[x0, y0, x1, y0, x1, y1, x0, y1]],
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": (x1 - x0) * (y1 - y0),
                    "iscrowd": 0,
                }
            )
    categories = [{"id": k + 1, "name": name} for k, name in enumerate(PARTS)]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    (split / "annotations.json").write_text(json.dumps(coco))
    return folder


def quantized(bundle: Bundle, data: Path) -> int:
    return main(["--bundle", str(bundle.folder), "--data", str(data), "--scale-on", "1"])


def test_bytes_find_the_parts_that_float32_finds(bundle: Bundle, tmp_path: Path) -> None:
    # Its AP is that of one part that neither finds, so that it is the same.
    data = annotated(tmp_path / "data", {EXAMPLE: [("trunk", [0, 0, 9, 9])]})
    assert quantized(bundle, data) == 0
    both = open_bundle(str(bundle.folder))
    assert both.int8 is not None
    assert both.int8.stat().st_size < 0.35 * both.weights.stat().st_size
    assert both.identity == bundle.identity
    picture = decode(EXAMPLE.read_bytes(), Limits())
    (before,) = load_segmenter(bundle)([picture], 0.5)
    segmenter = load_segmenter(both)
    assert segmenter.arithmetic == "int8"
    (after,) = segmenter([picture], 0.5)
    assert len(before) > 5
    assert alike(before, after, 0.9) >= 0.9 * len(before)


def test_a_network_that_bytes_make_worse_stays_as_it_was(
    bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Scaled to what a black picture puts between its layers, it sees nothing else.
    black = tmp_path / "black.jpg"
    Image.new("RGB", (384, 256)).save(black)
    (found,) = load_segmenter(bundle)([decode(EXAMPLE.read_bytes(), Limits())], 0.5)
    parts = list(zip(found.labels.tolist(), found.boxes.tolist(), strict=True))
    data = annotated(tmp_path / "data", {black: [], EXAMPLE: parts})
    assert quantized(bundle, data) == 2
    assert "bytes cost AP" in capsys.readouterr().err
    assert open_bundle(str(bundle.folder)) == bundle
    assert not (bundle.folder / NAME).exists()


def test_what_is_read_as_it_is_stays_in_float32(bundle: Bundle) -> None:
    nodes = onnx.load(str(bundle.weights)).graph.node
    convolutions = [node for node in nodes if node.op_type == "Conv"]
    in_float = {node.name.split("/")[-2] for node in convolutions if not in_bytes(node)}
    assert {name.rstrip("_1234") for name in in_float} == {
        *("objectness_logits", "anchor_deltas", "predictor")
    }
    arithmetic = [n for n in nodes if n.op_type in ("Add", "Clip") and in_bytes(n)]
    assert arithmetic
    assert all(node.name.startswith("/backbone/") for node in arithmetic)
