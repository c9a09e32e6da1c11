"""The options by which photos are asked and shown, as every verb has them that answers photos."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from carpose.cli import options as o
from carpose.cli.asking import Asking
from carpose.cli.exits import told
from carpose.cli.formats import Format, chosen


def asks(verb: Callable[..., None]) -> Callable[..., None]:
    """Gives a verb these options, behind its own; it is called with what they come to, as `asking`
    and `kind`."""
    own, shared = inspect.signature(verb).parameters, inspect.signature(_asked).parameters
    parameters = [*(p for n, p in own.items() if n not in ("asking", "kind")), *shared.values()]

    @wraps(verb)
    def whole(**given: Any) -> None:
        with told():
            asking, kind = _asked(**{name: given.pop(name) for name in shared})
        verb(asking=asking, kind=kind, **given)

    # What typer reads.
    whole.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    whole.__annotations__ = {p.name: p.annotation for p in parameters}
    return whole


def words(listed: str) -> tuple[str, ...]:
    """Of a list by commas."""
    return tuple(word.strip() for word in listed.split(",") if word.strip())


def _asked(
    expect: o.Expect = "",
    rules: o.Rules = "",
    min_score: o.MinScore = None,
    whole: o.Whole = False,
    sharp: o.Sharp = False,
    exposure: o.Exposure = False,
    single: o.Single = False,
    framing: o.Framing = "",
    min_car_share: o.MinCarShare = None,
    max_car_share: o.MaxCarShare = None,
    max_angle: o.MaxAngle = None,
    min_width: o.MinWidth = None,
    text: o.Text = False,
    json: o.Json = False,
    jsonl: o.Jsonl = False,
    csv: o.Csv = False,
    masks: o.Masks = False,
    annotate: o.Annotate = None,
    upright: o.Upright = None,
    crop: o.Crop = None,
    cutout: o.Cutout = None,
    mask: o.Mask = None,
    cars: o.Cars = "main",
    car_parts: o.CarParts = o.EMBEDDED_PARTS,
    main_car: o.MainCar = o.EMBEDDED_CAR,
    threads: o.Threads = 2,
) -> tuple[Asking, Format]:
    asking = Asking(
        expect=expect, cars=cars, min_score=min_score, rules=rules,
        single={
            "whole": whole, "sharp": sharp, "exposure": exposure, "single": single,
            "framing": words(framing), "min_car_share": min_car_share,
            "max_car_share": max_car_share, "max_angle": max_angle, "min_width": min_width,
        },
        masks=masks,
        pictures={
            "annotate": annotate, "upright": upright, "crop": crop, "cutout": cutout,
            "mask": mask,
        },
        bundles=(car_parts, main_car), threads=threads,
    )  # fmt: skip
    return asking, chosen(text, json, jsonl, csv)
