"""What a photo through both embedded models costs, against YOLO26n-seg at 640 px in the same run.

    python -m benchmarks.models --photos DIR --peer yolo26n-seg.onnx

ONNX Runtime alone, two threads, ours in f32 and in int8 where this CPU has it, all taking turns
photo by photo, so that a busy machine hurts all alike. The peer is not ours to ship; Ultralytics
exports it, and its speed does not depend on its weights:

    python -c "from ultralytics import YOLO; YOLO('yolo26n-seg.yaml').export(format='onnx')"
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime

from benchmarks.arguments import about_photos
from carpose.bundles import open_bundle
from carpose.images import Limits, Picture, decode
from carpose.processor import multiplies_bytes
from carpose.segmenters.preprocess import network_input

LIMIT = 1.2
"""What both models together are to cost at most, of the peer, which does one of their tasks."""


def session(weights: Path) -> onnxruntime.InferenceSession:
    """A session of two threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])


def ours(uri: str, in_bytes: bool) -> Callable[[Picture], Callable[[], object]]:
    """What runs a bundle on a picture, prepared before the clock starts."""
    bundle = open_bundle(uri)
    weights = bundle.int8 if in_bytes else bundle.weights
    if weights is None:
        raise SystemExit(f"{uri} has no network in bytes: python -m training.quantize")
    runtime = session(weights)
    known = {i.name for i in [*runtime.get_inputs(), *runtime.get_overridable_initializers()]}
    threshold = np.array([bundle.manifest.score_threshold], np.float32)

    def prepare(picture: Picture) -> Callable[[], object]:
        feed = {"image": network_input(picture, bundle.manifest.input)}
        if "score_threshold" in known:
            feed["score_threshold"] = threshold
        return lambda: runtime.run(None, feed)

    return prepare


def peer(weights: Path) -> Callable[[Picture], Callable[[], object]]:
    """The peer on a square of its own size, whose content it does not care about."""
    runtime = session(weights)
    entry = runtime.get_inputs()[0]
    tensor = np.random.default_rng(1).random(entry.shape, np.float32)
    return lambda _: lambda: runtime.run(None, {entry.name: tensor})


def main() -> None:
    """Command line."""
    parser = about_photos(__doc__)
    parser.add_argument("--peer", type=Path, help="yolo26n-seg.onnx, exported at 640 px")
    parser.add_argument("--parts", default="embedded:car_parts")
    parser.add_argument("--car", default="embedded:main_car")
    parser.add_argument("--count", type=int, default=40)
    args = parser.parse_args()
    arithmetics = ("f32", "int8") if multiplies_bytes() else ("f32",)
    runs = {
        f"{task} {arithmetic}": ours(uri, arithmetic == "int8")
        for arithmetic in arithmetics
        for task, uri in (("car_parts", args.parts), ("main_car", args.car))
    }
    if args.peer:
        runs["yolo26n-seg"] = peer(args.peer)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for path in sorted(args.photos.glob("*.jpg"))[: args.count]:
        picture = decode(path.read_bytes(), Limits())
        for name, prepare in runs.items():
            run = prepare(picture)
            run()  # a first run of a new shape allocates
            began = time.perf_counter()
            run()
            times[name].append(1000 * (time.perf_counter() - began))
    p50 = {name: statistics.median(values) for name, values in times.items()}
    for name, value in p50.items():
        print(f"{name}: p50 {value:.1f} ms")
    for arithmetic in arithmetics:
        both = p50[f"car_parts {arithmetic}"] + p50[f"main_car {arithmetic}"]
        print(f"both {arithmetic}: {both:.1f} ms")
        if args.peer:
            ratio = both / p50["yolo26n-seg"]
            print(f"both {arithmetic} / yolo26n-seg: {ratio:.2f} (limit {LIMIT:.2f})")


if __name__ == "__main__":
    main()
