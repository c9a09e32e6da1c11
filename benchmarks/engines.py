"""What runs the embedded models: milliseconds on one thread, in turns, photo by photo.

    python -m benchmarks.engines --photos DIR [--batches 1 2 4 8] [--data DIR]

ONNX Runtime in int8 and f32, OpenVINO in f32 and bf16, and Detectron2 (eager), as far as they are
installed; then two processes of each at once. The bundles' ONNX graphs take one picture at a time,
so only Detectron2 has batches. How many detections have the same class, and a box with an IoU of
0.9, as those of ONNX Runtime in f32 is printed too, and with --data, photos as training reads them,
box and mask AP of the first look on the test split: speed bought with accuracy is seen.
"""

import multiprocessing
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.arguments import about_photos
from benchmarks.load import photos_in
from carpose.agreement import alike
from carpose.bundles import Bundle, open_bundle
from carpose.detections import Detections
from carpose.errors import MissingDependency
from carpose.images import Limits, Look, Picture, decode
from carpose.model import load_segmenter
from carpose.processor import multiplies_bytes
from carpose.segmenters import Segmenter
from carpose.segmenters.onnx import OnnxSegmenter

REFERENCE = "ONNX Runtime f32"
SAME_BOX = 0.9
PAIR_S = 5.0
"""How long two processes of an engine are watched."""


def engines(bundle: Bundle) -> dict[str, Callable[[], Segmenter]]:
    """What makes each, on one thread; MissingDependency where it is not installed."""

    def openvino(precision: Literal["f32", "bf16"]) -> Segmenter:
        manifest = bundle.manifest.model_copy(update={"openvino_precision": precision})
        return OnnxSegmenter(bundle.model_copy(update={"manifest": manifest}), "openvino")

    makers: dict[str, Callable[[], Segmenter]] = {
        REFERENCE: lambda: OnnxSegmenter(bundle, "onnxruntime-f32"),
        "ONNX Runtime int8": lambda: OnnxSegmenter(bundle),
        "OpenVINO f32": lambda: openvino("f32"),
        "OpenVINO bf16": lambda: openvino("bf16"),
        "Detectron2, eager": lambda: load_segmenter(bundle, runtime="detectron2"),
    }
    if not (bundle.int8 and multiplies_bytes()):
        del makers["ONNX Runtime int8"]
    return makers


def installed(bundle: Bundle) -> dict[str, Segmenter]:
    """The engines that are here."""
    runs = {}
    for name, make in engines(bundle).items():
        try:
            runs[name] = make()
        except MissingDependency as error:
            print(error)
    return runs


def _looked_at(
    uri: str, name: str, pictures: Sequence[Picture], both: Barrier, counts: "Queue[int]"
) -> None:
    """How many pictures one process has looked at in PAIR_S, the other one beside it."""
    bundle = open_bundle(uri)
    segmenter, threshold = engines(bundle)[name](), bundle.manifest.score_threshold
    segmenter(pictures[:1], threshold)
    both.wait()
    end, seen = time.perf_counter() + PAIR_S, 0
    while time.perf_counter() < end:
        segmenter([pictures[seen % len(pictures)]], threshold)
        seen += 1
    counts.put(seen)


def by_two(uri: str, name: str, pictures: Sequence[Picture]) -> float:
    """Pictures a second of two processes of one thread."""
    spawn = multiprocessing.get_context("spawn")
    both = spawn.Barrier(2)
    counts: Queue[int] = spawn.Queue()
    args = (uri, name, pictures, both, counts)
    pair = [spawn.Process(target=_looked_at, args=args) for _ in range(2)]
    for one in pair:
        one.start()
    seen = sum(counts.get() for _ in pair)
    for one in pair:
        one.join()
    return seen / PAIR_S


def precision(bundle: Bundle, runs: Mapping[str, Segmenter], data: Path) -> dict[str, str]:
    """Box and mask AP of each on the test split."""
    from training.average_precision import average_precision
    from training.predictions import AP_THRESHOLD, detect, photos_of

    photos, classes = photos_of(bundle, data, "testset"), bundle.manifest.classes
    found = {name: detect(one, photos, AP_THRESHOLD) for name, one in runs.items()}
    ap = {name: average_precision(photos, each, classes) for name, each in found.items()}
    return {name: f"{one['box_ap']:.3f}, {one['mask_ap']:.3f}" for name, one in ap.items()}


def measure(
    uri: str, pictures: Sequence[Picture], batches: Sequence[int], data: Path | None
) -> list[str]:
    """Rows of a table."""
    bundle = open_bundle(uri)
    threshold = bundle.manifest.score_threshold
    runs = installed(bundle)
    ap = precision(bundle, runs, data) if data else {}
    times: dict[tuple[str, int], list[float]] = defaultdict(list)
    shared, all_of_them = dict.fromkeys(runs, 0), 0
    for engine in runs.values():
        engine(pictures[:1], threshold)  # the first run allocates
    for k, picture in enumerate(pictures):
        reference: Detections | None = None
        for name, engine in runs.items():
            began = time.perf_counter()
            (found,) = engine([picture], threshold)
            times[name, 1].append(1000 * (time.perf_counter() - began))
            reference = reference or found
            shared[name] += alike(found, reference, SAME_BOX)
        assert reference is not None
        all_of_them += len(reference)
        for name, engine in runs.items():
            for size in batches if engine.batches else ():
                if size > 1 and k % size == 0:
                    batch = [pictures[(k + j) % len(pictures)] for j in range(size)]
                    began = time.perf_counter()
                    engine(batch, threshold)
                    times[name, size].append(1000 * (time.perf_counter() - began) / size)
    base = statistics.median(times[REFERENCE, 1])
    rows = []
    for (name, size), values in times.items():
        ms = statistics.median(values)
        agreed = f"{shared[name]} of {all_of_them}" if size == 1 else ""
        figures = f"{ms:.1f} | {ms / base:.2f} | {agreed}"
        if size == 1:
            figures += f" | {by_two(uri, name, pictures):.1f} | {ap.get(name, '')}"
        else:
            figures += " | | "
        rows.append(f"| {bundle.manifest.task} | {name} | {size} | {figures} |")
    return rows


def main() -> None:
    """Command line."""
    parser = about_photos(__doc__)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--data", type=Path, help="annotated photos")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8])
    args = parser.parse_args()
    contents = [photo.content for photo in photos_in(args.photos, args.count)]
    pictures = [decode(content, Limits(), Look(1024)) for content in contents]
    # Batches are of like shape, as the server makes them.
    pictures.sort(key=lambda picture: np.divide(*picture.pixels.shape[:2]))
    columns = "ms a photo | of f32 | the same detections | photos/s of two processes | box, mask AP"
    print(f"| model | engine | batch | {columns} |")
    print("|---|---|---|---|---|---|---|---|")
    for uri in ("embedded:car_parts", "embedded:main_car"):
        print("\n".join(measure(uri, pictures, args.batches, args.data)), flush=True)


if __name__ == "__main__":
    main()
