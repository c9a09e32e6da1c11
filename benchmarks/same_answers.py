"""Does a server answer photos as another one, or as the library in this process, does?

    python -m benchmarks.same_answers --photos DIR --url http://127.0.0.1:8000 [--other URL]

Counts the photos with the same viewpoint, names those that differ, and says by how much angles
differ and how many parts are the same. Without --other the answers are held against
`Estimator.load()`: the embedded models in ONNX Runtime, as serve_config.yaml serves them.
"""

import json
import statistics
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.arguments import about_photos
from carpose import Estimator
from carpose.errors import CarposeError

PATIENCE_S = 600
"""For one answer: a large network on a CPU takes its time."""

Ask = Callable[[bytes], dict[str, Any]]


def over_http(url: str) -> Ask:
    """Asks a server; a refusal is its problem document."""

    def ask(photo: bytes) -> dict[str, Any]:
        headers = {"Content-Type": "image/jpeg"}
        request = urllib.request.Request(f"{url}/v1/pose", photo, headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
                answer: dict[str, Any] = json.load(response)
        except urllib.error.HTTPError as error:
            answer = json.load(error)
        return answer

    return ask


def in_process() -> Ask:
    """Asks the library; a refusal is its code."""
    estimator = Estimator.load()

    def ask(photo: bytes) -> dict[str, Any]:
        try:
            return estimator.answer(photo).response().model_dump(mode="json")
        except CarposeError as error:
            return {"type": type(error).__name__}

    return ask


def viewpoint(answer: dict[str, Any]) -> str:
    """Of the car, or why there is none."""
    return str(answer["pose"]["viewpoint"] if "pose" in answer else answer["type"])


def angle_of(answer: dict[str, Any]) -> float | None:
    """Degrees, where two wheels are seen."""
    angle: float | None = answer.get("pose", {}).get("angle")
    return angle


def parts(answer: dict[str, Any]) -> Counter[str]:
    """How many there are of each."""
    return Counter(part["label"] for part in answer.get("parts", ()))


def compared(names: Iterable[str], pairs: Iterable[tuple[dict[str, Any], dict[str, Any]]]) -> int:
    """Print what the second of two answers to each photo has differently; returns how many photos
    have another viewpoint."""
    photos = other = parts_all = parts_same = 0
    angles, models = [], set()
    for name, (first, second) in zip(names, pairs, strict=True):
        photos += 1
        models.add(json.dumps(first.get("models")))
        if viewpoint(first) != viewpoint(second):
            other += 1
            print(f"{name}: {viewpoint(first)}, and {viewpoint(second)}", flush=True)
        both = parts(first), parts(second)
        parts_same += (both[0] & both[1]).total()
        parts_all += (both[0] | both[1]).total()
        pair = [angle for answer in (first, second) if (angle := angle_of(answer)) is not None]
        if len(pair) == 2:
            angles.append(abs(pair[0] - pair[1]))
    print(f"answered by {', '.join(sorted(models))}")
    print(f"the same viewpoint: {photos - other} of {photos}")
    print(f"the same parts: {parts_same} of {parts_all}")
    if angles:
        print(
            f"angles differ by {statistics.median(angles):.2f} degrees in the median, "
            f"{max(angles):.2f} at most"
        )
    return other


def main() -> int:
    """Command line; 1 where a viewpoint differs."""
    parser = about_photos(__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--other", help="a second server")
    args = parser.parse_args()
    files = sorted(args.photos.glob("*.jpg"))
    one, two = over_http(args.url), over_http(args.other) if args.other else in_process()
    contents = (file.read_bytes() for file in files)
    differing = compared([f.name for f in files], ((one(c), two(c)) for c in contents))
    return bool(differing)


if __name__ == "__main__":
    sys.exit(main())
