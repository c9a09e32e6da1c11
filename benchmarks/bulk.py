"""Bulk against a bare loop on the same cores: photos per second, and where processor time goes.

    python -m benchmarks.bulk --photos DIR [--count 200] [--rounds 2] [--cores 1 2]

Two bare loops, each one process a core over its share of the photos, models loaded before: `steps`,
bulk's own (read, decode, hash, both models in turn, row) without Ray, and `estimator`,
`Estimator.answer`, whose two models run beside each other. Bulk is the same photos through
`deployments.bulk.job` with one actor a core, committed as a run does it, Ray started. By turns, in
one run. What the start of bulk's workers takes is told apart by a run over a third of the photos.
With several numbers of cores each is pinned to its own; the last lines compare them. Absolute
figures depend on the machine; the ratios are the figure.
"""

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import ray

from benchmarks import process_tree
from benchmarks.arguments import about_photos
from carpose import Estimator
from carpose.bundles import open_bundle
from deployments.bulk.asked import Asked
from deployments.bulk.decoding import decoded
from deployments.bulk.done import Key, plan
from deployments.bulk.duplicates import Seen
from deployments.bulk.gather import Gather
from deployments.bulk.job import Work, answers, start
from deployments.bulk.output import Output
from deployments.bulk.photos import SCHEMA, list_photos
from deployments.bulk.scoring import Models, Scorer

TICKS: Final = os.sysconf("SC_CLK_TCK")

KINDS: Final = {
    "ray::MapWorker": "models",
    "ray::MapBatches": "decode",
    "ray::Seen": "comparison",
}
"""What Ray's workers do, by how they are called while they do it."""

OUTSIDE: Final = ("comparison", "driver", "Ray")
"""Neither decoding nor models."""


def by_steps(paths: list[str], ready: Barrier) -> None:
    """Bulk's own steps, in a row."""
    scorer, seen = Scorer(Models()), Seen()
    listed = [{"uri": p, "bytes": None, "category": None, "expect": None} for p in paths]
    photos = pa.Table.from_pylist(listed, SCHEMA)
    ready.wait()
    for some in decoded(photos, seen, True):
        scorer(some).to_pylist()
    ready.wait()


def by_estimator(paths: list[str], ready: Barrier) -> None:
    """The library's front door."""
    estimator = Estimator.load(threads=1)
    ready.wait()
    for path in paths:
        estimator.answer(Path(path).read_bytes()).response()
    ready.wait()


LOOPS: Final = {"steps": by_steps, "estimator": by_estimator}


def bare(loop: Callable[[list[str], Any], None], paths: list[str], cores: int) -> float:
    """Seconds, without loading."""
    context = get_context("spawn")
    ready = context.Barrier(cores + 1)
    workers = [context.Process(target=loop, args=(paths[k::cores], ready)) for k in range(cores)]
    for worker in workers:
        worker.start()
    ready.wait()
    began = time.monotonic()
    ready.wait()
    seconds = time.monotonic() - began
    for worker in workers:
        worker.join()
    return seconds


class Spent:
    """Processor seconds of this process and of those below it since now, by what they do; those
    that end count until they were last looked at."""

    def __init__(self) -> None:
        self._kinds = {os.getpid(): "driver"}
        self._seconds: dict[int, float] = {}
        self._before: dict[int, float] = {}
        self._looking_s = 0.0
        self.look()
        self._before, self._looking_s = dict(self._seconds), 0.0

    def look(self) -> None:
        """Once more."""
        began = time.thread_time()
        self._seconds |= process_tree.cpu_s(os.getpid())
        for pid in self._seconds.keys() - self._kinds.keys():
            name = process_tree.command(pid)
            for start_of_name, kind in KINDS.items():
                if name.startswith(start_of_name):
                    self._kinds[pid] = kind
        self._looking_s += time.thread_time() - began

    def by_kind(self) -> dict[str, float]:
        """Seconds so far, without those of looking."""
        found = {"driver": -self._looking_s}
        for pid, seconds in self._seconds.items():
            kind = self._kinds.get(pid, "Ray")
            found[kind] = found.get(kind, 0.0) + seconds - self._before.get(pid, 0.0)
        return found

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Looks several times a second for as long as the block runs."""
        end = threading.Event()

        def watch() -> None:
            while not end.wait(0.5):
                self.look()

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()
            self.look()


class Took(NamedTuple):
    """Seconds by the clock, and of processors by what they did."""

    seconds: float
    spent: dict[str, float]


def less(more: dict[str, float], fewer: dict[str, float]) -> dict[str, float]:
    """The differences, the largest first."""
    differences = {kind: seconds - fewer.get(kind, 0.0) for kind, seconds in more.items()}
    return dict(sorted(differences.items(), key=lambda item: -item[1]))


def bulk(folder: str, output: str, work: Work) -> Took:
    """Until every row is committed."""
    models = {t: open_bundle(f"embedded:{t}").identity for t in ("car_parts", "main_car")}
    asked, into = Asked.of(), Output.at(output)
    spent, began = Spent(), time.monotonic()
    with spent.watched():
        found = plan(list_photos(folder), into, Key(models, False, asked.identity))
        gather = Gather(into, asked, False, found, models, 500)
        for rows in answers(found.todo, found.sights, work):
            gather.add(rows)
        gather.finish()
    seconds = time.monotonic() - began
    return Took(seconds, spent.by_kind())


class Round(NamedTuple):
    """Photos per second."""

    steps: float
    estimator: float
    steady: float
    whole: float
    outside: float
    """Share of bulk's processor time."""


