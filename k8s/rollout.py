"""Is what git says what answers, and does it answer well? Asked of the running server.

    python -m k8s.rollout --overlay cpu --url https://carpose.example.com --minutes 10 \\
        --photos data/testset/JPEGImages [--prometheus http://127.0.0.1:9090]

First it waits until GET /v1/models names the overlay's bundle for every replica, and at least as
many as the overlay has at its fewest; a replica that could not load it says so there, and ends the
wait. Then it watches: photos are sent, one every second, and the share of errors among them must
stay below --max-error-rate; so must, with --prometheus, the share of errors among the answers that
everybody got. Replicas that came meanwhile are looked at in the end.

Exit code: 0 good, 4 roll back.
"""

import argparse
import itertools
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carpose.bundles import open_bundle
from k8s.promotion import detector
from k8s.serve_config import SOURCES, TASKS, served_bundle

ROLL_BACK = 4
TIMEOUT_S = 60.0
SEVERAL = 3
"""Times in a row that /v1/models must say the same: Ray Serve leaves a replica out of the list for
the moment in which it is told of another bundle."""
FEWEST = 20
"""Photos before an error rate means anything."""
OURS = "internal|timeout|overloaded|engine-unavailable|upstream-error"
"""Outcomes that are the server's fault, as `carpose_answers_total` counts them."""


class BadRollout(Exception):
    """What was rolled out does not serve, or not well; the message says what was seen."""


@dataclass(frozen=True)
class Wanted:
    """What a detector is to serve: a bundle, by its identity, in so many replicas at the least."""

    bundle: str
    replicas: int


@dataclass(frozen=True)
class Watched:
    """Photos sent, and those answered by an error of the server or not at all."""

    asked: int
    failed: int
    last_failure: str

    @property
    def error_rate(self) -> float:
        """0 to 1."""
        return self.failed / self.asked if self.asked else 0.0


def expected(overlay: str) -> dict[str, Wanted]:
    """What each detector of the overlay is to serve, by task.

    Without bundles of Detectron2's model zoo: their weights have no hash of ours, and where they
    cannot be fetched replicas may have a fallback.

    Raises: CarposeError when one of them cannot be had.
    """
    wanted = {}
    for task in TASKS:
        uri, args = served_bundle(overlay, task), detector(overlay, task)
        if not uri.startswith("model_zoo:"):
            scale = args.autoscaling
            fewest = scale.min_replicas if scale else args.num_replicas
            wanted[task] = Wanted(open_bundle(uri).identity, fewest)
    return wanted


PHOTO_S_OWN = {400, 413, 415, 422}
"""Statuses by which a photo is refused, by what it is: no error of the server."""


def fetched(request: urllib.request.Request | str) -> tuple[int, dict[str, Any]]:
    """Status and JSON of an answer; status 0 and the reason where there was none."""
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, {"detail": error.read().decode(errors="replace")[:300]}
    except (OSError, ValueError) as error:
        return 0, {"detail": str(error)}


def missing(models: Mapping[str, Any], wanted: Mapping[str, Wanted]) -> str | None:
    """What is not yet as wanted in an answer of GET /v1/models; None where all of it is.

    Raises: BadRollout when a replica cannot load its bundle.
    """
    behind = []
    for task, want in wanted.items():
        if task not in models:
            # A detector that starts.
            return f"{models}"
        replicas = models[task]["replicas"]
        for replica in replicas:
            if replica.get("bundle_error"):
                raise BadRollout(f"{task}: {replica['bundle_error']}")
        served = [str(replica.get("bundle", replica.get("problem"))) for replica in replicas]
        if len(served) < want.replicas or set(served) != {want.bundle}:
            behind.append(f"{task} by {len(served)} replicas: {', '.join(sorted(set(served)))}")
    return "; ".join(behind) or None


def wait_for_bundles(
    url: str, wanted: Mapping[str, Wanted], timeout_s: float, pause_s: float
) -> None:
    """Wait until every replica serves what is wanted, by task.

    Raises: BadRollout when one cannot load its bundle, or they do not come to it in time.
    """
    end, agreed, seen = time.monotonic() + timeout_s, 0, "nothing"
    while time.monotonic() < end:
        status, models = fetched(f"{url}/v1/models")
        behind = missing(models, wanted) if status == 200 else f"{status} {models}"
        agreed = 0 if behind else agreed + 1
        if agreed >= SEVERAL:
            return
        seen = behind or seen
        time.sleep(pause_s)
    raise BadRollout(f"after {timeout_s:.0f} s it serves {seen}, and not {dict(wanted)}")


