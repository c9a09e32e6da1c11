"""A server at a steady share of what it can do, for as long as you like: does anything grow?

    python -m benchmarks.soak --photos DIR --minutes 60 [--share 0.8] [--plot soak.png]
        [--dashboard dashboard.png]

Starts a server of its own from serve_config.yaml, with API keys and an emulator of Amazon
Rekognition. Eight clients say what it can do; then photos come at `share` of that, evenly, whatever
becomes of those before: of all sizes and formats, with all that can be asked for, sets, both
engines, and broken ones. Every ten seconds the memory (PSS), open descriptors and threads of each
process are looked at. Prints each process's figures in the first and in the last fifth, and what
the photos were answered. `--dashboard` lets Prometheus look on and draws the panels of
k8s/monitoring/dashboard.json (see `benchmarks.dashboard`).
"""

import argparse
import io
import itertools
import random
import statistics
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import yaml
from PIL import Image

from benchmarks import process_tree
from benchmarks.arguments import about_photos
from benchmarks.dashboard import draw, scraping
from deployments.api_keys import ApiKey
from tests.conftest import AWS_ENVIRONMENT
from tests.rekognition_emulator import Emulator
from tests.servers import ROOT, Server, running, server_environment

CLIENTS, THREADS = 8, 48
PEAK_S, EVERY_S = 20.0, 10.0

KINDS: Final[Sequence[tuple[str, int, dict[str, Any]]]] = (
    ("JPEG", 400, {}),
    ("JPEG", 800, {}),
    ("JPEG", 1600, {}),
    ("JPEG", 4000, {}),
    ("PNG", 800, {"compress_level": 1}),
    ("PNG", 1600, {"compress_level": 1}),
    ("WEBP", 1600, {"method": 0}),
    ("AVIF", 800, {"speed": 10}),
)
"""Format, longest side in pixels, and how it is saved in no time."""

ASKED: Final[Sequence[dict[str, str]]] = (
    {},
    {"expect": "front,front-left"},
    {"rules": "listing-main"},
    {"include": "masks"},
    {"include": "annotated"},
    {"include": "crop,cutout"},
    {"include": "masks,upright,annotated,crop,cutout", "cars": "all"},
    {"engine": "rekognition"},
    {"engine": "compare"},
)

NAMES: Final = (
    "ServeReplica:carpose:", "ray::ProxyActor", "ray::ServeController", "raylet/raylet",
    "gcs_server", "ray::DashboardAgent", "dashboard/dashboard.py", "deployments.start",
)  # fmt: skip


class Photo(NamedTuple):
    """One request."""

    path: str
    params: dict[str, str]
    files: list[tuple[str, bytes]]


def mixture(folder: Path, seed: int) -> list[Photo]:
    """Some hundred requests, no two alike."""
    draw_one = random.Random(seed)
    found = []
    for path in sorted(folder.glob("*.jpg"))[:24]:
        with Image.open(path) as image:
            photo = image.convert("RGB")
        for params in draw_one.sample(ASKED, 4):
            kind, side, options = draw_one.choice(KINDS)
            scale = side / max(photo.size)
            size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
            buffer = io.BytesIO()
            photo.resize(size, Image.Resampling.BILINEAR).save(buffer, kind, **options)
            found.append(Photo("/v1/pose", params, [("image", buffer.getvalue())]))
    sent = [photo.files[0] for photo in found if not photo.params]
    found += [Photo("/v1/set", {"views": "front,left,back"}, sent[k : k + 3]) for k in range(4)]
    found += [Photo("/v1/pose", {}, [("image", sent[0][1][: 500 * k])]) for k in range(1, 4)]
    found += [Photo("/v1/pose", {"expect": "top"}, [("image", sent[0][1])])]
    draw_one.shuffle(found)
    return found


@dataclass
class Load:
    """Requests to a server, and what became of them."""

    url: str
    photos: list[Photo]
    keys: list[str]
    answers: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, threads: int, seconds: float, rate: float | None) -> float:
        """Answers per second of so many threads, each of which sends the next photo when its time
        has come: `rate` a second, or at once."""
        began = time.monotonic()
        turns, done = itertools.count(), Counter[int]()

        def ask() -> None:
            with httpx.Client(base_url=self.url, timeout=120) as client:
                while True:
                    with self._lock:
                        turn = next(turns)
                    due = began + (turn / rate if rate else 0.0)
                    if max(due, time.monotonic()) >= began + seconds:
                        return
                    time.sleep(max(0.0, due - time.monotonic()))
                    sent = time.monotonic()
                    status = self._ask(client, turn)
                    with self._lock:
                        done[status] += 1
                        self.seconds.append(time.monotonic() - sent)

        pool = [threading.Thread(target=ask) for _ in range(threads)]
        for thread in pool:
            thread.start()
        for thread in pool:
            thread.join()
        self.answers += done
        return done.total() / (time.monotonic() - began)

    def _ask(self, client: httpx.Client, turn: int) -> int:
        photo = self.photos[turn % len(self.photos)]
        headers = {"X-API-Key": self.keys[turn % len(self.keys)]}
        try:
            files = [(name, ("photo", content)) for name, content in photo.files]
            return client.post(
                photo.path, params=photo.params, files=files, headers=headers
            ).status_code
        except httpx.HTTPError:
            return 0


