"""How photos per second grow with the nodes of a cluster.

    python -m benchmarks.growth --photos DIR --config serve_config.small.yaml [--nodes 4]

A head and workers as `ray start` on this machine, each worker held to `--share` of a processor once
it has started (cgroups; root only), so that several have room on one: what a cluster's own work
adds is seen. Every worker has one of everything and its own clients. Prints the photos per second
of 1, 2, ... workers and what share that is of so many times the first; and what a larger cluster
costs a node, apart from what nodes on one machine take from each other: what the first one answers
where the others stand idle, and the processor time that the head and it take while nobody asks.
Workers have the first processor among them; the head and the clients have the others.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import yaml

from benchmarks import process_tree
from benchmarks.arguments import about_photos
from benchmarks.load import Client, Photo, Seen, photos_in
from benchmarks.nodes import wait_until
from tests.nodes import HEAD, Nodes, cluster

PERIOD_US: Final = 100_000
CLIENTS: Final = 3
"""Of each worker: what keeps it busy."""


def spread(config: dict[str, Any], workers: int) -> dict[str, Any]:
    """A configuration with one of everything on each worker."""
    application = config["applications"][0]
    args = application["args"]
    apart = not args.get("together", False)
    names = ["Ingress"]
    for section in ("ingress", *(("main_car", "car_parts", "postprocessor") if apart else ())):
        args.setdefault(section, {})["num_replicas"] = workers
    if apart:
        names += ["MainCarSegmenter", "CarPartDetector", "PosePostprocessor"]
    deployments = {one["name"]: one for one in application.get("deployments", [])}
    application["deployments"] = [
        {**deployments.get(name, {"name": name}), "max_replicas_per_node": 1} for name in names
    ]
    return config


@contextmanager
def held(name: str, pids: Sequence[int], share: float) -> Iterator[None]:
    """Processes, and those that they start, have `share` of a processor among them, the first."""
    new = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    group = Path("/sys/fs/cgroup" if new else "/sys/fs/cgroup/cpu") / f"carpose-{name}"
    group.mkdir()
    quota = round(share * PERIOD_US)
    if new:
        (group / "cpu.max").write_text(f"{quota} {PERIOD_US}")
    else:
        (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(quota))
    try:
        for pid in pids:
            _move(pid, group)
            _pin(pid, {0})
        yield
    finally:
        everyone = set(range(os.cpu_count() or 1))
        for pid in (int(line) for line in (group / "cgroup.procs").read_text().split()):
            _move(pid, group.parent)
            _pin(pid, everyone)
        group.rmdir()


def _move(pid: int, group: Path) -> None:
    with suppress(ProcessLookupError):
        (group / "cgroup.procs").write_text(str(pid))


def _pin(pid: int, processors: set[int]) -> None:
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), processors)


async def _asked(urls: Sequence[str], photos: Sequence[Photo], seconds: float) -> list[Seen]:
    clients = [Client(url, photos) for url in urls]
    return await asyncio.gather(*(one.closed(CLIENTS, seconds) for one in clients))


def measured(
    nodes: Nodes,
    workers: Sequence[str],
    asked: Sequence[str],
    photos: Sequence[Photo],
    args: argparse.Namespace,
) -> float:
    """Photos per second of the workers that are asked; all are held."""
    with ExitStack() as groups:
        for worker in workers:
            name = f"{os.getpid()}-{worker}"
            groups.enter_context(held(name, nodes.processes(worker), args.share))
        urls = [nodes.url(worker) for worker in asked]
        asyncio.run(_asked(urls, photos, args.seconds / 4))
        seen = asyncio.run(_asked(urls, photos, args.seconds))
    for one in seen:
        print(f"  {one}", flush=True)
    return sum(one.rate for one in seen)


def idle_ms(nodes: Nodes, node: str, seconds: float) -> float:
    """Milliseconds of a processor that a node takes in a second while nobody asks."""

    def used() -> float:
        return sum(process_tree.cpu_s(pid).get(pid, 0.0) for pid in nodes.processes(node))

    before = used()
    time.sleep(seconds)
    return 1000 * (used() - before) / seconds


def main() -> None:
    """Command line."""
    parser = about_photos(__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--nodes", type=int, default=4)
    parser.add_argument("--share", type=float, default=0.2, help="of a processor, for each worker")
    parser.add_argument("--seconds", type=float, default=40, help="of each step")
    args = parser.parse_args()
    photos = photos_in(args.photos, 20)
    first = 0.0
    with cluster() as nodes:
        nodes.start(HEAD)
        wait_until(lambda: nodes.serve("status").returncode == 0, nodes)
        workers: list[str] = []
        for number in range(1, args.nodes + 1):
            workers.append(f"worker-{number}")
            nodes.start(workers[-1])
            nodes.deploy(spread(yaml.safe_load(args.config.read_text()), number))
            wait_until(
                lambda: (
                    nodes.application().get("status") == "RUNNING"
                    and all(nodes.processes(one, "ServeReplica:carpose:Ingress") for one in workers)
                    and all(nodes.is_ready(one) for one in workers)
                ),
                nodes,
            )
            idle = {one: idle_ms(nodes, one, args.seconds / 4) for one in (HEAD, workers[0])}
            rate = measured(nodes, workers, workers, photos, args)
            first = first or rate
            share = rate / (number * first)
            alone = measured(nodes, workers, workers[:1], photos, args) / first
            print(
                f"{number} workers: {rate:.2f} photos/s, {share:.2f} of {number} x one; "
                f"the first one asked alone: {alone:.2f}; idle, the head takes {idle[HEAD]:.0f} ms "
                f"a second, the first worker {idle[workers[0]]:.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
