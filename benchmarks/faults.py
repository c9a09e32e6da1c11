"""What photos a server loses when something of it dies, hangs, is full or is changed, and for how
long it is quiet.

    python -m benchmarks.faults --photos DIR [--only "kill CarPartDetector" ...]

Starts a server of its own from serve_config.yaml; one for each fault that wants another one. Four
clients ask for one photo after the other, without a second try; each fault strikes in the midst of
that, and some are mended later. Prints a line for each: answers, 503 with Retry-After (told to come
again), everything else (lost), and the longest time without an answer afterwards, and before. "full
disk" needs root, "slow disk" what `benchmarks.slow_disk` says.
"""

import os
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import yaml

from benchmarks.arguments import about_photos
from benchmarks.slow_disk import slow_disk
from carpose.bundles import open_bundle
from tests.conftest import AWS_ENVIRONMENT
from tests.rekognition_emulator import Emulator, Reply, Script
from tests.servers import ROOT, Server, free_port, processes, running, server_environment

CLIENTS = 4
CALM_S, WATCHED_S = 8.0, 40.0
MEND_S = 20.0
"""After a fault that can be mended."""


Environment = dict[str, str]
Mend = Callable[[], object]


@contextmanager
def as_it_is(_: Environment) -> Iterator[None]:
    """A server like any other."""
    yield


@dataclass(frozen=True)
class Fault:
    """What happens to a server.

    strike: does it; returns what it did, in words, and what takes it back, if anything does.
    around: changes the environment of a server that is started for it.
    anew: whether clients take a new connection for each photo.
    """

    strike: Callable[[Server], tuple[str, Mend | None]]
    around: Callable[[Environment], Any] = as_it_is
    anew: bool = False


def sent(who: str, what: signal.Signals) -> Fault:
    """A signal that the processes get whose command line holds `who`."""

    def strike(server: Server) -> tuple[str, Mend | None]:
        struck = processes(server, who)
        for pid in struck:
            os.kill(pid, what)
        return f"{len(struck)} struck", None

    return Fault(strike)


def without_descriptors(who: str) -> Fault:
    """Processes that may open nothing more."""

    def strike(server: Server) -> tuple[str, Mend | None]:
        before = {
            pid: resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in processes(server, who)
        }
        for pid, (_, hard) in before.items():
            open_now = len(os.listdir(f"/proc/{pid}/fd"))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_now, hard))

        def mend() -> None:
            for pid, limits in before.items():
                resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)

        return f"{len(before)} may open nothing more", mend

    return Fault(strike, anew=True)


@contextmanager
def small_disk(environment: Environment) -> Iterator[None]:
    """Ray's folder, with its logs, on a file system of its own."""
    folder = environment["RAY_TMPDIR"]
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill_disk(server: Server) -> tuple[str, Mend | None]:
    """Not a byte is left in Ray's folder."""
    filler = Path(server.environment["RAY_TMPDIR"]) / "filler"
    with filler.open("wb") as file:
        while True:
            try:
                file.write(bytes(1 << 16))
                file.flush()
            except OSError:
                break
    left = shutil.disk_usage(filler.parent).free
    return f"{left} bytes left", filler.unlink


@contextmanager
def on_slow_disk(environment: Environment) -> Iterator[None]:
    """Ray's folder, with its logs, on a disk that can be made slow."""
    folder = Path(environment["RAY_TMPDIR"])
    with slow_disk(folder, _switch(environment)):
        yield


def _switch(environment: Environment) -> Path:
    return Path(environment["RAY_TMPDIR"] + ".slow")


def slow_down(server: Server) -> tuple[str, Mend | None]:
    """Whatever reaches the disk takes 0.2 s."""
    switch = _switch(server.environment)
    switch.write_text("0.2")
    return "0.2 s for each write", switch.unlink


@contextmanager
def small_store(environment: Environment) -> Iterator[None]:
    """An object store with room for about thirty pictures."""
    environment["RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES"] = "80000000"
    yield


