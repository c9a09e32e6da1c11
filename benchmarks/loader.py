"""Pictures per second that training's loaders prepare, without a network that learns from them.

    python -m benchmarks.loader --config training/configs/car_parts_mobilenet.yaml --data DIR

A GPU that learns more of them a second than this waits for its loaders: `loader_workers` of the
configuration, processes per training worker. 0 of them is this process, whose processor time for a
picture is printed too: that holds on a busy machine. Needs Detectron2, in whose words they are.
"""

import time
from pathlib import Path

from benchmarks.arguments import about
from training.config import TrainConfig, load_config
from training.tasks import make_task


def per_second(
    config: TrainConfig, data: str, other: str | None, seconds: float
) -> tuple[float, float]:
    """Pictures per second, after the first batch of each loader, and this process's seconds of a
    processor for each."""
    task = make_task(config, data, None, None, other)
    batches = iter(task.batches(rank=0, world=1, skip=0))
    for _ in range(max(1, 2 * config.loader_workers)):
        next(batches)
    began, own, pictures = time.perf_counter(), time.process_time(), 0
    while pictures == 0 or time.perf_counter() - began < seconds:
        pictures += len(next(batches))
    return pictures / (time.perf_counter() - began), (time.process_time() - own) / pictures


def main() -> None:
    """Command line."""
    parser = about(__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--other", help="photos of other things, as for training.train")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=10.0, help="for each figure")
    args = parser.parse_args()
    config = load_config(args.config)
    for workers in args.workers:
        changed = config.model_copy(update={"loader_workers": workers})
        rate, own = per_second(changed, args.data, args.other, args.seconds)
        each = "" if workers else f", {1000 * own:.1f} ms of a processor each"
        print(f"{workers} loaders: {rate:.1f} pictures/s of {config.size} px{each}", flush=True)


if __name__ == "__main__":
    main()
