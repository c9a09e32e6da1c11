"""The training loop on Ray Train: data-parallel workers, checkpoints in shared storage.

A worker that dies is replaced and the run goes on from the last checkpoint (FailureConfig). A run
whose driver died goes on when it is started again with the same storage.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ray
from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer

from training.config import TrainConfig
from training.errors import TrainingError
from training.loop import Diverged, Task, fit
from training.runs import DIVERGED, Run
from training.sessions import RaySession

MAX_FAILURES = 5


def _worker(settings: dict[str, Any]) -> None:
    import torch

    run = Run.at(settings["storage"])
    if run.read(DIVERGED) is not None:
        return  # Ray would try again; the driver says why there is no use.
    torch.set_num_threads(settings["threads"])
    try:
        fit(settings["make_task"](), settings["config"], RaySession(run))
    except Diverged as error:
        run.write(DIVERGED, str(error))
        raise


def _nodes() -> list[dict[str, float]]:
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [node["Resources"] for node in nodes if node["Alive"]]


def cpus_of_a_worker(nodes: Sequence[Mapping[str, float]], workers: int, use_gpu: bool) -> int:
    """CPUs that a cluster has for each of the workers, 1 where its nodes are yet to come.

    nodes: what each has, as Ray counts it. A head that is kept free of work has no CPU, however
        many its machine has.
    """
    if use_gpu:
        shares = [node["CPU"] / node["GPU"] for node in nodes if node.get("GPU") and "CPU" in node]
        return max(1, int(min(shares, default=1)))
    cpus = [node["CPU"] for node in nodes if node.get("CPU")]
    return max(1, int(min(sum(cpus) / workers, max(cpus, default=1))))


def fit_on_ray(
    make_task: Callable[[], Task],
    config: TrainConfig,
    storage: str,
    workers: int,
    cpus_per_worker: int | None = None,
    use_gpu: bool = False,
) -> dict[str, float]:
    """Train on `workers` workers; the best weights lie in `storage`/best afterwards.

    `make_task` is called in each worker. `cpus_per_worker` None shares the cluster's. Returns the
    best epoch's figures.

    Raises: TrainingError when the workers cannot share the batch equally; Diverged;
        ray.train.TrainingFailedError when the workers failed more than MAX_FAILURES times.
    """
    batch = config.optimizer.batch
    if batch % workers:
        raise TrainingError(
            f"{workers} workers cannot share a batch of {batch} photos equally: "
            "change optimizer.batch"
        )
    ray.init(ignore_reinit_error=True)
    cpus = cpus_per_worker or cpus_of_a_worker(_nodes(), workers, use_gpu)
    run = Run.at(storage)
    run.remove(DIVERGED)
    parent, _, name = run.path.rstrip("/").rpartition("/")
    trainer = TorchTrainer(
        _worker,
        train_loop_config={
            "make_task": make_task,
            "config": config,
            "storage": storage,
            "threads": cpus,
        },
        scaling_config=ScalingConfig(
            num_workers=workers,
            use_gpu=use_gpu,
            resources_per_worker={"CPU": cpus} | ({"GPU": 1} if use_gpu else {}),
        ),
        run_config=RunConfig(
            name=name,
            storage_path=parent,
            storage_filesystem=run.system,
            failure_config=FailureConfig(max_failures=MAX_FAILURES),
            checkpoint_config=CheckpointConfig(
                num_to_keep=1, checkpoint_score_attribute="selection"
            ),
        ),
    )
    result = trainer.fit()
    if (why := run.read(DIVERGED)) is not None:
        raise Diverged(why)
    checkpoint, figures = max(result.best_checkpoints or (), key=lambda pair: pair[1]["selection"])
    run.keep_best(checkpoint.filesystem, checkpoint.path)
    return {k: v for k, v in figures.items() if isinstance(v, int | float)}
