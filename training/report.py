"""Figures for people and programs: a table for the terminal, JSON, and a page that needs no net."""

import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from carpose.cars import Car
from carpose.detections import Detections
from carpose.images import Picture, Pixels, data_url, to_jpeg
from carpose.parts import PARTS, VIEWPOINTS
from carpose.pose import estimate_pose
from carpose.render import Scene, annotated, overlay
from training.intervals import Figure
from training.measure import Measured, Result
from training.metrics import annotated_parts
from training.photos import Photo, raster

WORST = 8
DRAWN_PX = 640
About = dict[str, Any]
DEGREES = ("angle_median", "angle_mean", "angle_p90")


def _text(name: str, value: float) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{value:.1f}°" if name in DEGREES else f"{value:.3f}"


def _row(name: str, figure: Figure) -> tuple[str, str, str]:
    low, high = _text(name, figure.low), _text(name, figure.high)
    return name, _text(name, figure.value), "–" if low == "–" else f"{low} – {high}"


def _headline(result: Result) -> dict[str, Figure]:
    parts = {f"{kind}_ap_{part}" for kind in ("box", "mask") for part in PARTS}
    return {n: f for n, f in result.figures.items() if n not in parts}


def _changes(clean: Result, worse: dict[str, Result]) -> list[tuple[str, str, list[Any]]]:
    """(figure, clean value, [(value, whether the paired interval of the change excludes 0)])."""
    rows = []
    for name, figure in _headline(clean).items():
        cells = []
        for other in worse.values():
            change = (other.figures[name].samples - figure.samples)[1:]
            known = change[np.isfinite(change)]
            low, high = np.percentile(known, [2.5, 97.5]) if known.size else (0.0, 0.0)
            cells.append((_text(name, other.figures[name].value), bool(low > 0 or high < 0)))
        rows.append((name, _text(name, figure.value), cells))
    return rows


def table(about: About, result: Result, worse: dict[str, Result]) -> str:
    """For the terminal."""
    lines = [f"{name:12}{value}" for name, value in about.items()] + [""]
    lines.append(f"{'figure':32}{'value':>8}   95 % interval")
    for row in (_row(n, f) for n, f in result.figures.items()):
        lines.append(f"{row[0]:32}{row[1]:>8}   {row[2]}")
    lines += ["", "viewpoint, annotated -> detected, where they differ:"]
    wrong = [p for p in result.photos if p.expected != p.detected]
    lines += [f"  {p.file}: {p.expected} -> {p.detected}" for p in wrong] or ["  none"]
    if worse:
        lines += ["", f"{'corrupted':20}{'clean':>12}" + "".join(f"{n:>14}" for n in worse)]
        for name, value, cells in _changes(result, worse):
            marked = "".join(f"{v + ('*' if sure else ' '):>14}" for v, sure in cells)
            lines.append(f"{name:20}{value:>12}{marked}")
        lines.append("* the paired 95 % interval of the change excludes 0")
    return "\n".join(lines)


def _number(value: float) -> float | None:
    return round(value, 5) if math.isfinite(value) else None


def _figures(result: Result) -> dict[str, dict[str, float | None]]:
    return {
        n: {"value": _number(f.value), "low": _number(f.low), "high": _number(f.high)}
        for n, f in result.figures.items()
    }


def as_json(about: About, result: Result, worse: dict[str, Result]) -> dict[str, Any]:
    """What report.json holds; what cannot be told is null."""
    return {
        **about,
        "figures": _figures(result),
        "confusion": result.confusion,
        "robustness": {name: _figures(other) for name, other in worse.items()},
        "per_photo": [asdict(p) for p in result.photos],
    }


def _shown(pixels: Pixels) -> str:
    """A picture of the page, as a data URL."""
    scale = min(1.0, DRAWN_PX / max(pixels.shape[:2]))
    size = [max(1, round(side * scale)) for side in pixels.shape[1::-1]]
    small = Image.fromarray(pixels).resize((size[0], size[1]))
    return data_url(to_jpeg(np.asarray(small), 80), "image/jpeg")


def drawn(picture: Picture, served: Detections, car: Car | str | None) -> Pixels:
    """What was found, drawn as the server draws it; nothing where no car was."""
    if isinstance(car, Car):
        return annotated(Scene.of(picture, car, estimate_pose(car.parts)))
    everywhere = np.full(picture.pixels.shape[:2], car is None)
    return overlay(picture.pixels, served, everywhere, estimate_pose(served))


def _worst(result: Result, run: Measured, read: Callable[[Photo], Picture]) -> list[dict]:
    order = sorted(range(len(result.photos)), key=lambda k: -result.photos[k].badness)[:WORST]
    worst = []
    for k in order:
        photo = run.photos[k]
        picture = read(photo)
        polygons = [polygon for i in run.outlines[k].instances for polygon in i.polygons]
        truth = raster(polygons, photo.width, photo.height).astype(bool)
        parts = annotated_parts(photo)
        worst.append(
            {
                "result": result.photos[k],
                "truth": _shown(overlay(picture.pixels, parts, truth, estimate_pose(parts))),
                "found": _shown(drawn(picture, run.served[k], run.cars and run.cars[k])),
            }
        )
    return worst


def html(
    about: About,
    result: Result,
    worse: dict[str, Result],
    run: Measured,
    read: Callable[[Photo], Picture],
) -> str:
    """The page; everything it shows is inside."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    seen = {d for row in result.confusion.values() for d in row}
    columns = [*VIEWPOINTS, *sorted(seen - set(VIEWPOINTS))]
    bars = [
        (part, [result.figures[f"{kind}_ap_{part}"] for kind in ("box", "mask")])
        for part in PARTS
        if math.isfinite(result.figures[f"box_ap_{part}"].value)
    ]
    return environment.get_template("report.html.jinja").render(
        about=about,
        rows=[_row(n, f) for n, f in _headline(result).items()],
        columns=columns,
        confusion=result.confusion,
        bars=bars,
        changes=_changes(result, worse),
        corruptions=list(worse),
        worst=_worst(result, run, read),
    )
