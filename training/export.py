"""Turn a finished run into a bundle that the server loads, and prove that it finds the same.

    python -m training.export --run runs/car_parts --out bundles/car_parts --data DIR

A MobileNetV2 run becomes ONNX for CPUs; an R50 run a Detectron2 bundle for GPUs, or ONNX with
--framework onnx. With --data, the bundle and Detectron2 detect on the same annotated photos: the
export fails when their AP differs by more than 0.002. `--openvino-bf16` lets OpenVINO compute in
bf16 where that costs no more AP than that either. An ONNX bundle gets its network in bytes as well
(training.quantize), where those cost no AP. Prints the lines for serve_config.yaml.
"""

import argparse
import datetime
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
from detectron2.config import CfgNode
from detectron2.export import TracingAdapter
from detectron2.utils.logger import setup_logger
from onnx import numpy_helper

from carpose.bundles import Bundle, Manifest, ModelFile, ModelInput, sha256_of
from carpose.errors import MissingDependency
from carpose.model import load_segmenter
from training.command import command
from training.config import TrainConfig
from training.errors import TrainingError
from training.graph_surgery import split_depthwise
from training.heads import LEARNING
from training.manifest import write_manifest
from training.mask_rcnn import detect as detect_with_network
from training.network import build, detectron2_config
from training.parity import Parity, compare
from training.photos import load_photos
from training.predictions import AP_THRESHOLD, detect
from training.quantize import with_int8
from training.runs import BEST, WEIGHTS, Run

OUTPUTS = ["boxes", "classes", "masks", "scores", "size"]
"""TracingAdapter flattens Instances in this order, the order of their names."""

DEFAULT_THRESHOLD = 0.05
"""Of the graph's second input, where nobody sets it."""

SERVED_THRESHOLD = {"car_parts": 0.5, "main_car": 0.2}
"""What may be a car is judged by its parts too (carpose.certainty), a part by nothing else."""


def load_run(run: Run) -> tuple[TrainConfig, torch.nn.Module]:
    """Configuration and network, in evaluation mode, of a run on this machine."""
    config = run.config()
    model = build(config, "scratch")
    best = Path(run.path) / BEST / WEIGHTS
    state = torch.load(best, map_location="cpu", weights_only=True)
    model.load_state_dict(state)
    return config, model.eval()


