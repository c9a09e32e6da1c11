"""The server beside what else one might run, on the same photos, in turns.

    python -m benchmarks.service --photos DIR --peers library [--clients 1 2 8] [--rounds 3]

Starts a server of its own from serve_config.yaml, and each peer of `benchmarks.peers`; while one is
measured the others stand still. Prints medians over the rounds, the processor time of all processes
for a photo, which holds on a busy machine too, memory (PSS), and the ratios to the first peer.

    --config FILE...            servers of other configurations, side by side
    --environment NAME=VALUE    for them, such as RAY_SERVE_THROUGHPUT_OPTIMIZED=1
    --python PEER=PYTHON        the interpreter of a peer that has an environment of its own
    --first                     before all else that this machine does (root only)
    --processes                 memory and processor time of the server, process by process
"""

import argparse
import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import yaml

from benchmarks import process_tree
from benchmarks.arguments import about_photos
from benchmarks.load import Client, Seen, photos_in
from tests.servers import ROOT, free_port, running, server_environment

FORMS = {"bento", "litserve"}
"""Peers that take a photo in a form alone."""


@dataclass(frozen=True)
class Contestant:
    """A server that runs, and how long it took to be ready."""

    name: str
    url: str
    pid: int
    ready_s: float


@dataclass
class Round:
    """A round of load: what clients got, and seconds of a processor for a photo."""

    seen: Seen
    cpu_s: float

    @property
    def figures(self) -> dict[str, float]:
        """By name."""
        shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
        return {name: self.seen.ms(share) for name, share in shares.items()} | {
            "rate": self.seen.rate,
            "cpu_ms": 1000 * self.cpu_s,
        }


@dataclass
class Figures:
    """Rounds of a contestant by number of clients, and its memory in MB after them."""

    rounds: dict[int, list[Round]] = field(default_factory=dict)
    pss_mb: float = 0.0
    ready_s: float = 0.0

    def median(self, clients: int, figure: str) -> float:
        """Of `rate`, `p50`, `p95`, `p99` or `cpu_ms` (of a photo)."""
        return statistics.median(one.figures[figure] for one in self.rounds[clients])


