"""Photos through Ray Data: read and decoded by tasks, looked at by actors, gathered here.

    photos --tasks: read, decode, compare--> pictures --actors: models--> rows --> this process

What a killed worker had is done again by Ray; what this process had not committed is done again by
the next run.
"""

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, DataContext
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from deployments.bulk.decoding import decoded
from deployments.bulk.duplicates import Seen, Sight
from deployments.bulk.errors import BulkError
from deployments.bulk.schema import Row
from deployments.bulk.scoring import Models, Scorer

BLOCK_BYTES: Final = 16 << 20
"""Of pictures between two stages: about ten photos, which is what a killed worker costs."""

PHOTOS_PER_TASK: Final = 256
TASKS_PER_CPU: Final = 4

RETRIES: Final = 5
"""Of a block whose worker dies; then its photos have a row that says so."""

SIGHTS_PER_CALL: Final = 10_000


@dataclass(frozen=True)
class Work:
    """How the work is spread.

    actors: least and most actors with models, by how busy they are; None: as many as the cluster's
        CPUs or GPUs hold now, from the start.
    cpus, gpus: of an actor.
    decode_cpus: of a task that decodes, of which as many run as fit beside the actors.
    batch: photos that an actor looks at together; None: those of a block.
    near_bits: see `Seen`; None compares files alone.
    duplicates: whether photos are compared at all.
    """

    models: Models = field(default_factory=Models)
    masks: bool = False
    actors: tuple[int, int] | None = None
    cpus: float = 0.9
    gpus: float = 0.0
    decode_cpus: float = 0.1
    batch: int | None = None
    near_bits: int | None = 2
    duplicates: bool = True


def start(work: Work) -> None:
    """Ray of this process alone, or the cluster that RAY_ADDRESS names.

    Raises: BulkError where this machine has no room for an actor; a cluster may get it yet.
    """
    address = os.environ.get("RAY_ADDRESS") or "local"
    ray.init(
        address=address,
        include_dashboard=False if address == "local" else None,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    for name in ("ray.data", "ray.data._internal"):
        logging.getLogger(name).setLevel(logging.ERROR)
    there = _resources()
    if address != "local":
        return
    for what, wanted in (("GPU", work.gpus), ("CPU", work.cpus + work.decode_cpus)):
        if there.get(what, 0) < wanted:
            raise BulkError(
                f"an actor and what decodes for it take {wanted:g} {what}, "
                f"and this machine has {there.get(what, 0):g}"
            )


def answers(todo: pa.Table, sights: Sequence[Sight], work: Work) -> Iterator[list[Row]]:
    """Rows of the photos, a few at a time, in any order; without verdicts, and without answers
    where `scored_as` names the photo that has it.

    todo: photos as `deployments.bulk.photos` lists them.
    sights: photos that have a good answer already.
    """
    seen = _seen(sights, work) if work.duplicates else None
    # How often a block is tried has no other name yet.
    warnings.filterwarnings("ignore", message=".*ray_remote_args_fn")
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.target_max_block_size = BLOCK_BYTES
    context.max_errored_blocks = -1
    least, most = work.actors or (_fitting(work), _fitting(work))
    photos = ray.data.from_arrow(list(_blocks(todo)))
    pictures = photos.map_batches(
        cast(Any, _decode),
        fn_kwargs={"seen": seen, "hashed": work.near_bits is not None},
        batch_size=None,
        batch_format="pyarrow",
        num_cpus=work.decode_cpus,
        ray_remote_args_fn=lambda: {"max_retries": RETRIES},
    )
    rows = pictures.map_batches(
        Scorer,
        fn_constructor_args=(work.models, work.masks),
        batch_size=work.batch,
        batch_format="pyarrow",
        compute=ActorPoolStrategy(min_size=least, max_size=most),
        num_cpus=work.cpus,
        num_gpus=work.gpus,
        ray_remote_args_fn=lambda: {"max_task_retries": RETRIES},
    )
    for batch in rows.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1):
        yield cast(pa.Table, batch).to_pylist()


def _decode(photos: pa.Table, seen: Any, hashed: bool) -> Iterator[pa.Table]:
    """`decoded`, as a task: `seen` is an actor, or None."""
    yield from decoded(photos, None if seen is None else _Remote(seen), hashed)


@dataclass(frozen=True)
class _Remote:
    """`Seen`, in its actor."""

    actor: Any

    def known(self, files: Sequence[tuple[str, str]]) -> list[str | None]:
        return cast(list[str | None], ray.get(self.actor.known.remote(files)))

    def first(self, sights: Sequence[Sight]) -> list[str | None]:
        return cast(list[str | None], ray.get(self.actor.first.remote(sights)))


def _seen(sights: Sequence[Sight], work: Work) -> Any:
    # Beside this process, which needs memory for every photo too, and is on no node that may go.
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    remote = cast(Any, ray.remote)(
        num_cpus=0, max_restarts=-1, max_task_retries=-1, scheduling_strategy=here
    )
    actor = remote(Seen).remote(work.near_bits, scaled=not work.masks)
    for k in range(0, len(sights), SIGHTS_PER_CALL):
        ray.get(actor.first.remote(sights[k : k + SIGHTS_PER_CALL]))
    return actor


def _fitting(work: Work) -> int:
    there = _resources()
    if work.gpus:
        return max(1, int(there.get("GPU", 0) / work.gpus))
    return max(1, int(there.get("CPU", 1) / max(work.cpus, 0.01) + 1e-9))


def _resources() -> dict[str, float]:
    return dict(ray.cluster_resources())  # type: ignore[no-untyped-call]


def _blocks(todo: pa.Table) -> Iterator[pa.Table]:
    """The photos in pieces for a task each."""
    tasks = TASKS_PER_CPU * max(1, int(_resources().get("CPU", 1)))
    size = max(8, min(PHOTOS_PER_TASK, -(-todo.num_rows // tasks)))
    for k in range(0, todo.num_rows, size):
        yield todo.slice(k, size).combine_chunks()
