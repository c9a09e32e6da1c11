"""How far `pose.azimuth` can be trusted: a drawn car is looked at from known directions.

python -m benchmarks.azimuth
"""

import argparse
import io
import math
import statistics
import sys

from tqdm import tqdm

from carpose import Estimator
from carpose.errors import CarposeError
from tests.rendered_car import View, render

ELEVATIONS = (4.0, 9.0, 16.0)


def main(arguments: list[str] | None = None) -> None:
    """Prints the error by sector of the circle, and how often it is within its own deviation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", type=int, default=10, help="degrees between two directions")
    args = parser.parse_args(arguments)
    estimator = Estimator.load()
    views = [View(a, e) for e in ELEVATIONS for a in range(0, 360, args.step)]
    sectors: dict[int, list[tuple[float, float]]] = {k: [] for k in range(8)}
    untold = 0
    for view in tqdm(views, unit="picture", file=sys.stderr):
        buffer = io.BytesIO()
        render(view, 640, 428, 1).save(buffer, "PNG")
        try:
            pose = estimator.answer(buffer.getvalue()).pose
        except CarposeError:
            untold += 1
            continue
        if pose.azimuth is None or pose.azimuth_error is None:
            untold += 1
            continue
        error = abs((pose.azimuth - view.azimuth + 180) % 360 - 180)
        sectors[round(view.azimuth / 45) % 8].append((error, pose.azimuth_error))
    print("sector   pictures  median  90 %  within 1 sd  within 2 sd")
    for sector, found in sectors.items():
        print(f"{45 * sector:5d}°   {_line(found)}")
    told = [one for found in sectors.values() for one in found]
    print(f"all      {_line(told)}; not told: {untold} of {len(views)}")


def _line(found: list[tuple[float, float]]) -> str:
    if not found:
        return "       0"
    errors = sorted(error for error, _ in found)
    within = [
        sum(error <= k * deviation for error, deviation in found) / len(found) for k in (1, 2)
    ]
    tail = errors[math.ceil(0.9 * len(errors)) - 1]
    return (
        f"{len(found):8d} {statistics.median(errors):6.1f}° {tail:5.1f}°"
        f"  {within[0]:10.2f}  {within[1]:11.2f}"
    )


if __name__ == "__main__":
    main()
