"""The training loop on Ray Train: data-parallel workers, checkpoints in shared storage.

A worker that dies is replaced and the run goes on from the last checkpoint (FailureConfig). A run
whose driver died goes on when it is started again with the same storage.
"""

from collections.abc import Callable
from typing import Any

from pyarrow.fs import copy_files
from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer

from training.config import OptimizerConfig
from training.loop import Task, fit
from training.sessions import BEST, RaySession
from training.storage import filesystem

MAX_FAILURES = 5


def _worker(settings: dict[str, Any]) -> None:
    import torch

    torch.set_num_threads(settings["threads"])
    storage, folder = filesystem(settings["storage"])
    session = RaySession(storage, folder)
    fit(settings["make_task"](), settings["optimizer"], session, settings["patience"])


def fit_on_ray(
    make_task: Callable[[], Task],
    optimizer: OptimizerConfig,
    storage: str,
    workers: int,
    cpus_per_worker: int = 1,
    use_gpu: bool = False,
    patience: int = 0,
) -> dict[str, float]:
    """Train on `workers` workers; the best checkpoint lies in `storage`/best afterwards.

    `make_task` is called in each worker. Returns the best epoch's figures.

    Raises: ValueError when the workers cannot share the batch equally;
        ray.train.TrainingFailedError when the workers failed more than MAX_FAILURES times.
    """
    if optimizer.batch % workers:
        raise ValueError(
            f"{workers} workers cannot share a batch of {optimizer.batch} photos equally: "
            "change optimizer.batch"
        )
    system, folder = filesystem(storage)
    parent, _, name = folder.rstrip("/").rpartition("/")
    resources = {"CPU": cpus_per_worker} | ({"GPU": 1} if use_gpu else {})
    trainer = TorchTrainer(
        _worker,
        train_loop_config={
            "make_task": make_task,
            "optimizer": optimizer,
            "patience": patience,
            "storage": storage,
            "threads": cpus_per_worker,
        },
        scaling_config=ScalingConfig(
            num_workers=workers, use_gpu=use_gpu, resources_per_worker=resources
        ),
        run_config=RunConfig(
            name=name,
            storage_path=parent,
            storage_filesystem=system,
            failure_config=FailureConfig(max_failures=MAX_FAILURES),
            checkpoint_config=CheckpointConfig(
                num_to_keep=1, checkpoint_score_attribute="selection"
            ),
        ),
    )
    result = trainer.fit()
    checkpoint, figures = max(result.best_checkpoints, key=lambda pair: pair[1]["selection"])
    # S3 knows no folders, a disk wants them made.
    system.create_dir(f"{folder}/{BEST}", recursive=True)
    copy_files(checkpoint.path, f"{folder}/{BEST}", checkpoint.filesystem, system)
    return {k: v for k, v in figures.items() if isinstance(v, int | float)}
