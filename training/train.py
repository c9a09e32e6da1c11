"""Fine-tune a Mask R-CNN on annotated photos, in this process or on a Ray cluster.

    python -m training.train --config training/configs/car_parts_mobilenet.yaml \\
        --data DIR --storage runs/car_parts --local
    python -m training.train --config training/configs/car_parts_r50.yaml \\
        --data DIR --storage s3://bucket/run --workers 4 --use-gpu

The storage holds `config.yaml`, `metrics.jsonl`, `curves.png` and `tensorboard/`, anew after every
epoch, the last checkpoint, and `best/`, which training.export takes. The same command again goes
on where the run stopped.
"""

import argparse
import functools
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from training.command import command
from training.config import load_config
from training.distributed import fit_on_ray
from training.loop import fit
from training.runs import BEST, Run
from training.sessions import LocalSession
from training.tasks import make_task


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument(
        "--data", required=True, help="folder with trainingset/ on every node, or its s3:// URI"
    )
    parser.add_argument("--storage", required=True, help="folder or s3:// URI of the run")
    parser.add_argument(
        "--init", help="starting weights: a bundle or a file, in place of the configured ones"
    )
    parser.add_argument("--other", help="folder or s3:// URI of photos of other things")
    parser.add_argument("--split-file", type=Path, help="of `python -m training.dataset split`")
    parser.add_argument("--epochs", type=int, help="in place of the configured number")
    parser.add_argument("--local", action="store_true", help="in this process, without Ray")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--cpus-per-worker", type=int, help="default: its share of the cluster's")
    parser.add_argument("--use-gpu", action="store_true", help="one GPU per worker")
    args = parser.parse_args(arguments)
    if args.local and "://" in args.storage:
        parser.error("--local keeps its run in a folder")
    if importlib.util.find_spec("detectron2") is None:
        parser.error("Detectron2 is missing: training/README.md says how to install it")

    config = load_config(args.config)
    if args.epochs:
        optimizer = config.optimizer.model_copy(update={"epochs": args.epochs})
        config = config.model_copy(update={"optimizer": optimizer})
    run = Run.at(args.storage)
    run.keep_config(config)
    data = _absolute(args.data)
    other = args.other and _absolute(args.other)
    split_file = args.split_file and args.split_file.resolve()
    task = functools.partial(make_task, config, data, split_file, args.init, other)
    if args.local:
        torch.set_num_threads(args.cpus_per_worker or os.cpu_count() or 1)
        fit(task(), config, LocalSession(Path(run.path), "cuda" if args.use_gpu else "cpu"))
    else:
        fit_on_ray(task, config, args.storage, args.workers, args.cpus_per_worker, args.use_gpu)
    print(f"best weights: {args.storage}/{BEST}")
    print(f"next: python -m training.export --run {args.storage} --out BUNDLE --data {args.data}")
    return 0


def _absolute(place: str) -> str:
    """A folder as every process finds it; a URI as it is."""
    return place if "://" in place else str(Path(place).resolve())


if __name__ == "__main__":
    sys.exit(main())
