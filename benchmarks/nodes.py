"""What photos a cluster loses when a whole node of it dies or stands still.

    python -m benchmarks.nodes --photos DIR [--only "a worker dies" ...]

Starts a head and two workers as `ray start` on this machine, the head's state in a Redis, as
k8s/base does, and deploys k8s/overlays/cpu to them: one of everything on each worker. Four clients
ask the workers' proxies, and the other one when one fails them, as a load balancer in front does.
A node that died comes back after 20 s. Needs redis-server.
"""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import yaml

from benchmarks.arguments import about_photos
from benchmarks.faults import CALM_S, Clients
from tests.nodes import HEAD, Nodes, cluster
from tests.servers import ROOT

WORKERS: Final = ("worker-1", "worker-2")
AWAY_S, WATCHED_S = 20.0, 60.0
PATIENCE_S = 10.0
"""Of the load balancer, with one proxy."""
START_S = 600.0


def _dies(nodes: Nodes, name: str) -> None:
    nodes.kill(name)
    time.sleep(AWAY_S)
    nodes.start(name)


def _stands_still(nodes: Nodes, name: str) -> None:
    nodes.tell(name, signal.SIGSTOP)
    time.sleep(2 * AWAY_S)
    nodes.tell(name, signal.SIGCONT)
    # Ray has taken it for dead, which ends it; a kubelet starts it again.
    time.sleep(AWAY_S)
    nodes.kill(name)
    nodes.start(name)


FAULTS: Final[dict[str, Callable[[Nodes], None]]] = {
    "a worker dies": lambda nodes: _dies(nodes, WORKERS[1]),
    "the head dies": lambda nodes: _dies(nodes, HEAD),
    "a worker stands still for 40 s": lambda nodes: _stands_still(nodes, WORKERS[1]),
}


def shipped(overlay: str) -> dict[str, Any]:
    """The Serve configuration of an overlay of k8s, as it is."""
    text = (ROOT / "k8s" / "overlays" / overlay / "serve-config.yaml").read_text()
    config: dict[str, Any] = yaml.safe_load(yaml.safe_load(text)["spec"]["serveConfigV2"])
    return config


def wait_until(condition: Callable[[], bool], nodes: Nodes) -> float:
    """Seconds until it holds."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() > began + START_S:
            raise SystemExit(nodes.log())
        time.sleep(0.5)
    return time.monotonic() - began


def is_whole(nodes: Nodes) -> bool:
    """Whether every worker is ready and has one of everything that answers photos."""
    named = ("Ingress", "CarPartDetector", "MainCarSegmenter", "PosePostprocessor")
    return all(
        nodes.processes(worker, f"ServeReplica:carpose:{name}")
        for worker in WORKERS
        for name in named
    ) and all(nodes.is_ready(worker) for worker in WORKERS)


def struck(nodes: Nodes, photo: bytes, fault: Callable[[Nodes], None]) -> str:
    """One fault's line."""
    urls = [nodes.url(worker) for worker in WORKERS]
    with Clients(urls, photo, patience_s=PATIENCE_S) as clients:
        time.sleep(CALM_S)
        began = time.monotonic()
        fault(nodes)
        back_s = wait_until(lambda: is_whole(nodes), nodes)
        time.sleep(max(CALM_S, began + WATCHED_S - time.monotonic()))
    return f"{clients.since(began)}; whole again {back_s:.0f} s after it was started"


def main() -> None:
    """Command line."""
    parser = about_photos(__doc__)
    parser.add_argument("--only", nargs="*", choices=FAULTS, default=list(FAULTS))
    args = parser.parse_args()
    photos: Path = args.photos
    photo = min(photos.glob("*.jpg")).read_bytes()
    settings = yaml.safe_load((ROOT / "k8s" / "base" / "settings.yaml").read_text())["data"]
    with cluster() as nodes:
        nodes.environment.update({k: v for k, v in settings.items() if k.startswith("RAY_")})
        nodes.start(HEAD)
        wait_until(lambda: nodes.serve("status").returncode == 0, nodes)
        for worker in WORKERS:
            nodes.start(worker)
        nodes.deploy(shipped("cpu"))
        print(f"whole after {wait_until(lambda: is_whole(nodes), nodes):.0f} s", flush=True)
        for name in args.only:
            print(f"{name}: {struck(nodes, photo, FAULTS[name])}", flush=True)


if __name__ == "__main__":
    main()