def crowd(number: int, **params: str) -> Callable[[Server], tuple[str, Mend | None]]:
    """So many clients more, which ask for the same photo."""

    def strike(server: Server) -> tuple[str, Mend | None]:
        clients = Clients([server.url], _photo(server), number, params=params)
        clients.__enter__()

        def mend() -> None:
            clients.__exit__()
            told = dict(Counter(what for _, what in clients.seen))
            print(f"  what those on top were told: {told}", flush=True)

        return f"{number} clients more {params or ''}".rstrip(), mend

    return strike


def swapped(bundle: Callable[[Server], str]) -> Fault:
    """Told to serve a bundle that cannot be served."""

    def strike(server: Server) -> tuple[str, Mend | None]:
        server.deploy({"bundle": bundle(server)})
        end = time.monotonic() + WATCHED_S / 2
        while time.monotonic() < end:
            told = httpx.get(f"{server.url}/v1/models", timeout=30).json()["car_parts"]
            if "bundle_error" in told:
                break
            time.sleep(0.5)
        said = told.get("bundle_error", "no error yet")[:100]
        return f"serves {told['bundle']}, says: {said}", lambda: server.deploy({})

    return Fault(strike)


def cut_bundle(server: Server) -> str:
    """The embedded one, whose weights lack their second half."""
    folder = server.config.with_name("cut")
    shutil.copytree(open_bundle("embedded:car_parts").folder, folder, dirs_exist_ok=True)
    weights = folder / "model.onnx"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    return str(folder)


@contextmanager
def silent_amazon(environment: Environment) -> Iterator[None]:
    """An Amazon Rekognition that takes a minute for each answer."""
    with Emulator() as emulator:
        slow = Reply(body=b"{}", after_s=60)
        emulator.script = Script(default=lambda *_: slow)
        environment |= AWS_ENVIRONMENT
        environment |= {"AWS_ENDPOINT_URL_REKOGNITION": emulator.url, "AWS_REGION": "eu-west-1"}
        yield


FAULTS = {
    **{
        f"kill {name}": sent(who, signal.SIGKILL)
        for name, who in {
            "CarPartDetector": "ServeReplica:carpose:CarPartDetector",
            "MainCarSegmenter": "ServeReplica:carpose:MainCarSegmenter",
            "PosePostprocessor": "ServeReplica:carpose:PosePostprocessor",
            "Ingress": "ServeReplica:carpose:Ingress",
            "RekognitionClient": "ServeReplica:carpose:RekognitionClient",
            "the proxy": "ray::ProxyActor",
            "the controller": "ray::ServeController",
            "the dashboard": "dashboard/dashboard.py",
        }.items()
    },
    "hang CarPartDetector": sent("ServeReplica:carpose:CarPartDetector", signal.SIGSTOP),
    "hang Ingress": sent("ServeReplica:carpose:Ingress", signal.SIGSTOP),
    "no descriptors: the proxy": without_descriptors("ray::ProxyActor"),
    "no descriptors: Ingress": without_descriptors("ServeReplica:carpose:Ingress"),
    "no descriptors: CarPartDetector": without_descriptors("ServeReplica:carpose:CarPartDetector"),
    "full disk": Fault(fill_disk, small_disk, anew=True),
    "slow disk": Fault(slow_down, on_slow_disk),
    "full object store": Fault(crowd(40), small_store),
    "swap to S3, which is down": swapped(
        lambda server: f"s3://nobody-{free_port()}/bundle#sha256={'0' * 64}"
    ),
    "swap to a cut file": swapped(cut_bundle),
    "Amazon takes a minute": Fault(crowd(8, engine="rekognition"), silent_amazon),
}