class Look(NamedTuple):
    """A process: megabytes (PSS), open descriptors, threads."""

    mb: float
    descriptors: float
    threads: float


def looks(server: Server) -> dict[str, Look]:
    """Each kind of process of a server, its processes together."""
    found: dict[str, list[Look]] = defaultdict(list)
    for pid, mb in process_tree.pss_mb(server.process.pid).items():
        folder = Path(f"/proc/{pid}")
        try:
            descriptors = len(list((folder / "fd").iterdir()))
            threads = len(list((folder / "task").iterdir()))
        except OSError:
            continue
        found[_kind(process_tree.command(pid))].append(Look(mb, descriptors, threads))
    return {
        kind: Look(*(sum(column) for column in zip(*many, strict=True)))
        for kind, many in found.items()
    }


def _kind(command: str) -> str:
    name = next((name for name in NAMES if name in command), None)
    if name is None:
        return "Ray's other"
    if name.endswith(":"):
        return command.partition(name)[2].split()[0].split(".")[0]
    return name.rpartition("/")[2].rpartition("::")[2]


@dataclass
class Watch:
    """Looks at a server until the block ends."""

    server: Server
    every_s: float
    seen: list[tuple[float, dict[str, Look]]] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Watch":
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        began = time.monotonic()
        while not self._end.wait(self.every_s):
            self.seen.append((time.monotonic() - began, looks(self.server)))

    def fifth(self, which: Callable[[list[Any]], list[Any]]) -> dict[str, Look]:
        """Medians over some of what was seen."""
        columns: dict[str, list[Look]] = defaultdict(list)
        for _, at in which(self.seen):
            for kind, look in at.items():
                columns[kind].append(look)
        return {
            kind: Look(*(statistics.median(c) for c in zip(*many, strict=True)))
            for kind, many in columns.items()
        }


def plot(watch: Watch, path: Path) -> None:
    """Memory, descriptors and threads of each kind of process, over the minutes."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    kinds = sorted({kind for _, at in watch.seen for kind in at})
    figure, axes = plt.subplots(3, 1, figsize=(9, 10), sharex=True, layout="constrained")
    for axis, name, title in zip(
        axes, Look._fields, ("memory (PSS), MB", "open descriptors", "threads"), strict=True
    ):
        for kind in kinds:
            points = [(t / 60, getattr(at[kind], name)) for t, at in watch.seen if kind in at]
            axis.plot(*zip(*points, strict=True), label=kind, linewidth=1.3)
        axis.set_ylabel(title)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[-1].set_xlabel("minutes")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    figure.savefig(path, dpi=110)


def soak(server: Server, load: Load, args: argparse.Namespace) -> Watch:
    """Prints what is seen."""
    load.run(CLIENTS, PEAK_S / 2, None)
    peak = load.run(CLIENTS, PEAK_S, None)
    load.answers.clear()
    load.seconds.clear()
    seconds = 60 * args.minutes
    with Watch(server, min(EVERY_S, seconds / 20)) as watch:
        rate = load.run(THREADS, seconds / 2, args.share * peak)
        if args.dashboard:
            # A crowd, for the panels that are empty without one.
            load.run(2 * THREADS, 5, None)
        rate = (rate + load.run(THREADS, seconds / 2, args.share * peak)) / 2
    print(f"peak {peak:.1f} photos/s, then {rate:.1f} for {args.minutes:g} minutes")
    taken = sorted(load.seconds)
    print(
        f"answers by status: {dict(sorted(load.answers.items()))}; "
        f"p50 {1000 * statistics.median(taken):.0f} ms, "
        f"p95 {1000 * taken[int(0.95 * len(taken))]:.0f} ms"
    )
    n = max(1, len(watch.seen) // 5)
    first, last = watch.fifth(lambda seen: seen[:n]), watch.fifth(lambda seen: seen[-n:])
    print("first fifth -> last fifth: megabytes, descriptors, threads")
    for kind in sorted(last):
        pairs = zip(first.get(kind, Look(0, 0, 0)), last[kind], strict=True)
        print(f"{kind:20s} " + ", ".join(f"{a:.0f} -> {b:.0f}" for a, b in pairs))
    return watch


def main() -> None:
    """Command line."""
    parser = about_photos(__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--share", type=float, default=0.8, help="of the peak")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--dashboard", type=Path)
    args = parser.parse_args()
    config = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    with tempfile.TemporaryDirectory() as name, Emulator() as emulator:
        folder = Path(name)
        made = [ApiKey.made(who) for who in ("shop", "insurer")]
        (folder / "keys.yaml").write_text("".join(line.line() for _, line in made))
        config["applications"][0]["args"]["ingress"]["keys_file"] = str(folder / "keys.yaml")
        environment = server_environment(
            **AWS_ENVIRONMENT, AWS_ENDPOINT_URL_REKOGNITION=emulator.url, AWS_REGION="eu-west-1"
        )
        load_photos, keys = mixture(args.photos, 0), [key for key, _ in made]
        with (
            running(config, folder, environment) as server,
            scraping(server, folder) if args.dashboard else nullcontext("") as prometheus,
        ):
            began = time.time()
            watch = soak(server, Load(server.url, load_photos, keys), args)
            if args.dashboard:
                draw(prometheus, began, time.time(), args.dashboard)
        if args.plot:
            plot(watch, args.plot)


if __name__ == "__main__":
    main()