def ask(url: str, photo: bytes, wanted: Mapping[str, Wanted]) -> str | None:
    """What is wrong with the answer to a photo; None where it is one, from the wanted bundles.

    A photo without a car is answered by saying so: that is no error. A server that asks for an API
    key is given the one in the environment's CARPOSE_KEY.
    """
    headers = {"Content-Type": "image/jpeg"}
    if key := os.environ.get("CARPOSE_KEY"):
        headers["X-API-Key"] = key
    status, answer = fetched(urllib.request.Request(f"{url}/v1/pose", photo, headers))
    if status in PHOTO_S_OWN:
        return None
    if status != 200:
        return f"{status} {answer['detail']}"
    bundles = {task: want.bundle for task, want in wanted.items()}
    if not bundles.items() <= answer["models"].items():
        return f"answered by {answer['models']}"
    return None


def watch(
    url: str, photos: Sequence[Path], wanted: Mapping[str, Wanted], times: int, pause_s: float
) -> Watched:
    """Send photos, one after the other and from the first again, `times` times."""
    failed, last = 0, ""
    for photo in itertools.islice(itertools.cycle(photos), times):
        problem = ask(url, photo.read_bytes(), wanted)
        if problem:
            failed, last = failed + 1, f"{photo.name}: {problem}"
        time.sleep(pause_s)
    return Watched(times, failed, last)


def error_rate_of_everybody(prometheus: str, minutes: float) -> float:
    """Share of errors of the server among all answers of the last minutes, 0 to 1.

    Raises: BadRollout when Prometheus does not say.
    """
    window = f"[{max(1, round(minutes))}m]"
    name = "ray_carpose_answers_total"
    query = (
        f'sum(increase({name}{{outcome=~"{OURS}"}}{window})) / sum(increase({name}{window})) '
        "or vector(0)"
    )
    address = f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    status, body = fetched(address)
    if status != 200 or body.get("status") != "success":
        raise BadRollout(f"{prometheus}: {status} {body}")
    value = float(body["data"]["result"][0]["value"][1])
    return value if value == value else 0.0  # nobody asked: 0 / 0


def judge(rates: Iterable[tuple[str, float]], highest: float) -> None:
    """Raises: BadRollout when a share of errors is above `highest`."""
    for whose, rate in rates:
        print(f"errors among {whose}: {rate:.1%}", flush=True)
        if rate > highest:
            raise BadRollout(f"errors among {whose}: {rate:.1%}, above {highest:.1%}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--overlay", choices=SOURCES, required=True)
    parser.add_argument("--url", required=True, help="of the server, without a path")
    parser.add_argument("--photos", type=Path, required=True, help="folder of JPEG files")
    parser.add_argument("--minutes", type=float, default=10, help="to watch for")
    parser.add_argument("--pause-s", type=float, default=1.0, help="between two photos")
    parser.add_argument("--max-error-rate", type=float, default=0.01)
    parser.add_argument("--timeout-s", type=float, default=900, help="for the replicas to change")
    parser.add_argument("--prometheus", help="its address: judge everybody's answers, too")
    args = parser.parse_args(arguments)
    photos = sorted(args.photos.glob("*.jpg"))
    if not photos:
        parser.error(f"no *.jpg in {args.photos}")
    try:
        wanted = expected(args.overlay)
        wait_for_bundles(args.url, wanted, args.timeout_s, args.pause_s)
        print(f"every replica serves {wanted}", flush=True)
        times = max(FEWEST, round(args.minutes * 60 / max(args.pause_s, 0.1)))
        seen = watch(args.url, photos, wanted, times, args.pause_s)
        if seen.failed:
            print(f"{seen.failed} of {seen.asked} photos failed, lastly {seen.last_failure}")
        rates = [("the photos sent", seen.error_rate)]
        if args.prometheus:
            rates.append(("everybody's", error_rate_of_everybody(args.prometheus, args.minutes)))
        judge(rates, args.max_error_rate)
        wait_for_bundles(args.url, wanted, args.timeout_s, args.pause_s)
    except BadRollout as error:
        print(f"roll back: {error}", file=sys.stderr)
        return ROLL_BACK
    return 0


if __name__ == "__main__":
    sys.exit(main())
