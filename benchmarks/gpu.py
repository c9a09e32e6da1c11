"""Images per second of a detector on a GPU, as replicas run it, against the bare network.

    python -m benchmarks.gpu --photos DIR [--device cpu --batches 1 2 --seconds 5]

For each bundle and batch size: `bare`, the same network in a loop over one batch that lies on the
device already; `served`, what a replica does with more photos waiting than a batch has: copy,
resize, network, copy back, detections; their ratio; `first`, the same on the photos' first pass
through a new replica, when a GPU's libraries choose a kernel for every shape they see for the first
time; `copies`, how many photos' pixels alone reach the device; and how busy the GPU was while
serving, where nvidia-smi says. Where the model zoo is out of reach, name other bundles:
`--bundles embedded:car_parts`.
"""

import asyncio
import itertools
import math
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from benchmarks.arguments import about_photos
from carpose.bundles import open_bundle
from carpose.engines import DETECTRON2
from carpose.images import Limits, Look, Picture, decode
from carpose.model import load_segmenter
from carpose.segmenters.detectron2 import Detectron2Segmenter
from deployments.batches import Batches

R50 = "model_zoo:COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml"


def per_second(action: Callable[[], object], pictures: int, device: str, seconds: float) -> float:
    """Pictures per second of an action that takes so many at a time."""

    def wait() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    action()
    wait()
    began, done = time.perf_counter(), 0
    while done == 0 or time.perf_counter() - began < seconds:
        action()
        done += pictures
    wait()
    return done / (time.perf_counter() - began)


def bare(segmenter: Detectron2Segmenter, batch: Sequence[Picture], threshold: float) -> Any:
    """The network alone, on pixels that are on the device."""
    prepared = [segmenter.prepare(picture) for picture in batch]
    with torch.inference_mode():
        pixels = segmenter.pixels(prepared)

    def once() -> None:
        with torch.inference_mode():
            segmenter.forward(pixels, prepared, threshold)

    return once


def copies(segmenter: Detectron2Segmenter, batch: Sequence[Picture]) -> Callable[[], object]:
    """The pixels to the device, and nothing else."""
    prepared = [segmenter.prepare(picture) for picture in batch]
    return lambda: [p.tensor.to(segmenter.device, non_blocking=True) for p in prepared]


def served(
    segmenter: Detectron2Segmenter,
    pictures: Sequence[Picture],
    threshold: float,
    most: int,
    seconds: float,
) -> tuple[float, float]:
    """Pictures per second of a replica that always has more waiting than it takes: while it sees
    each for the first time, and after that."""

    async def saturated() -> tuple[float, float]:
        batches = Batches(lambda seconds, pictures: None)
        batches.most = most

        async def rate(supply: Iterator[Picture], until: float) -> float:
            done, began = 0, time.perf_counter()

            async def client() -> None:
                nonlocal done
                while time.perf_counter() < until and (picture := next(supply, None)) is not None:
                    await batches.detect(segmenter, picture, threshold)
                    done += 1

            await asyncio.gather(*(client() for _ in range(3 * most)))
            return done / (time.perf_counter() - began)

        first = await rate(iter(pictures), math.inf)
        return first, await rate(itertools.cycle(pictures), time.perf_counter() + seconds)

    return asyncio.run(saturated())


@contextmanager
def busy(shares: list[float]) -> Iterator[None]:
    """Collects the GPU's utilization, 0 to 1, twice a second; nothing without nvidia-smi."""
    stop = threading.Event()
    command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]

    def watch() -> None:
        while not stop.wait(0.5):
            try:
                text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            except (OSError, subprocess.CalledProcessError):
                return
            shares.append(float(text.split()[0]) / 100)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


def alike(pictures: Sequence[Picture]) -> list[Picture]:
    """Those of the most frequent shape, so that a bare batch has no padding either."""
    shapes = [picture.pixels.shape for picture in pictures]
    common = max(set(shapes), key=shapes.count)
    return [p for p in pictures if p.pixels.shape == common]


def main() -> None:
    """Command line."""
    parser = about_photos(__doc__)
    parser.add_argument("--bundles", nargs="+", default=["embedded:car_parts", R50])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32])
    parser.add_argument("--threads", type=int, default=2, help="of the CPU")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each figure")
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--compiled", action="store_true", help="by torch.compile")
    args = parser.parse_args()
    where = torch.cuda.get_device_name() if args.device == "cuda" else f"{args.threads} threads"
    look = Look(DETECTRON2.longest_px)
    files = sorted(args.photos.glob("*.jpg"))[: args.count]
    pictures = alike([decode(file.read_bytes(), Limits(), look) for file in files])
    print(f"{args.device}: {where}; {len(pictures)} photos of {pictures[0].pixels.shape[:2]}")
    for uri in args.bundles:
        bundle = open_bundle(uri)
        threshold = bundle.manifest.score_threshold
        segmenter = load_segmenter(bundle, args.device, "detectron2", args.threads, args.compiled)
        assert isinstance(segmenter, Detectron2Segmenter)
        print(
            f"{uri}, {bundle.manifest.input.size} px\n"
            " batch    bare  served  ratio   first  copies  busy"
        )
        for size in args.batches:
            batch = list(itertools.islice(itertools.cycle(pictures), size))
            alone = per_second(bare(segmenter, batch, threshold), size, args.device, args.seconds)
            limit = per_second(copies(segmenter, batch), size, args.device, args.seconds)
            shares: list[float] = []
            with busy(shares):
                first, rate = served(segmenter, pictures, threshold, size, args.seconds)
            share = f"{max(shares):5.0%}" if shares else "    -"
            print(
                f"{size:6}{alone:8.1f}{rate:8.1f}{rate / alone:7.2f}{first:8.1f}{limit:8.0f} "
                f"{share}",
                flush=True,
            )


if __name__ == "__main__":
    main()
