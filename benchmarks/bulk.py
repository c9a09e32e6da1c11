"""Bulk against the bare loop on the same cores: photos per second, and processor time per photo.

    python -m benchmarks.bulk --photos DIR [--count 200] [--rounds 2]

The bare loop is one process a core, each `Estimator.answer(...)` with one thread over its share of
the photos, models loaded. Bulk is the same photos through `deployments.bulk.job` with one actor a
core, read, decoded, compared and committed as a run does it, Ray started. By turns, in one run;
the start of bulk's workers is told apart, by a run over a third of the photos. Absolute figures
depend on the machine; the ratios are the figure.
"""

import argparse
import os
import resource
import tempfile
import time
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import ray

from benchmarks.memory import descendants, pss_mb
from carpose import Estimator
from carpose.bundles import open_bundle
from deployments.bulk.asked import Asked
from deployments.bulk.done import Key, plan
from deployments.bulk.gather import Gather
from deployments.bulk.job import Work, answers, start
from deployments.bulk.output import Output
from deployments.bulk.photos import list_photos

TICKS = os.sysconf("SC_CLK_TCK")


def _bare(paths: list[str], ready: Barrier) -> None:
    estimator = Estimator.load(threads=1)
    ready.wait()
    for path in paths:
        estimator.answer(Path(path).read_bytes()).response()
    ready.wait()


def bare(paths: list[str], cores: int) -> tuple[float, float]:
    """Seconds, without loading, and processor seconds with it."""
    context = get_context("spawn")
    ready = context.Barrier(cores + 1)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    workers = [context.Process(target=_bare, args=(paths[k::cores], ready)) for k in range(cores)]
    for worker in workers:
        worker.start()
    ready.wait()
    began = time.monotonic()
    ready.wait()
    seconds = time.monotonic() - began
    for worker in workers:
        worker.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cpu_s() -> dict[int, float]:
    """Processor seconds of this process and of each below it."""
    found = {}
    for pid in descendants(os.getpid()):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[pid] = (int(fields[11]) + int(fields[12])) / TICKS
    return found


def bulk(folder: str, output: str, work: Work) -> tuple[float, float]:
    """Seconds until every row is committed, and processor seconds of this process, Ray's and the
    workers'."""
    models = {t: open_bundle(f"embedded:{t}").identity for t in ("car_parts", "main_car")}
    asked, into = Asked.of(), Output.at(output)
    before, began = cpu_s(), time.monotonic()
    found = plan(list_photos(folder), into, Key(models, False, asked.identity))
    gather = Gather(into, asked, False, found, models, 500)
    spent: dict[int, float] = {}
    for rows in answers(found.todo, found.sights, work):
        gather.add(rows)
        # Workers are gone before the last row is here.
        spent |= cpu_s()
    gather.finish()
    used = sum(s - before.get(pid, 0.0) for pid, s in spent.items())
    return time.monotonic() - began, used


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    # Ray's workers make way for others, which the bare loop does not.
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112
    work = Work(actors=(args.cores, args.cores))
    with tempfile.TemporaryDirectory() as folder:
        chosen = sorted(args.photos.glob("*.jpg"))[: args.count]
        some = len(chosen) // 3
        for name, paths in (("some", chosen[:some]), ("all", chosen)):
            (Path(folder) / name).mkdir()
            for path in paths:
                (Path(folder) / name / path.name).symlink_to(path)
        n = len(chosen)
        start(work)
        for turn in range(args.rounds):
            bare_s, bare_cpu = bare([str(path) for path in chosen], args.cores)
            some_s, some_cpu = bulk(f"{folder}/some", f"{folder}/a{turn}", work)
            all_s, all_cpu = bulk(f"{folder}/all", f"{folder}/b{turn}", work)
            # What the photos cost that the one has more than the other: the start is in both.
            pace, cpu = (n - some) / (all_s - some_s), 1000 * (all_cpu - some_cpu) / (n - some)
            print(f"bare: {n / bare_s:.2f} photos/s, {1000 * bare_cpu / n:.0f} ms a photo")
            print(
                f"bulk: {pace:.2f} photos/s ({n / all_s:.2f} with its start), "
                f"{cpu:.0f} ms a photo, {pss_mb(os.getpid()):.0f} MB"
            )
            print(f"ratio: {pace * bare_s / n:.3f} ({bare_s / all_s:.3f} with the start)")
        ray.shutdown()


if __name__ == "__main__":
    main()