def one_round(folder: str, turn: int, cores: int, work: Work) -> Round:
    """Each in turn over the photos of `folder`."""
    paths = [str(path) for path in sorted(Path(folder, "all").iterdir())]
    n, some = len(paths), len(list(Path(folder, "some").iterdir()))
    rates = {name: n / bare(loop, paths, cores) for name, loop in LOOPS.items()}
    first = bulk(f"{folder}/some", f"{folder}/a{cores}-{turn}", work)
    whole = bulk(f"{folder}/all", f"{folder}/b{cores}-{turn}", work)
    # What the photos cost that the one has more than the other: the start is in both.
    steady = (n - some) / (whole.seconds - first.seconds)
    spent = less(whole.spent, first.spent)
    outside = sum(spent.get(kind, 0.0) for kind in OUTSIDE) / sum(spent.values())
    each = ", ".join(f"{kind} {1000 * s / (n - some):.1f}" for kind, s in spent.items())
    print(
        f"{cores} cores: steps {rates['steps']:.2f}, estimator {rates['estimator']:.2f}, "
        f"bulk {steady:.2f} photos/s ({n / whole.seconds:.2f} with its start); "
        f"ms of processor a photo: {each}; {sum(process_tree.pss_mb(os.getpid()).values()):.0f} MB",
        flush=True,
    )
    return Round(rates["steps"], rates["estimator"], steady, n / whole.seconds, outside)


def measured(folder: str, rounds: int, cores: int) -> Round:
    """The median of each figure, on so many cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    # Ray's workers make way for others, which the bare loop does not.
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112
    work = Work(actors=(cores, cores))
    start(work)
    # Ray starts its first workers, and reads their code from disk.
    bulk(f"{folder}/some", f"{folder}/warm{cores}", work)
    seen = [one_round(folder, turn, cores, work) for turn in range(rounds)]
    ray.shutdown()
    return Round(*(statistics.median(column) for column in zip(*seen, strict=True)))


def main() -> None:
    """Command line."""
    parser = about_photos(__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--cores", type=int, nargs="+", default=[os.cpu_count() or 1])
    args = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        chosen = sorted(args.photos.glob("*.jpg"))[: args.count]
        for name, paths in (("some", chosen[: len(chosen) // 3]), ("all", chosen)):
            (Path(folder) / name).mkdir()
            for path in paths:
                (Path(folder) / name / path.name).symlink_to(path.resolve())
        for cores in args.cores:
            # Processes of their own: a Ray is of one number of cores.
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
                found[cores] = apart.submit(measured, folder, args.rounds, cores).result()
    for cores, of in found.items():
        print(
            f"{cores} cores: {of.steady / of.steps:.3f} of the steps without Ray "
            f"({of.whole / of.steps:.3f} with the start), {of.steady / of.estimator:.3f} of the "
            f"estimator; {of.outside:.1%} of processor time outside decoding and models"
        )
    if len(found) > 1:
        one, more = found[args.cores[0]], found[args.cores[-1]]
        for name in ("steps", "estimator", "steady"):
            print(f"{name}: {getattr(more, name) / getattr(one, name):.2f} times as many photos/s")


if __name__ == "__main__":
    main()
