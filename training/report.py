"""Figures for people and programs: a table for the terminal, JSON, and a page that needs no net."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from carpose.answer import Answer
from carpose.detections import Detections
from carpose.images import Picture, Pixels, data_url, to_jpeg
from carpose.parts import VIEWPOINTS
from carpose.pose import estimate_pose
from carpose.render import Scene, annotated, overlay
from training.annotated import annotated_parts
from training.figures import METRICS
from training.intervals import Estimate, difference
from training.measure import Result
from training.no_car import NoCarAnswer, by_score
from training.photos import raster
from training.predictions import Predictions, read
from training.viewpoint_labels import LabelResult

WORST = 8
DRAWN_PX = 640
DIAGRAM_PX = 240


@dataclass(frozen=True)
class Report:
    """What was measured.

    about: of what, by name. result: of the photos as they are. conditions: of the photos made
    worse. no_car: answers to photos of what is no car. labels: natural photos by kind of vehicle.
    """

    about: Mapping[str, object]
    result: Result
    conditions: Mapping[str, Result] = field(default_factory=dict)
    no_car: Sequence[NoCarAnswer] = ()
    labels: Mapping[str, LabelResult] = field(default_factory=dict)


def _rows(result: Result) -> list[tuple[str, str, str]]:
    return [METRICS[name].row(found) for name, found in result.figures.items()]


def _class_rows(result: Result) -> list[tuple[str, str, str]]:
    return [
        (f"{name}_{label}", *METRICS[name].row(found)[1:])
        for name, by_class in result.per_class.items()
        for label, found in by_class.items()
    ]


def _changes(report: Report) -> list[tuple[str, str, list[tuple[str, bool]]]]:
    """(figure, clean value, [(value, whether the interval of the change excludes 0)])."""
    rows = []
    for name, clean in report.result.figures.items():
        if name.startswith("no_car"):
            continue
        cells = []
        for other in report.conditions.values():
            if name not in other.figures:
                cells.append(("–", False))
                continue
            change = difference(clean, other.figures[name])
            sure = bool(change.low > 0 or change.high < 0)
            cells.append((METRICS[name].text(other.figures[name].value), sure))
        rows.append((name, METRICS[name].text(clean.value), cells))
    return rows


def _label_rows(report: Report) -> list[tuple[str, ...]]:
    """(kind, photos, answered, exactly right, right or the alternative, calibration error)."""
    return [
        (kind, str(one.photos), *(f"{e.value:.3f}" for e in _shares(one)))
        for kind, one in report.labels.items()
    ]


def _shares(one: LabelResult) -> tuple[Estimate, ...]:
    return one.answered, one.exact, one.accepted, one.error


def table(report: Report) -> str:
    """For the terminal."""
    result = report.result
    lines = [f"{name:12}{value}" for name, value in report.about.items()] + [""]
    lines.append(f"{'figure':32}{'value':>8}   95 % interval")
    for row in (*_rows(result), *_class_rows(result)):
        lines.append(f"{row[0]:32}{row[1]:>8}   {row[2]}")
    lines += ["", "viewpoint, annotated -> detected, where they differ:"]
    wrong = [p for p in result.photos if p.expected != p.detected]
    lines += [f"  {p.file}: {p.expected} -> {p.detected}" for p in wrong] or ["  none"]
    lines += ["", "viewpoint score     photos  mean score  share right"]
    lines += [
        f"{b.low:.1f} to {b.high:.1f}{b.count:>17}{b.score:>12.3f}{b.right:>13.3f}"
        for b in result.reliability
    ]
    if report.conditions:
        heads = "".join(f"{name:>14}" for name in report.conditions)
        lines += ["", f"{'under conditions':20}{'clean':>12}{heads}"]
        for name, value, cells in _changes(report):
            marked = "".join(f"{v + ('*' if sure else ' '):>14}" for v, sure in cells)
            lines.append(f"{name:20}{value:>12}{marked}")
        lines.append("* the paired 95 % interval of the change excludes 0")
    if report.no_car:
        lines += ["", f"{len(report.no_car)} photos of no car    with a car  with a viewpoint"]
        lines += [
            f"  of score >= {at:.1f}{car:>22.4f}{view:>18.4f}"
            for at, car, view in by_score(report.no_car)
        ]
    if report.labels:
        lines += ["", "natural photos   photos  answered     exact  accepted  calibration error"]
        for kind, photos, *shares in _label_rows(report):
            lines.append(f"  {kind:15}{photos:>6}" + "".join(f"{v:>10}" for v in shares))
    return "\n".join(lines)


def _number(value: float) -> float | None:
    return round(value, 5) if math.isfinite(value) else None


def _estimate(one: Estimate) -> dict[str, float | None]:
    return {"value": _number(one.value), "low": _number(one.low), "high": _number(one.high)}


def _figures(result: Result) -> dict[str, dict[str, float | None]]:
    overall = {name: _estimate(one) for name, one in result.figures.items()}
    return overall | {
        f"{name}_{label}": _estimate(one)
        for name, by_class in result.per_class.items()
        for label, one in by_class.items()
    }


def as_json(report: Report) -> dict[str, Any]:
    """What report.json holds; what cannot be told is null."""
    return {
        **report.about,
        "figures": _figures(report.result),
        "confusion": report.result.confusion,
        "reliability": [asdict(one) for one in report.result.reliability],
        "robustness": {name: _figures(other) for name, other in report.conditions.items()},
        "no_car": [asdict(one) for one in report.no_car],
        "natural": {
            kind: {
                "photos": one.photos,
                "answered": _estimate(one.answered),
                "exact": _estimate(one.exact),
                "accepted": _estimate(one.accepted),
                "calibration_error": _estimate(one.error),
            }
            for kind, one in report.labels.items()
        },
        "per_photo": [asdict(p) for p in report.result.photos],
    }


def _shown(pixels: Pixels) -> str:
    """A picture of the page, as a data URL."""
    scale = min(1.0, DRAWN_PX / max(pixels.shape[:2]))
    size = [max(1, round(side * scale)) for side in pixels.shape[1::-1]]
    small = Image.fromarray(pixels).resize((size[0], size[1]))
    return data_url(to_jpeg(np.asarray(small), 80), "image/jpeg")


def drawn(picture: Picture, served: Detections, answer: Answer | str) -> Pixels:
    """What was answered, drawn as the server draws it: the car with its parts; where the photo was
    refused, the parts that were seen."""
    if isinstance(answer, str):
        nowhere = np.zeros(picture.pixels.shape[:2], np.bool_)
        height, width = picture.pixels.shape[:2]
        seen = served.resized((width, height))
        return overlay(picture.pixels, seen, nowhere, estimate_pose(seen))
    return annotated(Scene.of(answer.picture, answer.car, answer.pose))


def _worst(result: Result, run: Predictions) -> list[dict[str, Any]]:
    order = sorted(range(len(result.photos)), key=lambda k: -result.photos[k].badness)[:WORST]
    worst = []
    for k in order:
        photo = run.photos[k]
        picture = read(photo)
        height, width = picture.pixels.shape[:2]
        polygons = [polygon for i in run.outlines[k].instances for polygon in i.polygons]
        truth = raster([p * (width / photo.width) for p in polygons], width, height).astype(bool)
        parts = annotated_parts(photo, run.classes).resized((width, height))
        worst.append(
            {
                "result": result.photos[k],
                "truth": _shown(overlay(picture.pixels, parts, truth, estimate_pose(parts))),
                "found": _shown(drawn(picture, run.served[k], run.answers[k])),
            }
        )
    return worst


def html(report: Report, run: Predictions) -> str:
    """The page; everything it shows is inside."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    result = report.result
    seen = {d for row in result.confusion.values() for d in row}
    of_parts = result.per_class.get("box_ap", {})
    return environment.get_template("report.html.jinja").render(
        about=report.about,
        rows=_rows(result),
        columns=[*VIEWPOINTS, *sorted(seen - set(VIEWPOINTS))],
        confusion=result.confusion,
        bars=[
            (part, [result.per_class[kind][part] for kind in ("box_ap", "mask_ap")])
            for part, box in of_parts.items()
            if math.isfinite(box.value)
        ],
        bins=result.reliability,
        side=DIAGRAM_PX,
        changes=_changes(report),
        conditions=list(report.conditions),
        no_car=by_score(report.no_car) if report.no_car else [],
        no_car_photos=len(report.no_car),
        labels=_label_rows(report),
        worst=_worst(result, run),
    )
