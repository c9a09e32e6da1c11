"""Where a photo's time goes in one process and one thread, from its bytes to the answer's JSON.

    python -m benchmarks.stages --photos DIR
    py-spy record -r 250 -F -o flame.svg -- python -m benchmarks.stages --photos DIR --rounds 6

Prints the median milliseconds of each stage over the photos, its share, and the bytes that it hands
on. Second looks are left out, which photos of small cars need on top.
"""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.arguments import about_photos
from benchmarks.load import photos_in
from carpose import load_model
from carpose.answer import to_answer
from carpose.detections import Detections
from carpose.engines import DETECTRON2, found_by_own_models
from carpose.errors import CarposeError
from carpose.images import Limits, Look, Picture, decode
from carpose.model import Model
from carpose.request import PoseRequest


class Watch:
    """Times of stages by name, in milliseconds, and the bytes that they hand on."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)
        self.bytes: dict[str, list[int]] = defaultdict(list)

    def timed(self, name: str, work: Callable[[], Any], size: Callable[[Any], int]) -> Any:
        """What the work returns."""
        began = time.perf_counter()
        result = work()
        self.times[name].append(1000 * (time.perf_counter() - began))
        self.bytes[name].append(size(result))
        return result


def photo(content: bytes, parts: Model, car: Model, watch: Watch) -> None:
    """All stages of one photo."""
    look = Look(DETECTRON2.longest_px)
    picture: Picture = watch.timed(
        "decode", partial(decode, content, Limits(), look), lambda p: p.pixels.nbytes
    )
    found: dict[str, Detections] = {}
    for name, model in (("car_parts", parts), ("main_car", car)):
        segmenter, threshold = model.segmenter, model.bundle.manifest.score_threshold
        prepared = watch.timed(
            f"{name}: input", partial(segmenter.prepare, picture), lambda p: p.tensor.nbytes
        )
        run = partial(segmenter.start, [prepared], threshold)
        finish = watch.timed(f"{name}: network", run, lambda _: 0)
        (found[name],) = watch.timed(f"{name}: detections", finish, _bytes_of_masks)
    both = found_by_own_models(found["main_car"], found["car_parts"])
    try:
        answer = watch.timed(
            "rules and quality",
            lambda: to_answer(picture, both, DETECTRON2, PoseRequest()).response(),
            lambda _: 0,
        )
    except CarposeError:
        return
    watch.timed("JSON", answer.model_dump_json, len)


def _bytes_of_masks(batch: list[Detections]) -> int:
    return sum(found.roi_masks.nbytes for found in batch if found.roi_masks is not None)


def main() -> None:
    """Command line."""
    parser = about_photos(__doc__)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    parts, car = load_model("embedded:car_parts"), load_model("embedded:main_car")
    watch, contents = Watch(), [p.content for p in photos_in(args.photos, args.count)]
    for _ in range(args.rounds):
        for content in contents:
            photo(content, parts, car, watch)
    medians = {name: statistics.median(values) for name, values in watch.times.items()}
    total = sum(medians.values())
    print("| stage | ms | share | kB handed on |\n|---|---|---|---|")
    for name, ms in medians.items():
        size = statistics.median(watch.bytes[name]) / 1000
        print(f"| {name} | {ms:.1f} | {ms / total:.1%} | {f'{size:.0f}' if size else ''} |")
    print(f"| all | {total:.1f} | | |")


if __name__ == "__main__":
    main()
