"""Turn a finished run into a bundle that the server loads.

    python -m training.export --run runs/car_parts --out carpose/models/car_parts

A MobileNetV2 run becomes ONNX for CPUs; an R50 run a Detectron2 bundle for GPUs, or ONNX with
--framework onnx. Prints the line that puts the bundle into serve_config.yaml.
"""

import argparse
import datetime
import warnings
from pathlib import Path

import torch
import yaml
from detectron2.export import TracingAdapter
from detectron2.utils.logger import setup_logger

from carpose.bundle import MANIFEST, Manifest, ModelFile, ModelInput, sha256_of
from training.config import TrainConfig, load_config
from training.dataset import CLASSES
from training.network import build, detectron2_config

OUTPUTS = ["boxes", "classes", "masks", "scores", "size"]
"""TracingAdapter flattens Instances in this order, the order of their names."""

SERVED_THRESHOLD = {"car_parts": 0.5, "main_car": 0.5}


def averaged_weights(run: Path) -> dict[str, torch.Tensor]:
    """The averaged weights of a run: finished, or as its last checkpoint holds them."""
    final = run / "model.pth"
    if final.exists():
        return torch.load(final, map_location="cpu", weights_only=True)
    return torch.load(run / "checkpoint.pth", map_location="cpu", weights_only=True)["ema"]


def export_onnx(model: torch.nn.Module, size: int, path: Path) -> None:
    """Trace the network to ONNX: float32 CHW of any size in, OUTPUTS out."""
    # Both sides dynamic; another aspect ratio than a square, so that no side is confused.
    image = torch.rand(3, size * 3 // 4, size) * 255

    def infer(model: torch.nn.Module, inputs: list[dict]) -> list[dict]:
        return [{"instances": model.inference(inputs, do_postprocess=False)[0]}]

    adapter = TracingAdapter(model, [{"image": image}], infer).eval()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            adapter,
            (image,),
            str(path),
            dynamo=False,
            opset_version=17,
            input_names=["image"],
            output_names=OUTPUTS,
            dynamic_axes={"image": {1: "height", 2: "width"}}
            | {name: {0: "objects"} for name in OUTPUTS[:4]},
        )


def export(run: Path, out: Path, framework: str, provenance: dict[str, str]) -> Manifest:
    """Write the bundle of a run to the folder `out`."""
    config: TrainConfig = load_config(run / "config.yaml")
    model = build(config.model_copy(update={"init": "scratch"}))
    model.load_state_dict(averaged_weights(run))
    model.eval()
    out.mkdir(parents=True, exist_ok=True)
    cfg = detectron2_config(config)
    cfg_file = None
    if framework == "onnx":
        weights = out / "model.onnx"
        export_onnx(model, config.size, weights)
    else:
        if config.model.backbone != "resnet50":
            raise SystemExit("only R50 runs become Detectron2 bundles; use --framework onnx")
        weights = out / "model.pth"
        torch.save(model.state_dict(), weights)
        (out / "detectron2.yaml").write_text(cfg.dump())
        cfg_file = ModelFile(path="detectron2.yaml", sha256=sha256_of(out / "detectron2.yaml"))
    backbone = {"mobilenet_v2": "mobilenetv2-fpn", "resnet50": "r50-fpn"}[config.model.backbone]
    manifest = Manifest(
        format=1,
        name=backbone,
        task=config.task,
        framework=framework,
        classes=CLASSES[config.task],
        input=ModelInput(size=config.size, channels=cfg.INPUT.FORMAT),
        score_threshold=SERVED_THRESHOLD[config.task],
        weights=ModelFile(path=weights.name, sha256=sha256_of(weights)),
        config=cfg_file,
        provenance=provenance,
    )
    text = yaml.safe_dump(manifest.model_dump(mode="json", exclude_none=True), sort_keys=False)
    (out / MANIFEST).write_text(text)
    return manifest


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--framework", choices=["onnx", "detectron2"])
    parser.add_argument(
        "--start", default="", help="starting weights and their licence, for the manifest"
    )
    args = parser.parse_args()
    setup_logger(name="detectron2")
    config = load_config(args.run / "config.yaml")
    onnx = config.model.backbone == "mobilenet_v2"
    provenance = {
        "data": "dsmlr/Car-Parts-Segmentation V2 (e970560), trainingset, 400 photos",
        "starting_weights": args.start or config.init,
        "steps": f"{config.optimizer.steps} of {config.optimizer.batch} photos",
        "seed": str(config.seed),
        "exported": datetime.date.today().isoformat(),
        "licence": "Apache-2.0",
    }
    framework = args.framework or ("onnx" if onnx else "detectron2")
    manifest = export(args.run, args.out, framework, provenance)
    key = {"car_parts": "parts", "main_car": "car"}[manifest.task]
    size = (args.out / manifest.weights.path).stat().st_size
    print(f"{args.out}: {manifest.name}, {size / 1e6:.1f} MB\nin serve_config.yaml, under args:")
    print(f"  {key}: {{bundle: {args.out.resolve()}}}")


if __name__ == "__main__":
    main()