@dataclass
class Clients:
    """Ask until they are stopped; remember when each answer came, and what it was.

    urls: of proxies. As a load balancer does, a client asks the next one when one fails it.
    anew: whether clients take a new connection for each photo.
    again: how often a photo was sent to a second one.
    """

    urls: Sequence[str]
    photo: bytes
    number: int = CLIENTS
    anew: bool = False
    params: dict[str, str] = field(default_factory=dict)
    patience_s: float = 120.0
    seen: list[tuple[float, str]] = field(default_factory=list)
    again: int = 0

    def __enter__(self) -> "Clients":
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=[k]) for k in range(self.number)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, at: int) -> None:
        limits = httpx.Limits(max_keepalive_connections=0 if self.anew else None)
        with httpx.Client(timeout=self.patience_s, limits=limits) as client:
            while not self._stop.is_set():
                for left in reversed(range(len(self.urls))):
                    url = self.urls[at % len(self.urls)]
                    try:
                        response = client.post(
                            f"{url}/v1/pose", params=self.params, files={"image": self.photo}
                        )
                    except httpx.HTTPError as error:
                        what, at = type(error).__name__, at + 1
                        self.again += bool(left)
                        # Nobody listens: the next try would fail as fast.
                        time.sleep(0.2)
                    else:
                        told = response.status_code in (429, 503)
                        told = told and "retry-after" in response.headers
                        what = "503" if told else str(response.status_code)
                        time.sleep(1 if told else 0)
                        break
                self.seen.append((time.monotonic(), what))

    def since(self, began: float) -> str:
        """What they were told from then on, in words."""
        after = Counter(what for at, what in self.seen if at >= began)
        answered, told = after.pop("200", 0), after.pop("503", 0)
        times = [at for at, what in self.seen if what == "200"]
        # Nothing at all until the end is a gap, too.
        gaps = [(later, later - earlier) for earlier, later in pairwise([*times, time.monotonic()])]
        before = max((gap for at, gap in gaps if at < began), default=0.0)
        quiet = max((gap for at, gap in gaps if at >= began), default=0.0)
        lost = ", ".join(f"{count} x {what}" for what, count in after.items()) or "none"
        again = f", {self.again} sent to another proxy" if self.again else ""
        return (
            f"{answered} answered{again}, {told} told to come again, lost: {lost}; "
            f"longest without an answer {quiet:.1f} s ({before:.1f} s before)"
        )


def _photo(server: Server) -> bytes:
    return server.config.with_name("photo.jpg").read_bytes()


def measured(server: Server, fault: Fault, watched_s: float = WATCHED_S) -> str:
    """One fault's line."""
    with Clients([server.url], _photo(server), anew=fault.anew) as clients:
        time.sleep(CALM_S)
        began = time.monotonic()
        words, mend = fault.strike(server)
        if mend:
            time.sleep(MEND_S)
            mended = time.monotonic()
            mend()
            words += f", mended after {mended - began:.0f} s"
        time.sleep(max(MEND_S, began + watched_s - time.monotonic()))
    return f"{words}; {clients.since(began)}"


@contextmanager
def serving(
    photo: Path, around: Callable[[Environment], Any] = as_it_is, config: Any = None
) -> Iterator[Server]:
    """A server of its own; `photo` is what its clients ask for."""
    config = config or yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    environment = server_environment()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        shutil.copy(photo, Path(folder) / "photo.jpg")
        stack.enter_context(around(environment))
        yield stack.enter_context(running(config, Path(folder), environment))


def main() -> None:
    """Command line."""
    parser = about_photos(__doc__)
    parser.add_argument("--only", nargs="*", choices=FAULTS, default=list(FAULTS))
    args = parser.parse_args()
    photo = min(args.photos.glob("*.jpg"))
    by_server: dict[Any, list[str]] = {}
    for name in args.only:
        by_server.setdefault(FAULTS[name].around, []).append(name)
    for around, names in by_server.items():
        with serving(photo, around) as server:
            for name in names:
                print(f"{name}: {measured(server, FAULTS[name])}", flush=True)


if __name__ == "__main__":
    main()
