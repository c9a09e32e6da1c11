"""What `sharp` and `exposure` catch of photos that are made worse step by step, as a plot.

python -m benchmarks.quality --photos DIR --out docs/quality.png
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from benchmarks.arguments import about_photos
from carpose import Estimator
from carpose.answer import Answer
from carpose.checks import MAX_BLOWN, MIN_BRIGHTNESS, MIN_SHARPNESS
from carpose.errors import CarposeError
from carpose.images import Pixels
from carpose.quality import measure
from carpose.schema import Quality

BLURS = (0.0, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02)
"""Standard deviation of a Gaussian blur, as a share of the car's width."""

DARKER = (1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.1)
LIGHTER = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0)
"""Factors of every pixel's value."""


def measured(answer: Answer, change: Callable[[Pixels, float], Pixels], step: float) -> Quality:
    """The quality of an answered photo, changed by a step."""
    picture = replace(answer.picture, pixels=change(answer.picture.pixels, step))
    return measure(picture, answer.car, 1)


def blurred(width_px: float) -> Callable[[Pixels, float], Pixels]:
    """Blur for a car that is so wide."""

    def blur(pixels: Pixels, step: float) -> Pixels:
        return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(step * width_px)))

    return blur


def exposed(pixels: Pixels, factor: float) -> Pixels:
    """Pixels with more light, or less."""
    lit: Pixels = np.clip(pixels * factor, 0, 255).astype(np.uint8)
    return lit


def steps(answers: Sequence[Answer]) -> Mapping[str, tuple[Sequence[float], np.ndarray, float]]:
    """By value: the steps, (photos, steps) of what was measured, and the limit."""
    rows: dict[str, list[list[float]]] = {"sharpness": [], "brightness": [], "blown": []}
    for answer in answers:
        scale = answer.picture.pixels.shape[1] / answer.picture.width
        blur = blurred(float(answer.car.box[2] - answer.car.box[0]) * scale)
        rows["sharpness"].append([measured(answer, blur, s).sharpness for s in BLURS])
        rows["brightness"].append([measured(answer, exposed, s).brightness for s in DARKER])
        rows["blown"].append([measured(answer, exposed, s).blown for s in LIGHTER])
    return {
        "sharpness": (BLURS, np.array(rows["sharpness"]), MIN_SHARPNESS),
        "brightness": (DARKER, np.array(rows["brightness"]), MIN_BRIGHTNESS),
        "blown": (LIGHTER, np.array(rows["blown"]), MAX_BLOWN),
    }


def plot(of: Mapping[str, tuple[Sequence[float], np.ndarray, float]], out: Path) -> None:
    """One line a photo, the limit across, and the share that it catches below each step."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    words = {
        "sharpness": "blur, share of the car's width",
        "brightness": "less light, factor",
        "blown": "more light, factor",
    }
    figure, axes = pyplot.subplots(1, 3, figsize=(13, 4), layout="constrained")
    for axis, (name, (at, values, limit)) in zip(axes, of.items(), strict=True):
        places = range(len(at))
        axis.plot(places, values.T, color="#0072b2", alpha=0.25, linewidth=1)
        axis.plot(places, np.median(values, axis=0), color="#0072b2", linewidth=2.5)
        axis.axhline(limit, color="#d55e00", linestyle="--")
        caught = (values > limit) if name == "blown" else (values < limit)
        labels = [f"{s:g}\n{share:.0%}" for s, share in zip(at, caught.mean(axis=0), strict=True)]
        axis.set_xticks(places, labels)
        axis.set_xlabel(f"{words[name]}; below: share beyond the limit {limit:g}")
        axis.set_ylabel(name)
        axis.set_ylim(0, 1)
    figure.savefig(out, dpi=80)


def main() -> None:
    """Command line."""
    parser = about_photos(__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1, help="take every n-th photo")
    args = parser.parse_args()
    estimator, answers = Estimator.load(), []
    for path in sorted(args.photos.glob("*.jpg"))[:: args.every]:
        try:
            answers.append(estimator.answer(path.read_bytes()))
        except CarposeError as error:
            print(f"{path.name}: {error.detail}")
    of = steps(answers)
    for name, (at, values, limit) in of.items():
        caught = (values > limit) if name == "blown" else (values < limit)
        shares = ", ".join(f"{s:g}: {c:.0%}" for s, c in zip(at, caught.mean(axis=0), strict=True))
        print(f"{name} (limit {limit:g}, {len(values)} photos), caught by step: {shares}")
    plot(of, args.out)


if __name__ == "__main__":
    main()
