"""The network of a bundle in bytes too, which takes a CPU that multiplies them 0.6 of the time.

    python -m training.quantize --bundle bundles/car_parts --data DIR

`training.export` does it too; this is for bundles that are there.

Static quantization by ONNX Runtime: weights become bytes with a scale for each channel, and so does
what goes from layer to layer, with a scale from the least to the greatest value that photos of
--split put there. The last layers, whose outputs are scores, boxes and masks, and what is computed
with those, stay float32: a byte tells positions in a picture apart no better than 1.5 px.

Writes model.int8.onnx into the bundle and its checksum into model.yaml, unless box or mask AP on
photos of --split is lower by more than 0.002 than that of the network as it was.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import onnx
from onnxruntime import quantization
from tqdm import tqdm

from carpose.bundles import Bundle, ModelFile, open_bundle, sha256_of
from carpose.detections import Detections
from carpose.model import load_segmenter
from carpose.processor import multiplies_bytes
from carpose.segmenters import Segmenter
from training.command import command
from training.errors import TrainingError
from training.manifest import write_manifest
from training.parity import Parity, compare
from training.photos import Photo
from training.predictions import AP_THRESHOLD, detect, photos_of, read

NAME = "model.int8.onnx"

LAYERS = ("Conv", "ConvTranspose", "Gemm", "Relu")
BETWEEN = ("Clip", "Add")
"""What stands between layers of the backbone; elsewhere these compute with positions."""

LAST = ("objectness_logits", "anchor_deltas", "cls_score", "bbox_pred", "mask_head/predictor")


def in_bytes(node: onnx.NodeProto) -> bool:
    """Whether a node of an exported Mask R-CNN is computed in bytes."""
    if any(name in node.name for name in LAST):
        return False
    return node.op_type in LAYERS or (
        node.op_type in BETWEEN and node.name.startswith("/backbone/")
    )


class _Inputs(quantization.CalibrationDataReader):
    """Photos as the network reads them."""

    def __init__(self, photos: Sequence[Photo], segmenter: Segmenter) -> None:
        self._left: Iterator[Photo] = iter(tqdm(photos, unit="photo", leave=False, disable=None))
        self._segmenter = segmenter

    def get_next(self) -> dict[str, Any] | None:
        photo = next(self._left, None)
        return None if photo is None else {"image": self._segmenter.prepare(read(photo)).tensor}


def quantize(bundle: Bundle, photos: Sequence[Photo], target: Path) -> None:
    """Write the network of an ONNX bundle in bytes; what goes between its layers is scaled to what
    the photos put there."""
    segmenter = load_segmenter(bundle, runtime="onnxruntime-f32")
    nodes = onnx.load(str(bundle.weights)).graph.node
    quantization.quantize_static(
        str(bundle.weights),
        str(target),
        _Inputs(photos, segmenter),
        quant_format=quantization.QuantFormat.QDQ,
        op_types_to_quantize=[*LAYERS, *BETWEEN],
        nodes_to_quantize=[node.name for node in nodes if in_bytes(node)],
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
    )


def parity(first: Bundle, second: Bundle, photos: Sequence[Photo]) -> Parity:
    """Of the weights of one with those of the other."""

    def found(bundle: Bundle) -> list[Detections]:
        segmenter = load_segmenter(bundle, runtime="onnxruntime-f32", threads=2)
        return detect(segmenter, photos, AP_THRESHOLD)

    return compare(photos, found(first), found(second), first.manifest.classes)


def with_int8(bundle: Bundle, photos: Sequence[Photo], scale_on: int = 60) -> Bundle:
    """The bundle with its network in bytes too, scaled to so many of the photos.

    Raises: TrainingError where that cannot be judged here, or costs AP on the photos; the bundle
        stays as it was.
    """
    manifest = bundle.manifest
    if manifest.framework != "onnx":
        raise TrainingError(f"{bundle.folder} is a {manifest.framework} bundle, not ONNX")
    if not multiplies_bytes():
        raise TrainingError("this CPU does not multiply bytes (VNNI), so nothing is seen of them")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / NAME
        quantize(bundle, photos[:: max(1, len(photos) // scale_on)][:scale_on], made)
        file = ModelFile(path=NAME, sha256=sha256_of(made))
        alone = Bundle(folder=made.parent, manifest=manifest.model_copy(update={"weights": file}))
        found = parity(bundle, alone, photos)
        print(f"in bytes against float32, on {len(photos)} photos: {found}")
        if found.costs:
            raise TrainingError("bytes cost AP: the bundle stays as it was")
        shutil.copy(made, bundle.folder / NAME)
    return write_manifest(manifest.model_copy(update={"int8": file}), bundle.folder)


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, required=True, help="a folder; written to")
    parser.add_argument("--data", type=Path, required=True, help="annotated photos")
    parser.add_argument("--split", default="trainingset", help="of --data")
    parser.add_argument("--scale-on", type=int, default=60, help="photos")
    args = parser.parse_args(arguments)
    bundle = open_bundle(str(args.bundle))
    bundle = with_int8(bundle, photos_of(bundle, args.data, args.split), args.scale_on)
    assert bundle.int8 is not None
    print(f"{bundle.int8}: {bundle.int8.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
