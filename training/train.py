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
from pathlib import Path

import torch
import yaml
from pyarrow.fs import FileSystem, FileType

from training.config import TrainConfig, load_config
from training.distributed import fit_on_ray
from training.loop import fit
from training.sessions import BEST, LocalSession
from training.storage import filesystem
from training.tasks import make_task

CONFIG = "config.yaml"


def keep_config(config: TrainConfig, storage: FileSystem, folder: str) -> None:
    """Write the configuration beside the run.

    Raises: SystemExit when the storage holds a run of another configuration.
    """
    text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
    path = f"{folder}/{CONFIG}"
    if storage.get_file_info(path).type == FileType.File:
        with storage.open_input_stream(path) as stream:
            if stream.read().decode() != text:
                raise SystemExit(
                    f"{path} is of a run with another configuration: choose another --storage, "
                    "or delete it"
                )
    storage.create_dir(folder, recursive=True)
    with storage.open_output_stream(path) as stream:
        stream.write(text.encode())


def main() -> None:
    """Command line."""
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
    parser.add_argument("--cpus-per-worker", type=int, help="default: all of this machine's")
    parser.add_argument("--use-gpu", action="store_true", help="one GPU per worker")
    args = parser.parse_args()
    if args.local and "://" in args.storage:
        parser.error("--local keeps its run in a folder")
    if importlib.util.find_spec("detectron2") is None:
        parser.error("Detectron2 is missing: training/README.md says how to install it")

    config = load_config(args.config)
    if args.epochs:
        optimizer = config.optimizer.model_copy(update={"epochs": args.epochs})
        config = config.model_copy(update={"optimizer": optimizer})
    storage, folder = filesystem(args.storage)
    keep_config(config, storage, folder)
    data = args.data if "://" in args.data else str(Path(args.data).resolve())
    split_file = args.split_file and args.split_file.resolve()
    other = args.other if not args.other or "://" in args.other else str(Path(args.other).resolve())
    task = functools.partial(make_task, config, data, split_file, args.init, other)
    cpus = args.cpus_per_worker or max(1, (os.cpu_count() or 1) // args.workers)
    if args.local:
        torch.set_num_threads(cpus)
        session = LocalSession(Path(folder), "cuda" if args.use_gpu else "cpu")
        fit(task(), config.optimizer, session, config.patience)
    else:
        fit_on_ray(
            task, config.optimizer, args.storage, args.workers, cpus, args.use_gpu, config.patience
        )
    print(f"best weights: {args.storage}/{BEST}")
    print(f"next: python -m training.export --run {args.storage} --out BUNDLE --data {args.data}")


if __name__ == "__main__":
    main()