def export_onnx(model: torch.nn.Module, size: int, path: Path) -> None:
    """Trace the network to ONNX.

    Inputs: `image`, float32 (3, h, w) of any size, 0 to 255, and `score_threshold`, float32 (1,),
    which may be left out: what scores less gets no mask, and masks take much of the time.
    """
    # Both sides dynamic; another aspect ratio than a square, so that no side is confused.
    image = torch.rand(3, size * 3 // 4, size) * 255
    threshold = torch.tensor([DEFAULT_THRESHOLD])
    roi_heads: Any = model.roi_heads
    head = roi_heads.box_predictor
    configured = head.test_score_thresh

    def infer(model: torch.nn.Module, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        head.test_score_thresh = inputs[0]["score_threshold"]
        return [{"instances": model.inference(inputs, do_postprocess=False)[0]}]

    inputs = [{"image": image, "score_threshold": threshold}]
    adapter = TracingAdapter(model, inputs, infer).eval()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            adapter,
            (image, threshold),
            str(path),
            dynamo=False,
            opset_version=17,
            input_names=["image", "score_threshold"],
            output_names=OUTPUTS,
            dynamic_axes={"image": {1: "height", 2: "width"}}
            | {name: {0: "objects"} for name in OUTPUTS[:4]},
        )
    head.test_score_thresh = configured
    graph = onnx.load(str(path))
    # An input that has an initializer too is optional: the initializer is its default.
    graph.graph.initializer.append(numpy_helper.from_array(threshold.numpy(), "score_threshold"))
    split_depthwise(graph)
    onnx.save(graph, str(path))


def export(
    config: TrainConfig,
    model: torch.nn.Module,
    out: Path,
    framework: str,
    provenance: dict[str, str],
) -> Bundle:
    """Write the bundle of a network to the folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    cfg = detectron2_config(config)
    cfg_file = None
    if framework == "onnx":
        weights = out / "model.onnx"
        export_onnx(model, config.size, weights)
    else:
        if config.model.backbone != "resnet50":
            raise TrainingError("only R50 runs become Detectron2 bundles; use --framework onnx")
        weights = out / "model.pth"
        torch.save(model.state_dict(), weights)
        (out / "detectron2.yaml").write_text(served_config(cfg).dump())
        cfg_file = ModelFile(path="detectron2.yaml", sha256=sha256_of(out / "detectron2.yaml"))
    backbone = {"mobilenet_v2": "mobilenetv2-fpn", "resnet50": "r50-fpn"}[config.model.backbone]
    manifest = Manifest(
        format=1,
        name=backbone,
        task=config.task,
        framework=framework,
        classes=config.labels,
        input=ModelInput(size=config.size, channels=cfg.INPUT.FORMAT),
        score_threshold=SERVED_THRESHOLD[config.task],
        weights=ModelFile(path=weights.name, sha256=sha256_of(weights)),
        config=cfg_file,
        network=config.network,
        provenance=provenance,
    )
    return write_manifest(manifest, out)


def served_config(cfg: CfgNode) -> CfgNode:
    """The configuration of a trained network as Detectron2 alone can build it: the classes of
    `training.heads` that only learn otherwise give way to those that they extend."""
    served = cfg.clone()
    served.defrost()
    for node in (served.MODEL.PROPOSAL_GENERATOR, served.MODEL.ROI_HEADS):
        node.NAME = LEARNING.get(node.NAME, node.NAME)
    served.freeze()
    return served


def check(
    bundle: Bundle, config: TrainConfig, model: torch.nn.Module, data: Path, split: str, limit: int
) -> tuple[Parity, Parity | None]:
    """Parity of the bundle with the network it comes from, on annotated photos; for ONNX also
    that of OpenVINO in bf16 with ONNX Runtime, None where OpenVINO is not installed."""
    photos = load_photos(data, split, config.task, classes=config.classes)[: limit or None]
    print(f"detecting on {len(photos)} photos with Detectron2, then with the bundle")
    first = detect_with_network(model, photos, config, progress=True)
    second = detect(load_segmenter(bundle), photos, AP_THRESHOLD)
    parity = compare(photos, first, second, config.labels)
    if bundle.manifest.framework != "onnx":
        return parity, None
    try:
        bf16 = bundle.manifest.model_copy(update={"openvino_precision": "bf16"})
        segmenter = load_segmenter(Bundle(folder=bundle.folder, manifest=bf16), runtime="openvino")
    except MissingDependency:
        return parity, None
    third = detect(segmenter, photos, AP_THRESHOLD)
    return parity, compare(photos, second, third, config.labels)


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--run", required=True, help="the --storage of training.train")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--framework", choices=["onnx", "detectron2"])
    parser.add_argument("--data", type=Path, help="annotated photos for the parity check")
    parser.add_argument("--split", default="trainingset", help="of --data")
    parser.add_argument("--limit", type=int, default=40, help="photos to check on; 0: all")
    parser.add_argument("--openvino-bf16", action="store_true")
    parser.add_argument(
        "--provenance",
        action="append",
        default=[],
        metavar="KEY=TEXT",
        help="for the manifest: data, licence, ...",
    )
    args = parser.parse_args(arguments)
    setup_logger(name="detectron2")
    with tempfile.TemporaryDirectory() as folder:
        config, model = load_run(Run.at(args.run).here(Path(folder)))
    framework = args.framework or (
        "onnx" if config.model.backbone == "mobilenet_v2" else "detectron2"
    )
    provenance = {
        "starting_weights": config.init,
        "epochs": f"{config.optimizer.epochs}, {config.optimizer.batch} photos a step",
        "seed": str(config.seed),
        "exported": datetime.date.today().isoformat(),
    } | dict(entry.split("=", 1) for entry in args.provenance)
    bundle = export(config, model, args.out, framework, provenance)
    size = bundle.weights.stat().st_size / 1e6
    print(f"{args.out}: {bundle.manifest.name}, {size:.1f} MB")
    if args.data:
        parity, bf16 = check(bundle, config, model, args.data, args.split, args.limit)
        print(f"bundle against Detectron2: {parity}")
        if not parity.holds:
            raise TrainingError("the bundle does not find what the network finds: do not serve it")
        if bf16 is not None:
            print(f"OpenVINO bf16 against ONNX Runtime: {bf16}")
        if args.openvino_bf16:
            if bf16 is None or not bf16.holds:
                raise TrainingError("bf16 costs AP, or OpenVINO is missing: the bundle stays f32")
            precise = bundle.manifest.model_copy(update={"openvino_precision": "bf16"})
            bundle = write_manifest(precise, args.out)
        if framework == "onnx":
            try:
                photos = load_photos(args.data, args.split, config.task, classes=config.classes)
                bundle = with_int8(bundle, photos)
            except TrainingError as error:
                print(f"float32 alone: {error}")
    elif args.openvino_bf16:
        raise TrainingError("--openvino-bf16 is judged by AP: give --data")
    print("in serve_config.yaml:\n  args:")
    print(f"    {bundle.manifest.task}: {{bundle: {args.out.resolve()}}}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
