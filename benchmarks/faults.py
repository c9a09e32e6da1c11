"""What photos a server loses when one of its processes dies or hangs, and for how long it is quiet.

    python -m benchmarks.faults --photos DIR [--only "kill CarPartDetector" ...]

Starts a server of its own from serve_config.yaml. Four clients ask for one photo after the other,
without a second try; each fault strikes in the midst of that. Prints a line for each: answers, 503
with Retry-After (told to come again), everything else (lost), and the longest time without an
answer afterwards, and before.
"""

import argparse
import os
import signal
import tempfile
import threading
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import httpx
import yaml

from tests.servers import ROOT, Server, processes, running, server_environment

CLIENTS = 4
CALM_S, WATCHED_S = 8.0, 40.0


class Fault(NamedTuple):
    """A signal that the processes get whose command line holds `who`."""

    who: str
    signal: signal.Signals

    def strike(self, server: Server) -> int:
        """Returns how many it struck."""
        struck = processes(server, self.who)
        for pid in struck:
            os.kill(pid, self.signal)
        return len(struck)


FAULTS = {
    **{
        f"kill {name}": Fault(who, signal.SIGKILL)
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
    "hang CarPartDetector": Fault("ServeReplica:carpose:CarPartDetector", signal.SIGSTOP),
    "hang Ingress": Fault("ServeReplica:carpose:Ingress", signal.SIGSTOP),
}


class Clients:
    """Ask until they are stopped; remember when each answer came, and what it was."""

    def __init__(self, url: str, photo: bytes) -> None:
        self._url, self._photo = url, photo
        self.seen: list[tuple[float, str]] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        with httpx.Client(base_url=self._url, timeout=120) as client:
            while not self._stop.is_set():
                try:
                    response = client.post("/v1/pose", files={"image": self._photo})
                except httpx.HTTPError as error:
                    what = type(error).__name__
                    # Nobody listens: the next try would fail as fast.
                    time.sleep(0.2)
                else:
                    told = response.status_code == 503 and "retry-after" in response.headers
                    what = "503" if told else str(response.status_code)
                    time.sleep(1 if told else 0)
                self.seen.append((time.monotonic(), what))


def measured(server: Server, photo: bytes, fault: Fault) -> str:
    """One fault's line."""
    with Clients(server.url, photo) as clients:
        time.sleep(CALM_S)
        began = time.monotonic()
        struck = fault.strike(server)
        time.sleep(WATCHED_S)
    after = Counter(what for at, what in clients.seen if at >= began)
    answered, told = after.pop("200", 0), after.pop("503", 0)
    times = [at for at, what in clients.seen if what == "200"]
    gaps = [(later, later - earlier) for earlier, later in pairwise(times)]
    before = max((gap for at, gap in gaps if at < began), default=0.0)
    quiet = max((gap for at, gap in gaps if at >= began), default=0.0)
    lost = ", ".join(f"{count} x {what}" for what, count in after.items()) or "none"
    return (
        f"{struck} struck; {answered} answered, {told} told to come again, lost: {lost}; "
        f"longest without an answer {quiet:.1f} s ({before:.1f} s before)"
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=FAULTS, default=list(FAULTS))
    args = parser.parse_args()
    photo = min(args.photos.glob("*.jpg")).read_bytes()
    config = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    with (
        tempfile.TemporaryDirectory() as folder,
        running(config, Path(folder), server_environment()) as server,
    ):
        for name in args.only:
            print(f"{name}: {measured(server, photo, FAULTS[name])}", flush=True)
            # What hangs and was not replaced goes on.
            for pid in processes(server, FAULTS[name].who):
                os.kill(pid, signal.SIGCONT)


if __name__ == "__main__":
    main()
