"""What photos a server loses while an operator changes it, and for how long it is quiet.

    python -m benchmarks.changes --photos DIR [--only "scale up" ...]

As `benchmarks.faults`, but each change is `serve deploy` of another configuration, the next one
upon it, and a change is watched until Ray Serve says that it is done, and some seconds more. To
lose none is what is promised.
"""

import time
from collections.abc import Callable
from typing import Any, Final

import httpx
import yaml

from benchmarks.arguments import about_photos
from benchmarks.faults import Fault, Mend, measured, serving
from tests.servers import ROOT, Server

Change = Callable[[dict[str, Any]], None]
"""What it changes in the application's entry of the configuration."""


def _tuned(**user_config: object) -> Change:
    def change(entry: dict[str, Any]) -> None:
        entry["deployments"] = [{"name": "CarPartDetector", "user_config": user_config}]

    return change


def _with(section: str, **args: object) -> Change:
    return lambda entry: entry["args"][section].update(args)


def _all(*changes: Change) -> Change:
    def change(entry: dict[str, Any]) -> None:
        for one in changes:
            one(entry)

    return change


CHANGES: Final[dict[str, Change]] = {
    "user_config: a threshold": _tuned(score_threshold=0.6),
    "user_config: taken back": _tuned(),
    "scale up: two of each": _all(
        _with("car_parts", num_replicas=2),
        _with("main_car", num_replicas=2),
        _with("ingress", num_replicas=2),
    ),
    "rolling update: the ingress, of two": _with("ingress", deadline_s=29),
    "rolling update: the detectors, of two": _all(
        _with("car_parts", threads=1), _with("main_car", fallback="embedded:main_car")
    ),
    "scale down: one of each": _all(
        _with("car_parts", num_replicas=1),
        _with("main_car", num_replicas=1),
        _with("ingress", num_replicas=1),
    ),
    "rolling update: the ingress, of one": _with("ingress", deadline_s=30),
    "rolling update: the detectors, of one": _with("car_parts", threads=2),
}


def deployed(config: dict[str, Any]) -> Fault:
    """`serve deploy` of a configuration, until it runs."""

    def strike(server: Server) -> tuple[str, Mend | None]:
        began = time.monotonic()
        server.apply(config)
        while _status(server) != "RUNNING":
            time.sleep(0.5)
        return f"done after {time.monotonic() - began:.0f} s", None

    return Fault(strike)


def _status(server: Server) -> str:
    environment = server.environment
    url = f"{environment['RAY_DASHBOARD_ADDRESS']}/api/serve/applications/"
    headers = {"Authorization": f"Bearer {environment['RAY_AUTH_TOKEN']}"}
    response = httpx.get(url, headers=headers, timeout=60).raise_for_status()
    return str(response.json()["applications"]["carpose"]["status"])


def main() -> None:
    """Command line."""
    parser = about_photos(__doc__)
    parser.add_argument("--only", nargs="*", choices=CHANGES, default=list(CHANGES))
    args = parser.parse_args()
    config = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    with serving(min(args.photos.glob("*.jpg")), config=config) as server:
        config = yaml.safe_load(server.config.read_text())
        for name in args.only:
            CHANGES[name](config["applications"][0])
            print(f"{name}: {measured(server, deployed(config), 0)}", flush=True)


if __name__ == "__main__":
    main()