@contextmanager
def ours(config: Path, environment: dict[str, str]) -> Iterator[Contestant]:
    """A server of a configuration, started as `make serve` does."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        asked = yaml.safe_load(config.read_text())
        with running(asked, Path(folder), server_environment(**environment)) as server:
            ready_s = time.perf_counter() - began
            yield Contestant(config.name, server.url, server.process.pid, ready_s)


@contextmanager
def peer(name: str, python: str) -> Iterator[Contestant]:
    """One of `benchmarks.peers`."""
    port, began = free_port(), time.perf_counter()
    process = subprocess.Popen(
        [python, "-m", f"benchmarks.peers.{name}", "--port", str(port)],
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"},
        start_new_session=True,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        while not _is_ready(url):
            if process.poll() is not None:
                raise SystemExit(f"{name} did not start")
            time.sleep(0.2)
        yield Contestant(name, url, process.pid, time.perf_counter() - began)
    finally:
        below = process_tree.tree(process.pid)
        process.terminate()
        process.wait(60)
        # LitServe leaves its workers behind.
        for pid in below:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5):
            return True
    except OSError:
        return False


def measured(one: Contestant, client: Client, clients: int, seconds: float) -> Round:
    """A round of a closed loop."""
    before = process_tree.cpu_s(one.pid)
    seen = asyncio.run(client.closed(clients, seconds))
    after = process_tree.cpu_s(one.pid)
    spent = sum(after.values()) - sum(before.get(pid, 0.0) for pid in after)
    return Round(seen, spent / max(1, len(seen.latencies_s)))


def in_turns(contestants: Sequence[Contestant], args: argparse.Namespace) -> dict[str, Figures]:
    """All rounds of all contestants, each while the others stand still."""
    photos = photos_in(args.photos, args.count)
    if args.first:
        for pid in (os.getpid(), *(one.pid for one in contestants)):
            process_tree.go_first(pid)
    figures = {one.name: Figures(ready_s=one.ready_s) for one in contestants}
    for turn in range(args.rounds):
        for one in contestants if turn % 2 == 0 else reversed(contestants):
            with ExitStack() as others:
                for other in contestants:
                    if other is not one:
                        others.enter_context(process_tree.paused(other.pid))
                client = Client(one.url, photos, form=one.name in FORMS)
                asyncio.run(client.closed(2, photos=args.warm_up))
                for clients in args.clients:
                    round_ = measured(one, client, clients, args.seconds)
                    figures[one.name].rounds.setdefault(clients, []).append(round_)
                    print(
                        f"{one.name}, {clients} clients: {round_.seen}, "
                        f"{1000 * round_.cpu_s:.0f} ms of a processor each",
                        file=sys.stderr,
                        flush=True,
                    )
    for one in contestants:
        figures[one.name].pss_mb = sum(process_tree.pss_mb(one.pid).values())
    return figures


def table(figures: dict[str, Figures], clients: Sequence[int]) -> str:
    """In Markdown."""
    lines = [
        "| server | clients | photos/s | p50 | p95 | p99 ms | processor ms | ready s | PSS MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, one in figures.items():
        for many in clients:
            rate, *rest = (one.median(many, f) for f in ("rate", "p50", "p95", "p99", "cpu_ms"))
            cells = [f"{rate:.1f}", *(f"{value:.0f}" for value in rest)]
            lines.append(
                f"| {name} | {many} | {' | '.join(cells)} | {one.ready_s:.1f} | {one.pss_mb:.0f} |"
            )
    return "\n".join(lines)


def ratios(figures: dict[str, Figures], ours: Sequence[str], clients: Sequence[int]) -> str:
    """Of each server of ours to each peer."""
    lines = []
    for mine, name in product(ours, (name for name in figures if name not in ours)):
        own, other = figures[mine], figures[name]
        for many in clients:
            p50 = own.median(many, "p50") / other.median(many, "p50")
            rate = own.median(many, "rate") / other.median(many, "rate")
            cpu = own.median(many, "cpu_ms") / other.median(many, "cpu_ms")
            told = f"p50 {p50:.2f}, photos/s {rate:.2f}, processor {cpu:.2f}"
            lines.append(f"{mine} over {name}, {many} clients: {told}")
    return "\n".join(lines)


def by_process(one: Contestant, photos: Path, seconds: float = 8.0) -> str:
    """Memory and processor time of each process under load, and of the processor when idle."""
    before = process_tree.cpu_s(one.pid)
    time.sleep(seconds)
    idle = process_tree.cpu_s(one.pid)
    seen = asyncio.run(Client(one.url, photos_in(photos)).closed(8, seconds))
    after = process_tree.cpu_s(one.pid)
    answers = len(seen.latencies_s)
    lines = [
        "| process | PSS MB | ms of a processor a photo | ms a second when idle |",
        "|---|---|---|---|",
    ]
    sizes = process_tree.pss_mb(one.pid)
    for pid, size in sorted(sizes.items(), key=lambda item: -item[1]):
        busy = 1000 * (after.get(pid, 0) - idle.get(pid, 0)) / answers
        rest = 1000 * (idle.get(pid, 0) - before.get(pid, 0)) / seconds
        lines.append(f"| {process_tree.name(pid)} | {size:.0f} | {busy:.1f} | {rest:.1f} |")
    busy = 1000 * (sum(after.values()) - sum(idle.values())) / answers
    rest = 1000 * (sum(idle.values()) - sum(before.values())) / seconds
    lines.append(f"| all | {sum(sizes.values()):.0f} | {busy:.1f} | {rest:.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = about_photos(__doc__)
    parser.add_argument("--config", type=Path, nargs="+", default=[ROOT / "serve_config.yaml"])
    parser.add_argument("--peers", nargs="*", default=["library"])
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 2, 8])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10, help="of each round")
    parser.add_argument("--count", type=int, default=40, help="photos")
    parser.add_argument("--warm-up", type=int, default=12, help="photos before a round")
    parser.add_argument("--environment", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--python", nargs="*", default=[], metavar="PEER=PYTHON")
    parser.add_argument("--first", action="store_true")
    parser.add_argument("--processes", action="store_true")
    args = parser.parse_args()
    pythons = dict(one.split("=", 1) for one in args.python)
    environment = dict(one.split("=", 1) for one in args.environment)
    with ExitStack() as all_of_them:
        contestants = []
        for config in args.config:
            contestants.append(all_of_them.enter_context(ours(config, environment)))
            if args.processes:
                print(f"{config.name}\n{by_process(contestants[-1], args.photos)}", flush=True)
        for name in args.peers:
            running_peer = peer(name, pythons.get(name, sys.executable))
            contestants.append(all_of_them.enter_context(running_peer))
        figures = in_turns(contestants, args) if args.rounds else {}
    if figures:
        print(table(figures, args.clients))
        print(ratios(figures, [config.name for config in args.config], args.clients))


if __name__ == "__main__":
    main()
